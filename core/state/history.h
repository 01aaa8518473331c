/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: what became of the runs of a pipeline on this machine, a line of JSON each.
 */
#ifndef HG_STATE_HISTORY_H
#define HG_STATE_HISTORY_H

#include "base/json.h"
#include "state/state.h"

/* Appends a line to the history of a pipeline; what fails is only logged. */
void hg_history_append(const struct hg_state *state, const char *pipeline, const json_t *line);
/* Gives each line of a history, the oldest first; `line` lives until fn returns
 * unless it takes a reference. */
void hg_history_each(const struct hg_state *state, const char *pipeline,
                     void (*fn)(void *arg, const json_t *line), void *arg);
/* The last line, or NULL. */
json_t *hg_history_last(const struct hg_state *state, const char *pipeline);

#endif
