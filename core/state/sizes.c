/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sizes: see sizes.h.
 */
#include "state/sizes.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "state/file.h"

void hg_sizes_save(const struct hg_state *state, const struct hg_manifest *m)
{
    char *name = hg_format("sizes/%s", m->pipeline);
    json_t *doc = json_object();
    for (size_t i = 0; i < m->source_count; i++) {
        uint64_t bytes = 0;
        for (size_t k = 0; k < m->sources[i].count; k++) {
            bytes += m->sources[i].objects[k].plain_bytes;
        }
        hg_json_set_int(doc, m->sources[i].name, (int64_t)bytes);
    }
    if (name) {
        hg_state_save(state, name, doc, NULL);
    }
    json_decref(doc);
    free(name);
}

void hg_sizes_load(const struct hg_state *state, const char *pipeline, const char *const *sources,
                   size_t count, uint64_t *bytes)
{
    char *name = hg_format("sizes/%s", pipeline);
    json_t *doc = NULL;
    if (name) {
        hg_state_load(state, name, &doc, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        json_int_t n = json_integer_value(json_object_get(doc, sources[i]));
        bytes[i] = n > 0 ? (uint64_t)n : 0;
    }
    json_decref(doc);
    free(name);
}
