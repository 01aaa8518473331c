/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * capabilities: the result of the last probe of each sink, which `check` makes.  Manifests
 * include it, so that a run need not probe the store again.
 */
#ifndef HG_STATE_CAPABILITIES_H
#define HG_STATE_CAPABILITIES_H

#include "base/json.h"
#include "state/state.h"

/* Stores the capabilities of a sink.  A failure is ignored: then they are not known. */
void hg_capabilities_save(const struct hg_state *state, struct hangar_ctx *sink,
                          const struct hangar_attrs *capabilities);

/* Reads { "probed": time, "capabilities": {...} }, for the caller to free; NULL when they are
 * not known for the store that the sink has now. */
json_t *hg_capabilities_load(const struct hg_state *state, struct hangar_ctx *sink);

#endif
