/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overview: status, per pipeline and sink: what there is, how old, what is missing,
 * and what the next prune would leave.
 */
#include "jobs/report/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/retention.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/verification_record.h"
#include "jobs/notify/alerts.h"
#include "jobs/prune/prune.h"
#include "pipeline/engine.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/counters.h"
#include "state/history.h"
#include "state/pipeline_lock.h"

#define LACKS_MAX 20

/* The usual size of a backup is that of up to ten before, and at least three. */
enum { USUAL_OF = 10, USUAL_FROM = 3 };

/* What one sink of a pipeline holds. */
struct view {
    const struct hg_instance_config *config;
    struct hangar_ctx *ctx; /* NULL: it could not be opened */
    struct hg_index index;
    struct hg_error error; /* why it could not be looked at, or the first problem */
    const struct hg_index_item *newest, *oldest; /* whole ones of ours; no safety backups */
    int64_t stored, whole, safety;
    bool known; /* the index could be read */
};

static void look(struct hg_session *s, const struct hg_pipeline_config *pc, size_t sink,
                 struct view *v)
{
    v->config = &s->h->config->instances[sink];
    enum hangar_rc rc = hg_session_open(s, sink, NULL, 0, &v->ctx, &v->error);
    if (rc != HANGAR_OK) {
        v->ctx = NULL;
        return;
    }
    if (hg_index_read(s->h, v->ctx, pc->name, 0, &v->index, &v->error) != HANGAR_OK) {
        hg_index_free(&v->index);
        return;
    }
    v->known = true;
    for (size_t i = 0; i < v->index.count; i++) {
        const struct hg_index_item *item = &v->index.items[i];
        if (item->rc == HANGAR_CORRUPT || item->rc == HANGAR_UNSUPPORTED) {
            hg_fail(&v->error, item->rc, 0, "%s", item->problem);
        }
        if (item->rc != HANGAR_OK) {
            continue;
        }
        v->stored += item->summary.stored_bytes;
        if (item->summary.safety) {
            v->safety++;
            continue; /* says nothing of how old the backups are */
        }
        v->oldest = v->oldest ? v->oldest : item;
        v->newest = item;
        v->whole++;
    }
}

/* What the next prune of the sink would leave; null where nobody can tell, or where
 * all stays for ever. */
static json_t *after_prune(struct hangar *h, const struct hg_pipeline_config *pc,
                           const struct view *v)
{
    struct hg_pruning p = {
        .h = h, .sink = v->ctx, .pipeline = pc, .config = v->config, .index = &v->index};
    struct hg_error err = {0};
    json_t *one = json_null();
    if (v->config->retention.given && hg_prune_plan(&p, &err) == HANGAR_OK) {
        one = json_object();
        hg_json_set_int(one, "kept", (int64_t)p.kept);
        hg_json_set_int(one, "removed", (int64_t)(p.count - p.kept));
        hg_json_set_string(one, "oldest", p.oldest ? p.oldest->id : NULL);
        hg_json_set_time(one, "oldest_time", p.oldest ? p.oldest->time_ms : -1);
        hg_json_set_string(one, "refused", p.clock_wrong ? p.clock.text : NULL);
    }
    hg_prune_fini(&p);
    return one;
}

static int smaller_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median of what those before the newest take; null when they are too few. */
static json_t *usual_bytes(const struct view *v)
{
    int64_t bytes[USUAL_OF];
    size_t count = 0;
    for (size_t i = v->index.count; i-- > 0 && count < USUAL_OF;) {
        const struct hg_index_item *item = &v->index.items[i];
        if (item->rc == HANGAR_OK && !item->summary.safety && item != v->newest) {
            bytes[count++] = item->summary.stored_bytes;
        }
    }
    if (count < USUAL_FROM) {
        return json_null();
    }
    qsort(bytes, count, sizeof(bytes[0]), smaller_first);
    return json_integer(bytes[count / 2]);
}

/* ---- what others have ---- */

/* Adds what this sink holds, and what the others hold besides and it could; what is
 * added for that has no place in its index.  The number of all. */
static size_t gather(const struct hangar *h, const struct view *views, size_t count, size_t mine,
                     struct hg_retained *all)
{
    const struct hg_index *index = &views[mine].index;
    size_t n = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (index->items[i].rc == HANGAR_OK) {
            all[n++] = hg_prune_judge(h, &index->items[i]);
        }
    }
    for (size_t v = 0; v < count; v++) {
        for (size_t i = 0; v != mine && i < views[v].index.count; i++) {
            const struct hg_index_item *item = &views[v].index.items[i];
            const struct hg_index_item *here = hg_index_find(index, item->id);
            bool told = false; /* by a sink before */
            for (size_t k = 0; k < v && !told; k++) {
                const struct hg_index_item *other =
                    k != mine ? hg_index_find(&views[k].index, item->id) : NULL;
                told = other && other->rc == HANGAR_OK;
            }
            if (item->rc == HANGAR_OK && !item->summary.safety && !told &&
                (!here || here->rc != HANGAR_OK)) {
                all[n++] = hg_prune_judge(h, item);
            }
        }
    }
    return n;
}

/* The backups that another sink has and this one lacks, though its own retention would
 * keep them: their number, and the newest of them.  Null where nobody can tell. */
static void add_lacks(const struct hangar *h, const struct view *views, size_t count, size_t mine,
                      int64_t now_ms, json_t *one)
{
    const struct view *v = &views[mine];
    json_t *list = json_array();
    int64_t lacks = 0;
    if (!v->known) {
        hg_json_set(one, "lacks", json_null());
        hg_json_set(one, "lacking", list);
        return;
    }
    size_t most = 1;
    for (size_t i = 0; i < count; i++) {
        most += views[i].index.count;
    }
    struct hg_retained *all = calloc(most, sizeof(*all));
    size_t n = all ? gather(h, views, count, mine, all) : 0;
    struct hg_error unused = {0};
    hg_prune_apply(v->config, now_ms, all, n, &unused); /* in doubt all are kept */
    for (size_t i = 0; i < n; i++) {
        const struct hg_index_item *here = hg_index_find(&v->index, all[i].id);
        if (all[i].keep && all[i].good && (!here || here->rc != HANGAR_OK)) {
            lacks++;
            if (lacks <= LACKS_MAX) {
                hg_json_add(list, json_string(all[i].id));
            }
        }
    }
    free(all);
    hg_json_set_int(one, "lacks", lacks);
    hg_json_set(one, "lacking", list);
}

/* How much older its newest backup is than the newest of all sinks; null: it has none. */
static json_t *lag(const struct view *views, size_t count, size_t mine)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        const struct hg_index_item *item = views[i].newest;
        newest = item && item->time_ms > newest ? item->time_ms : newest;
    }
    return views[mine].newest ? json_integer(newest - views[mine].newest->time_ms) : json_null();
}

/* ---- telling ---- */

static json_t *sink_overview(struct hangar *h, const struct hg_pipeline_config *pc,
                             struct view *views, size_t mine)
{
    struct view *v = &views[mine];
    int64_t now_ms = hg_now_ms();
    json_t *one = json_object();
    struct hangar_space space = {.struct_size = sizeof(space), .free_bytes = UINT64_MAX};
    hg_json_set_string(one, "name", v->config->name);
    hg_json_set_string(one, "plugin", v->config->plugin);
    hg_json_set_bool(one, "required", v->config->required);
    if (v->ctx) {
        hg_json_set_string(one, "target", hg_instance_target(v->ctx));
    }
    if (v->error.rc == HANGAR_OK && v->ctx->plugin->sink.space) {
        HG_CALL(v->ctx, &v->error, v->ctx->plugin->sink.space(v->ctx->inst, &space));
    }
    const char *newest = v->newest ? v->newest->id : NULL;
    hg_json_set_int(one, "backups", v->whole);
    hg_json_set_int(one, "safety_backups", v->safety);
    hg_json_set_string(one, "newest", newest);
    hg_json_set_time(one, "newest_time", newest ? v->newest->time_ms : -1);
    hg_json_set(one, "age_ms", newest ? json_integer(now_ms - v->newest->time_ms) : json_null());
    hg_json_set(one, "lag_ms", lag(views, pc->sink_count, mine));
    hg_json_set(one, "newest_verified",
                newest ? hg_verification_newest(h, v->ctx, pc->name, newest) : json_null());
    hg_json_set(one, "newest_bytes",
                newest ? json_integer(v->newest->summary.stored_bytes) : json_null());
    hg_json_set(one, "usual_bytes", usual_bytes(v));
    hg_json_set_string(one, "oldest", v->oldest ? v->oldest->id : NULL);
    hg_json_set_time(one, "oldest_time", v->oldest ? v->oldest->time_ms : -1);
    hg_json_set_bool(one, "reachable", v->known);
    hg_json_set_int(one, "stored_bytes", v->stored);
    add_lacks(h, views, pc->sink_count, mine, now_ms, one);
    hg_json_set(one, "after_prune", v->error.rc == HANGAR_OK ? after_prune(h, pc, v) : json_null());
    hg_json_set(one, "free_bytes",
                space.free_bytes == UINT64_MAX ? json_null()
                                               : json_integer((json_int_t)space.free_bytes));
    if (v->error.rc != HANGAR_OK) {
        hg_json_set_string(one, "error", v->error.text);
    }
    return one;
}

static json_t *names(struct hangar *h, const size_t *indexes, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        hg_json_add(list, json_string(h->config->instances[indexes[i]].name));
    }
    return list;
}

/* The run that is under way on this machine; null: none is. */
static json_t *running(struct hangar *h, const char *pipeline)
{
    int64_t since = hg_pipeline_lock_since(&h->state, pipeline);
    json_t *one = since >= 0 ? json_object() : json_null();
    if (since >= 0) {
        hg_json_set_time(one, "since", since);
    }
    return one;
}

static json_t *pipeline_overview(struct hg_session *s, const struct hg_pipeline_config *pc)
{
    struct hangar *h = s->h;
    json_t *one = json_object();
    struct hg_history_run last = hg_history_last(&h->state, pc->name);
    struct view views[HG_MAX_SINKS] = {0};
    hg_json_set_string(one, "name", pc->name);
    hg_json_set(one, "sources", names(h, pc->sources, pc->source_count));
    hg_json_set(one, "transforms", names(h, pc->transforms, pc->transform_count));
    hg_json_set_string(one, "schedule", pc->schedule);
    hg_json_set(one, "last_run", hg_history_json(&last));
    hg_history_free(&last);
    hg_json_set(one, "running", running(h, pc->name));
    struct hg_verification drill = hg_verification_last_drill(&h->state, pc->name);
    hg_json_set(one, "last_drill", hg_verification_json(&drill));
    hg_verification_free(&drill);
    hg_json_set_int(one, "max_age_ms", hg_pipeline_max_age_ms(pc));
    hg_json_set_time(one, "next",
                     pc->schedule ? hangar_next_time(pc->schedule, pc->timezone, hg_now_ms()) : -1);
    for (size_t i = 0; i < pc->sink_count; i++) {
        look(s, pc, pc->sinks[i], &views[i]);
    }
    json_t *sinks = json_array();
    for (size_t i = 0; i < pc->sink_count; i++) {
        hg_json_add(sinks, sink_overview(h, pc, views, i));
    }
    for (size_t i = 0; i < pc->sink_count; i++) {
        hg_index_free(&views[i].index);
    }
    hg_json_set(one, "sinks", sinks);
    return one;
}

/* Where it leads is told for sinks, which are open; sources may need secrets. */
static json_t *instance_overview(struct hg_session *s, size_t i)
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

enum hangar_rc hg_overview(struct hangar *h, const struct hg_pipeline_config *only,
                           json_t *pipelines, json_t *instances, struct hg_error *err)
{
    struct hg_session s;
    enum hangar_rc rc = hg_session_begin(&s, h, 0, NULL, NULL, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    for (size_t i = 0; i < h->config->pipeline_count; i++) {
        const struct hg_pipeline_config *pc = &h->config->pipelines[i];
        if (!only || only == pc) {
            hg_json_add(pipelines, pipeline_overview(&s, pc));
        }
    }
    for (size_t i = 0; instances && i < h->config->instance_count; i++) {
        hg_json_add(instances, instance_overview(&s, i));
    }
    rc = hg_job_result(&s.job, err);
    hg_session_end(&s);
    return rc;
}

static enum hangar_status make_status(struct hangar *h, bool watch, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.status/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    json_t *limits = json_object(), *pipelines = json_array(), *instances = json_array();
    hg_json_set_string(doc, "config", h->config->path);
    hg_json_set_string(doc, "state_dir", h->state.dir);
    hg_json_set_string(doc, "origin", h->identity.origin);
    hg_json_set_int(limits, "memory_bytes", h->config->memory_bytes);
    hg_json_set_int(limits, "workers", (int64_t)hg_workers(h->config));
    hg_json_set_int(limits, "stall_timeout_ms", h->config->stall_timeout_ms);
    hg_json_set(doc, "limits", limits);
    int64_t now = hg_now_ms();
    enum hangar_rc rc = hg_overview(h, NULL, pipelines, instances, &err);
    if (watch && rc == HANGAR_OK) {
        hg_alerts_tell(h, now, pipelines);
    }
    hg_json_set(doc, "pipelines", pipelines);
    hg_json_set(doc, "instances", instances);
    hg_json_set(doc, "counters",
                hg_counters_read(&h->state)); /* with those who were told just now */
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}

enum hangar_status hangar_overview(struct hangar *h, char **json)
{
    return make_status(h, false, json);
}

enum hangar_status hangar_watch(struct hangar *h, char **json)
{
    return make_status(h, true, json);
}
