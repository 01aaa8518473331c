/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * counters: counts events on this machine since its state folder was made.
 */
#ifndef HG_STATE_COUNTERS_H
#define HG_STATE_COUNTERS_H

#include "base/json.h"
#include "state/state.h"

/* Adds n to a counter.  A failure is only logged. */
void hg_counters_add(const struct hg_state *state, const char *counter, const char *of,
                     const char *kind, int64_t n);
/* Reads all counters: an object counter → of → kind → number, for the caller to free. */
json_t *hg_counters_read(const struct hg_state *state);

#endif
