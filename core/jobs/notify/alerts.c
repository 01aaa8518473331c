/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: see alerts.h.  Of several processes that judge at once, the lock of the memory lets one
 * notify; and a process whose status is older than the one judged last sends nothing, because
 * its alerts may have ended.
 */
#include "jobs/notify/alerts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "jobs/notify/alert_memory.h"
#include "jobs/notify/alert_rules.h"
#include "jobs/notify/notify.h"
#include "jobs/report/status.h"
#include "jobs/report/status_document.h"
#include "session/document.h"
#include "session/handle.h"
#include "state/file.h"
#include "state/project.h"
#include "state/state.h"

/* After the first scheduled time: as long as `max_age` waits after the schedule. */
#define FIRST_GRACE_MS INT64_C(3600000)

/* One judgement of a status report. */
struct hg_alert_judgement {
    struct hangar *h;
    int64_t read_ms; /* when the reading of the status began */
    bool notify;     /* false: a dry run */
    struct hg_alert_memory memory;
    json_t *list; /* of the document; NULL: not wanted */
};

/* ---- one alert ---- */

static bool alert_notify(struct hg_alert_judgement *j, const struct hg_pipeline_config *pipeline,
                         bool firing, const char *text, const json_t *detail)
{
    char summary[1024];
    snprintf(summary, sizeof(summary), "%s%s on %s: %s", firing ? "" : "resolved: ", pipeline->name,
             j->h->identity.host, text);
    return hg_notify(j->h, &(struct hg_event){.kind = firing ? "alert.firing" : "alert.resolved",
                                              .level = firing ? HANGAR_LOG_ERROR : HANGAR_LOG_INFO,
                                              .pipeline = pipeline,
                                              .summary = summary,
                                              .duration_ms = -1,
                                              .detail = detail});
}

static json_t *alert_document(const struct hg_pipeline_config *pipeline,
                              const struct hg_alert *alert, int64_t since_ms)
{
    json_t *one = json_object();
    hg_json_set_string(one, "pipeline", pipeline->name);
    hg_json_set_string(one, "name", alert->key);
    hg_json_set_string(one, "sink", alert->sink);
    hg_json_set_time(one, "since", since_ms);
    hg_json_set_string(one, "text", hg_str_text(&alert->text));
    return one;
}

/* An alert that holds: notifies when it begins, and again after repeat_ms. */
static enum hangar_rc alert_fire(struct hg_alert_judgement *j,
                                 const struct hg_pipeline_config *pipeline,
                                 const struct hg_alert *alert, bool notify, struct hg_error *err)
{
    const struct hg_firing_alert *known =
        hg_alert_memory_find(&j->memory, pipeline->name, alert->key);
    const char *text = hg_str_text(&alert->text);
    const int64_t now_ms = j->read_ms;
    struct hg_firing_alert next = {.pipeline = pipeline->name,
                                   .key = (char *)(uintptr_t)alert->key,
                                   .text = (char *)(uintptr_t)text,
                                   .since_ms = now_ms,
                                   .notified_ms = known ? known->notified_ms : -1};
    if (known && known->since_ms >= 0 && known->since_ms < now_ms) { /* else: clock set back */
        next.since_ms = known->since_ms;
    }
    json_t *document = alert_document(pipeline, alert, next.since_ms);
    bool due = next.notified_ms < 0 || next.notified_ms > now_ms ||
               now_ms - next.notified_ms >= j->h->config->alerts.repeat_ms;
    if (!known && notify) {
        hg_log_event(&j->h->log, HANGAR_LOG_WARN, "alert.firing", "pipeline %s: %s", pipeline->name,
                     text);
    }
    if (notify && due && alert_notify(j, pipeline, true, text, document)) {
        next.notified_ms = now_ms;
    }
    if (j->list) {
        hg_json_add(j->list, json_incref(document));
    }
    json_decref(document);
    return notify ? hg_alert_memory_put(&j->memory, &next, err) : HANGAR_OK;
}

static bool alert_holds(const struct hg_alerts *alerts, const char *key)
{
    for (size_t i = 0; i < alerts->count; i++) {
        if (strcmp(alerts->items[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* The alert is of a sink that another configuration of the project has: this one cannot judge
 * whether it still applies. */
static bool alert_is_of_another(const struct hangar *h, const struct hg_pipeline_config *pipeline,
                                const struct hg_firing_alert *known)
{
    bool mine = !known->sink;
    for (size_t i = 0; !mine && i < pipeline->sink_count; i++) {
        mine = strcmp(h->config->instances[pipeline->sinks[i]].name, known->sink) == 0;
    }
    return !mine && hg_project_has_pipeline(&h->state, pipeline->name);
}

/* Notifies of the end of a remembered alert; false when no notifier received it. */
static bool alert_resolve(struct hg_alert_judgement *j, const struct hg_pipeline_config *pipeline,
                          const struct hg_firing_alert *known)
{
    hg_log_event(&j->h->log, HANGAR_LOG_INFO, "alert.resolved", "pipeline %s: %s", pipeline->name,
                 known->text);
    if (known->notified_ms < 0) { /* no notifier received its beginning */
        return true;
    }
    json_t *detail = json_object();
    hg_json_set_time(detail, "since", known->since_ms);
    hg_json_set_time(detail, "told", known->notified_ms);
    hg_json_set_string(detail, "text", known->text);
    bool received = alert_notify(j, pipeline, false, known->text, detail);
    json_decref(detail);
    return received;
}

/* ---- one pipeline ---- */

static struct hg_alert_limits alert_limits(const struct hangar *h,
                                           const struct hg_pipeline_config *pipeline)
{
    const struct hg_alert_config *a = &h->config->alerts;
    return (struct hg_alert_limits){
        .max_age_ms = hg_pipeline_max_age_ms(pipeline),
        .max_duration_ms = pipeline->max_duration_ms,
        .max_drill_age_ms = pipeline->drill ? a->max_drill_age_ms : 0,
        .min_free_bytes = a->min_free_bytes,
        .size_change = a->size_change,
    };
}

/* When a pipeline that was seen first at this time must have its first backup. */
static int64_t alert_first_backup_by(const struct hg_pipeline_config *pipeline, int64_t first_ms)
{
    int64_t due = pipeline->schedule
                      ? hangar_next_time(pipeline->schedule, pipeline->timezone, first_ms)
                      : -1;
    return due < 0 ? first_ms + hg_pipeline_max_age_ms(pipeline)
                   : due + pipeline->jitter_ms + FIRST_GRACE_MS;
}

/* A sink without a backup does not raise an alert before the first one is due, nor while it is
 * made. */
static bool alert_is_too_early(const struct hg_alert_judgement *j,
                               const struct hg_pipeline_status *status,
                               const struct hg_alert *alert)
{
    const struct hg_pipeline_config *pipeline = status->config;
    if (!alert->none_yet || status->running.since_ms >= 0) {
        return alert->none_yet;
    }
    const int64_t first_ms =
        hg_alert_memory_first(&j->memory, pipeline->name, alert->sink, j->read_ms);
    return j->read_ms < alert_first_backup_by(pipeline, first_ms);
}

static enum hangar_rc alert_judge_pipeline(struct hg_alert_judgement *j,
                                           const struct hg_pipeline_status *status,
                                           struct hg_error *err)
{
    const struct hg_pipeline_config *pipeline = status->config;
    const struct hg_alert_limits limits = alert_limits(j->h, pipeline);
    bool notify =
        j->notify && !hg_alert_memory_is_newer(&j->memory, pipeline->name, j->read_ms, hg_now_ms());
    struct hg_alerts alerts;
    hg_alert_rules(status, &limits, j->read_ms, &alerts);
    enum hangar_rc rc = alerts.failed ? hg_no_memory(err) : HANGAR_OK;
    if (notify && rc == HANGAR_OK) {
        rc = hg_alert_memory_set_judged(&j->memory, pipeline->name, j->read_ms, err);
    }
    for (size_t i = 0; i < pipeline->sink_count && rc == HANGAR_OK; i++) {
        rc = hg_alert_memory_add_sink(&j->memory, pipeline->name,
                                      j->h->config->instances[pipeline->sinks[i]].name, j->read_ms,
                                      err);
    }
    for (size_t i = 0; i < alerts.count && rc == HANGAR_OK; i++) {
        const struct hg_alert *alert = &alerts.items[i];
        const bool quiet = alert->quiet || alert_is_too_early(j, status, alert);
        if (!quiet || hg_alert_memory_find(&j->memory, pipeline->name, alert->key)) {
            rc = alert_fire(j, pipeline, alert, notify, err);
        }
    }
    for (size_t i = j->memory.count; i-- > 0 && rc == HANGAR_OK && notify;) {
        const struct hg_firing_alert *known = &j->memory.items[i];
        if (strcmp(known->pipeline, pipeline->name) == 0 && !alert_holds(&alerts, known->key) &&
            !alert_is_of_another(j->h, pipeline, known) && alert_resolve(j, pipeline, known)) {
            hg_alert_memory_remove(&j->memory, i);
        }
    }
    hg_alerts_free(&alerts);
    return rc;
}

static bool alert_pipeline_exists(void *arg, const char *pipeline)
{
    const struct hangar *h = arg;
    for (size_t i = 0; i < h->config->pipeline_count; i++) {
        if (strcmp(h->config->pipelines[i].name, pipeline) == 0) {
            return true;
        }
    }
    return hg_project_has_pipeline(&h->state, pipeline);
}

/* ---- the report ---- */

/* Judges all pipelines of a report.  The lock of the memory is held while notifiers run: for
 * seconds, at most for some minutes. */
static enum hangar_rc alert_judge(struct hg_alert_judgement *j,
                                  const struct hg_status_report *report, struct hg_error *err)
{
    int lock;
    const struct hg_state *state = &j->h->state;
    enum hangar_rc rc = hg_state_lock_file(state, HG_ALERT_MEMORY_LOCK, true, &lock, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_alert_memory_load(&j->memory, state, err);
    if (rc == HANGAR_OK) {
        for (size_t i = 0; i < report->count && rc == HANGAR_OK; i++) {
            rc = alert_judge_pipeline(j, &report->pipelines[i], err);
        }
        hg_alert_memory_keep_pipelines(&j->memory, alert_pipeline_exists, j->h);
        /* an alert that no notifier received is new to the next judgement */
        enum hangar_rc saved = j->notify ? hg_alert_memory_save(&j->memory, state, err) : HANGAR_OK;
        rc = rc == HANGAR_OK ? saved : rc;
    }
    hg_alert_memory_free(&j->memory);
    close(lock);
    return rc;
}

static void alerts_of_report(struct hangar *h, const struct hg_status_report *report)
{
    struct hg_error err = {0};
    struct hg_alert_judgement j = {.h = h, .read_ms = report->read_ms, .notify = true};
    if (alert_judge(&j, report, &err) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot judge alerts: %s", err.text);
    }
}

void hg_alerts_after(struct hangar *h, struct hg_session *session,
                     const struct hg_pipeline_config *pipeline)
{
    bool has_notifiers = false;
    for (size_t i = 0; i < h->config->instance_count; i++) {
        has_notifiers = has_notifiers || h->config->instances[i].kind == HG_NOTIFIER;
    }
    if (!has_notifiers) {
        return;
    }
    struct hg_status_report report;
    struct hg_error err = {0};
    enum hangar_rc rc = session ? hg_status_read_in(&report, session, pipeline, &err)
                                : hg_status_read(&report, h, pipeline, &err);
    hg_status_end_session(&report);
    if (rc == HANGAR_OK) {
        alerts_of_report(h, &report);
    } else {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot judge alerts: %s", err.text);
    }
    hg_status_close(&report);
}

void hg_alerts_space(struct hg_session *session, const struct hg_pipeline_config *pipeline,
                     struct hg_str *out)
{
    struct hg_error unread = {0};
    struct hg_status_report report;
    struct hg_alerts alerts = {0};
    if (hg_status_read_in(&report, session, pipeline, &unread) == HANGAR_OK && report.count == 1) {
        hg_alert_rules(&report.pipelines[0], &(struct hg_alert_limits){0}, report.read_ms, &alerts);
    }
    for (size_t i = 0; i < alerts.count; i++) {
        if (alerts.items[i].kind == HG_ALERT_SPACE) {
            hg_str_addf(out, "%s\n", hg_str_text(&alerts.items[i].text));
        }
    }
    hg_alerts_free(&alerts);
    hg_status_close(&report);
}

enum hangar_status hangar_alerts(struct hangar *h, uint32_t flags, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.alerts/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct hg_status_report report;
    enum hangar_rc rc = hg_status_read(&report, h, NULL, &err);
    hg_status_end_session(&report);
    struct hg_alert_judgement j = {.h = h,
                                   .read_ms = report.read_ms,
                                   .notify = !(flags & HANGAR_REQUEST_DRY_RUN),
                                   .list = json_array()};
    if (rc == HANGAR_OK) {
        rc = alert_judge(&j, &report, &err);
    }
    hg_status_close(&report);
    hg_json_set(doc, "alerts", j.list);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}

enum hangar_status hangar_watch(struct hangar *h, char **json)
{
    return hg_status_document(h, alerts_of_report, json);
}
