/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipeline_lock: lets one job at a time change the backups of a pipeline on this machine.
 */
#ifndef HG_STATE_PIPELINE_LOCK_H
#define HG_STATE_PIPELINE_LOCK_H

#include "base/error.h"
#include "state/state.h"

/* Locks a pipeline until *fd is closed or the process ends.  EXISTS: another job holds it. */
enum hangar_rc hg_pipeline_lock(const struct hg_state *state, const char *pipeline, int *fd,
                                struct hg_error *err);
/* Whether a job could lock the pipeline now or later: makes no file, and locks nothing. */
enum hangar_rc hg_pipeline_lock_check(const struct hg_state *state, const char *pipeline,
                                      struct hg_error *err);
/* When the job that holds the lock took it, in ms since 1970; -1: no job holds it. */
int64_t hg_pipeline_lock_since(const struct hg_state *state, const char *pipeline);

#endif
