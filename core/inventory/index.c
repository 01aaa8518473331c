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
#include "base/str.h"
#include "base/vec.h"
#include "catalog/file_sum.h"
#include "catalog/manifest.h"
#include "catalog/mark.h"
#include "catalog/retention.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "catalog/summary.h"
#include "inventory/completeness.h"
#include "inventory/origin.h"
#include "inventory/record.h"
#include "plugin/job.h"
#include "plugin/page.h"
#include "session/handle.h"
#include "state/manifest_cache.h"

/* The memory of the items of one pipeline in one sink: for some hundred thousand backups. */
#define INDEX_MAX_BYTES ((size_t)256 << 20)

void hg_index_free(struct hg_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        free(index->items[i].id);
        free(index->items[i].problem);
        hg_summary_free(&index->items[i].summary);
    }
    free(index->items);
    *index = (struct hg_index){0};
}

static int index_compare_id(const void *id, const void *item)
{
    return strcmp(id, ((const struct hg_index_item *)item)->id);
}

const struct hg_index_item *hg_index_find(const struct hg_index *index, const char *id)
{
    return index->count
               ? bsearch(id, index->items, index->count, sizeof(*index->items), index_compare_id)
               : NULL;
}

bool hg_index_counts(const struct hg_index_item *item)
{
    return item->rc == HANGAR_OK && !item->summary.safety && !item->summary.partial;
}

/* ---- listing ---- */

struct index_listing {
    const struct hangar_ctx *sink;
    const char *pipeline;
    struct hg_index *index;
    struct hg_listed_origin origin;
    size_t skip; /* length of "<pipeline>/" */
};

/* The item of this id: names ascend, so it is the last one or a new one.  *out is NULL when the
 * name is not a backup id. */
static enum hangar_rc index_item_of(struct index_listing *l, const char *id, size_t length,
                                    struct hg_index_item **out, struct hg_error *err)
{
    struct hg_index *index = l->index;
    struct hg_index_item *last = index->count ? &index->items[index->count - 1] : NULL;
    *out = NULL;
    if (last && strncmp(last->id, id, length) == 0 && last->id[length] == '\0') {
        *out = last;
        return HANGAR_OK;
    }
    if (index->count >= INDEX_MAX_BYTES / sizeof(*index->items)) {
        return hg_fail(err, HANGAR_IO, 0, "sink %s: pipeline %s has more than %zu backups",
                       l->sink->name, l->pipeline, index->count);
    }
    char *copy = strndup(id, length);
    if (!copy || !HG_VEC_RESERVE(index)) {
        free(copy);
        return hg_no_memory(err);
    }
    int64_t ms;
    if (!hg_backup_id_parse(copy, &ms)) {
        free(copy); /* not hangar's: left alone */
        return HANGAR_OK;
    }
    *out = &index->items[index->count++];
    **out =
        (struct hg_index_item){.id = copy, .rc = HANGAR_NOT_FOUND, .time_ms = ms, .record_ms = -1};
    return HANGAR_OK;
}

static enum hangar_rc index_add_page(void *arg, const struct hg_page_entries *page,
                                     struct hg_error *err)
{
    struct index_listing *l = arg;
    const int64_t now_ms = hg_now_ms();
    l->index->store_ms = page->store_time_ms ? page->store_time_ms : hg_now_ms();
    for (size_t i = 0; i < page->count; i++) {
        const struct hg_page_entry *e = &page->items[i];
        const char *id = e->name + l->skip;
        hg_store_note_origin(e, l->skip, &l->origin);
        const char *slash = strlen(e->name) > l->skip ? strchr(id, '/') : NULL;
        struct hg_index_item *item = NULL;
        enum hangar_rc rc =
            slash ? index_item_of(l, id, (size_t)(slash - id), &item, err) : HANGAR_OK;
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!item) {
            continue;
        }
        if (e->unreadable) {
            item->unreadable = true;
            continue;
        }
        hg_folder_add(&item->folder, slash + 1, e);
        int64_t record_ms;
        if (strcmp(slash + 1, HG_MANIFEST_NAME) == 0) {
            item->has_manifest = true;
            item->manifest_bytes = e->size;
            snprintf(item->etag, sizeof(item->etag), "%s", e->etag);
        } else if (strcmp(slash + 1, HG_SIGNATURE_NAME) == 0) {
            item->has_signature = true;
            snprintf(item->signature_etag, sizeof(item->signature_etag), "%s", e->etag);
        } else if (strcmp(slash + 1, HG_HOLD_NAME) == 0) {
            item->held = true;
        } else if (hg_record_time(slash + 1, &record_ms)) {
            item->record_ms = hg_is_future(record_ms, now_ms) ? item->record_ms : record_ms;
        } else if (!hg_completeness_ignores(slash + 1)) {
            hg_file_sum_add(&item->files, slash + 1, e->size);
        }
    }
    return HANGAR_OK;
}

/* ---- manifests ---- */

static struct hg_manifest_version index_version(const struct hg_index_item *item)
{
    return (struct hg_manifest_version){.id = item->id,
                                        .etag = item->etag,
                                        .signature_etag = item->signature_etag,
                                        .bytes = item->manifest_bytes,
                                        .has_signature = item->has_signature};
}

/* Damage, a newer hangar, and a folder that cannot be read, as one of another owner, are results
 * and no failures: they must not hide the others. */
static enum hangar_rc index_set_result(struct hg_index_item *item, struct hg_error *why,
                                       struct hg_error *err)
{
    item->rc = why->rc;
    if (why->rc == HANGAR_OK || why->rc == HANGAR_NOT_FOUND) {
        return HANGAR_OK;
    }
    if (why->rc == HANGAR_IO || why->rc == HANGAR_AUTH) {
        item->rc = HANGAR_IO;
        item->problem =
            hg_format("%s cannot be read: %s%s", item->id, why->text,
                      hg_error_has_hint(why->text) ? ""
                                                   : "; hint: check that this user may read the "
                                                     "sink, and that the sink is available");
        return item->problem ? HANGAR_OK : hg_no_memory(err);
    }
    if (why->rc != HANGAR_CORRUPT && why->rc != HANGAR_UNSUPPORTED) {
        return hg_error_move(err, why);
    }
    item->problem = strdup(why->text);
    return item->problem ? HANGAR_OK : hg_no_memory(err);
}

static enum hangar_rc index_ask_why(struct hangar_ctx *sink, const char *pipeline,
                                    struct hg_index_item *item, struct hg_error *err)
{
    struct hg_error why = {0};
    char *folder = hg_store_path(pipeline, item->id, NULL);
    if (folder) {
        hg_page_fail_unreadable(sink, folder, &why);
    } else {
        hg_no_memory(&why);
    }
    free(folder);
    return index_set_result(item, &why, err);
}

/* Reads the manifest, and compares it with the files one by one if their sum is another. */
static enum hangar_rc index_read_manifest(struct hangar_ctx *sink, const char *pipeline,
                                          struct hg_index_item *item, struct hg_error *err)
{
    struct hg_manifest m = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_manifest(sink, pipeline, item->id, &m, &why);
    hg_summary_free(&item->summary); /* of the cache */
    if (rc == HANGAR_OK) {
        rc = hg_summary_of(&m, &item->summary) ? rc : hg_no_memory(&why);
    }
    if (rc == HANGAR_OK) {
        item->time_ms = m.finished_ms;
        if (!hg_file_sum_equal(&item->files, &item->summary.files)) {
            hg_completeness_require(sink, &m, &why);
        }
    }
    hg_manifest_free(&m);
    return index_set_result(item, &why, err);
}

/* A folder without a manifest: a backup that has lost it is damaged.  The listing of some stores
 * lags behind what was stored; asking for the manifest does not. */
static enum hangar_rc index_judge_folder(struct hangar_ctx *sink, const char *pipeline,
                                         int64_t store_ms, struct hg_index_item *item,
                                         struct hg_error *err)
{
    struct hg_error why = {0};
    struct hg_store_file manifest = {0};
    hg_store_fail_without_manifest(sink, pipeline, item->id, &item->folder, store_ms, &why);
    if (why.rc == HANGAR_CORRUPT &&
        hg_store_find(sink, pipeline, item->id, HG_MANIFEST_NAME, &manifest, NULL) == HANGAR_OK &&
        manifest.exists) {
        return index_read_manifest(sink, pipeline, item, err);
    }
    return index_set_result(item, &why, err);
}

/* Reports a hold that is not signed although there is a key.  It still holds, also when its mark
 * cannot be read. */
static void index_check_hold(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             const struct hg_index_item *item)
{
    bool proven = true;
    if (item->held && hg_mark_check_hold(sink, pipeline, item->id, &proven, NULL) == HANGAR_OK &&
        !proven) {
        hg_log_line(&h->log, HANGAR_LOG_WARN,
                    "sink %s: the hold of %s is not signed with the key, and is respected; hint: "
                    "`hangar hold %s` signs it, `hangar unhold %s` ends it",
                    sink->name, item->id, item->id, item->id);
    }
}

/* Fills the item from the cache, or from the sink. */
static enum hangar_rc index_fill(struct hg_manifest_cache *cache, const char *pipeline, bool fresh,
                                 int64_t store_ms, struct hg_index_item *item, struct hg_error *err)
{
    if (item->unreadable) {
        return index_ask_why(cache->sink, pipeline, item, err);
    }
    if (!item->has_manifest) {
        return index_judge_folder(cache->sink, pipeline, store_ms, item, err);
    }
    const struct hg_manifest_version version = index_version(item);
    if (!fresh && hg_manifest_cache_get(cache, &version, &item->summary) &&
        hg_file_sum_equal(&item->files, &item->summary.files)) {
        item->time_ms = item->summary.finished_ms;
        item->rc = HANGAR_OK;
        return HANGAR_OK;
    }
    enum hangar_rc rc = hg_job_check(cache->sink->job, err);
    return rc == HANGAR_OK ? index_read_manifest(cache->sink, pipeline, item, err) : rc;
}

/* Has a verification found damage in what is otherwise good?  The records of other machines are
 * cached: a record never changes. */
static enum hangar_rc index_check_damage(struct hg_manifest_cache *cache, const char *pipeline,
                                         const struct hg_verifications *remembered,
                                         struct hg_index_item *item, struct hg_error *err)
{
    const struct hg_manifest_version version = index_version(item);
    if (item->rc != HANGAR_OK) {
        return HANGAR_OK;
    }
    const struct hg_newest_record record = {
        .time_ms = item->record_ms,
        .good = hg_manifest_cache_is_undamaged(cache, &version, item->record_ms)};
    struct hg_error why = {0};
    hg_record_check(cache->sink, pipeline, item->id, &record, remembered, &why);
    item->undamaged = why.rc == HANGAR_OK;
    return index_set_result(item, &why, err);
}

static void index_save(struct hg_manifest_cache *cache, const struct hg_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        if (index->items[i].summary.id && index->items[i].has_manifest) {
            const struct hg_manifest_version version = index_version(&index->items[i]);
            hg_manifest_cache_keep(cache, &version, &index->items[i].summary);
            if (index->items[i].undamaged) {
                hg_manifest_cache_keep_undamaged(cache, &version, index->items[i].record_ms);
            }
        }
    }
    hg_manifest_cache_save(cache);
}

enum hangar_rc hg_index_read(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                             size_t fresh, struct hg_index *index, struct hg_error *err)
{
    *index = (struct hg_index){0};
    char *prefix = hg_format("%s/", pipeline);
    if (!prefix) {
        return hg_no_memory(err);
    }
    struct index_listing listing = {
        .sink = sink, .pipeline = pipeline, .index = index, .skip = strlen(prefix)};
    enum hangar_rc rc = hg_sink_list_unless_failed(sink, prefix, 0, index_add_page, &listing, err);
    free(prefix);
    rc = rc == HANGAR_OK ? hg_origin_listed(h, sink, pipeline, &listing.origin, &index->lost, err)
                         : rc;
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hg_manifest_cache cache;
    struct hg_verifications remembered;
    hg_verifications_read(&remembered, &h->state, pipeline);
    hg_manifest_cache_open(&cache, &h->state, &h->signing, sink, pipeline);
    bool unknown = false;
    for (size_t i = index->count; i-- > 0 && rc == HANGAR_OK;) {
        struct hg_index_item *item = &index->items[i];
        rc = index_fill(&cache, pipeline, fresh > 0, index->store_ms, item, err);
        if (rc == HANGAR_OK) {
            rc = index_check_damage(&cache, pipeline, &remembered, item, err);
        }
        index_check_hold(h, sink, pipeline, item);
        unknown = unknown || item->rc == HANGAR_IO;
        fresh -= fresh > 0 && hg_index_counts(item);
    }
    if (rc == HANGAR_OK && unknown) {
        rc = hg_origin_again(h, sink, pipeline, err);
    }
    if (rc == HANGAR_OK) {
        index_save(&cache, index);
    }
    hg_manifest_cache_close(&cache);
    hg_verifications_free(&remembered);
    return rc;
}
