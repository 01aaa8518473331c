/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_rules: see alert_rules.h.
 */
#include "jobs/notify/alert_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"
#include "inventory/index.h"
#include "jobs/report/status.h"
#include "session/document.h"
#include "state/history.h"

/* A retry may have to wait for another job; then the daemon does not run any more. */
#define RETRY_GRACE_MS (15 * INT64_C(60000))
#define RETRY_MAX_MS                                                                               \
    (24 * INT64_C(3600000)) /* retry: after, at most; else the clock was set back */

/* Backups usually grow by a tenth between two runs, at most. */
static int64_t next_backup_bytes(int64_t newest_bytes)
{
    return newest_bytes + newest_bytes / 10;
}

static const char *const alert_names[] = {
    [HG_ALERT_FAILED] = "failed",
    [HG_ALERT_SLOW] = "slow",
    [HG_ALERT_STALE] = "stale",
    [HG_ALERT_SPACE] = "space",
    [HG_ALERT_UNREACHABLE] = "unreachable",
    [HG_ALERT_DAMAGED] = "damaged",
    [HG_ALERT_FUTURE] = "future",
    [HG_ALERT_SIZE] = "size",
    [HG_ALERT_DRILL] = "drill",
};

/* Adds an alert; its text follows. */
static struct hg_str *alert_add(struct hg_alerts *out, enum hg_alert_kind kind, const char *sink)
{
    if (!hg_vec_reserve((void **)&out->items, out->count, &out->capacity, sizeof(*out->items))) {
        out->failed = true;
        return &out->unused;
    }
    struct hg_alert *alert = &out->items[out->count++];
    *alert = (struct hg_alert){.kind = kind, .sink = sink};
    snprintf(alert->key, sizeof(alert->key), "%s%s%s", alert_names[kind], sink ? " " : "",
             sink ? sink : "");
    return &alert->text;
}

/* The alert that was added last; after a failure perhaps another one, which does not matter. */
static struct hg_alert *alert_added(struct hg_alerts *out)
{
    static struct hg_alert none; /* never read */
    return out->count ? &out->items[out->count - 1] : &none;
}

/* The last run shows neither a failure nor a success: it was interrupted, or is tried again. */
static bool alert_run_is_open(const struct hg_pipeline_status *p, int64_t now_ms)
{
    const struct hg_history_run *last = &p->last_run;
    const bool retries = last->retry_ms > 0 && last->retry_ms < now_ms + RETRY_MAX_MS &&
                         (p->running.since_ms >= 0 || now_ms < last->retry_ms + RETRY_GRACE_MS);
    return retries || last->status == HANGAR_STATUS_INTERRUPTED;
}

void hg_alerts_free(struct hg_alerts *alerts)
{
    for (size_t i = 0; i < alerts->count; i++) {
        hg_str_free(&alerts->items[i].text);
    }
    hg_str_free(&alerts->unused);
    free(alerts->items);
    *alerts = (struct hg_alerts){0};
}

static void alert_last_run(const struct hg_pipeline_status *p, const struct hg_alert_limits *limits,
                           int64_t now_ms, struct hg_alerts *out)
{
    const struct hg_history_run *last = &p->last_run;
    char took[HG_UNITS_SIZE], limit[HG_UNITS_SIZE];
    const bool running = p->running.since_ms >= 0 && p->running.job == HG_LOCK_BACKUP;
    if (last->exists && last->status != HANGAR_STATUS_DONE) {
        hg_str_addf(alert_add(out, HG_ALERT_FAILED, NULL), "last run %s%s%s",
                    hangar_status_name(last->status), last->error ? ": " : "",
                    last->error ? last->error : "");
        alert_added(out)->quiet = alert_run_is_open(p, now_ms);
    }
    int64_t ms = running ? now_ms - p->running.since_ms : last->duration_ms;
    if (limits->max_duration_ms > 0 && ms > limits->max_duration_ms) {
        hg_format_duration(ms, took);
        hg_format_duration(limits->max_duration_ms, limit);
        hg_str_addf(alert_add(out, HG_ALERT_SLOW, NULL),
                    running ? "current run has been running for %s (limit %s)"
                            : "last run took %s (limit %s)",
                    took, limit);
    }
}

/* `failed`: the last run was to store a backup, and did not. */
static void alert_age(const struct hg_sink_status *sink, const struct hg_alert_limits *limits,
                      int64_t now_ms, bool failed, struct hg_alerts *out)
{
    const char *name = sink->config->name;
    char age[HG_UNITS_SIZE], limit[HG_UNITS_SIZE];
    if (limits->max_age_ms == 0) {
        return;
    }
    if (!sink->newest) {
        hg_str_addf(alert_add(out, HG_ALERT_STALE, name), "no good backup in sink %s", name);
        alert_added(out)->none_yet = !failed && !sink->damage && !sink->future;
    } else if (now_ms - sink->newest->time_ms > limits->max_age_ms) {
        hg_format_duration(now_ms - sink->newest->time_ms, age);
        hg_format_duration(limits->max_age_ms, limit);
        hg_str_addf(alert_add(out, HG_ALERT_STALE, name),
                    "newest good backup in sink %s is %s old (limit %s)", name, age, limit);
    }
}

/* What is wrong with backups in a sink that can be read. */
static void alert_backups(const struct hg_sink_status *sink, struct hg_alerts *out)
{
    const char *name = sink->config->name;
    if (sink->damage) {
        struct hg_str *text = alert_add(out, HG_ALERT_DAMAGED, name);
        hg_str_addf(text, "in sink %s: %s", name,
                    hg_error_without(sink->damage->problem, "sink", name));
        if (sink->damaged > 1) {
            hg_str_addf(text, " (and %lld more)", (long long)sink->damaged - 1);
        }
    }
    if (sink->future) {
        hg_str_addf(alert_add(out, HG_ALERT_FUTURE, name),
                    "in sink %s: %s is from the future, and does not count as the newest", name,
                    sink->future->id);
    }
}

static void alert_space(const struct hg_sink_status *sink, const struct hg_alert_limits *limits,
                        struct hg_alerts *out)
{
    const char *name = sink->config->name;
    char free_text[HG_UNITS_SIZE], need_text[HG_UNITS_SIZE];
    int64_t needs = next_backup_bytes(sink->newest ? sink->newest->summary.stored_bytes : 0);
    if (sink->free_bytes < 0) {
        return;
    }
    hg_format_size((uint64_t)sink->free_bytes, free_text);
    if (sink->free_bytes < limits->min_free_bytes) {
        hg_format_size((uint64_t)limits->min_free_bytes, need_text);
        hg_str_addf(alert_add(out, HG_ALERT_SPACE, name), "%s free in sink %s (limit %s)",
                    free_text, name, need_text);
    } else if (sink->free_bytes < needs) {
        hg_format_size((uint64_t)needs, need_text);
        hg_str_addf(alert_add(out, HG_ALERT_SPACE, name),
                    "%s free in sink %s, but the next backup needs about %s", free_text, name,
                    need_text);
    }
}

static void alert_size(const struct hg_sink_status *sink, const struct hg_alert_limits *limits,
                       struct hg_alerts *out)
{
    const char *name = sink->config->name;
    char now_text[HG_UNITS_SIZE], usual_text[HG_UNITS_SIZE];
    if (limits->size_change == 0 || !sink->newest || sink->usual_bytes < 0) {
        return;
    }
    int64_t bytes = sink->newest->summary.stored_bytes, usual = sink->usual_bytes;
    /* as factors, so that half and double are the same distance */
    double factor = 1 - (double)limits->size_change / 100;
    bool small = (double)bytes < (double)usual * factor;
    bool large = (double)bytes * factor > (double)usual;
    if (small || large) {
        hg_format_size((uint64_t)bytes, now_text);
        hg_format_size((uint64_t)usual, usual_text);
        hg_str_addf(alert_add(out, HG_ALERT_SIZE, name),
                    "newest backup in sink %s is %s (usually about %s)", name, now_text,
                    usual_text);
    }
}

/* Without a drill the oldest backup counts: for so long there has been something to drill. */
static int64_t drill_due_since(const struct hg_pipeline_status *p)
{
    int64_t since = p->last_drill ? p->last_drill->time_ms : -1;
    for (size_t i = 0; !p->last_drill && i < p->sink_count; i++) {
        const struct hg_index_item *oldest = p->sinks[i].oldest;
        since = oldest && (since < 0 || oldest->time_ms < since) ? oldest->time_ms : since;
    }
    return since;
}

static void alert_drill(const struct hg_pipeline_status *p, const struct hg_alert_limits *limits,
                        int64_t now_ms, struct hg_alerts *out)
{
    const struct hg_verification *last = p->last_drill;
    char age[HG_UNITS_SIZE], limit[HG_UNITS_SIZE];
    if (last && last->status != HANGAR_STATUS_DONE) {
        bool bad = hg_outcome_of(last->status) == HG_BAD;
        hg_str_addf(alert_add(out, HG_ALERT_DRILL, NULL), "last drill of %s in sink %s%s: %s",
                    last->id, last->sink, bad ? "" : " could not judge it",
                    last->error ? last->error : hangar_status_name(last->status));
        return;
    }
    int64_t since = drill_due_since(p);
    if (limits->max_drill_age_ms > 0 && since >= 0 && now_ms - since > limits->max_drill_age_ms) {
        hg_format_duration(now_ms - since, age);
        hg_format_duration(limits->max_drill_age_ms, limit);
        hg_str_addf(alert_add(out, HG_ALERT_DRILL, NULL), "no drill for %s (limit %s)", age, limit);
    }
}

void hg_alert_rules(const struct hg_pipeline_status *pipeline, const struct hg_alert_limits *limits,
                    int64_t now_ms, struct hg_alerts *out)
{
    *out = (struct hg_alerts){0};
    alert_last_run(pipeline, limits, now_ms, out);
    const struct hg_history_run *last = &pipeline->last_run;
    const bool failed = last->exists && !alert_run_is_open(pipeline, now_ms) &&
                        last->status != HANGAR_STATUS_DONE &&
                        last->status != HANGAR_STATUS_DEGRADED;
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        const struct hg_sink_status *sink = &pipeline->sinks[i];
        const char *name = sink->config->name;
        if (!sink->readable) {
            hg_str_addf(alert_add(out, HG_ALERT_UNREACHABLE, name), "cannot read sink %s: %s", name,
                        hg_error_without(sink->error.text, "sink", name));
            continue;
        }
        if (sink->error.rc != HANGAR_OK) {
            hg_str_addf(alert_add(out, HG_ALERT_UNREACHABLE, name), "in sink %s: %s", name,
                        hg_error_without(sink->error.text, "sink", name));
        }
        alert_backups(sink, out);
        alert_age(sink, limits, now_ms, failed, out);
        alert_space(sink, limits, out);
        alert_size(sink, limits, out);
    }
    alert_drill(pipeline, limits, now_ms, out);
    for (size_t k = 0; k < out->count; k++) {
        out->failed = out->failed || out->items[k].text.failed;
    }
}
