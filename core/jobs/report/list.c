/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: the backups in the sinks, each once, with the sinks that hold it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/summary.h"
#include "catalog/tags.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/origin.h"
#include "inventory/others.h"
#include "inventory/verification_memory.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "session/session.h"

/* One backup in one sink. */
struct hg_listed_copy {
    const struct hg_pipeline_config *pipeline;
    size_t pipeline_index; /* of it in the configuration */
    const char *sink;
    struct hg_index_item *item; /* in one of the indexes below */
    size_t order;               /* in which it was found */
};

struct hg_listing {
    struct hangar *h;
    struct hg_session session;
    struct hg_listed_copy *items;
    size_t count, capacity;
    struct hg_index *indexes; /* one per pipeline and sink; they own the items */
    size_t index_count;
    json_t *problems;
    struct hg_error error; /* of the first sink that could not be read */
};

static void list_add_problem(struct hg_listing *l, const char *sink, const char *pipeline,
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

static enum hangar_rc list_read_sink(struct hg_listing *l, struct hangar_ctx *sink,
                                     size_t pipeline_index, struct hg_error *err)
{
    const struct hg_pipeline_config *pipeline = &l->h->config->pipelines[pipeline_index];
    struct hg_index *index = &l->indexes[l->index_count++];
    enum hangar_rc rc = hg_index_read(l->h, sink, pipeline->name, 0, index, err);
    if (rc == HANGAR_OK && index->lost) {
        hg_origin_warn_lost(l->h, sink, pipeline->name);
    }
    for (size_t i = 0; i < index->count && rc == HANGAR_OK; i++) {
        struct hg_index_item *item = &index->items[i];
        if (item->rc == HANGAR_NOT_FOUND) {
            continue; /* not a backup: a run under way, or a leftover */
        }
        if (!HG_VEC_RESERVE(l)) {
            return hg_no_memory(err);
        }
        if (item->rc != HANGAR_OK) {
            struct hg_error why = {0};
            hg_fail(&why, item->rc, 0, "%s", item->problem);
            list_add_problem(l, sink->name, pipeline->name, &why);
        }
        l->items[l->count] = (struct hg_listed_copy){.pipeline = pipeline,
                                                     .pipeline_index = pipeline_index,
                                                     .sink = sink->name,
                                                     .item = item,
                                                     .order = l->count};
        l->count++;
    }
    return rc;
}

/* The newest first; copies of one backup stand together. */
static int list_compare(const void *a, const void *b)
{
    const struct hg_listed_copy *x = a, *y = b;
    int order = strcmp(y->item->id, x->item->id);
    order = order ? order : strcmp(x->pipeline->name, y->pipeline->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static enum hangar_rc list_read(struct hg_listing *l, const char *pipeline, const char *sink,
                                struct hg_error *err)
{
    const struct hg_config *config = l->h->config;
    size_t most = 1;
    for (size_t p = 0; p < config->pipeline_count; p++) {
        most += config->pipelines[p].sink_count;
    }
    l->indexes = calloc(most, sizeof(*l->indexes));
    if (!l->indexes) {
        return hg_no_memory(err);
    }
    for (size_t p = 0; p < config->pipeline_count; p++) {
        const struct hg_pipeline_config *pc = &config->pipelines[p];
        if (pipeline && strcmp(pipeline, pc->name) != 0) {
            continue;
        }
        for (size_t i = 0; i < pc->sink_count; i++) {
            const char *name = config->instances[pc->sinks[i]].name;
            if (sink && strcmp(sink, name) != 0) {
                continue;
            }
            struct hangar_ctx *ctx;
            struct hg_error why = {0};
            enum hangar_rc rc = hg_session_open(&l->session, pc->sinks[i], NULL, 0, &ctx, &why);
            rc = rc == HANGAR_OK ? list_read_sink(l, ctx, p, &why) : rc;
            if (rc != HANGAR_OK) {
                list_add_problem(l, name, pc->name, &why);
            }
        }
    }
    if (l->count) {
        qsort(l->items, l->count, sizeof(*l->items), list_compare);
    }
    return HANGAR_OK;
}

static void list_free(struct hg_listing *l)
{
    for (size_t i = 0; i < l->index_count; i++) {
        hg_index_free(&l->indexes[i]);
    }
    free(l->indexes);
    free(l->items);
}

/* ---- the document ---- */

static void list_describe_damaged(json_t *entry, const struct hg_listed_copy *copy)
{
    const struct hg_index_item *item = copy->item;
    hg_json_set_string(entry, "id", item->id);
    hg_json_set_string(entry, "pipeline", copy->pipeline->name);
    hg_json_set_time(entry, "created", item->time_ms);
    hg_json_set_string(entry, "state",
                       item->rc == HANGAR_UNSUPPORTED ? "unsupported"
                       : item->rc == HANGAR_IO        ? "unknown"
                                                      : "corrupt");
    hg_json_set_string(entry, "problem", item->problem);
    hg_json_set(entry, "sources", json_array());
}

/* The tags are those of a whole copy. */
static bool list_has_tag(const struct hg_listed_copy *copies, size_t count, const char *tag)
{
    for (size_t i = 0; i < count; i++) {
        const struct hg_tags *tags = &copies[i].item->summary.tags;
        if (copies[i].item->rc == HANGAR_OK && tags->count > 0) {
            return hg_tags_have(tags, tag);
        }
    }
    return false;
}

/* One backup, of `count` copies; the first whole one describes it. */
static json_t *list_entry(const struct hg_listed_copy *copies, size_t count,
                          const struct hg_verifications *verifications)
{
    json_t *entry = json_object(), *sinks = json_array(), *damaged = json_array();
    const struct hg_index_item *whole = NULL;
    const struct hg_verification *shown = NULL; /* a good copy does not hide a bad one */
    for (size_t i = 0; i < count; i++) {
        shown = hg_verification_shown(
            shown, hg_verifications_find(verifications, copies[i].item->id, copies[i].sink));
        whole = whole || copies[i].item->rc != HANGAR_OK ? whole : copies[i].item;
        hg_json_add(sinks, json_string(copies[i].sink));
        if (copies[i].item->rc != HANGAR_OK) {
            hg_json_add(damaged, json_string(copies[i].sink));
        }
    }
    if (whole) {
        hg_summary_to_json(&whole->summary, entry);
        hg_json_set_string(entry, "state", "complete");
        hg_json_set_bool(entry, "signed", whole->has_signature);
    } else {
        list_describe_damaged(entry, &copies[0]);
    }
    hg_json_set(entry, "verified", hg_verification_json(shown));
    hg_json_set(entry, "sinks", sinks);
    hg_json_set(entry, "damaged", damaged);
    return entry;
}

/* Verifications are those that this machine remembers: reading the records in the sinks would
 * take two requests more for each backup. */
static json_t *list_document(const struct hg_listing *l, const char *tag)
{
    json_t *backups = json_array();
    const struct hg_config *config = l->h->config;
    struct hg_verifications *verifications =
        calloc(config->pipeline_count + 1, sizeof(*verifications));
    for (size_t i = 0, n; i < l->count; i += n) {
        const struct hg_listed_copy *first = &l->items[i];
        for (n = 1; i + n < l->count && l->items[i + n].pipeline == first->pipeline &&
                    strcmp(l->items[i + n].item->id, first->item->id) == 0;
             n++) {
        }
        if (tag && !list_has_tag(first, n, tag)) {
            continue;
        }
        struct hg_verifications *of_pipeline =
            verifications ? &verifications[first->pipeline_index] : NULL;
        if (of_pipeline && !of_pipeline->is_read) {
            hg_verifications_read(of_pipeline, &l->h->state, first->pipeline->name);
        }
        hg_json_add(backups, list_entry(first, n, of_pipeline));
    }
    for (size_t p = 0; verifications && p < config->pipeline_count; p++) {
        hg_verifications_free(&verifications[p]);
    }
    free(verifications);
    return backups;
}

/* Nothing is listed: NOT_FOUND when the sinks hold backups of other pipelines, which are named. */
static enum hangar_rc list_others(struct hg_listing *l, const char *pipeline, const char *sink,
                                  json_t *doc, struct hg_error *err)
{
    struct hg_other_pipelines others;
    struct hg_str text = {0};
    enum hangar_rc rc = hg_others_find(&l->session, pipeline, sink, &others, err);
    if (rc == HANGAR_OK && others.count > 0) {
        hg_others_text(&others, &text);
        rc = hg_fail(err, HANGAR_NOT_FOUND, 0, "no backups of %s, but %s",
                     pipeline ? pipeline : "this configuration", hg_str_text(&text));
    }
    hg_json_set(doc, "others", hg_others_json(&others));
    hg_others_free(&others);
    hg_str_free(&text);
    return rc;
}

enum hangar_status hangar_list(struct hangar *h, const char *pipeline, const char *sink,
                               char **json)
{
    const struct hangar_list_request request = {
        .struct_size = sizeof(request), .pipeline = pipeline, .sink = sink};
    return hangar_list_with(h, &request, json);
}

enum hangar_status hangar_list_with(struct hangar *h, const struct hangar_list_request *given,
                                    char **json)
{
    struct hangar_list_request request = {0};
    const size_t size = given->struct_size;
    memcpy(&request, given, size < sizeof(request) ? size : sizeof(request));
    const char *pipeline = request.pipeline, *sink = request.sink;
    json_t *doc = hg_doc_begin(h, "hangar.list/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_listing l = {.h = h, .problems = json_array()};
    struct hg_error err = {0};
    enum hangar_rc rc = hg_check_names(h->config, pipeline, sink, &err);
    if (rc == HANGAR_OK) {
        rc = hg_session_begin(&l.session, h, 0, NULL, NULL, &err);
    }
    if (rc == HANGAR_OK) {
        rc = list_read(&l, pipeline, sink, &err);
        if (rc == HANGAR_OK && l.error.rc != HANGAR_OK) {
            rc = hg_error_move(&err, &l.error);
        }
        hg_json_set(doc, "backups", list_document(&l, request.tag));
        if (rc == HANGAR_OK && l.count == 0) {
            rc = list_others(&l, pipeline, sink, doc, &err);
        }
        hg_session_end(&l.session);
    } else {
        hg_json_set(doc, "backups", json_array());
    }
    hg_json_set(doc, "problems", l.problems);
    if (request.tag) {
        hg_json_set_string(doc, "tag", request.tag);
    }
    list_free(&l);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
