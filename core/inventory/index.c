/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * index: see index.h.
 */
#include "inventory/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "plugin/job.h"
#include "plugin/page.h"
#include "session/document.h"
#include "session/handle.h"
#include "state/manifest_cache.h"

void hg_index_free(struct hg_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        free(index->items[i].id);
        free(index->items[i].problem);
        json_decref(index->items[i].summary);
    }
    free(index->items);
    *index = (struct hg_index){0};
}

static int compare_id(const void *id, const void *item)
{
    return strcmp(id, ((const struct hg_index_item *)item)->id);
}

const struct hg_index_item *hg_index_find(const struct hg_index *index, const char *id)
{
    return index->count ? bsearch(id, index->items, index->count, sizeof(*index->items), compare_id)
                        : NULL;
}

bool hg_index_is_safety(const struct hg_index_item *item)
{
    return strcmp(hg_json_string(item->summary, "kind", ""), "safety") == 0;
}

/* ---- listing ---- */

struct listing {
    struct hg_index *index;
    size_t skip; /* length of "<pipeline>/" */
};

/* The item of this id: names ascend, so it is the last one or new.  *out is NULL for
 * what is none of ours. */
static enum hangar_rc item_of(struct hg_index *index, const char *id, size_t length,
                              struct hg_index_item **out, struct hg_error *err)
{
    struct hg_index_item *last = index->count ? &index->items[index->count - 1] : NULL;
    *out = NULL;
    if (last && strncmp(last->id, id, length) == 0 && last->id[length] == '\0') {
        *out = last;
        return HANGAR_OK;
    }
    char *copy = strndup(id, length);
    int64_t ms;
    if (!copy || !HG_VEC_RESERVE(index)) {
        free(copy);
        return hg_no_memory(err);
    }
    if (!hg_backup_id_parse(copy, &ms)) {
        free(copy); /* never touched */
        return HANGAR_OK;
    }
    *out = &index->items[index->count++];
    **out = (struct hg_index_item){.id = copy, .rc = HANGAR_NOT_FOUND, .time_ms = ms};
    return HANGAR_OK;
}

static enum hangar_rc take_page(void *arg, const struct hg_page_entries *page, struct hg_error *err)
{
    struct listing *l = arg;
    l->index->store_ms = page->store_time_ms ? page->store_time_ms : hg_now_ms();
    for (size_t i = 0; i < page->count; i++) {
        const struct hg_page_entry *e = &page->items[i];
        const char *id = e->name + l->skip;
        const char *slash = strlen(e->name) > l->skip ? strchr(id, '/') : NULL;
        struct hg_index_item *item = NULL;
        enum hangar_rc rc =
            slash ? item_of(l->index, id, (size_t)(slash - id), &item, err) : HANGAR_OK;
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!item) {
            continue;
        }
        if (strcmp(slash + 1, HG_MANIFEST_NAME) == 0) {
            item->has_manifest = true;
            item->manifest_bytes = e->size;
            snprintf(item->etag, sizeof(item->etag), "%s", e->etag);
        } else if (strcmp(slash + 1, HG_SIGNATURE_NAME) == 0) {
            item->has_signature = true;
            snprintf(item->signature_etag, sizeof(item->signature_etag), "%s", e->etag);
        } else if (strcmp(slash + 1, HG_HOLD_NAME) == 0) {
            item->held = true;
        }
    }
    return HANGAR_OK;
}

/* ---- manifests ---- */

static enum hangar_rc read_manifest(struct hangar_ctx *sink, const char *pipeline,
                                    struct hg_index_item *item, struct hg_error *err)
{
    struct hg_manifest m = {0};
    struct hg_error why = {0};
    item->rc = hg_store_manifest(sink, pipeline, item->id, &m, &why);
    if (item->rc == HANGAR_OK) {
        item->time_ms = m.finished_ms;
        item->summary = json_object();
        hg_doc_manifest(item->summary, &m);
        hg_json_set_string(item->summary, "origin", m.origin);
    } else if (item->rc == HANGAR_CORRUPT || item->rc == HANGAR_UNSUPPORTED) {
        item->problem = strdup(why.text);
    }
    hg_manifest_free(&m);
    if ((item->rc == HANGAR_OK && !item->summary) ||
        (item->rc != HANGAR_OK && !item->problem && item->rc != HANGAR_NOT_FOUND)) {
        *err = why;
        return item->rc != HANGAR_OK ? item->rc : hg_no_memory(err);
    }
    return HANGAR_OK;
}

/* From what is remembered when it is still of that manifest, else from the sink. */
static enum hangar_rc fill(struct hg_summaries *known, struct hangar_ctx *sink,
                           const char *pipeline, bool fresh, struct hg_index_item *item,
                           struct hg_error *err)
{
    if (!item->has_manifest) {
        return HANGAR_OK;
    }
    if (!fresh) {
        item->summary = hg_summaries_get(known, item, &item->time_ms);
        if (item->summary) {
            item->rc = HANGAR_OK;
            return HANGAR_OK;
        }
    }
    if (hg_job_cancelled(sink->job)) {
        return hg_fail(err, HANGAR_CANCELLED, 0, "interrupted");
    }
    return read_manifest(sink, pipeline, item, err);
}

enum hangar_rc hg_index_read(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             size_t fresh, struct hg_index *index, struct hg_error *err)
{
    *index = (struct hg_index){0};
    char *prefix = hg_format("%s/", pipeline);
    if (!prefix) {
        return hg_no_memory(err);
    }
    struct listing listing = {.index = index, .skip = strlen(prefix)};
    enum hangar_rc rc = hg_sink_look(sink, prefix, 0, take_page, &listing, err);
    free(prefix);
    struct hg_summaries known = {0};
    if (rc == HANGAR_OK) {
        hg_summaries_load(&known, h, sink, pipeline);
    }
    for (size_t i = index->count; i-- > 0 && rc == HANGAR_OK;) {
        struct hg_index_item *item = &index->items[i];
        rc = fill(&known, sink, pipeline, fresh > 0, item, err);
        fresh -= fresh > 0 && item->rc == HANGAR_OK && !hg_index_is_safety(item);
    }
    if (rc == HANGAR_OK) {
        hg_summaries_save(&known, h, sink, pipeline, index);
    }
    hg_summaries_free(&known);
    return rc;
}
