/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipeline_lock: lets one job at a time change the backups of a pipeline on this machine.
 */
#ifndef HG_STATE_PIPELINE_LOCK_H
#define HG_STATE_PIPELINE_LOCK_H

#include "base/error.h"
#include "state/state.h"

/* A job that locks a pipeline. */
enum hg_lock_job {
    HG_LOCK_BACKUP,
    HG_LOCK_COPY,
    HG_LOCK_IMPORT,
    HG_LOCK_PRUNE,
    HG_LOCK_REMOVE,
    HG_LOCK_REPAIR,
    HG_LOCK_RESTORE,
};
const char *hg_lock_job_name(enum hg_lock_job job);

struct hg_lock_holder {
    int64_t since_ms; /* ms since 1970; -1: no job holds the lock, or none that can be read */
    enum hg_lock_job job;
};

/* Locks a pipeline until *fd is closed or the process ends.  EXISTS: another job holds it. */
enum hangar_rc hg_pipeline_lock(const struct hg_state *state, const char *pipeline,
                                enum hg_lock_job job, int *fd, struct hg_error *err);
/* Whether a job could lock the pipeline now or later: makes no file, and locks nothing. */
enum hangar_rc hg_pipeline_lock_check(const struct hg_state *state, const char *pipeline,
                                      struct hg_error *err);
/* The job that holds the lock now. */
struct hg_lock_holder hg_pipeline_lock_holder(const struct hg_state *state, const char *pipeline);

#endif
