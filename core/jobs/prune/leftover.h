/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * leftover: folders of a pipeline that are not backups: of dead runs, and of removals that were cut
 * short.  A run is dead when its lease is over; its folder is claimed first, so that the run cannot
 * commit if it wakes up, and removed HG_ABANDONED_MS later.
 */
#ifndef HG_PRUNE_LEFTOVER_H
#define HG_PRUNE_LEFTOVER_H

#include <stdbool.h>

#include "base/error.h"
#include "inventory/prune_plan.h"

/* How long the mark of a dead run stays, for a suspended process to find. */
#define HG_ABANDONED_MS (INT64_C(7) * 86400000)

/* Cleans up one folder.  *action is what was done, static: "waiting" (nothing: its time is not
 * over, or a run elsewhere has committed it meanwhile), "claimed" or "removed".  EXISTS: the store
 * has locked its objects. */
enum hangar_rc hg_leftover_clean_up(const struct hg_prune_plan *plan, const char *id,
                                    const char **action, struct hg_error *err);

#endif
