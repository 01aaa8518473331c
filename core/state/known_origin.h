/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * known_origin: what this machine remembers of a pipeline's folder in a sink: that it had an
 * origin.json, and which one.  A disk that is not mounted looks like a new sink; this file
 * distinguishes the two.  It is one file per pipeline and sink, "sinks/PIPELINE.SINK" in the state
 * folder, and applies to one target: a sink with another path is another sink.
 */
#ifndef HG_STATE_KNOWN_ORIGIN_H
#define HG_STATE_KNOWN_ORIGIN_H

#include <stdbool.h>

#include "base/clock.h"
#include "plugin/instance.h"
#include "state/state.h"

struct hg_known_origin {
    bool known;
    char created[HG_TIME_SIZE]; /* the field of origin.json; two that were made apart differ */
    char etag[128];             /* of origin.json as it was listed; "": not known */
};

/* Sets out->known to false for a plugin that does not describe its target. */
void hg_known_origin_load(const struct hg_state *state, struct hangar_ctx *sink,
                          const char *pipeline, struct hg_known_origin *out);
/* Ignores a failure: then later jobs cannot detect that the sink was replaced. */
void hg_known_origin_save(const struct hg_state *state, struct hangar_ctx *sink,
                          const char *pipeline, const struct hg_known_origin *known);

/* The path of the file, for messages: a user who replaced the sink on purpose removes the file.
 * malloc'd; NULL when out of memory. */
char *hg_known_origin_path(const struct hg_state *state, const struct hangar_ctx *sink,
                           const char *pipeline);

#endif
