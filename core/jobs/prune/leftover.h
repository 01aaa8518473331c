/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * leftover: folders of a pipeline that are not backups: of dead runs, and of removals that were cut
 * short.  A run is dead when its lease is over; its folder is claimed first, so that the run cannot
 * commit if it wakes up, and removed HG_ABANDONED_MS later.
 *
 * Only what is proven to be a leftover is removed: by the claim of the dead run (claim.h), or by
 * deleted.json (removal.h).  A folder in which a whole backup was is never one
 * (hg_folder_had_backup).
 */
#ifndef HG_JOBS_PRUNE_LEFTOVER_H
#define HG_JOBS_PRUNE_LEFTOVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "inventory/prune_plan.h"

/* How long the mark of a dead run stays, for a suspended process to find. */
#define HG_ABANDONED_MS (INT64_C(7) * 86400000)

enum hg_leftover_action {
    HG_LEFTOVER_WAIT,   /* its time is not over, or nothing proves that it is a leftover */
    HG_LEFTOVER_CLAIM,  /* mark it as abandoned and remove its objects */
    HG_LEFTOVER_EMPTY,  /* remove all but the mark */
    HG_LEFTOVER_REMOVE, /* remove all */
    HG_LEFTOVER_LOCKED  /* the store has locked its objects */
};

struct hg_leftover {
    const char *id; /* the index's */
    enum hg_leftover_action action;
    size_t files;
    uint64_t bytes;
    char reason[256]; /* why this action */
};

/* Reads one folder and decides; `id` is set.  It changes nothing. */
enum hangar_rc hg_leftover_judge(const struct hg_prune_plan *plan, struct hg_leftover *leftover,
                                 struct hg_error *err);

/* Carries the action out, which becomes LOCKED or WAIT (a run elsewhere has committed) when it
 * could not be. */
enum hangar_rc hg_leftover_clean_up(const struct hg_prune_plan *plan, struct hg_leftover *leftover,
                                    struct hg_error *err);

/* For documents: "waiting", "claimed", "removed", "locked". */
const char *hg_leftover_action_name(enum hg_leftover_action action);

#endif
