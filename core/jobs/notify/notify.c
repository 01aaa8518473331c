/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify: see notify.h.  Notifiers run in a session of their own: one that hangs ends like any
 * stalled instance, after the job that it reports.
 */
#include "jobs/notify/notify.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "config/config.h"
#include "config/events.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/counters.h"

enum { TRIES = 3, PAUSE_MS = 1000, STALL_MS = 30000 };

/* What a notifier without `events` receives: what needs attention, and its end. */
static const char *const default_events[] = {"alert.*", "restore.failed", NULL};

static bool notifier_is_subscribed(const struct hg_instance_config *notifier, const char *kind)
{
    const char *const *patterns =
        notifier->events ? (const char *const *)notifier->events : default_events;
    for (; *patterns; patterns++) {
        if (hg_event_matches(*patterns, kind)) {
            return true;
        }
    }
    return false;
}

/* An event on its way to one notifier. */
struct hg_delivery {
    struct hangar *h;
    struct hg_job *job;
    const struct hg_instance_config *config;
    struct hangar_ctx *ctx; /* NULL: it could not be opened */
    const struct hangar_event *event;
    enum hangar_rc rc;
    struct hg_error err;
    unsigned tries;
};

static void notify_deliver(void *arg, size_t i)
{
    struct hg_delivery *t = (struct hg_delivery *)arg + i;
    while (t->ctx) {
        t->tries++;
        hg_error_clear(&t->err);
        t->rc = HG_CALL(t->ctx, &t->err, t->ctx->plugin->notifier.notify(t->ctx->inst, t->event));
        bool again = t->rc == HANGAR_RETRY || t->rc == HANGAR_IO;
        if (!again || t->tries == TRIES ||
            hg_job_sleep(t->job, PAUSE_MS * (int64_t)t->tries, NULL) != HANGAR_OK) {
            return;
        }
    }
}

static void report_delivery(struct hg_delivery *t, const char *kind)
{
    struct hg_log *log = &t->h->log;
    const char *name = t->config->name;
    hg_counters_add(&t->h->state, "notify", name, t->rc == HANGAR_OK ? "sent" : "failed", 1);
    if (t->rc == HANGAR_OK) {
        hg_log_event(log, HANGAR_LOG_INFO, "notify.sent", "%s to %s", kind, name);
    } else {
        hg_log_event(log, HANGAR_LOG_WARN, "notify.failed", "%s to %s, %u of %d tries: %s", kind,
                     name, t->tries, TRIES, t->err.text);
    }
}

static json_t *event_document(const struct hangar *h, const struct hg_event *e, int64_t now)
{
    json_t *doc = json_object();
    hg_json_set_string(doc, "schema", "hangar.event/1");
    hg_json_set_string(doc, "event", e->kind);
    hg_json_set_time(doc, "time", now);
    hg_json_set_string(doc, "host", h->identity.host);
    hg_json_set_string(doc, "pipeline", e->pipeline ? e->pipeline->name : NULL);
    hg_json_set_string(doc, "run", e->run);
    hg_json_set_string(doc, "id", e->backup);
    hg_json_set_string(doc, "summary", e->summary);
    hg_json_set_string(doc, "error", e->error);
    if (e->duration_ms >= 0) {
        hg_json_set_int(doc, "duration_ms", e->duration_ms);
    }
    if (e->detail) {
        hg_json_set(doc, "detail", json_deep_copy(e->detail));
    }
    return doc;
}

/* Sends the event to these notifiers, which are indexes of instances; fills `deliveries`. */
static enum hangar_rc deliver_all(struct hangar *h, const struct hg_event *e,
                                  const size_t *receivers, size_t count,
                                  struct hg_delivery *deliveries, struct hg_error *err)
{
    int64_t now = hg_now_ms();
    json_t *doc = event_document(h, e, now);
    char *json = hg_json_text(doc);
    json_decref(doc);
    if (!json) {
        return hg_no_memory(err);
    }
    const struct hangar_event event = {
        .struct_size = sizeof(event),
        .level = e->level,
        .kind = e->kind,
        .pipeline = e->pipeline ? e->pipeline->name : NULL,
        .run_id = e->run,
        .backup_id = e->backup,
        .summary = e->summary,
        .json = json,
        .time_ms = now,
        .duration_ms = e->duration_ms,
    };
    struct hg_session s;
    enum hangar_rc rc = hg_session_begin_apart(&s, h, STALL_MS, err);
    if (rc == HANGAR_OK) {
        for (size_t i = 0; i < count; i++) {
            struct hg_delivery *t = &deliveries[i];
            *t = (struct hg_delivery){.h = h, .job = &s.job, .event = &event};
            t->config = &h->config->instances[receivers[i]];
            t->rc = hg_session_open(&s, receivers[i], NULL, 0, &t->ctx, &t->err);
        }
        if (!hg_thread_run_all(count, notify_deliver, deliveries)) {
            rc = hg_fail(err, HANGAR_NO_MEMORY, 0, "cannot start a thread for each notifier");
        }
        hg_session_end(&s);
    }
    free(json);
    return rc;
}

bool hg_notify(struct hangar *h, const struct hg_event *event)
{
    const struct hg_pipeline_config *p = event->pipeline;
    size_t receivers[HG_SESSION_MAX], count = 0;
    assert(hg_event_pattern_is_useful(event->kind)); /* else no pattern could select it */
    for (size_t i = 0; i < h->config->instance_count && count < HG_SESSION_MAX; i++) {
        const struct hg_instance_config *c = &h->config->instances[i];
        bool meant = c->kind == HG_NOTIFIER && (!p || !p->notifiers_given);
        for (size_t k = 0; p && k < p->notifier_count; k++) {
            meant = meant || p->notifiers[k] == i;
        }
        if (meant && notifier_is_subscribed(c, event->kind)) {
            receivers[count++] = i;
        }
    }
    if (count == 0) {
        return true;
    }
    bool received = false;
    struct hg_delivery *deliveries = calloc(count, sizeof(*deliveries));
    struct hg_error err = {0};
    enum hangar_rc rc =
        deliveries ? deliver_all(h, event, receivers, count, deliveries, &err) : hg_no_memory(&err);
    for (size_t i = 0; rc == HANGAR_OK && i < count; i++) {
        report_delivery(&deliveries[i], event->kind);
        received = received || deliveries[i].rc == HANGAR_OK;
    }
    if (rc != HANGAR_OK) {
        hg_log_event(&h->log, HANGAR_LOG_WARN, "notify.failed",
                     "%s: cannot send it to any notifier: %s", event->kind, err.text);
    }
    free(deliveries);
    return received;
}

/* How an end is named in events, how in the summary, and its level. */
struct end_kind {
    const char *name, *word;
    enum hangar_log_level level;
};

static struct end_kind end_kind_of(const struct hg_job_end *end)
{
    switch (end->status) {
    case HANGAR_STATUS_DONE:
        return (struct end_kind){"done", "done", HANGAR_LOG_INFO};
    case HANGAR_STATUS_DEGRADED:
        return (struct end_kind){"degraded", "degraded", HANGAR_LOG_WARN};
    case HANGAR_STATUS_INTERRUPTED:
        return (struct end_kind){"interrupted", "interrupted", HANGAR_LOG_WARN};
    default:
        return end->retry_ms > 0
                   ? (struct end_kind){"retry", "failed, and is tried again", HANGAR_LOG_WARN}
                   : (struct end_kind){"failed", "FAILED", HANGAR_LOG_ERROR};
    }
}

void hg_notify_end(struct hangar *h, const struct hg_job_end *end)
{
    const struct end_kind end_kind = end_kind_of(end);
    char kind[32], summary[512];
    hg_json_set_string(end->document, "status", hangar_status_name(end->status));
    snprintf(kind, sizeof(kind), "%s.%s", end->job, end_kind.name);
    /* a verification of several pipelines, or of a backup that was not found, has none */
    snprintf(summary, sizeof(summary), "%s%s%s %s%s%s on %s", end->job, end->pipeline ? " of " : "",
             end->pipeline ? end->pipeline->name : "", end_kind.word, end->backup ? ": " : "",
             end->backup ? end->backup : "", h->identity.host);
    hg_notify(h, &(struct hg_event){
                     .kind = kind,
                     .level = end_kind.level,
                     .pipeline = end->pipeline,
                     .run = end->run,
                     .backup = end->backup,
                     .summary = summary,
                     .error = end->status == HANGAR_STATUS_DONE || !end->error->text[0]
                                  ? NULL
                                  : end->error->text,
                     .duration_ms = end->duration_ms,
                     .detail = end->document,
                 });
}

static enum hangar_rc find_notifiers(const struct hangar *h, const char *name, size_t *receivers,
                                     size_t *count, struct hg_error *err)
{
    *count = 0;
    for (size_t i = 0; i < h->config->instance_count && *count < HG_SESSION_MAX; i++) {
        const struct hg_instance_config *c = &h->config->instances[i];
        if (c->kind == HG_NOTIFIER && (!name || strcmp(name, c->name) == 0)) {
            receivers[(*count)++] = i;
        }
    }
    if (*count > 0) {
        return HANGAR_OK;
    }
    if (name) {
        return hg_fail(err, HANGAR_NOT_FOUND, 0, "there is no notifier %s in %s", name,
                       h->config->path);
    }
    return hg_fail(err, HANGAR_NOT_FOUND, 0,
                   "%s has no notifier; hint: define one under \"notifiers\"", h->config->path);
}

enum hangar_status hangar_notify(struct hangar *h, const char *notifier, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.notify/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    size_t receivers[HG_SESSION_MAX], count;
    char summary[256];
    snprintf(summary, sizeof(summary), "a test message of hangar on %s; no action is needed",
             h->identity.host);
    const struct hg_event event = {
        .kind = "test", .level = HANGAR_LOG_INFO, .summary = summary, .duration_ms = -1};
    json_t *list = json_array();
    struct hg_error err = {0};
    enum hangar_rc rc = find_notifiers(h, notifier, receivers, &count, &err);
    struct hg_delivery *deliveries = rc == HANGAR_OK ? calloc(count, sizeof(*deliveries)) : NULL;
    if (rc == HANGAR_OK) {
        rc = deliveries ? deliver_all(h, &event, receivers, count, deliveries, &err)
                        : hg_no_memory(&err);
    }
    for (size_t i = 0; rc == HANGAR_OK && i < count; i++) {
        report_delivery(&deliveries[i], event.kind);
    }
    enum hangar_status status = hg_status(rc);
    for (size_t i = 0; rc == HANGAR_OK && i < count; i++) {
        struct hg_delivery *t = &deliveries[i];
        json_t *one = json_object();
        hg_json_set_string(one, "name", t->config->name);
        hg_json_set_string(one, "plugin", t->config->plugin);
        hg_json_set_string(one, "status", hangar_status_name(hg_status(t->rc)));
        if (t->rc != HANGAR_OK) {
            hg_json_set_string(one, "error", t->err.text);
            err = err.rc == HANGAR_OK ? t->err : err;
            status = hg_status(err.rc);
        }
        hg_json_add(list, one);
    }
    hg_json_set(doc, "notifiers", list);
    free(deliveries);
    return hg_doc_end(h, doc, status, &err, json);
}
