/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * expiry: one sink of a pipeline being pruned: the plan, and what was done of it so far.
 */
#ifndef HG_JOBS_PRUNE_EXPIRY_H
#define HG_JOBS_PRUNE_EXPIRY_H

#include "base/error.h"
#include "inventory/prune_plan.h"
#include "jobs/prune/leftover.h"

struct hg_expiry {
    struct hg_prune_plan plan;
    size_t removed;
    size_t locked;   /* retention would remove them, and a lock of the store keeps them */
    size_t retained; /* backups whose objects were locked in the store */
    uint64_t freed_bytes;
    struct hg_leftover *leftovers;
    size_t leftover_count, leftover_capacity;
};

/* Removes what the plan removes, the oldest first, then cleans up leftovers.  Every step may be
 * interrupted: the next prune goes on from there. */
enum hangar_rc hg_expiry_execute(struct hg_expiry *p, struct hg_error *err);
/* Finds the leftovers and what hg_expiry_execute would do with each.  For a dry run. */
enum hangar_rc hg_expiry_find_leftovers(struct hg_expiry *p, struct hg_error *err);
/* An interruption cut the removal of a backup, whose mark is there: what is left of it? */
void hg_expiry_log_rest(struct hangar *h, const struct hangar_ctx *sink, const char *id);

void hg_expiry_fini(struct hg_expiry *p);

#endif
