/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retain: lets a sink that can do so enforce what retention surely keeps: the objects
 * of a backup cannot be removed or replaced there until it is keep_days old, by nobody.
 * The other rules depend on what comes after, and say nothing for sure.
 */
#ifndef HG_INVENTORY_OBJECT_LOCK_H
#define HG_INVENTORY_OBJECT_LOCK_H

#include "base/error.h"
#include "config/config.h"
#include "jobs/prune/prune.h"
#include "session/handle.h"

/* For each backup that stays, after hg_prune_plan.  What was done is remembered in
 * state_dir, as it is a request per object; without that it is done again.  *count is
 * the number of backups for which something was done.  A sink that cannot is left alone. */
enum hangar_rc hg_retain_kept(struct hg_pruning *p, size_t *count, struct hg_error *err);

/* The same where no retention follows, as after a copy by hand or an import: what fails is a warning,
 * and the next prune tries again.  The pipeline is locked. */
void hg_retain_copied(struct hangar *h, const struct hg_pipeline_config *pipeline,
                      const struct hg_instance_config *config, struct hangar_ctx *sink);

#endif
