/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: carries retention out in one sink.  After a backup it is what keeps a sink from filling
 * up.
 */
#ifndef HG_PRUNE_PRUNE_H
#define HG_PRUNE_PRUNE_H

#include "config/config.h"
#include "session/handle.h"
#include "session/session.h"

/* Prunes a sink after a successful run, in `session` or, if that is NULL, in one of its own.
 * Does nothing where no retention is configured.  A failure is a warning: the backup is good.
 * The caller has the pipeline locked. */
void hg_prune_after_backup(struct hangar *h, struct hg_session *session,
                           const struct hg_pipeline_config *pipeline, size_t sink);

#endif
