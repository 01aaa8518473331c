/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: which backups there are, read from the sinks: list, show, status.
 */
#include "api/handle.h"

#include <stdlib.h>
#include <string.h>

#include "api/prune.h"
#include "api/verified.h"
#include "base/vec.h"
#include "catalog/mark.h"

/* ---- collecting ---- */

/* One backup, with the sinks that have it. */
struct listed {
    char *id;
    const char *pipeline;
    json_t *entry, *sinks;
};

struct listing {
    struct hangar *h;
    struct hg_session s;
    struct listed *items;
    size_t count, capacity;
    json_t *problems;
    struct hg_error error; /* of the first sink that could not be read */
};

static void problem(struct listing *l, const char *sink, const char *pipeline,
                    const struct hg_error *err)
{
    json_t *one = json_object();
    hg_json_set_string(one, "sink", sink);
    hg_json_set_string(one, "pipeline", pipeline);
    hg_json_set_string(one, "error", err->text);
    hg_json_add(l->problems, one);
    if (l->error.rc == HANGAR_OK) {
        l->error = *err;
    }
}

static struct listed *find(struct listing *l, const char *pipeline, const char *id)
{
    for (size_t i = l->count; i-- > 0;) {
        if (strcmp(l->items[i].id, id) == 0 && strcmp(l->items[i].pipeline, pipeline) == 0) {
            return &l->items[i];
        }
    }
    return NULL;
}

/* The entry of a manifest that could not be read whole. */
static void describe_damaged(json_t *entry, const char *pipeline, const char *id, enum hangar_rc rc,
                             const struct hg_error *err)
{
    int64_t ms = -1;
    hg_backup_id_parse(id, &ms);
    hg_json_set_string(entry, "id", id);
    hg_json_set_string(entry, "pipeline", pipeline);
    hg_json_set_time(entry, "created", ms);
    hg_json_set_string(entry, "state", rc == HANGAR_UNSUPPORTED ? "unsupported" : "corrupt");
    hg_json_set_string(entry, "problem", err->text);
    hg_json_set(entry, "sources", json_array());
}

static enum hangar_rc add(struct listing *l, struct hangar_ctx *sink, const char *pipeline,
                          const char *id, struct hg_error *err)
{
    struct hg_manifest m = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_manifest(sink, pipeline, id, &m, &why);
    if (rc == HANGAR_NOT_FOUND) {
        return HANGAR_OK; /* no backup: a run under way, or what one left */
    }
    if (rc != HANGAR_OK && rc != HANGAR_CORRUPT && rc != HANGAR_UNSUPPORTED) {
        *err = why;
        return rc;
    }
    struct listed *item = find(l, pipeline, id);
    bool is_new = !item;
    if (is_new) {
        char *copy = strdup(id);
        if (!copy ||
            !hg_vec_reserve((void **)&l->items, l->count, &l->capacity, sizeof(*l->items))) {
            free(copy);
            hg_manifest_free(&m);
            return hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
        }
        item = &l->items[l->count++];
        *item = (struct listed){
            .id = copy, .pipeline = pipeline, .entry = json_object(), .sinks = json_array()};
    }
    bool was_whole = strcmp(hg_json_string(item->entry, "state", ""), "complete") == 0;
    if (rc == HANGAR_OK && !was_whole) {
        json_object_clear(item->entry);
        hg_doc_manifest(item->entry, &m);
        hg_json_set_string(item->entry, "state", "complete");
    } else if (rc != HANGAR_OK && is_new) {
        describe_damaged(item->entry, pipeline, id, rc, &why);
    }
    if (rc != HANGAR_OK) {
        problem(l, sink->name, pipeline, &why);
    }
    hg_json_add(item->sinks, json_string(sink->name));
    hg_manifest_free(&m);
    return HANGAR_OK;
}

static enum hangar_rc add_sink(struct listing *l, struct hangar_ctx *sink, const char *pipeline,
                               struct hg_error *err)
{
    char **ids = NULL;
    size_t count = 0;
    enum hangar_rc rc = hg_store_ids(sink, pipeline, &ids, &count, NULL, err);
    for (size_t i = 0; i < count && rc == HANGAR_OK; i++) {
        rc = hg_job_cancelled(&l->s.job) ? hg_fail(err, HANGAR_CANCELLED, 0, "interrupted")
                                         : add(l, sink, pipeline, ids[i], err);
    }
    hg_store_ids_free(ids, count);
    return rc;
}

static int newest_first(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    int order = strcmp(y->id, x->id);
    return order ? order : strcmp(x->pipeline, y->pipeline);
}

static void listing_free(struct listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->items[i].id);
        json_decref(l->items[i].entry);
        json_decref(l->items[i].sinks);
    }
    free(l->items);
}

static void collect(struct listing *l, const char *pipeline, const char *sink)
{
    struct hangar *h = l->h;
    for (size_t p = 0; p < h->config->pipeline_count; p++) {
        const struct hg_pipeline_config *pc = &h->config->pipelines[p];
        if (pipeline && strcmp(pipeline, pc->name) != 0) {
            continue;
        }
        for (size_t i = 0; i < pc->sink_count; i++) {
            const char *name = h->config->instances[pc->sinks[i]].name;
            struct hangar_ctx *ctx;
            struct hg_error err = {0};
            if (sink && strcmp(sink, name) != 0) {
                continue;
            }
            enum hangar_rc rc = hg_session_open(&l->s, pc->sinks[i], NULL, 0, &ctx, &err);
            rc = rc == HANGAR_OK ? add_sink(l, ctx, pc->name, &err) : rc;
            if (rc != HANGAR_OK) {
                problem(l, name, pc->name, &err);
            }
        }
    }
    if (l->count) {
        qsort(l->items, l->count, sizeof(*l->items), newest_first);
    }
}

/* What this machine remembers of verifications: asking the sinks would take two
 * requests more for each backup. */
static void add_verified(struct listing *l)
{
    json_t *pipelines = json_object();
    for (size_t i = 0; i < l->count; i++) {
        const char *pipeline = l->items[i].pipeline;
        json_t *remembered = json_object_get(pipelines, pipeline);
        if (!remembered) {
            hg_json_set(pipelines, pipeline, hg_verified_remembered(l->h, pipeline));
            remembered = json_object_get(pipelines, pipeline); /* NULL: there is no memory */
        }
        json_t *found = json_object_get(remembered, l->items[i].id);
        hg_json_set(l->items[i].entry, "verified",
                    found        ? json_incref(found)
                    : remembered ? json_null()
                                 : NULL);
    }
    json_decref(pipelines);
}

enum hangar_status hangar_list(struct hangar *h, const char *pipeline, const char *sink,
                               char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.list/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct listing l = {.h = h, .problems = json_array()};
    struct hg_error err = {0};
    json_t *backups = json_array();
    enum hangar_rc rc = hg_check_names(h, pipeline, sink, &err);
    if (rc == HANGAR_OK) {
        rc = hg_session_begin(&l.s, h, 0, NULL, NULL, &err);
    }
    if (rc == HANGAR_OK) {
        collect(&l, pipeline, sink);
        hg_session_end(&l.s);
        rc = l.error.rc;
        err = l.error;
    }
    add_verified(&l);
    for (size_t i = 0; i < l.count; i++) {
        hg_json_set(l.items[i].entry, "sinks", json_incref(l.items[i].sinks));
        hg_json_add(backups, json_incref(l.items[i].entry));
    }
    hg_json_set(doc, "backups", backups);
    hg_json_set(doc, "problems", l.problems);
    listing_free(&l);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}

/* ---- show ---- */

/* Which other sinks hold a manifest of it? */
static json_t *sinks_with(struct hg_session *s, const struct hg_selected *found)
{
    const struct hg_pipeline_config *pc = &s->h->config->pipelines[found->pipeline];
    json_t *sinks = json_array();
    for (size_t i = 0; i < pc->sink_count; i++) {
        struct hangar_ctx *ctx = found->ctx;
        struct hg_error err = {0};
        if ((pc->sinks[i] == found->sink ||
             hg_session_open(s, pc->sinks[i], NULL, 0, &ctx, &err) == HANGAR_OK) &&
            hg_mark_find_backup(ctx, pc->name, found->manifest.id, &err) == HANGAR_OK) {
            hg_json_add(sinks, json_string(s->h->config->instances[pc->sinks[i]].name));
        }
    }
    return sinks;
}

/* The newest record in the sink, null when there is none or it cannot be read. */
static json_t *newest_verified(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const char *id)
{
    json_t *record = NULL;
    struct hg_error err = {0};
    if (hg_verified_newest(sink, pipeline, id, &record, &err) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot tell when %s was verified: %s", id, err.text);
    }
    return record ? record : json_null();
}

enum hangar_status hangar_show(struct hangar *h, const struct hangar_selection *which, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.show/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_session s;
    struct hg_selected found = {0};
    struct hg_error err = {0};
    struct hg_str text = {0};
    enum hangar_rc rc = hg_session_begin(&s, h, 0, NULL, NULL, &err);
    if (rc == HANGAR_OK) {
        rc = hg_select(&s, which, &found, &err);
        if (rc == HANGAR_OK) {
            hg_json_set_string(doc, "sink", found.ctx->name);
            hg_json_set(doc, "sinks", sinks_with(&s, &found));
            hg_json_set(doc, "verified",
                        newest_verified(h, found.ctx, h->config->pipelines[found.pipeline].name,
                                        found.manifest.id));
            rc = hg_manifest_write(&found.manifest, &text, &err);
        }
        json_t *manifest = NULL;
        if (rc == HANGAR_OK) {
            rc = hg_json_parse(text.data, text.len, HG_MANIFEST_NAME, &manifest, &err);
        }
        if (rc == HANGAR_OK) {
            hg_json_set(doc, "manifest", manifest);
        }
        hg_session_end(&s);
    }
    hg_str_free(&text);
    hg_manifest_free(&found.manifest);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}

/* ---- status ---- */

/* What the next prune of the sink would leave; null where nobody can tell, or where
 * all stays for ever. */
static json_t *after_prune(struct hangar *h, const struct hg_pipeline_config *pc,
                           const struct hg_instance_config *config, struct hangar_ctx *sink)
{
    struct hg_pruning p = {.h = h, .sink = sink, .pipeline = pc, .config = config};
    struct hg_error err = {0};
    json_t *one = json_null();
    if (config->retention.given && hg_prune_plan(&p, &err) == HANGAR_OK) {
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

static json_t *sink_overview(struct listing *l, const struct hg_pipeline_config *pc, size_t sink)
{
    const struct hg_instance_config *c = &l->h->config->instances[sink];
    json_t *one = json_object();
    hg_json_set_string(one, "name", c->name);
    hg_json_set_string(one, "plugin", c->plugin);
    hg_json_set_bool(one, "required", c->required);
    struct hangar_ctx *ctx;
    struct hg_error err = {0};
    struct hangar_space space = {.struct_size = sizeof(space), .free_bytes = UINT64_MAX};
    struct listing mine = {.h = l->h, .problems = json_array()};
    enum hangar_rc rc = hg_session_open(&l->s, sink, NULL, 0, &ctx, &err);
    if (rc == HANGAR_OK) {
        hg_json_set_string(one, "target", hg_instance_target(ctx));
        rc = add_sink(&mine, ctx, pc->name, &err);
    }
    if (rc == HANGAR_OK && ctx->plugin->sink.space) {
        rc = HG_CALL(ctx, &err, ctx->plugin->sink.space(ctx->inst, &space));
    }
    if (rc == HANGAR_OK && mine.error.rc != HANGAR_OK) {
        err = mine.error;
    }
    if (mine.count) {
        qsort(mine.items, mine.count, sizeof(*mine.items), newest_first);
    }
    int64_t stored = 0, whole = 0, safety = 0;
    const json_t *newest = NULL, *oldest = NULL;
    for (size_t i = 0; i < mine.count; i++) {
        const json_t *entry = mine.items[i].entry;
        if (strcmp(hg_json_string(entry, "state", ""), "complete") == 0) {
            stored += hg_json_int(entry, "stored_bytes", 0);
            if (strcmp(hg_json_string(entry, "kind", ""), "safety") == 0) {
                safety++;
                continue; /* says nothing of how old the backups are */
            }
            newest = newest ? newest : entry;
            oldest = entry;
            whole++;
        }
    }
    int64_t time_ms = -1;
    if (newest) {
        hg_time_parse(hg_json_string(newest, "created", ""), &time_ms);
    }
    hg_json_set_int(one, "backups", whole);
    hg_json_set_int(one, "safety_backups", safety);
    hg_json_set_string(one, "newest", hg_json_string(newest, "id", NULL));
    hg_json_set_time(one, "newest_time", time_ms);
    hg_json_set(one, "age_ms", newest ? json_integer(hg_now_ms() - time_ms) : json_null());
    hg_json_set(one, "newest_verified",
                newest ? newest_verified(l->h, ctx, pc->name, hg_json_string(newest, "id", ""))
                       : json_null());
    hg_json_set_string(one, "oldest", hg_json_string(oldest, "id", NULL));
    hg_json_set_int(one, "stored_bytes", stored);
    hg_json_set(one, "after_prune",
                err.rc == HANGAR_OK ? after_prune(l->h, pc, c, ctx) : json_null());
    hg_json_set(one, "free_bytes",
                space.free_bytes == UINT64_MAX ? json_null()
                                               : json_integer((json_int_t)space.free_bytes));
    if (err.rc != HANGAR_OK) {
        hg_json_set_string(one, "error", err.text);
    }
    json_decref(mine.problems);
    listing_free(&mine);
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

static json_t *pipeline_overview(struct listing *l, const struct hg_pipeline_config *pc)
{
    json_t *one = json_object();
    json_t *last = hg_state_last(l->h, pc->name);
    hg_json_set_string(one, "name", pc->name);
    hg_json_set(one, "sources", names(l->h, pc->sources, pc->source_count));
    hg_json_set(one, "transforms", names(l->h, pc->transforms, pc->transform_count));
    hg_json_set_string(one, "schedule", pc->schedule);
    hg_json_set(one, "last_run", last ? last : json_null());
    hg_json_set(one, "next", json_null());
    json_t *sinks = json_array();
    for (size_t i = 0; i < pc->sink_count; i++) {
        hg_json_add(sinks, sink_overview(l, pc, pc->sinks[i]));
    }
    hg_json_set(one, "sinks", sinks);
    return one;
}

/* Where it leads is told for sinks, which are open; sources may need secrets. */
static json_t *instance_overview(struct listing *l, size_t i)
{
    struct hangar *h = l->h;
    const struct hg_instance_config *c = &h->config->instances[i];
    json_t *one = json_object();
    hg_json_set_string(one, "kind", hg_kind_name(c->kind));
    hg_json_set_string(one, "name", c->name);
    hg_json_set_string(one, "plugin", c->plugin);
    hg_json_set_string(one, "version", h->plugins[i]->d.version);
    struct hangar_ctx *ctx;
    bool is_open =
        c->kind == HG_SINK && hg_session_open(&l->s, i, NULL, 0, &ctx, NULL) == HANGAR_OK;
    hg_json_set_string(one, "target", is_open ? hg_instance_target(ctx) : NULL);
    hg_json_set(one, "options", hg_doc_options(&h->options[i]));
    return one;
}

enum hangar_status hangar_overview(struct hangar *h, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.status/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct listing l = {.h = h};
    struct hg_error err = {0};
    json_t *limits = json_object();
    hg_json_set_string(doc, "config", h->config->path);
    hg_json_set_string(doc, "state_dir", h->state_dir);
    hg_json_set_string(doc, "origin", h->origin);
    hg_json_set_int(limits, "memory_bytes", h->config->memory_bytes);
    hg_json_set_int(limits, "workers", (int64_t)hg_workers(h));
    hg_json_set_int(limits, "stall_timeout_ms", h->config->stall_timeout_ms);
    hg_json_set(doc, "limits", limits);
    json_t *pipelines = json_array(), *instances = json_array();
    enum hangar_rc rc = hg_session_begin(&l.s, h, 0, NULL, NULL, &err);
    if (rc == HANGAR_OK) {
        for (size_t i = 0; i < h->config->pipeline_count; i++) {
            hg_json_add(pipelines, pipeline_overview(&l, &h->config->pipelines[i]));
        }
        for (size_t i = 0; i < h->config->instance_count; i++) {
            hg_json_add(instances, instance_overview(&l, i));
        }
        rc = hg_job_result(&l.s.job, &err);
        hg_session_end(&l.s);
    }
    hg_json_set(doc, "pipelines", pipelines);
    hg_json_set(doc, "instances", instances);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
