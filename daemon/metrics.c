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

static const char *metrics_text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : "";
}

static bool metrics_number(const json_t *object, const char *key, double *out)
{
    const json_t *value = json_object_get(object, key);

    *out = json_number_value(value);
    return json_is_number(value);
}

/* "2026-01-15T02:00:00.123Z" as seconds since 1970; 0: none. */
static double metrics_seconds(const json_t *object, const char *key)
{
    struct tm tm = {0};
    int ms = 0;

    if (sscanf(metrics_text(object, key), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) < 6) {
        return 0;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (double)timegm(&tm) + ms / 1000.0;
}

/* counters: { counter: { of: { kind: n } } } */
static double metrics_counter(const json_t *status, const char *name, const char *of,
                              const char *kind)
{
    const json_t *all = json_object_get(json_object_get(status, "counters"), name);

    return json_number_value(json_object_get(json_object_get(all, of), kind));
}

/* ---- writing ---- */

static void metrics_family(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A sample; labels are pairs of name and value, ended by NULL. */
static void metrics_sample(FILE *out, const char *name, double value, ...)
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

static void metrics_runs(FILE *out, const json_t *status)
{
    static const char *const outcomes[] = {"done", "degraded",    "failed",  "usage",     "auth",
                                           "busy", "interrupted", "corrupt", "not_found", "retry"};
    const json_t *p;
    size_t i;

    metrics_family(out, "backup_total", "counter", "Runs of a pipeline, by status.");
    EACH_PIPELINE(status, i, p)
    for (size_t k = 0; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
        metrics_sample(out, "backup_total",
                       metrics_counter(status, "backup", metrics_text(p, "name"), outcomes[k]),
                       "pipeline", metrics_text(p, "name"), "status", outcomes[k], NULL);
    }
    metrics_family(out, "backup_failures_total", "counter", "Runs without a backup, by reason.");
    EACH_PIPELINE(status, i, p)
    for (size_t k = 2; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
        metrics_sample(out, "backup_failures_total",
                       metrics_counter(status, "backup", metrics_text(p, "name"), outcomes[k]),
                       "pipeline", metrics_text(p, "name"), "reason", outcomes[k], NULL);
    }
}

static void metrics_last_run(FILE *out, const json_t *status)
{
    double value;

    metrics_family(out, "backup_duration_seconds", "gauge", "Duration of the last run.");
    const json_t *p;
    size_t i;
    EACH_PIPELINE(status, i, p)
    {
        metrics_number(json_object_get(p, "last_run"), "duration_ms", &value);
        metrics_sample(out, "backup_duration_seconds", value / 1000, "pipeline",
                       metrics_text(p, "name"), NULL);
    }
    metrics_family(out, "backup_last_attempt_timestamp_seconds", "gauge",
                   "Start of the last run; 0: none.");
    EACH_PIPELINE(status, i, p)
    metrics_sample(out, "backup_last_attempt_timestamp_seconds",
                   metrics_seconds(json_object_get(p, "last_run"), "started"), "pipeline",
                   metrics_text(p, "name"), NULL);
    metrics_family(out, "backup_running", "gauge", "1 while a backup is in progress.");
    EACH_PIPELINE(status, i, p)
    metrics_sample(out, "backup_running",
                   strcmp(metrics_text(json_object_get(p, "running"), "job"), "backup") == 0,
                   "pipeline", metrics_text(p, "name"), NULL);
    metrics_family(out, "backup_next_run_timestamp_seconds", "gauge",
                   "Time of the next scheduled run; 0: no schedule.");
    EACH_PIPELINE(status, i, p)
    metrics_sample(out, "backup_next_run_timestamp_seconds", metrics_seconds(p, "next"), "pipeline",
                   metrics_text(p, "name"), NULL);
    metrics_family(out, "backup_max_age_seconds", "gauge",
                   "Maximum age of the newest backup; 0: no limit.");
    EACH_PIPELINE(status, i, p)
    {
        metrics_number(p, "max_age_ms", &value);
        metrics_sample(out, "backup_max_age_seconds", value / 1000, "pipeline",
                       metrics_text(p, "name"), NULL);
    }
    metrics_family(out, "backup_drill_last_success_timestamp_seconds", "gauge",
                   "Start of the last good drill; 0: none.");
    EACH_PIPELINE(status, i, p)
    metrics_sample(out, "backup_drill_last_success_timestamp_seconds",
                   metrics_seconds(p, "last_good_drill"), "pipeline", metrics_text(p, "name"),
                   NULL);
}

/* A gauge per pipeline and sink.  A sink without a value is left out. */
static void metrics_per_sink(FILE *out, const json_t *status, const char *name, const char *help,
                             bool (*get)(const json_t *sink, double *value))
{
    const json_t *p, *sink;
    size_t i, k;

    metrics_family(out, name, "gauge", help);
    EACH_PIPELINE(status, i, p)
    json_array_foreach (json_object_get(p, "sinks"), k, sink) {
        double value;
        if (get(sink, &value)) {
            metrics_sample(out, name, value, "pipeline", metrics_text(p, "name"), "sink",
                           metrics_text(sink, "name"), NULL);
        }
    }
}

static bool metrics_is_up(const json_t *sink, double *value)
{
    *value = json_is_true(json_object_get(sink, "reachable"));
    return true;
}

static bool metrics_newest(const json_t *sink, double *value)
{
    *value = metrics_seconds(sink, "newest_time");
    /* a sink that cannot be read must not look like an empty one */
    return json_is_true(json_object_get(sink, "reachable"));
}

static bool metrics_backups(const json_t *sink, double *value)
{
    return metrics_number(sink, "backups", value) &&
           json_is_true(json_object_get(sink, "reachable"));
}

static bool metrics_damaged(const json_t *sink, double *value)
{
    return metrics_number(sink, "damaged", value) &&
           json_is_true(json_object_get(sink, "reachable"));
}

static bool metrics_free_bytes(const json_t *sink, double *value)
{
    return metrics_number(sink, "free_bytes", value);
}

static bool metrics_verified(const json_t *sink, double *value)
{
    const json_t *record = json_object_get(sink, "newest_verified");
    const bool done = strcmp(metrics_text(record, "status"), "done") == 0;
    const double recorded = done ? metrics_seconds(record, "time") : 0;
    const double remembered = metrics_seconds(sink, "last_good_verification");

    /* other hosts verify, too */
    *value = recorded > remembered ? recorded : remembered;
    return true;
}

static void metrics_outcomes_of(FILE *out, const json_t *pipeline, const json_t *sink)
{
    static const char *const outcomes[] = {"good", "bad", "not_judged"};
    const json_t *last;
    size_t i;

    json_array_foreach (json_object_get(sink, "verifications"), i, last) {
        for (size_t k = 0; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
            metrics_sample(out, "backup_verification_outcome",
                           strcmp(metrics_text(last, "outcome"), outcomes[k]) == 0, "pipeline",
                           metrics_text(pipeline, "name"), "sink", metrics_text(sink, "name"),
                           "level", metrics_text(last, "level"), "outcome", outcomes[k], NULL);
        }
    }
}

static void metrics_outcomes(FILE *out, const json_t *status)
{
    const json_t *p, *sink;
    size_t i, k;

    metrics_family(out, "backup_verification_outcome", "gauge",
                   "1 for the outcome of the last verification of this level in the sink.");
    EACH_PIPELINE(status, i, p)
    json_array_foreach (json_object_get(p, "sinks"), k, sink) {
        metrics_outcomes_of(out, p, sink);
    }
}

static void metrics_sinks(FILE *out, const json_t *status)
{
    const json_t *p, *sink;
    size_t i, k;

    metrics_per_sink(out, status, "backup_last_success_timestamp_seconds",
                     "End of the newest backup in the sink; 0: none.", metrics_newest);
    metrics_per_sink(out, status, "backup_sink_up", "1 when the sink can be read.", metrics_is_up);
    metrics_per_sink(out, status, "backup_kept", "Backups in the sink.", metrics_backups);
    metrics_per_sink(out, status, "backup_damaged", "Backups in the sink that are not good.",
                     metrics_damaged);
    metrics_outcomes(out, status);
    metrics_per_sink(out, status, "backup_sink_free_bytes",
                     "Free space of the sink, where it is known.", metrics_free_bytes);
    metrics_per_sink(out, status, "backup_verify_last_success_timestamp_seconds",
                     "Start of the last good verification; 0: none.", metrics_verified);
    metrics_family(out, "backup_size_bytes", "gauge",
                   "Stored size of the newest backup, and of all.");
    EACH_PIPELINE(status, i, p)
    json_array_foreach (json_object_get(p, "sinks"), k, sink) {
        double value;
        if (metrics_number(sink, "newest_bytes", &value)) {
            metrics_sample(out, "backup_size_bytes", value, "pipeline", metrics_text(p, "name"),
                           "sink", metrics_text(sink, "name"), "kind", "newest", NULL);
        }
        if (metrics_number(sink, "stored_bytes", &value)) {
            metrics_sample(out, "backup_size_bytes", value, "pipeline", metrics_text(p, "name"),
                           "sink", metrics_text(sink, "name"), "kind", "all", NULL);
        }
    }
    metrics_family(out, "backup_pruned_total", "counter", "Backups that retention removed.");
    EACH_PIPELINE(status, i, p)
    json_array_foreach (json_object_get(p, "sinks"), k, sink) {
        metrics_sample(
            out, "backup_pruned_total",
            metrics_counter(status, "pruned", metrics_text(p, "name"), metrics_text(sink, "name")),
            "pipeline", metrics_text(p, "name"), "sink", metrics_text(sink, "name"), NULL);
    }
}

static void metrics_notifiers(FILE *out, const json_t *status)
{
    const json_t *one;
    size_t i;

    metrics_family(out, "backup_notify_failures_total", "counter",
                   "Events that a notifier could not deliver.");
    json_array_foreach (json_object_get(status, "instances"), i, one) {
        if (strcmp(metrics_text(one, "kind"), "notifier") == 0) {
            metrics_sample(out, "backup_notify_failures_total",
                           metrics_counter(status, "notify", metrics_text(one, "name"), "failed"),
                           "notifier", metrics_text(one, "name"), NULL);
        }
    }
}

/* Prints each line of `text`, the lines of a family "backup_...", with the prefix "hangar_" before
 * that name.  The lines of a family stay together. */
static void metrics_prefixed(FILE *out, const char *text)
{
    static const char *const heads[] = {"# HELP ", "# TYPE ", ""};

    for (const char *end; *text; text = end) {
        end = strchr(text, '\n') + 1;
        size_t k = 0;
        while (strncmp(text, heads[k], strlen(heads[k])) != 0) {
            k++;
        }
        const char *name = text + strlen(heads[k]);
        fprintf(out, "%s%s%.*s", heads[k], strncmp(name, "backup_", 7) == 0 ? "hangar_" : "",
                (int)(end - name), name);
    }
}

/* All families "backup_...", twice: with these names, which other programs also use, and as
 * "hangar_backup_...", which only hangar uses.  False: out of memory. */
static bool metrics_backups_twice(FILE *out, const json_t *status)
{
    char *text = NULL;
    size_t size = 0;
    FILE *once = open_memstream(&text, &size);

    if (!once) {
        return false;
    }
    metrics_runs(once, status);
    metrics_last_run(once, status);
    metrics_sinks(once, status);
    metrics_notifiers(once, status);
    bool ok = ferror(once) == 0;
    ok = fclose(once) == 0 && ok;
    if (ok) {
        fputs(text, out);
        metrics_prefixed(out, text);
    }
    free(text);
    return ok;
}

char *daemon_metrics(const json_t *status, const char *version, int64_t gathered_ms)
{
    char *result = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&result, &size);

    if (!out) {
        return NULL;
    }
    bool failed = !metrics_backups_twice(out, status);
    metrics_family(out, "hangar_status_timestamp_seconds", "gauge",
                   "Time at which these values were read.");
    metrics_sample(out, "hangar_status_timestamp_seconds", (double)gathered_ms / 1000, NULL);
    metrics_family(out, "hangar_build_info", "gauge", "The version of hangar, as a label.");
    metrics_sample(out, "hangar_build_info", 1, "version", version, NULL);
    failed = failed || ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(result);
        return NULL;
    }
    return result;
}
