/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * metrics: see metrics.h.
 */
#include "metrics.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- values ---- */

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

static bool number(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);

    *out = json_number_value(value);
    return json_is_number(value);
}

/* "2026-01-15T02:00:00.123Z" in seconds since 1970; 0: none. */
static double seconds(const json_t *object, const char *key)
{
    struct tm tm = {0};
    int ms = 0;

    if (sscanf(text(object, key), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) < 6) {
        return 0;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (double)timegm(&tm) + ms / 1000.0;
}

/* counters: { counter: { of: { kind: n } } } */
static double counter(const json_t *status, const char *name, const char *of, const char *kind)
{
    const json_t *all = json_object_get(json_object_get(status, "counters"), name);

    return json_number_value(json_object_get(json_object_get(all, of), kind));
}

/* ---- writing ---- */

static void family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A sample; labels are pairs of name and value, ended by NULL. */
static void sample(FILE *out, const char *name, double value, ...)
{
    va_list labels;
    const char *label, *sep = "{";

    fputs(name, out);
    va_start(labels, value);
    while ((label = va_arg(labels, const char *))) {
        fprintf(out, "%s%s=\"", sep, label);
        for (const char *c = va_arg(labels, const char *); *c; c++) {
            if (*c == '\\' || *c == '"') {
                fputc('\\', out);
            }
            fputs(*c == '\n' ? "\\n" : (const char[]){*c, '\0'}, out);
        }
        fputc('"', out);
        sep = ",";
    }
    va_end(labels);
    fprintf(out, "%s %.17g\n", *sep == ',' ? "}" : "", value);
}

#define EACH_PIPELINE(status, i, pipeline)                                                         \
    json_array_foreach (json_object_get(status, "pipelines"), i, pipeline)

/* ---- the families ---- */

static void runs(FILE *out, const json_t *status)
{
    static const char *const outcomes[] = {"done", "degraded",    "failed",  "usage",    "auth",
                                           "busy", "interrupted", "corrupt", "not_found"};
    const json_t *p;
    size_t i;

    family(out, "backup_total", "counter", "Runs of a pipeline by how they ended.");
    EACH_PIPELINE(status, i, p)
    for (size_t k = 0; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
        sample(out, "backup_total", counter(status, "backup", text(p, "name"), outcomes[k]),
               "pipeline", text(p, "name"), "status", outcomes[k], NULL);
    }
    family(out, "backup_failures_total", "counter", "Runs that left no backup, by reason.");
    EACH_PIPELINE(status, i, p)
    for (size_t k = 2; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
        sample(out, "backup_failures_total",
               counter(status, "backup", text(p, "name"), outcomes[k]), "pipeline", text(p, "name"),
               "reason", outcomes[k], NULL);
    }
}

static void last_run(FILE *out, const json_t *status)
{
    const json_t *p;
    size_t i;
    double value;

    family(out, "backup_duration_seconds", "gauge", "How long the last run took.");
    EACH_PIPELINE(status, i, p)
    {
        number(json_object_get(p, "last_run"), "duration_ms", &value);
        sample(out, "backup_duration_seconds", value / 1000, "pipeline", text(p, "name"), NULL);
    }
    family(out, "backup_last_attempt_timestamp_seconds", "gauge",
           "When the last run began; 0: there was none.");
    EACH_PIPELINE(status, i, p)
    sample(out, "backup_last_attempt_timestamp_seconds",
           seconds(json_object_get(p, "last_run"), "started"), "pipeline", text(p, "name"), NULL);
    family(out, "backup_running", "gauge", "1 while a run is under way.");
    EACH_PIPELINE(status, i, p)
    sample(out, "backup_running", json_is_object(json_object_get(p, "running")), "pipeline",
           text(p, "name"), NULL);
    family(out, "backup_next_run_timestamp_seconds", "gauge",
           "When the schedule wants the next run; 0: there is no schedule.");
    EACH_PIPELINE(status, i, p)
    sample(out, "backup_next_run_timestamp_seconds", seconds(p, "next"), "pipeline",
           text(p, "name"), NULL);
    family(out, "backup_max_age_seconds", "gauge",
           "How old the newest backup may become; 0: any age.");
    EACH_PIPELINE(status, i, p)
    {
        number(p, "max_age_ms", &value);
        sample(out, "backup_max_age_seconds", value / 1000, "pipeline", text(p, "name"), NULL);
    }
    family(out, "backup_drill_last_success_timestamp_seconds", "gauge",
           "When the last drill that went well began; 0: none is known.");
    EACH_PIPELINE(status, i, p)
    {
        const json_t *drill = json_object_get(p, "last_drill");
        bool done = strcmp(text(drill, "status"), "done") == 0;
        sample(out, "backup_drill_last_success_timestamp_seconds",
               done ? seconds(drill, "time") : 0, "pipeline", text(p, "name"), NULL);
    }
}

/* A gauge per pipeline and sink: what `get` gives, where it gives something. */
static void per_sink(FILE *out, const json_t *status, const char *name, const char *help,
                     bool (*get)(const json_t *sink, double *value))
{
    const json_t *p, *sink;
    size_t i, k;
    double value;

    family(out, name, "gauge", help);
    EACH_PIPELINE(status, i, p)
    json_array_foreach (json_object_get(p, "sinks"), k, sink) {
        if (get(sink, &value)) {
            sample(out, name, value, "pipeline", text(p, "name"), "sink", text(sink, "name"), NULL);
        }
    }
}

static bool is_up(const json_t *sink, double *value)
{
    *value = json_is_true(json_object_get(sink, "reachable"));
    return true;
}

static bool newest(const json_t *sink, double *value)
{
    *value = seconds(sink, "newest_time");
    /* what cannot be told must not look as if there were none */
    return json_is_true(json_object_get(sink, "reachable"));
}

static bool backups(const json_t *sink, double *value)
{
    return number(sink, "backups", value) && json_is_true(json_object_get(sink, "reachable"));
}

static bool free_bytes(const json_t *sink, double *value)
{
    return number(sink, "free_bytes", value);
}

static bool verified(const json_t *sink, double *value)
{
    const json_t *record = json_object_get(sink, "newest_verified");

    *value = strcmp(text(record, "status"), "done") == 0 ? seconds(record, "time") : 0;
    return true;
}

static void sinks(FILE *out, const json_t *status)
{
    const json_t *p, *sink;
    size_t i, k;
    double value;

    per_sink(out, status, "backup_last_success_timestamp_seconds",
             "When the newest backup in the sink was finished; 0: it has none.", newest);
    per_sink(out, status, "backup_sink_up", "1 when what the sink holds can be told.", is_up);
    per_sink(out, status, "backup_kept", "Backups in the sink.", backups);
    per_sink(out, status, "backup_sink_free_bytes", "What the sink can still take, where it knows.",
             free_bytes);
    per_sink(out, status, "backup_verify_last_success_timestamp_seconds",
             "When the newest backup was last verified with success; 0: it was not.", verified);
    family(out, "backup_size_bytes", "gauge", "Stored size of the newest backup, and of all.");
    EACH_PIPELINE(status, i, p)
    json_array_foreach (json_object_get(p, "sinks"), k, sink) {
        if (number(sink, "newest_bytes", &value)) {
            sample(out, "backup_size_bytes", value, "pipeline", text(p, "name"), "sink",
                   text(sink, "name"), "kind", "newest", NULL);
        }
        if (number(sink, "stored_bytes", &value)) {
            sample(out, "backup_size_bytes", value, "pipeline", text(p, "name"), "sink",
                   text(sink, "name"), "kind", "all", NULL);
        }
    }
    family(out, "backup_pruned_total", "counter", "Backups that retention removed.");
    EACH_PIPELINE(status, i, p)
    json_array_foreach (json_object_get(p, "sinks"), k, sink) {
        sample(out, "backup_pruned_total",
               counter(status, "pruned", text(p, "name"), text(sink, "name")), "pipeline",
               text(p, "name"), "sink", text(sink, "name"), NULL);
    }
}

static void notifiers(FILE *out, const json_t *status)
{
    const json_t *one;
    size_t i;

    family(out, "backup_notify_failures_total", "counter",
           "Events that a notifier could not be told.");
    json_array_foreach (json_object_get(status, "instances"), i, one) {
        if (strcmp(text(one, "kind"), "notifier") == 0) {
            sample(out, "backup_notify_failures_total",
                   counter(status, "notify", text(one, "name"), "failed"), "notifier",
                   text(one, "name"), NULL);
        }
    }
}

char *daemon_metrics(const json_t *status, const char *version, int64_t gathered_ms)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    if (!out) {
        return NULL;
    }
    runs(out, status);
    last_run(out, status);
    sinks(out, status);
    notifiers(out, status);
    family(out, "hangar_status_timestamp_seconds", "gauge", "When all of this was found out.");
    sample(out, "hangar_status_timestamp_seconds", (double)gathered_ms / 1000, NULL);
    family(out, "hangar_build_info", "gauge", "The version, as a label.");
    sample(out, "hangar_build_info", 1, "version", version, NULL);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(result);
        return NULL;
    }
    return result;
}
