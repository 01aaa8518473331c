/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verification_record: see verification_record.h.
 */
#include "inventory/verification_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/store.h"
#include "plugin/instance.h"
#include "plugin/page.h"
#include "session/document.h"
#include "session/handle.h"
#include "state/journal.h"
#include "state/state.h"

#define RECORD_MAX_BYTES ((size_t)1 << 20)
#define RECORD_FOLDER "verify/"
#define SURPLUS_MAX 1000 /* list removed at a time; the next verification removes the rest */

/* The name of the record of this moment: "verify/2026-01-15T02-00-00-000Z.json". */
static char *record_path(const char *pipeline, const char *id, int64_t time_ms)
{
    char stamp[HG_BACKUP_ID_SIZE];
    hg_backup_id_format(time_ms, stamp);
    char *name = hg_format(RECORD_FOLDER "%s.json", strchr(stamp, '_') + 1);
    char *path = name ? hg_store_path(pipeline, id, name) : NULL;
    free(name);
    return path;
}

/* Is this the path of a record?  A source may be named like the folder. */
static bool record_is_path(const char *path)
{
    const char *stamp = strrchr(path, '/') + 1;
    size_t length = strcspn(stamp, ".");
    char id[HG_BACKUP_ID_SIZE];
    int64_t unused;
    int n = snprintf(id, sizeof(id), "backup_%.*s", (int)length, stamp);
    return strcmp(stamp + length, ".json") == 0 && n > 0 && (size_t)n < sizeof(id) &&
           hg_backup_id_parse(id, &unused);
}

/* ---- writing ---- */

/* Names ascend with time: the ring holds the newest list, and each one that leaves it is
 * surplus. */
struct record_listing {
    char *ring[HG_VERIFICATION_RECORDS_KEPT];
    size_t seen;
    char *surplus[SURPLUS_MAX];
    size_t surplus_count;
};

static enum hangar_rc record_add_page(void *arg, const struct hg_page_entries *page,
                                      struct hg_error *err)
{
    struct record_listing *list = arg;
    for (size_t i = 0; i < page->count && list->surplus_count < SURPLUS_MAX; i++) {
        if (!record_is_path(page->items[i].name)) {
            continue;
        }
        char **slot = &list->ring[list->seen++ % HG_VERIFICATION_RECORDS_KEPT];
        if (*slot) {
            list->surplus[list->surplus_count++] = *slot;
        }
        *slot = strdup(page->items[i].name);
        if (!*slot) {
            return hg_no_memory(err);
        }
    }
    return HANGAR_OK;
}

/* A drill each night leaves a record each night for as long as the backup exists. */
static enum hangar_rc record_remove_surplus(struct hangar_ctx *sink, const char *pipeline,
                                            const char *id, struct hg_error *err)
{
    struct record_listing *list = calloc(1, sizeof(*list));
    char *prefix = hg_store_path(pipeline, id, RECORD_FOLDER);
    enum hangar_rc rc = list && prefix ? hg_sink_list(sink, prefix, 0, record_add_page, list, err)
                                       : hg_no_memory(err);
    for (size_t i = 0; list && i < list->surplus_count; i++) {
        if (rc == HANGAR_OK) {
            rc = HG_CALL(sink, err, sink->plugin->sink.remove(sink->inst, list->surplus[i]));
        }
        free(list->surplus[i]);
    }
    for (size_t i = 0; list && i < HG_VERIFICATION_RECORDS_KEPT; i++) {
        free(list->ring[i]);
    }
    free(list);
    free(prefix);
    return rc;
}

const char *hg_verify_level_name(enum hangar_verify_level level)
{
    static const char *const names[] = {"quick", "full", "drill"};
    return names[level <= HANGAR_VERIFY_DRILL ? level : HANGAR_VERIFY_QUICK];
}

static char *record_text(const struct hangar *h, const struct hg_verification *v)
{
    json_t *record = json_object();
    hg_json_set_time(record, "time", v->time_ms);
    hg_json_set_string(record, "level", hg_verify_level_name(v->level));
    hg_json_set_string(record, "status", hangar_status_name(v->status));
    hg_json_set_int(record, "duration_ms", v->duration_ms);
    hg_json_set_string(record, "host", h->identity.host);
    hg_json_set_string(record, "hangar", HANGAR_VERSION);
    hg_json_set(record, "sources", json_incref(v->sources));
    if (v->error) {
        hg_json_set_string(record, "error", v->error);
    }
    char *text = hg_json_text(record);
    json_decref(record);
    return text;
}

enum hangar_rc hg_verification_store(struct hangar *h, struct hangar_ctx *sink,
                                     const char *pipeline, const struct hg_verification *v,
                                     struct hg_error *err)
{
    char *path = record_path(pipeline, v->id, v->time_ms);
    char *text = record_text(h, v);
    enum hangar_rc rc =
        path && text ? hg_store_put(sink, path, text, strlen(text), true, err) : hg_no_memory(err);
    struct hg_error why = {0};
    if (rc == HANGAR_OK && record_remove_surplus(sink, pipeline, v->id, &why) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN,
                    "cannot remove old records of verifications of %s: %s", v->id, why.text);
    }
    free(path);
    free(text);
    return rc;
}

static char *journal_name(const char *pipeline)
{
    return hg_format("%s.verify", pipeline); /* a pipeline's name has no dot */
}

json_t *hg_verification_json(const struct hg_verification *v)
{
    if (!v || !v->id) {
        return json_null();
    }
    json_t *line = json_object();
    hg_json_set_string(line, "id", v->id);
    hg_json_set_string(line, "sink", v->sink);
    hg_json_set_time(line, "time", v->time_ms);
    hg_json_set_string(line, "level", hg_verify_level_name(v->level));
    hg_json_set_string(line, "status", hangar_status_name(v->status));
    return line;
}

void hg_verification_remember(const struct hg_state *state, const char *pipeline,
                              const struct hg_verification *v)
{
    json_t *line = hg_verification_json(v);
    char *name = journal_name(pipeline);
    if (name) {
        hg_journal_append(state, name, line);
    }
    free(name);
    json_decref(line);
}

/* ---- reading ---- */

static enum hangar_rc record_keep_last(void *arg, const struct hg_page_entries *page,
                                       struct hg_error *err)
{
    char **last = arg;
    size_t i = page->count;
    while (i > 0 && !record_is_path(page->items[i - 1].name)) {
        i--;
    }
    if (i == 0) {
        return HANGAR_OK;
    }
    free(*last);
    *last = strdup(page->items[i - 1].name);
    return *last ? HANGAR_OK : hg_no_memory(err);
}

static enum hangar_rc record_read_newest(struct hangar_ctx *sink, const char *pipeline,
                                         const char *id, json_t **out, struct hg_error *err)
{
    char *last = NULL;
    struct hg_str text = {0};
    char *prefix = hg_store_path(pipeline, id, RECORD_FOLDER);
    enum hangar_rc rc =
        prefix ? hg_sink_list(sink, prefix, 0, record_keep_last, &last, err) : hg_no_memory(err);
    if (rc == HANGAR_OK && last) {
        rc = hg_store_get(sink, last, RECORD_MAX_BYTES, &text, err);
    }
    if (rc == HANGAR_OK && last) {
        rc = hg_json_parse(hg_str_text(&text), text.len, last, out, err);
    }
    if (*out) {
        hg_json_set_string(*out, "sink", sink->name);
    }
    hg_str_free(&text);
    free(prefix);
    free(last);
    return rc;
}

json_t *hg_verification_newest(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const char *id)
{
    json_t *record = NULL;
    struct hg_error err = {0};
    if (record_read_newest(sink, pipeline, id, &record, &err) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot read the verifications of %s: %s", id,
                    err.text);
    }
    return record ? record : json_null();
}

/* A line of the journal, of which *out takes a reference; false when it is not one. */
static bool verification_parse(const json_t *line, struct hg_verification *out)
{
    const char *level = hg_json_string(line, "level", "");
    *out = (struct hg_verification){.id = hg_json_string(line, "id", NULL),
                                    .sink = hg_json_string(line, "sink", "?"),
                                    .time_ms = -1,
                                    .level = HANGAR_VERIFY_QUICK};
    while (out->level < HANGAR_VERIFY_DRILL &&
           strcmp(hg_verify_level_name(out->level), level) != 0) {
        out->level++;
    }
    if (!out->id || strcmp(hg_verify_level_name(out->level), level) != 0) {
        return false;
    }
    hg_time_parse(hg_json_string(line, "time", ""), &out->time_ms);
    out->status = hg_status_of_name(hg_json_string(line, "status", ""));
    out->line = json_incref((json_t *)(uintptr_t)line);
    return true;
}

void hg_verification_free(struct hg_verification *v)
{
    json_decref(v->line);
    *v = (struct hg_verification){0};
}

static void verifications_add(void *arg, const json_t *line)
{
    struct hg_verifications *all = arg;
    if (HG_VEC_RESERVE(all) && verification_parse(line, &all->items[all->count])) {
        all->items[all->count].number = all->count;
        all->count++;
    }
}

static int verifications_compare(const void *a, const void *b)
{
    const struct hg_verification *x = a, *y = b;
    return strcmp(x->id, y->id);
}

void hg_verifications_read(struct hg_verifications *all, const struct hg_state *state,
                           const char *pipeline)
{
    *all = (struct hg_verifications){.is_read = true};
    char *name = journal_name(pipeline);
    if (name) {
        hg_journal_each(state, name, verifications_add, all);
    }
    free(name);
    if (all->count == 0) {
        return;
    }
    /* a later line replaces an earlier one of the same backup */
    qsort(all->items, all->count, sizeof(*all->items), verifications_compare);
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct hg_verification *last = kept ? &all->items[kept - 1] : NULL;
        if (last && strcmp(last->id, all->items[i].id) == 0) {
            bool later = all->items[i].number > last->number;
            hg_verification_free(later ? last : &all->items[i]);
            if (later) {
                *last = all->items[i];
            }
        } else {
            all->items[kept++] = all->items[i];
        }
    }
    all->count = kept;
}

void hg_verifications_free(struct hg_verifications *all)
{
    for (size_t i = 0; i < all->count; i++) {
        hg_verification_free(&all->items[i]);
    }
    free(all->items);
    *all = (struct hg_verifications){0};
}

const struct hg_verification *hg_verifications_find(const struct hg_verifications *all,
                                                    const char *id)
{
    const struct hg_verification key = {.id = id};
    return all && all->count
               ? bsearch(&key, all->items, all->count, sizeof(key), verifications_compare)
               : NULL;
}

static void keep_last_drill(void *arg, const json_t *line)
{
    struct hg_verification *last = arg, found;
    if (verification_parse(line, &found)) {
        if (found.level == HANGAR_VERIFY_DRILL) {
            hg_verification_free(last);
            *last = found;
        } else {
            hg_verification_free(&found);
        }
    }
}

struct hg_verification hg_verification_last_drill(const struct hg_state *state,
                                                  const char *pipeline)
{
    struct hg_verification last = {0};
    char *name = journal_name(pipeline);
    if (name) {
        hg_journal_each(state, name, keep_last_drill, &last);
    }
    free(name);
    return last;
}
