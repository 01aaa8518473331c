/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_rules: see alert_rules.h.
 */
#include "jobs/notify/alert_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"

/* A backup that grows by a tenth between two runs is usual. */
#define NEXT_NEEDS(bytes) ((bytes) + (bytes) / 10)

/* Adds an alert; its text follows. */
static struct hg_str *add(struct hg_alerts *out, const char *name, const char *sink)
{
    if (!hg_vec_reserve((void **)&out->items, out->count, &out->capacity, sizeof(*out->items))) {
        out->failed = true;
        return &out->nowhere;
    }
    struct hg_alert *alert = &out->items[out->count++];
    *alert = (struct hg_alert){.sink = sink};
    snprintf(alert->key, sizeof(alert->key), "%s%s%s", name, sink ? " " : "", sink ? sink : "");
    return &alert->text;
}

void hg_alerts_free(struct hg_alerts *alerts)
{
    for (size_t i = 0; i < alerts->count; i++) {
        hg_str_free(&alerts->items[i].text);
    }
    hg_str_free(&alerts->nowhere);
    free(alerts->items);
    *alerts = (struct hg_alerts){0};
}

static int64_t time_of(const json_t *object, const char *key)
{
    int64_t ms = -1;
    const char *text = hg_json_string(object, key, NULL);
    return text && hg_time_parse(text, &ms) ? ms : -1;
}

static void last_run(const json_t *p, const struct hg_alert_limits *l, int64_t now_ms,
                     struct hg_alerts *out)
{
    const json_t *last = json_object_get(p, "last_run"), *running = json_object_get(p, "running");
    const char *status = hg_json_string(last, "status", "done");
    const char *error = hg_json_string(last, "error", NULL);
    char took[HG_UNITS_SIZE], limit[HG_UNITS_SIZE];
    if (strcmp(status, "done") != 0) {
        hg_str_addf(add(out, "failed", NULL), "the last run was %s%s%s", status, error ? ": " : "",
                    error ? error : "");
    }
    int64_t ms = hg_json_int(last, "duration_ms", 0), since = time_of(running, "since");
    const char *what = "the last run took";
    if (since >= 0) {
        what = "the run under way takes";
        ms = now_ms - since;
    }
    if (l->max_duration_ms > 0 && ms > l->max_duration_ms) {
        hg_format_duration(ms, took);
        hg_format_duration(l->max_duration_ms, limit);
        hg_str_addf(add(out, "slow", NULL), "%s %s, more than %s", what, took, limit);
    }
}

static void age(const json_t *sink, const char *name, const struct hg_alert_limits *l,
                int64_t now_ms, struct hg_alerts *out)
{
    char old[HG_UNITS_SIZE], limit[HG_UNITS_SIZE];
    int64_t newest = time_of(sink, "newest_time");
    if (l->max_age_ms == 0) {
        return;
    }
    if (newest < 0) {
        hg_str_addf(add(out, "stale", name), "there is no good backup in sink %s", name);
    } else if (now_ms - newest > l->max_age_ms) {
        hg_format_duration(now_ms - newest, old);
        hg_format_duration(l->max_age_ms, limit);
        hg_str_addf(add(out, "stale", name),
                    "the newest good backup in sink %s is %s old, more than %s", name, old, limit);
    }
}

static void space(const json_t *sink, const char *name, const struct hg_alert_limits *l,
                  struct hg_alerts *out)
{
    char free_text[HG_UNITS_SIZE], need_text[HG_UNITS_SIZE];
    int64_t free_bytes = hg_json_int(sink, "free_bytes", -1);
    int64_t needs = NEXT_NEEDS(hg_json_int(sink, "newest_bytes", 0));
    if (free_bytes < 0) {
        return;
    }
    hg_format_size((uint64_t)free_bytes, free_text);
    if (free_bytes < l->min_free_bytes) {
        hg_format_size((uint64_t)l->min_free_bytes, need_text);
        hg_str_addf(add(out, "space", name), "%s are free in sink %s, less than %s", free_text,
                    name, need_text);
    } else if (free_bytes < needs) {
        hg_format_size((uint64_t)needs, need_text);
        hg_str_addf(add(out, "space", name),
                    "%s are free in sink %s, and the next backup needs about %s", free_text, name,
                    need_text);
    }
}

static void size(const json_t *sink, const char *name, const struct hg_alert_limits *l,
                 struct hg_alerts *out)
{
    char now_text[HG_UNITS_SIZE], usual_text[HG_UNITS_SIZE];
    int64_t bytes = hg_json_int(sink, "newest_bytes", -1);
    int64_t usual = hg_json_int(sink, "usual_bytes", -1);
    if (l->size_change == 0 || bytes < 0 || usual < 0) {
        return;
    }
    /* as factors, so that half and double are the same distance */
    double factor = 1 - (double)l->size_change / 100;
    bool small = (double)bytes < (double)usual * factor;
    bool large = (double)bytes * factor > (double)usual;
    if (small || large) {
        hg_format_size((uint64_t)bytes, now_text);
        hg_format_size((uint64_t)usual, usual_text);
        hg_str_addf(add(out, "size", name), "the newest backup in sink %s has %s, and %s are usual",
                    name, now_text, usual_text);
    }
}

static void drill(const json_t *p, const struct hg_alert_limits *l, int64_t now_ms,
                  struct hg_alerts *out)
{
    char old[HG_UNITS_SIZE], limit[HG_UNITS_SIZE];
    const json_t *last = json_object_get(p, "last_drill");
    const char *status = hg_json_string(last, "status", NULL);
    int64_t since = time_of(last, "time");
    const char *what = "the last drill was";
    if (status && strcmp(status, "done") != 0) {
        hg_str_addf(add(out, "drill", NULL), "the last drill, of %s in sink %s, was %s",
                    hg_json_string(last, "id", "?"), hg_json_string(last, "sink", "?"), status);
        return;
    }
    if (since < 0) { /* there has been none: so long there has been something to drill */
        const json_t *sink;
        size_t i;
        what = "there was no drill since";
        json_array_foreach (json_object_get(p, "sinks"), i, sink) {
            int64_t oldest = time_of(sink, "oldest_time");
            since = oldest >= 0 && (since < 0 || oldest < since) ? oldest : since;
        }
    }
    if (l->max_drill_age_ms > 0 && since >= 0 && now_ms - since > l->max_drill_age_ms) {
        hg_format_duration(now_ms - since, old);
        hg_format_duration(l->max_drill_age_ms, limit);
        hg_str_addf(add(out, "drill", NULL), "%s %s ago, more than %s", what, old, limit);
    }
}

void hg_alert_rules(const json_t *pipeline, const struct hg_alert_limits *limits, int64_t now_ms,
                    struct hg_alerts *out)
{
    const json_t *sink;
    size_t i;
    *out = (struct hg_alerts){0};
    last_run(pipeline, limits, now_ms, out);
    json_array_foreach (json_object_get(pipeline, "sinks"), i, sink) {
        const char *name = hg_json_string(sink, "name", "?");
        const char *error = hg_json_string(sink, "error", NULL);
        if (error && !hg_json_bool(sink, "reachable", false)) {
            hg_str_addf(add(out, "unreachable", name), "what sink %s holds cannot be told: %s",
                        name, error);
            continue;
        }
        if (error) {
            hg_str_addf(add(out, "damaged", name), "in sink %s: %s", name, error);
        }
        age(sink, name, limits, now_ms, out);
        space(sink, name, limits, out);
        size(sink, name, limits, out);
    }
    drill(pipeline, limits, now_ms, out);
    for (size_t k = 0; k < out->count; k++) {
        out->failed = out->failed || out->items[k].text.failed;
    }
}

bool hg_alert_outdated(const json_t *memory, const char *pipeline, int64_t looked_ms,
                       int64_t now_ms)
{
    int64_t other = INT64_MIN;
    hg_time_parse(hg_json_string(json_object_get(memory, pipeline), "looked", ""), &other);
    return other > looked_ms && other <= now_ms;
}
