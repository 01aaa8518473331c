/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * capabilities: what `check` found out about a sink by its probe, remembered on this
 * machine, so that manifests can say what store a backup was made for without a probe,
 * and its requests, in each run.
 */
#ifndef HG_STATE_CAPABILITIES_H
#define HG_STATE_CAPABILITIES_H

#include "base/json.h"
#include "state/state.h"

/* Remembers them; what fails is not told, it is only not known then. */
void hg_capabilities_save(const struct hg_state *state, struct hangar_ctx *sink,
                          const struct hangar_attrs *capabilities);

/* { "probed": time, "capabilities": {...} }; NULL: not known of this store. */
json_t *hg_capabilities_load(const struct hg_state *state, struct hangar_ctx *sink);

#endif
