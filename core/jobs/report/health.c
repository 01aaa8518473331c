/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * health: whether the newest good backup in each sink is younger than max_age.  It reads the sinks,
 * not what this machine remembers.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "inventory/goodness.h"
#include "inventory/origin.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"

/* One call of hangar_health. */
struct hg_health_check {
    struct hangar *h;
    struct hg_session s;
    const struct hg_pipeline_config *pipeline;
    int64_t max_age_ms, now_ms;
    enum hangar_status worst; /* of all pipelines so far */
    struct hg_error error;    /* its reason */
};

/* The higher, the more urgent. */
static int health_urgency(enum hangar_status status)
{
    static const enum hangar_status order[] = {HANGAR_STATUS_DONE, HANGAR_STATUS_DEGRADED,
                                               HANGAR_STATUS_STALE};
    for (int i = 0; i < 3; i++) {
        if (status == order[i]) {
            return i;
        }
    }
    return 3;
}

static enum hangar_status health_judge(const struct hg_health_check *l,
                                       const struct hg_instance_config *sink,
                                       const struct hg_newest_backup *newest, enum hangar_rc rc,
                                       struct hg_error *err)
{
    const struct hg_manifest *m = &newest->manifest;
    char age[HG_UNITS_SIZE], limit[HG_UNITS_SIZE];
    if (rc != HANGAR_OK) {
        return rc == HANGAR_NOT_FOUND ? HANGAR_STATUS_FAILED : hg_status(rc);
    }
    if (l->max_age_ms == 0) {
        return HANGAR_STATUS_DONE;
    }
    hg_format_duration(l->max_age_ms, limit);
    if (!m->id) {
        hg_fail(err, HANGAR_NOT_FOUND, 0, "pipeline %s has no good backup in sink %s%s%s%s%s",
                l->pipeline->name, sink->name, newest->damage.text[0] ? ": " : "",
                newest->damage.text, newest->future[0] ? "; from the future: " : "",
                newest->future);
        return HANGAR_STATUS_STALE;
    }
    if (l->now_ms - m->finished_ms > l->max_age_ms) {
        hg_format_duration(l->now_ms - m->finished_ms, age);
        hg_fail(err, HANGAR_NOT_FOUND, 0,
                "newest good backup of pipeline %s in sink %s is %s old (limit %s)",
                l->pipeline->name, sink->name, age, limit);
        return HANGAR_STATUS_STALE;
    }
    return HANGAR_STATUS_DONE;
}

static json_t *health_of_sink(struct hg_health_check *l, size_t index, enum hangar_status *status)
{
    const struct hg_instance_config *sink = &l->h->config->instances[index];
    struct hg_newest_backup newest = {0};
    struct hg_error err = {0};
    struct hangar_ctx *ctx;
    const struct hg_manifest *m = &newest.manifest;
    /* no index: a monitor that asks each minute must not list every object of every backup */
    enum hangar_rc rc = hg_session_open(&l->s, index, NULL, 0, &ctx, &err);
    if (rc == HANGAR_OK) {
        const struct hg_newest_request request = {.pipeline = l->pipeline->name};
        rc = hg_newest_find(l->h, ctx, &request, &newest, &err);
    }
    if (rc == HANGAR_OK && newest.lost) { /* the next backup is refused */
        rc = hg_origin_fail_lost(l->h, ctx, l->pipeline->name, &err);
    }
    enum hangar_status found = health_judge(l, sink, &newest, rc, &err);
    json_t *one = json_object();
    hg_json_set_string(one, "name", sink->name);
    hg_json_set_bool(one, "required", sink->required);
    hg_json_set_string(one, "status", hangar_status_name(found));
    hg_json_set_string(one, "newest", m->id);
    hg_json_set_time(one, "newest_time", m->id ? m->finished_ms : -1);
    hg_json_set(one, "age_ms", m->id ? json_integer(l->now_ms - m->finished_ms) : json_null());
    hg_json_set_string(one, "future", newest.future[0] ? newest.future : NULL);
    hg_json_set_string(one, "damage", newest.damage.text[0] ? newest.damage.text : NULL);
    if (err.text[0]) {
        hg_json_set_string(one, "error", err.text);
    }
    hg_manifest_free(&newest.manifest);
    hg_manifest_free(&newest.bad_manifest);
    if (found != HANGAR_STATUS_DONE && !sink->required) {
        found = HANGAR_STATUS_DEGRADED;
    }
    if (health_urgency(found) > health_urgency(*status)) {
        *status = found;
    }
    if (health_urgency(found) > health_urgency(l->worst)) {
        l->worst = found;
        l->error = err;
    }
    return one;
}

static json_t *health_of_pipeline(struct hg_health_check *l)
{
    enum hangar_status status = HANGAR_STATUS_DONE;
    json_t *one = json_object(), *sinks = json_array();
    hg_json_set_string(one, "name", l->pipeline->name);
    for (size_t i = 0; i < l->pipeline->sink_count; i++) {
        hg_json_add(sinks, health_of_sink(l, l->pipeline->sinks[i], &status));
    }
    hg_json_set_string(one, "status", hangar_status_name(status));
    hg_json_set_int(one, "max_age_ms", l->max_age_ms);
    hg_json_set(one, "sinks", sinks);
    return one;
}

enum hangar_status hangar_health(struct hangar *h, const char *pipeline, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.health/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_health_check l = {.h = h, .now_ms = hg_now_ms(), .worst = HANGAR_STATUS_DONE};
    json_t *pipelines = json_array();
    struct hg_error err = {0};
    enum hangar_rc rc = hg_check_names(h->config, pipeline, NULL, &err);
    if (rc == HANGAR_OK) {
        rc = hg_session_begin(&l.s, h, 0, NULL, NULL, &err);
    }
    if (rc == HANGAR_OK) {
        for (size_t i = 0; i < h->config->pipeline_count; i++) {
            l.pipeline = &h->config->pipelines[i];
            l.max_age_ms = hg_pipeline_max_age_ms(l.pipeline);
            if (!pipeline || strcmp(pipeline, l.pipeline->name) == 0) {
                hg_json_add(pipelines, health_of_pipeline(&l));
            }
        }
        rc = hg_job_result(&l.s.job, &err);
        hg_session_end(&l.s);
    }
    if (rc == HANGAR_OK) {
        err = l.error;
    }
    hg_json_set(doc, "pipelines", pipelines);
    return hg_doc_end(h, doc, rc == HANGAR_OK ? l.worst : hg_status(rc), &err, json);
}
