/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_memory: see alert_memory.h.
 */
#include "jobs/notify/alert_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "state/file.h"
#include "state/state.h"

#define ALERT_MEMORY_FILE "alerts.json"

static void firing_alert_free(struct hg_firing_alert *alert)
{
    free(alert->pipeline);
    free(alert->key);
    free(alert->text);
}

static void judged_pipeline_free(struct hg_judged_pipeline *judged)
{
    for (size_t i = 0; i < judged->sinks.count; i++) {
        free(judged->sinks.items[i].name);
    }
    free(judged->sinks.items);
    free(judged->pipeline);
}

void hg_alert_memory_free(struct hg_alert_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        firing_alert_free(&memory->items[i]);
    }
    for (size_t i = 0; i < memory->judged_count; i++) {
        judged_pipeline_free(&memory->judged[i]);
    }
    free(memory->items);
    free(memory->judged);
    *memory = (struct hg_alert_memory){0};
}

struct hg_firing_alert *hg_alert_memory_find(const struct hg_alert_memory *memory,
                                             const char *pipeline, const char *key)
{
    for (size_t i = 0; i < memory->count; i++) {
        struct hg_firing_alert *alert = &memory->items[i];
        if (strcmp(alert->pipeline, pipeline) == 0 && strcmp(alert->key, key) == 0) {
            return alert;
        }
    }
    return NULL;
}

enum hangar_rc hg_alert_memory_put(struct hg_alert_memory *memory,
                                   const struct hg_firing_alert *alert, struct hg_error *err)
{
    struct hg_firing_alert copy = {.pipeline = strdup(alert->pipeline),
                                   .key = strdup(alert->key),
                                   .text = strdup(alert->text),
                                   .since_ms = alert->since_ms,
                                   .notified_ms = alert->notified_ms};
    struct hg_firing_alert *known = hg_alert_memory_find(memory, alert->pipeline, alert->key);
    if (!copy.pipeline || !copy.key || !copy.text || (!known && !HG_VEC_RESERVE(memory))) {
        firing_alert_free(&copy);
        return hg_no_memory(err);
    }
    const char *space = strchr(copy.key, ' ');
    copy.sink = space ? space + 1 : NULL;
    if (known) {
        firing_alert_free(known);
    } else {
        known = &memory->items[memory->count++];
    }
    *known = copy;
    return HANGAR_OK;
}

void hg_alert_memory_remove(struct hg_alert_memory *memory, size_t index)
{
    firing_alert_free(&memory->items[index]);
    memory->items[index] = memory->items[--memory->count];
}

static struct hg_judged_pipeline *judged_find(const struct hg_alert_memory *memory,
                                              const char *pipeline)
{
    for (size_t i = 0; i < memory->judged_count; i++) {
        if (strcmp(memory->judged[i].pipeline, pipeline) == 0) {
            return &memory->judged[i];
        }
    }
    return NULL;
}

enum hangar_rc hg_alert_memory_set_judged(struct hg_alert_memory *memory, const char *pipeline,
                                          int64_t read_ms, struct hg_error *err)
{
    struct hg_judged_pipeline *judged = judged_find(memory, pipeline);
    if (!judged) {
        char *copy = strdup(pipeline);
        if (!copy || !hg_vec_reserve((void **)&memory->judged, memory->judged_count,
                                     &memory->judged_capacity, sizeof(*memory->judged))) {
            free(copy);
            return hg_no_memory(err);
        }
        judged = &memory->judged[memory->judged_count++];
        *judged = (struct hg_judged_pipeline){.pipeline = copy};
    }
    judged->read_ms = read_ms;
    return HANGAR_OK;
}

static struct hg_judged_sink *judged_sink_find(const struct hg_judged_pipeline *judged,
                                               const char *sink)
{
    for (size_t i = 0; i < judged->sinks.count; i++) {
        if (strcmp(judged->sinks.items[i].name, sink) == 0) {
            return &judged->sinks.items[i];
        }
    }
    return NULL;
}

enum hangar_rc hg_alert_memory_add_sink(struct hg_alert_memory *memory, const char *pipeline,
                                        const char *sink, int64_t now_ms, struct hg_error *err)
{
    struct hg_judged_pipeline *judged = judged_find(memory, pipeline);
    if (!judged) {
        return HANGAR_OK;
    }
    struct hg_judged_sink *known = judged_sink_find(judged, sink);
    if (known) {
        known->first_ms = known->first_ms <= now_ms ? known->first_ms : now_ms;
        return HANGAR_OK;
    }
    char *name = strdup(sink);
    if (!name || !HG_VEC_RESERVE(&judged->sinks)) {
        free(name);
        return hg_no_memory(err);
    }
    judged->sinks.items[judged->sinks.count++] =
        (struct hg_judged_sink){.name = name, .first_ms = now_ms};
    return HANGAR_OK;
}

int64_t hg_alert_memory_first(const struct hg_alert_memory *memory, const char *pipeline,
                              const char *sink, int64_t now_ms)
{
    const struct hg_judged_pipeline *judged = judged_find(memory, pipeline);
    const struct hg_judged_sink *known = judged ? judged_sink_find(judged, sink) : NULL;
    return known && known->first_ms <= now_ms ? known->first_ms : now_ms;
}

bool hg_alert_memory_is_newer(const struct hg_alert_memory *memory, const char *pipeline,
                              int64_t read_ms, int64_t now_ms)
{
    const struct hg_judged_pipeline *judged = judged_find(memory, pipeline);
    return judged && judged->read_ms > read_ms && judged->read_ms <= now_ms;
}

void hg_alert_memory_keep_pipelines(struct hg_alert_memory *memory,
                                    bool (*exists)(void *arg, const char *pipeline), void *arg)
{
    for (size_t i = memory->count; i-- > 0;) {
        if (!exists(arg, memory->items[i].pipeline)) {
            hg_alert_memory_remove(memory, i);
        }
    }
    for (size_t i = memory->judged_count; i-- > 0;) {
        if (!exists(arg, memory->judged[i].pipeline)) {
            judged_pipeline_free(&memory->judged[i]);
            memory->judged[i] = memory->judged[--memory->judged_count];
        }
    }
}

/* ---- the file ---- */

static enum hangar_rc judged_pipeline_parse(struct hg_alert_memory *memory, const char *pipeline,
                                            const json_t *entry, struct hg_error *err)
{
    int64_t read_ms, first_ms;
    if (!hg_time_parse(hg_json_string(entry, "looked", ""), &read_ms)) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = hg_alert_memory_set_judged(memory, pipeline, read_ms, err);
    const char *sink;
    json_t *first;
    json_object_foreach (json_object_get(entry, "first"), sink, first) {
        const char *text = json_string_value(first);
        if (rc == HANGAR_OK && text && hg_time_parse(text, &first_ms)) {
            rc = hg_alert_memory_add_sink(memory, pipeline, sink, first_ms, err);
        }
    }
    return rc;
}

static enum hangar_rc firing_alert_parse(struct hg_alert_memory *memory, const char *name,
                                         const char *space, const json_t *entry,
                                         struct hg_error *err)
{
    char *pipeline = strndup(name, (size_t)(space - name));
    if (!pipeline) {
        return hg_no_memory(err);
    }
    struct hg_firing_alert alert = {
        .pipeline = pipeline,
        .key = (char *)(uintptr_t)(space + 1), /* copied, as the text is */
        .text = (char *)(uintptr_t)hg_json_string(entry, "text", name),
        .since_ms = -1,
        .notified_ms = -1,
    };
    hg_time_parse(hg_json_string(entry, "since", ""), &alert.since_ms);
    hg_time_parse(hg_json_string(entry, "told", ""), &alert.notified_ms);
    enum hangar_rc rc = hg_alert_memory_put(memory, &alert, err);
    free(pipeline);
    return rc;
}

/* A name without a space is a pipeline's, with one an alert's. */
static enum hangar_rc alert_memory_parse(struct hg_alert_memory *memory, const char *name,
                                         const json_t *entry, struct hg_error *err)
{
    const char *space = strchr(name, ' ');
    return space ? firing_alert_parse(memory, name, space, entry, err)
                 : judged_pipeline_parse(memory, name, entry, err);
}

enum hangar_rc hg_alert_memory_load(struct hg_alert_memory *memory, const struct hg_state *state,
                                    struct hg_error *err)
{
    *memory = (struct hg_alert_memory){0};
    json_t *doc = NULL, *entry;
    enum hangar_rc rc = hg_state_load(state, ALERT_MEMORY_FILE, &doc, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    const char *name;
    json_object_foreach (doc, name, entry) {
        rc = rc == HANGAR_OK ? alert_memory_parse(memory, name, entry, err) : rc;
    }
    json_decref(doc);
    return rc;
}

static json_t *firing_alert_json(const struct hg_firing_alert *alert)
{
    json_t *entry = json_object();
    hg_json_set_time(entry, "since", alert->since_ms);
    hg_json_set_time(entry, "told", alert->notified_ms);
    hg_json_set_string(entry, "text", alert->text);
    return entry;
}

static json_t *judged_pipeline_json(const struct hg_judged_pipeline *judged)
{
    json_t *entry = json_object();
    hg_json_set_time(entry, "looked", judged->read_ms);
    if (judged->sinks.count > 0) {
        json_t *first = json_object();
        for (size_t i = 0; i < judged->sinks.count; i++) {
            hg_json_set_time(first, judged->sinks.items[i].name, judged->sinks.items[i].first_ms);
        }
        hg_json_set(entry, "first", first);
    }
    return entry;
}

enum hangar_rc hg_alert_memory_save(const struct hg_alert_memory *memory,
                                    const struct hg_state *state, struct hg_error *err)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < memory->count; i++) {
        char *name = hg_format("%s %s", memory->items[i].pipeline, memory->items[i].key);
        if (!name) {
            json_decref(doc);
            return hg_no_memory(err);
        }
        hg_json_set(doc, name, firing_alert_json(&memory->items[i]));
        free(name);
    }
    for (size_t i = 0; i < memory->judged_count; i++) {
        hg_json_set(doc, memory->judged[i].pipeline, judged_pipeline_json(&memory->judged[i]));
    }
    enum hangar_rc rc = hg_state_save(state, ALERT_MEMORY_FILE, doc, err);
    json_decref(doc);
    return rc;
}
