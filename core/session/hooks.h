/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hooks: runs the operator's commands around a backup or a restore.
 */
#ifndef HG_SESSION_HOOKS_H
#define HG_SESSION_HOOKS_H

#include "base/error.h"
#include "config/config.h"
#include "session/handle.h"

/* What a command learns, as HANGAR_... in its environment; NULL where not known. */
struct hg_hook_facts {
    const char *run, *backup;
    const char *status; /* after_...: how it ended, "done", "failed" */
    const char *error;  /* and why */
};

/* Runs a hook of the pipeline; OK when it has none.  What it prints is logged, a
 * line each.  One that comes before can be cancelled; one that comes after is to
 * set right what the other stopped, and runs in any case. */
enum hangar_rc hg_hook_run(struct hangar *h, const struct hg_pipeline_config *pipeline,
                           enum hg_hook hook, const struct hg_hook_facts *facts,
                           struct hg_error *err);

/* Runs the hook that comes after a job that ended so.  When that fails, a job that
 * was done is degraded, and err says why. */
enum hangar_status hg_hook_after(struct hangar *h, const struct hg_pipeline_config *pipeline,
                                 enum hg_hook hook, struct hg_hook_facts facts,
                                 enum hangar_status status, struct hg_error *err);

#endif
