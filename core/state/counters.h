/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * counters: what this machine has counted since its state folder was made.
 */
#ifndef HG_STATE_COUNTERS_H
#define HG_STATE_COUNTERS_H

#include "base/json.h"
#include "state/state.h"

/* Adds to a counter of this machine; what fails is only logged . */
void hg_counters_add(const struct hg_state *state, const char *counter, const char *of,
                     const char *kind, int64_t n);
/* All of them: counter, of, kind. */
json_t *hg_counters_read(const struct hg_state *state);

#endif
