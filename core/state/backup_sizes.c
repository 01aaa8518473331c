/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_sizes: see backup_sizes.h.
 */
#include "state/backup_sizes.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "state/file.h"

void hg_sizes_save(const struct hg_state *state, const struct hg_manifest *m)
{
    char *name = hg_format("sizes/%s", m->pipeline);
    json_t *doc = NULL;
    if (name && m->partial) { /* the other sources keep theirs */
        hg_state_load(state, name, &doc, NULL);
    }
    doc = doc ? doc : json_object();
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

uint64_t hg_sizes_expect(const uint64_t *estimates, struct hangar_progress_source *sources,
                         size_t count)
{
    bool known = true;
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        const bool over = sources[i].done || sources[i].plain_bytes > estimates[i];
        sources[i].expected_bytes = sources[i].done ? sources[i].plain_bytes : estimates[i];
        known = known && (sources[i].done || estimates[i] > 0);
        all += over ? sources[i].plain_bytes : estimates[i];
    }
    return known ? all : 0;
}
