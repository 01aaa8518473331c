/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * known_origin: see known_origin.h.
 */
#include "state/known_origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "state/file.h"

static char *known_file(const struct hangar_ctx *sink, const char *pipeline)
{
    return hg_format("sinks/%s.%s", pipeline, sink->name);
}

void hg_known_origin_load(const struct hg_state *state, struct hangar_ctx *sink,
                          const char *pipeline, struct hg_known_origin *out)
{
    char *name = sink->plugin->d.describe ? known_file(sink, pipeline) : NULL;
    *out = (struct hg_known_origin){0};
    json_t *doc = NULL;
    if (name && hg_state_load(state, name, &doc, NULL) == HANGAR_OK &&
        strcmp(hg_json_string(doc, "target", ""), hg_instance_target(sink)) == 0) {
        out->known = true;
        snprintf(out->created, sizeof(out->created), "%s", hg_json_string(doc, "created", ""));
        snprintf(out->etag, sizeof(out->etag), "%s", hg_json_string(doc, "etag", ""));
    }
    json_decref(doc);
    free(name);
}

void hg_known_origin_save(const struct hg_state *state, struct hangar_ctx *sink,
                          const char *pipeline, const struct hg_known_origin *known)
{
    char *name = sink->plugin->d.describe ? known_file(sink, pipeline) : NULL;
    if (name) {
        json_t *doc = json_object();
        hg_json_set_string(doc, "target", hg_instance_target(sink));
        hg_json_set_string(doc, "created", known->created);
        hg_json_set_string(doc, "etag", known->etag);
        hg_state_save(state, name, doc, NULL);
        json_decref(doc);
    }
    free(name);
}

char *hg_known_origin_path(const struct hg_state *state, const struct hangar_ctx *sink,
                           const char *pipeline)
{
    char *name = known_file(sink, pipeline), *path = NULL;
    if (name && hg_state_path(state, name, &path, NULL) != HANGAR_OK) {
        path = NULL;
    }
    free(name);
    return path;
}
