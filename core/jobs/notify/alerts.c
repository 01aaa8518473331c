/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: finds out what is wrong (alert_rules.c), remembers since when, and tells the
 * notifiers when that changes, and again while it lasts.
 *
 * alerts.json in the state folder maps "PIPELINE KEY" to { since, told, text }, and
 * "PIPELINE" to { looked }.  It is read and written under a lock, so that of several
 * processes one tells; one that has looked before another, and comes after it, tells
 * nothing: what it saw is over.
 */
#include "jobs/notify/alerts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/units.h"
#include "config/config.h"
#include "jobs/notify/alert_rules.h"
#include "jobs/notify/notify.h"
#include "jobs/report/status.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "state/file.h"

#define MEMORY "alerts.json"

/* One look at everything. */
struct looking {
    struct hangar *h;
    int64_t now_ms; /* when it began to look */
    bool tell;
    json_t *memory; /* alerts.json */
    json_t *list;   /* of the document */
};

/* ---- telling ---- */

static bool tell(struct looking *l, const struct hg_pipeline_config *p, const char *kind,
                 const char *text, const json_t *alert)
{
    char summary[1024];
    bool firing = strcmp(kind, "alert.firing") == 0;
    snprintf(summary, sizeof(summary), "%s%s on %s: %s", firing ? "" : "over: ", p->name,
             l->h->identity.host, text);
    return hg_notify(l->h, &(struct hg_event){.kind = kind,
                                              .level = firing ? HANGAR_LOG_ERROR : HANGAR_LOG_INFO,
                                              .pipeline = p,
                                              .summary = summary,
                                              .duration_ms = -1,
                                              .detail = alert});
}

/* An alert that holds. */
static void fire(struct looking *l, const struct hg_pipeline_config *p,
                 const struct hg_alert *alert, const char *key)
{
    const char *text = hg_str_text(&alert->text);
    json_t *known = json_object_get(l->memory, key);
    int64_t since = l->now_ms, told = -1;
    hg_time_parse(hg_json_string(known, "since", ""), &since);
    hg_time_parse(hg_json_string(known, "told", ""), &told);
    since = since > l->now_ms ? l->now_ms : since; /* the clock was put back */
    json_t *one = json_object();
    hg_json_set_string(one, "pipeline", p->name);
    hg_json_set_string(one, "name", alert->key);
    hg_json_set_string(one, "sink", alert->sink);
    hg_json_set_time(one, "since", since);
    hg_json_set_string(one, "text", text);
    bool due = told < 0 || told > l->now_ms || l->now_ms - told >= l->h->config->alerts.repeat_ms;
    if (!known && l->tell) {
        hg_log_event(&l->h->log, HANGAR_LOG_WARN, "alert.firing", "pipeline %s: %s", p->name, text);
    }
    if (l->tell && due && tell(l, p, "alert.firing", text, one)) {
        told = l->now_ms;
    }
    json_t *remembered = json_object();
    hg_json_set_time(remembered, "since", since);
    hg_json_set_time(remembered, "told", told);
    hg_json_set_string(remembered, "text", text);
    if (l->tell) {
        hg_json_set(l->memory, key, remembered);
    } else {
        json_decref(remembered);
    }
    hg_json_add(l->list, one);
}

/* What was remembered of the pipeline and holds no more. */
static void resolve(struct looking *l, const struct hg_pipeline_config *p, const json_t *holding)
{
    const char *key;
    json_t *known;
    void *next;
    json_object_foreach_safe(l->memory, next, key, known)
    {
        size_t n = strlen(p->name);
        if (strncmp(key, p->name, n) != 0 || key[n] != ' ' || json_object_get(holding, key)) {
            continue;
        }
        const char *text = hg_json_string(known, "text", key);
        if (!l->tell) {
            continue;
        }
        hg_log_event(&l->h->log, HANGAR_LOG_INFO, "alert.resolved", "pipeline %s: %s", p->name,
                     text);
        /* nobody is told the end of what nobody was told of */
        bool was_told = json_is_string(json_object_get(known, "told"));
        if (!was_told || tell(l, p, "alert.resolved", text, known)) {
            json_object_del(l->memory, key);
        }
    }
}

static struct hg_alert_limits limits_of(const struct hangar *h, const struct hg_pipeline_config *p)
{
    const struct hg_alert_config *a = &h->config->alerts;
    return (struct hg_alert_limits){
        .max_age_ms = hg_pipeline_max_age_ms(p),
        .max_duration_ms = p->max_duration_ms,
        .max_drill_age_ms = p->drill ? a->max_drill_age_ms : 0,
        .min_free_bytes = a->min_free_bytes,
        .size_change = a->size_change,
    };
}

static enum hangar_rc look_at(struct looking *l, const json_t *status, struct hg_error *err)
{
    const struct hg_pipeline_config *p = NULL;
    size_t index;
    enum hangar_rc rc =
        hg_find_pipeline(l->h->config, hg_json_string(status, "name", ""), &index, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    p = &l->h->config->pipelines[index];
    struct hg_alert_limits limits = limits_of(l->h, p);
    struct hg_alerts alerts;
    json_t *holding = json_object();
    bool tell = l->tell;
    l->tell = tell && !hg_alert_outdated(l->memory, p->name, l->now_ms, hg_now_ms());
    hg_alert_rules(status, &limits, l->now_ms, &alerts);
    for (size_t i = 0; i < alerts.count; i++) {
        char *key = hg_format("%s %s", p->name, alerts.items[i].key);
        if (!key) {
            alerts.failed = true;
            break;
        }
        hg_json_set_bool(holding, key, true);
        fire(l, p, &alerts.items[i], key);
        free(key);
    }
    if (!alerts.failed) {
        resolve(l, p, holding);
    }
    if (l->tell) {
        json_t *looked = json_object();
        hg_json_set_time(looked, "looked", l->now_ms);
        hg_json_set(l->memory, p->name, looked);
    }
    l->tell = tell;
    rc = alerts.failed ? hg_no_memory(err) : HANGAR_OK;
    hg_alerts_free(&alerts);
    json_decref(holding);
    return rc;
}

/* Forgets pipelines that the configuration does not have any more. */
static void forget(struct looking *l)
{
    const char *key;
    json_t *known;
    void *next;
    json_object_foreach_safe(l->memory, next, key, known)
    {
        bool there = false;
        for (size_t i = 0; i < l->h->config->pipeline_count; i++) {
            const char *name = l->h->config->pipelines[i].name;
            size_t n = strlen(name);
            there = there || (strncmp(key, name, n) == 0 && (key[n] == ' ' || key[n] == '\0'));
        }
        if (!there) {
            json_object_del(l->memory, key);
        }
    }
}

/* What is wrong with these pipelines of a status.  The lock is held while somebody is
 * told: seconds, at most some minutes. */
static enum hangar_rc judge(struct looking *l, const json_t *pipelines, struct hg_error *err)
{
    const json_t *one;
    size_t i;
    int lock;
    if (hg_state_lock_file(&l->h->state, "alerts.lock", true, &lock, err) != HANGAR_OK) {
        return err->rc;
    }
    if (hg_state_load(&l->h->state, MEMORY, &l->memory, err) == HANGAR_OK) {
        json_array_foreach (pipelines, i, one) {
            if (look_at(l, one, err) != HANGAR_OK) {
                break;
            }
        }
        forget(l);
        if (l->tell) { /* what nobody was told of is still new to the next who looks */
            hg_state_save(&l->h->state, MEMORY, l->memory, err);
        }
        json_decref(l->memory);
    }
    close(lock);
    return err->rc;
}

void hg_alerts_tell(struct hangar *h, int64_t looked_ms, const json_t *pipelines)
{
    struct hg_error err = {0};
    struct looking l = {.h = h, .now_ms = looked_ms, .tell = true, .list = json_array()};
    if (judge(&l, pipelines, &err) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot look for alerts: %s", err.text);
    }
    json_decref(l.list);
}

void hg_alerts_after(struct hangar *h, const struct hg_pipeline_config *pipeline)
{
    struct hg_error err = {0};
    bool somebody = false;
    for (size_t i = 0; i < h->config->instance_count; i++) {
        somebody = somebody || h->config->instances[i].kind == HG_NOTIFIER;
    }
    if (!somebody) {
        return;
    }
    json_t *pipelines = json_array();
    int64_t now = hg_now_ms();
    if (hg_overview(h, pipeline, pipelines, NULL, &err) == HANGAR_OK) {
        hg_alerts_tell(h, now, pipelines);
    } else {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot look for alerts: %s", err.text);
    }
    json_decref(pipelines);
}

enum hangar_status hangar_alerts(struct hangar *h, uint32_t flags, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.alerts/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct looking l = {.h = h,
                        .now_ms = hg_now_ms(),
                        .tell = !(flags & HANGAR_REQUEST_DRY_RUN),
                        .list = json_array()};
    json_t *pipelines = json_array();
    enum hangar_rc rc = hg_overview(h, NULL, pipelines, NULL, &err);
    rc = rc == HANGAR_OK ? judge(&l, pipelines, &err) : rc;
    json_decref(pipelines);
    hg_json_set(doc, "alerts", l.list);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
