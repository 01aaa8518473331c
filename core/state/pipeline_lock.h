/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipeline_lock: one run of a pipeline at a time on this machine.
 */
#ifndef HG_STATE_PIPELINE_LOCK_H
#define HG_STATE_PIPELINE_LOCK_H

#include "base/error.h"
#include "state/state.h"

/* One run per pipeline: HANGAR_EXISTS when another holds it.  Freed by closing *fd,
 * or by the process's end. */
enum hangar_rc hg_pipeline_lock(const struct hg_state *state, const char *pipeline, int *fd,
                                struct hg_error *err);
/* Since when a run has the pipeline, ms; -1: none has. */
int64_t hg_pipeline_lock_since(const struct hg_state *state, const char *pipeline);

#endif
