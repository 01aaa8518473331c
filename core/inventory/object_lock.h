/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object_lock: has the store enforce what retention keeps for certain: until a backup is
 * keep_days old, its objects can be neither removed nor replaced there, with any credentials.
 * The other rules depend on backups still to come, and so allow no lock.
 */
#ifndef HG_INVENTORY_OBJECT_LOCK_H
#define HG_INVENTORY_OBJECT_LOCK_H

#include "base/error.h"
#include "config/config.h"
#include "inventory/prune_plan.h"
#include "session/handle.h"

/* Locks the objects of the backups that a plan keeps.  This machine remembers which ones it has
 * locked, because each object takes a request; without that memory they are locked again.
 * *count is the number of backups that were locked now: 0 where the sink cannot lock. */
enum hangar_rc hg_object_lock_kept(const struct hg_prune_plan *plan, size_t *count,
                                   struct hg_error *err);

/* The same after a copy or an import, which no retention follows.  A failure is a warning, and the
 * next prune tries again.  The caller has the pipeline locked. */
void hg_object_lock_copied(struct hangar *h, const struct hg_pipeline_config *pipeline,
                           const struct hg_instance_config *config, struct hangar_ctx *sink);

#endif
