/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: what other jobs use of this folder: retention in one sink, which keeps it from filling
 * up, and the removal of one backup.
 */
#ifndef HG_JOBS_PRUNE_PRUNE_H
#define HG_JOBS_PRUNE_PRUNE_H

#include "base/error.h"
#include "config/config.h"
#include "plugin/instance.h"
#include "session/handle.h"
#include "session/session.h"

/* Prunes a sink after a successful run, in `session` or, if that is NULL, in one of its own.
 * Does nothing where no retention is configured.  A failure is a warning: the backup is good.
 * The caller has the pipeline locked. */
void hg_prune_after_backup(struct hangar *h, struct hg_session *session,
                           const struct hg_pipeline_config *pipeline, size_t sink);

/* Removes one backup at once: the manifest first, and with a mark, so that a prune can finish an
 * interrupted removal.  EXISTS: it is held, or the store has locked it.  The caller has the
 * pipeline locked. */
enum hangar_rc hg_prune_remove(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const char *id, const char *reason, struct hg_error *err);

#endif
