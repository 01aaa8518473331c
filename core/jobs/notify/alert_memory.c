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

void hg_alert_memory_free(struct hg_alert_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        firing_alert_free(&memory->items[i]);
    }
    for (size_t i = 0; i < memory->judged_count; i++) {
        free(memory->judged[i].pipeline);
        json_decref(memory->judged[i].first);
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

int64_t hg_alert_memory_first(struct hg_alert_memory *memory, const char *pipeline,
                              const char *sink, int64_t now_ms)
{
    struct hg_judged_pipeline *judged = judged_find(memory, pipeline);
    int64_t first_ms;
    if (!judged) {
        return now_ms;
    }
    if (hg_time_parse(hg_json_string(judged->first, sink, ""), &first_ms) && first_ms <= now_ms) {
        return first_ms;
    }
    judged->first = judged->first ? judged->first : json_object();
    hg_json_set_time(judged->first, sink, now_ms);
    return now_ms;
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
            free(memory->judged[i].pipeline);
            json_decref(memory->judged[i].first);
            memory->judged[i] = memory->judged[--memory->judged_count];
        }
    }
}

/* ---- the file ---- */

/* A name without a space is a pipeline's, with one an alert's. */
static enum hangar_rc alert_memory_parse(struct hg_alert_memory *memory, const char *name,
                                         const json_t *entry, struct hg_error *err)
{
    const char *space = strchr(name, ' ');
    int64_t read_ms;
    if (!space) {
        enum hangar_rc rc = hg_time_parse(hg_json_string(entry, "looked", ""), &read_ms)
                                ? hg_alert_memory_set_judged(memory, name, read_ms, err)
                                : HANGAR_OK;
        struct hg_judged_pipeline *judged = judged_find(memory, name);
        if (judged && json_is_object(json_object_get(entry, "first"))) {
            judged->first = json_incref(json_object_get(entry, "first"));
        }
        return rc;
    }
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

enum hangar_rc hg_alert_memory_load(struct hg_alert_memory *memory, const struct hg_state *state,
                                    struct hg_error *err)
{
    *memory = (struct hg_alert_memory){0};
    json_t *doc = NULL, *entry;
    const char *name;
    enum hangar_rc rc = hg_state_load(state, ALERT_MEMORY_FILE, &doc, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    json_object_foreach (doc, name, entry) {
        rc = rc == HANGAR_OK ? alert_memory_parse(memory, name, entry, err) : rc;
    }
    json_decref(doc);
    return rc;
}

enum hangar_rc hg_alert_memory_save(const struct hg_alert_memory *memory,
                                    const struct hg_state *state, struct hg_error *err)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < memory->count; i++) {
        const struct hg_firing_alert *alert = &memory->items[i];
        char *name = hg_format("%s %s", alert->pipeline, alert->key);
        json_t *entry = json_object();
        hg_json_set_time(entry, "since", alert->since_ms);
        hg_json_set_time(entry, "told", alert->notified_ms);
        hg_json_set_string(entry, "text", alert->text);
        if (!name) {
            json_decref(entry);
            json_decref(doc);
            return hg_no_memory(err);
        }
        hg_json_set(doc, name, entry);
        free(name);
    }
    for (size_t i = 0; i < memory->judged_count; i++) {
        json_t *entry = json_object();
        hg_json_set_time(entry, "looked", memory->judged[i].read_ms);
        if (memory->judged[i].first) {
            hg_json_set(entry, "first", json_incref(memory->judged[i].first));
        }
        hg_json_set(doc, memory->judged[i].pipeline, entry);
    }
    enum hangar_rc rc = hg_state_save(state, ALERT_MEMORY_FILE, doc, err);
    json_decref(doc);
    return rc;
}
