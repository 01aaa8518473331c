/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status_document: see status_document.h.
 */
#include "jobs/report/status_document.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/zone.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/prune_plan.h"
#include "inventory/record.h"
#include "jobs/report/missing.h"
#include "jobs/report/status.h"
#include "plugin/instance.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/counters.h"
#include "state/file.h"
#include "state/history.h"
#include "state/project.h"

static json_t *status_int_or_null(int64_t value)
{
    return value < 0 ? json_null() : json_integer(value);
}

/* What the next prune of the sink would leave; null where the sink cannot be read, or keeps
 * everything. */
static json_t *status_after_prune(struct hangar *h, const struct hg_pipeline_config *pipeline,
                                  const struct hg_sink_status *sink)
{
    struct hg_prune_plan plan = {.h = h,
                                 .sink = sink->ctx,
                                 .pipeline = pipeline,
                                 .config = sink->config,
                                 .index = &sink->index};
    struct hg_error err = {0};
    json_t *one = json_null();
    if (sink->readable && sink->config->retention.given &&
        hg_prune_plan_make(&plan, &err) == HANGAR_OK) {
        one = json_object();
        hg_json_set_int(one, "kept", (int64_t)plan.kept);
        hg_json_set_int(one, "removed", (int64_t)(plan.count - plan.kept));
        hg_json_set_string(one, "oldest", plan.oldest ? plan.oldest->id : NULL);
        hg_json_set_time(one, "oldest_time", plan.oldest ? plan.oldest->time_ms : -1);
        hg_json_set_string(one, "refused", plan.clock_is_wrong ? plan.clock_error.text : NULL);
    }
    hg_prune_plan_free(&plan);
    return one;
}

static void status_add_missing(const struct hangar *h, const struct hg_pipeline_status *pipeline,
                               size_t sink, int64_t now_ms, json_t *one)
{
    const struct hg_missing_backups missing = hg_missing_of(h, pipeline, sink, now_ms);
    json_t *list = json_array();
    for (size_t i = 0; i < missing.listed; i++) {
        hg_json_add(list, json_string(missing.ids[i]));
    }
    hg_json_set(one, "lacks", status_int_or_null(missing.count));
    hg_json_set(one, "lacking", list);
}

/* How much older the newest backup of a sink is than the newest of all sinks; null: it has none. */
static json_t *status_lag(const struct hg_pipeline_status *pipeline, size_t mine)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        const struct hg_index_item *item = pipeline->sinks[i].newest;
        newest = item && item->time_ms > newest ? item->time_ms : newest;
    }
    const struct hg_index_item *own = pipeline->sinks[mine].newest;
    return own ? json_integer(newest - own->time_ms) : json_null();
}

static void status_add_verification(const struct hg_verification *last,
                                    enum hangar_verify_level level, json_t *list)
{
    if (last->id) {
        struct hg_verification one = *last;
        one.level = level;      /* a drill does what a full verification does */
        one.drill_error = NULL; /* this result alone */
        hg_json_add(list, hg_verification_json(&one));
    }
}

static json_t *status_verifications(const struct hg_sink_status *sink)
{
    json_t *list = json_array();
    status_add_verification(&sink->last_full, HANGAR_VERIFY_FULL, list);
    status_add_verification(&sink->last_drill, HANGAR_VERIFY_DRILL, list);
    return list;
}

/* For hg_json_set_time, which shows -1 as null. */
static int64_t status_time_or_none(int64_t ms)
{
    return ms > 0 ? ms : -1;
}

/* Reads the newest record beside the newest backup. */
static void status_add_record(struct hangar *h, const char *pipeline,
                              const struct hg_sink_status *sink, json_t *one)
{
    struct hg_record record = {0};
    if (sink->newest) {
        hg_record_newest(h, sink->ctx, pipeline, sink->newest->id, &record);
    }
    hg_json_set(one, "newest_verified", hg_record_json(&record));
    hg_record_free(&record);
}

static json_t *status_sink_json(struct hangar *h, const struct hg_pipeline_status *pipeline,
                                size_t index)
{
    const struct hg_sink_status *sink = &pipeline->sinks[index];
    const struct hg_index_item *newest = sink->newest, *oldest = sink->oldest;
    const int64_t now_ms = hg_now_ms();
    json_t *one = json_object();
    hg_json_set_string(one, "name", sink->config->name);
    hg_json_set_string(one, "plugin", sink->config->plugin);
    hg_json_set_bool(one, "required", sink->config->required);
    if (sink->ctx) {
        hg_json_set_string(one, "target", hg_instance_target(sink->ctx));
    }
    hg_json_set_int(one, "backups", sink->backups);
    hg_json_set_int(one, "safety_backups", sink->safety_backups);
    hg_json_set_int(one, "partial_backups", sink->partial_backups);
    hg_json_set_string(one, "newest", newest ? newest->id : NULL);
    hg_json_set_time(one, "newest_time", newest ? newest->time_ms : -1);
    hg_json_set(one, "age_ms", newest ? json_integer(now_ms - newest->time_ms) : json_null());
    hg_json_set(one, "lag_ms", status_lag(pipeline, index));
    status_add_record(h, pipeline->config->name, sink, one);
    hg_json_set(one, "verifications", status_verifications(sink));
    hg_json_set_time(one, "last_good_verification", status_time_or_none(sink->good_full_ms));
    hg_json_set(one, "newest_bytes",
                newest ? json_integer(newest->summary.stored_bytes) : json_null());
    hg_json_set(one, "usual_bytes", status_int_or_null(sink->usual_bytes));
    hg_json_set_int(one, "damaged", sink->damaged);
    hg_json_set_string(one, "future", sink->future ? sink->future->id : NULL);
    hg_json_set_string(one, "oldest", oldest ? oldest->id : NULL);
    hg_json_set_time(one, "oldest_time", oldest ? oldest->time_ms : -1);
    hg_json_set_bool(one, "reachable", sink->readable);
    hg_json_set_int(one, "stored_bytes", sink->stored_bytes);
    status_add_missing(h, pipeline, index, now_ms, one);
    hg_json_set(one, "after_prune", status_after_prune(h, pipeline->config, sink));
    hg_json_set(one, "free_bytes", status_int_or_null(sink->free_bytes));
    if (sink->error.rc != HANGAR_OK || sink->damage) {
        hg_json_set_string(one, "error",
                           sink->error.rc != HANGAR_OK ? sink->error.text : sink->damage->problem);
    }
    return one;
}

static json_t *status_names(const struct hangar *h, const size_t *indexes, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        hg_json_add(list, json_string(h->config->instances[indexes[i]].name));
    }
    return list;
}

/* "next_local": the time of the next run as a clock in the zone of the pipeline shows it. */
static void status_add_local_time(json_t *one, const char *zone_name, int64_t ms)
{
    struct hg_zone *zone = NULL;
    struct hg_wall wall;
    char text[64] = "";
    if (ms >= 0 && hg_zone_open(zone_name, &zone) == HANGAR_OK && hg_zone_wall(zone, ms, &wall)) {
        const int offset = wall.offset_minutes < 0 ? -wall.offset_minutes : wall.offset_minutes;
        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:00%c%02d:%02d", wall.year,
                 wall.month, wall.day, wall.hour, wall.minute, wall.offset_minutes < 0 ? '-' : '+',
                 offset / 60, offset % 60);
    }
    hg_zone_close(zone);
    hg_json_set_string(one, "next_local", text[0] ? text : NULL);
}

static json_t *status_pipeline_json(struct hangar *h, const struct hg_pipeline_status *pipeline)
{
    const struct hg_pipeline_config *pc = pipeline->config;
    json_t *one = json_object();
    hg_json_set_string(one, "name", pc->name);
    hg_json_set(one, "sources", status_names(h, pc->sources, pc->source_count));
    hg_json_set(one, "transforms", status_names(h, pc->transforms, pc->transform_count));
    hg_json_set_string(one, "schedule", pc->schedule);
    hg_json_set(one, "last_run", hg_history_json(&pipeline->last_run));
    json_t *running = pipeline->running.since_ms >= 0 ? json_object() : json_null();
    if (pipeline->running.since_ms >= 0) {
        hg_json_set_time(running, "since", pipeline->running.since_ms);
        hg_json_set_string(running, "job", hg_lock_job_name(pipeline->running.job));
    }
    hg_json_set(one, "running", running);
    hg_json_set(one, "last_drill", hg_verification_json(pipeline->last_drill));
    hg_json_set_time(one, "last_good_drill", status_time_or_none(pipeline->good_drill_ms));
    hg_json_set_int(one, "max_age_ms", hg_pipeline_max_age_ms(pc));
    const int64_t next_ms =
        pc->schedule ? hangar_next_time(pc->schedule, pc->timezone, hg_now_ms()) : -1;
    hg_json_set_time(one, "next", next_ms);
    hg_json_set_string(one, "timezone", pc->timezone);
    status_add_local_time(one, pc->timezone, next_ms);
    json_t *sinks = json_array();
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        hg_json_add(sinks, status_sink_json(h, pipeline, i));
    }
    hg_json_set(one, "sinks", sinks);
    return one;
}

/* The target is shown for sinks, which are open; opening a source may need secrets. */
static json_t *status_instance_json(struct hg_session *s, size_t i)
{
    struct hangar *h = s->h;
    const struct hg_instance_config *c = &h->config->instances[i];
    json_t *one = json_object();
    hg_json_set_string(one, "kind", hg_kind_name(c->kind));
    hg_json_set_string(one, "name", c->name);
    hg_json_set_string(one, "plugin", c->plugin);
    hg_json_set_string(one, "version", h->plugins.loaded[i]->d.version);
    struct hangar_ctx *ctx;
    bool is_open = c->kind == HG_SINK && hg_session_open(s, i, NULL, 0, &ctx, NULL) == HANGAR_OK;
    hg_json_set_string(one, "target", is_open ? hg_instance_target(ctx) : NULL);
    hg_json_set(one, "options", hg_doc_options(&h->plugins.options[i]));
    return one;
}

static void status_add_config(struct hangar *h, json_t *doc)
{
    json_t *limits = json_object();
    hg_json_set_string(doc, "config", h->config->path);
    hg_json_set_string(doc, "state_dir", hg_project_dir(&h->state));
    hg_json_set_string(doc, "origin", h->identity.origin);
    json_t *daemon = json_object();
    hg_json_set_bool(daemon, "running", hg_state_is_locked(&h->state, "daemon.lock"));
    hg_json_set(doc, "daemon", daemon);
    hg_json_set_int(limits, "memory_bytes", h->config->memory_bytes);
    hg_json_set_int(limits, "workers", (int64_t)hg_workers(h->config));
    hg_json_set_int(limits, "stall_timeout_ms", h->config->stall_timeout_ms);
    hg_json_set(doc, "limits", limits);
}

static void status_add_report(struct hg_status_report *report, struct hangar *h, json_t *doc)
{
    json_t *pipelines = json_array(), *instances = json_array();
    status_add_config(h, doc);
    for (size_t i = 0; i < report->count; i++) {
        hg_json_add(pipelines, status_pipeline_json(h, &report->pipelines[i]));
    }
    for (size_t i = 0; report->session_is_open && i < h->config->instance_count; i++) {
        hg_json_add(instances, status_instance_json(&report->session, i));
    }
    hg_json_set(doc, "pipelines", pipelines);
    hg_json_set(doc, "instances", instances);
}

enum hangar_status
hg_status_document(struct hangar *h,
                   void (*after)(struct hangar *h, const struct hg_status_report *), char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.status/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct hg_status_report report;
    enum hangar_rc rc = hg_status_read(&report, h, NULL, &err);
    status_add_report(&report, h, doc);
    hg_status_end_session(&report);
    if (rc == HANGAR_OK && after) {
        after(h, &report);
    }
    hg_status_close(&report);
    hg_json_set(doc, "counters", hg_counters_read(&h->state)); /* with those of `after` */
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}

enum hangar_status hangar_overview(struct hangar *h, char **json)
{
    return hg_status_document(h, NULL, json);
}
