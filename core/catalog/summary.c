/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * summary: see summary.h.
 */
#include "catalog/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

bool hg_summary_of(const struct hg_manifest *m, struct hg_summary *out)
{
    *out = (struct hg_summary){
        .id = strdup(m->id),
        .pipeline = strdup(m->pipeline),
        .origin = strdup(m->origin),
        .hangar = strdup(m->hangar),
        .sources = calloc(m->source_count + 1, sizeof(*out->sources)),
        .safety = m->safety,
        .partial = m->partial,
        .finished_ms = m->finished_ms,
        .duration_ms = m->finished_ms - m->started_ms,
        .skew_ms = m->skew_ms,
        .objects = (int64_t)hg_manifest_objects(m),
        .plain_bytes = (int64_t)hg_manifest_plain_bytes(m),
        .stored_bytes = (int64_t)hg_manifest_stored_bytes(m),
        .files = hg_file_sum_of(m),
    };
    if (!hg_tags_copy(&m->tags, &out->tags) || !out->id || !out->pipeline || !out->origin ||
        !out->hangar || !out->sources) {
        return false;
    }
    for (size_t i = 0; i < m->source_count; i++) {
        out->sources[i] = strdup(m->sources[i].name);
        if (!out->sources[i]) {
            return false;
        }
        out->source_count++;
    }
    return true;
}

void hg_summary_free(struct hg_summary *summary)
{
    for (size_t i = 0; i < summary->source_count; i++) {
        free(summary->sources[i]);
    }
    free(summary->sources);
    hg_tags_free(&summary->tags);
    free(summary->id);
    free(summary->pipeline);
    free(summary->origin);
    free(summary->hangar);
    *summary = (struct hg_summary){0};
}

void hg_summary_to_json(const struct hg_summary *summary, json_t *object)
{
    hg_json_set_string(object, "id", summary->id);
    hg_json_set_string(object, "pipeline", summary->pipeline);
    hg_json_set_string(object, "kind", hg_backup_kind(summary->safety, summary->partial));
    hg_tags_to_json(&summary->tags, object);
    hg_json_set_time(object, "created", summary->finished_ms);
    hg_json_set_int(object, "duration_ms", summary->duration_ms);
    hg_json_set_int(object, "objects", summary->objects);
    hg_json_set_int(object, "plain_bytes", summary->plain_bytes);
    hg_json_set_int(object, "stored_bytes", summary->stored_bytes);
    hg_json_set_int(object, "skew_ms", summary->skew_ms);
    hg_json_set_string(object, "hangar", summary->hangar);
    json_t *sources = json_array();
    for (size_t i = 0; i < summary->source_count; i++) {
        hg_json_add(sources, json_string(summary->sources[i]));
    }
    hg_json_set(object, "sources", sources);
}

void hg_summary_keep(const struct hg_summary *summary, json_t *object)
{
    hg_summary_to_json(summary, object);
    hg_json_set_string(object, "origin", summary->origin);
    hg_json_set_int(object, "files", (int64_t)summary->files.count);
    hg_json_set_int(object, "files_bytes", (int64_t)summary->files.bytes);
    char digest[17];
    snprintf(digest, sizeof(digest), "%016" PRIx64, summary->files.digest);
    hg_json_set_string(object, "files_digest", digest);
}

/* A copy of a string field; *ok becomes false when there is none, or no memory. */
static char *summary_string(const json_t *object, const char *key, bool *ok)
{
    const char *text = hg_json_string(object, key, NULL);
    char *copy = text ? strdup(text) : NULL;
    *ok = *ok && copy;
    return copy;
}

static int64_t summary_int(const json_t *object, const char *key, bool *ok)
{
    *ok = *ok && json_is_integer(json_object_get(object, key));
    return hg_json_int(object, key, 0);
}

bool hg_summary_from_json(const json_t *object, struct hg_summary *out)
{
    const json_t *sources = json_object_get(object, "sources");
    const json_t *tags = json_object_get(object, "tags");
    bool ok = json_is_array(sources);
    *out = (struct hg_summary){
        .id = summary_string(object, "id", &ok),
        .pipeline = summary_string(object, "pipeline", &ok),
        .origin = summary_string(object, "origin", &ok),
        .hangar = summary_string(object, "hangar", &ok),
        .sources = calloc(json_array_size(sources) + 1, sizeof(*out->sources)),
        .safety = strcmp(hg_json_string(object, "kind", ""), "safety") == 0,
        .partial = strcmp(hg_json_string(object, "kind", ""), "partial") == 0,
        .duration_ms = summary_int(object, "duration_ms", &ok),
        .skew_ms = summary_int(object, "skew_ms", &ok),
        .objects = summary_int(object, "objects", &ok),
        .plain_bytes = summary_int(object, "plain_bytes", &ok),
        .stored_bytes = summary_int(object, "stored_bytes", &ok),
    };
    ok = hg_tags_are_valid(tags) && hg_tags_from_json(tags, &out->tags) && ok;
    out->files.count = (uint64_t)summary_int(object, "files", &ok);
    out->files.bytes = (uint64_t)summary_int(object, "files_bytes", &ok);
    ok = ok &&
         sscanf(hg_json_string(object, "files_digest", ""), "%16" SCNx64, &out->files.digest) == 1;
    ok = ok && out->sources &&
         hg_time_parse(hg_json_string(object, "created", ""), &out->finished_ms);
    for (size_t i = 0; ok && i < json_array_size(sources); i++) {
        const char *name = json_string_value(json_array_get(sources, i));
        out->sources[i] = name ? strdup(name) : NULL;
        ok = out->sources[i] != NULL;
        out->source_count += ok;
    }
    if (!ok) {
        hg_summary_free(out);
    }
    return ok;
}
