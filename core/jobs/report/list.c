/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: which backups there are, read from the sinks: list, show.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/selection.h"
#include "inventory/verification_record.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"

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
    json_t *numbers; /* "<pipeline>/<id>" of each item: its index */
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

/* The item of this backup, a new one if need be; NULL when out of memory. */
static struct listed *find(struct listing *l, const char *pipeline, const char *id)
{
    char *key = hg_format("%s/%s", pipeline, id);
    const json_t *number = key ? json_object_get(l->numbers, key) : NULL;
    struct listed *item = number ? &l->items[json_integer_value(number)] : NULL;
    char *copy = key && !item ? strdup(id) : NULL;
    if (copy && HG_VEC_RESERVE(l) &&
        json_object_set_new(l->numbers, key, json_integer((json_int_t)l->count)) == 0) {
        item = &l->items[l->count++];
        *item = (struct listed){
            .id = copy, .pipeline = pipeline, .entry = json_object(), .sinks = json_array()};
        copy = NULL;
    }
    free(copy);
    free(key);
    return item;
}

/* The entry of a manifest that could not be read whole. */
static void describe_damaged(json_t *entry, const char *pipeline, const struct hg_index_item *found)
{
    hg_json_set_string(entry, "id", found->id);
    hg_json_set_string(entry, "pipeline", pipeline);
    hg_json_set_time(entry, "created", found->time_ms);
    hg_json_set_string(entry, "state", found->rc == HANGAR_UNSUPPORTED ? "unsupported" : "corrupt");
    hg_json_set_string(entry, "problem", found->problem);
    hg_json_set(entry, "sources", json_array());
}

static enum hangar_rc add(struct listing *l, struct hangar_ctx *sink, const char *pipeline,
                          const struct hg_index_item *found, struct hg_error *err)
{
    if (found->rc == HANGAR_NOT_FOUND) {
        return HANGAR_OK; /* no backup: a run under way, or what one left */
    }
    struct listed *item = find(l, pipeline, found->id);
    if (!item) {
        return hg_no_memory(err);
    }
    bool was_whole = strcmp(hg_json_string(item->entry, "state", ""), "complete") == 0;
    if (found->rc == HANGAR_OK && !was_whole) {
        json_object_clear(item->entry);
        if (json_object_update(item->entry, found->summary) != 0) {
            return hg_no_memory(err);
        }
        json_object_del(item->entry, "origin");
        hg_json_set_string(item->entry, "state", "complete");
        hg_json_set_bool(item->entry, "signed", found->has_signature);
    } else if (found->rc != HANGAR_OK && json_object_size(item->entry) == 0) {
        describe_damaged(item->entry, pipeline, found);
    }
    if (found->rc != HANGAR_OK) {
        struct hg_error why = {0};
        hg_fail(&why, found->rc, 0, "%s", found->problem);
        problem(l, sink->name, pipeline, &why);
    }
    hg_json_add(item->sinks, json_string(sink->name));
    return HANGAR_OK;
}

static enum hangar_rc add_sink(struct listing *l, struct hangar_ctx *sink, const char *pipeline,
                               struct hg_error *err)
{
    struct hg_index index;
    enum hangar_rc rc = hg_index_read(l->h, sink, pipeline, 0, &index, err);
    for (size_t i = 0; i < index.count && rc == HANGAR_OK; i++) {
        rc = add(l, sink, pipeline, &index.items[i], err);
    }
    hg_index_free(&index);
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
    json_decref(l->numbers);
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
    struct listing l = {.h = h, .problems = json_array(), .numbers = json_object()};
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

static bool is_signed(struct hangar *h, const struct hg_selected *found)
{
    struct hg_str signature = {0};
    bool there = hg_store_signature(found->ctx, h->config->pipelines[found->pipeline].name,
                                    found->manifest.id, &signature, NULL) == HANGAR_OK;
    hg_str_free(&signature);
    return there;
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
                        hg_verified_json(h, found.ctx, h->config->pipelines[found.pipeline].name,
                                         found.manifest.id));
            hg_json_set_bool(doc, "signed", is_signed(h, &found));
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
