/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hooks: runs the operator's commands around a backup or a restore.
 */
#ifndef HG_SESSION_HOOKS_H
#define HG_SESSION_HOOKS_H

#include <stdatomic.h>
#include <hangar/hangar.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

/* What a command gets as HANGAR_... in its environment.  NULL: not known, and not set. */
struct hg_hook_facts {
    const char *run, *backup;
    const char *status; /* after_...: how the job ended: "done", "failed" */
    const char *error;  /* after_...: why */
};

/* Whether the program of a hook can be run; OK when there is no such hook. */
enum hangar_rc hg_hook_check(const struct hg_pipeline_config *pipeline, enum hg_hook hook,
                             struct hg_error *err);

/* Runs a hook of the pipeline; OK when it has none.  Each line that the command prints is
 * logged.  The command is ended when *cancel becomes true; NULL: it cannot be cancelled. */
enum hangar_rc hg_hook_run(struct hg_log *log, const atomic_bool *cancel,
                           const struct hg_pipeline_config *pipeline, enum hg_hook hook,
                           const struct hg_hook_facts *facts, struct hg_error *err);

/* Runs the hook after a job that ended with `status` and the text of err, also after one that
 * was cancelled: the hook may have to start again what the hook before the job has stopped.
 * Returns the status of the job: DONE becomes DEGRADED when the hook fails, and err has the
 * reason. */
enum hangar_status hg_hook_after(struct hg_log *log, const struct hg_pipeline_config *pipeline,
                                 enum hg_hook hook, struct hg_hook_facts facts,
                                 enum hangar_status status, struct hg_error *err);

#endif
