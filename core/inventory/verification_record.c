/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verified: see verified.h.
 */
#include "inventory/verification_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/store.h"
#include "plugin/instance.h"
#include "plugin/page.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/journal.h"

#define RECORD_MAX ((size_t)1 << 20)
#define FOLDER "verify/"
#define DOOMED_MAX 1000 /* records removed at a time; the rest goes with the next */

/* The name of the record of this moment: "verify/2026-01-15T02-00-00-000Z.json". */
static char *record_path(const char *pipeline, const char *id, int64_t time_ms)
{
    char stamp[HG_BACKUP_ID_SIZE];
    hg_backup_id_format(time_ms, stamp);
    char *name = hg_format(FOLDER "%s.json", strchr(stamp, '_') + 1);
    char *path = name ? hg_store_path(pipeline, id, name) : NULL;
    free(name);
    return path;
}

/* Is it a record?  A source may have the name of the folder. */
static bool is_record(const char *path)
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

/* The newest records pass through `kept`; what falls out of it is to go. */
struct records {
    char *kept[HG_VERIFIED_KEPT];
    size_t seen;
    char *doomed[DOOMED_MAX];
    size_t doomed_count;
};

static enum hangar_rc sort_out(void *arg, const struct hg_page_entries *page, struct hg_error *err)
{
    struct records *records = arg;
    for (size_t i = 0; i < page->count && records->doomed_count < DOOMED_MAX; i++) {
        if (!is_record(page->items[i].name)) {
            continue;
        }
        char **slot = &records->kept[records->seen++ % HG_VERIFIED_KEPT];
        if (*slot) {
            records->doomed[records->doomed_count++] = *slot;
        }
        *slot = strdup(page->items[i].name);
        if (!*slot) {
            return hg_no_memory(err);
        }
    }
    return HANGAR_OK;
}

/* A drill each night would leave a record each night, for as long as the backup lives. */
static enum hangar_rc remove_oldest(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                    struct hg_error *err)
{
    struct records *records = calloc(1, sizeof(*records));
    char *prefix = hg_store_path(pipeline, id, FOLDER);
    enum hangar_rc rc = records && prefix ? hg_sink_list(sink, prefix, 0, sort_out, records, err)
                                          : hg_no_memory(err);
    for (size_t i = 0; records && i < records->doomed_count; i++) {
        if (rc == HANGAR_OK) {
            rc = HG_CALL(sink, err, sink->plugin->sink.remove(sink->inst, records->doomed[i]));
        }
        free(records->doomed[i]);
    }
    for (size_t i = 0; records && i < HG_VERIFIED_KEPT; i++) {
        free(records->kept[i]);
    }
    free(records);
    free(prefix);
    return rc;
}

static enum hangar_rc store(struct hangar *h, const char *pipeline, size_t sink, const char *id,
                            const json_t *record, struct hg_error *err)
{
    struct hg_session s;
    struct hangar_ctx *ctx;
    int64_t time_ms = hg_now_ms();
    hg_time_parse(hg_json_string(record, "time", ""), &time_ms);
    enum hangar_rc rc = hg_session_begin(&s, h, 0, NULL, NULL, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    char *path = record_path(pipeline, id, time_ms);
    char *text = hg_json_text(record);
    rc = path && text ? hg_session_open(&s, sink, NULL, 0, &ctx, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = hg_store_put(ctx, path, text, strlen(text), true, err);
    }
    struct hg_error kept = {0};
    if (rc == HANGAR_OK && remove_oldest(ctx, pipeline, id, &kept) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN,
                    "old records of verifications beside %s are not removed: %s", id, kept.text);
    }
    free(path);
    free(text);
    hg_session_end(&s);
    return rc;
}

static char *history_name(const char *pipeline)
{
    return hg_format("%s.verify", pipeline); /* a pipeline's name has no dot */
}

void hg_verified_record(struct hangar *h, const char *pipeline, size_t sink, const char *id,
                        const json_t *record)
{
    struct hg_error err = {0};
    if (store(h, pipeline, sink, id, record, &err) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "the outcome is not kept beside %s: %s", id,
                    err.text);
    }
    json_t *line = json_object();
    char *name = history_name(pipeline);
    hg_json_set_string(line, "id", id);
    hg_json_set_string(line, "sink", h->config->instances[sink].name);
    static const char *const kept[] = {"time", "level", "status"};
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        hg_json_set_string(line, kept[i], hg_json_string(record, kept[i], NULL));
    }
    if (name) {
        hg_journal_append(&h->state, name, line);
    }
    free(name);
    json_decref(line);
}

/* ---- reading ---- */

static enum hangar_rc keep_last(void *arg, const struct hg_page_entries *page, struct hg_error *err)
{
    char **last = arg;
    size_t i = page->count;
    while (i > 0 && !is_record(page->items[i - 1].name)) {
        i--;
    }
    if (i == 0) {
        return HANGAR_OK;
    }
    free(*last);
    *last = strdup(page->items[i - 1].name);
    return *last ? HANGAR_OK : hg_no_memory(err);
}

enum hangar_rc hg_verified_newest(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  json_t **out, struct hg_error *err)
{
    char *last = NULL;
    struct hg_str text = {0};
    *out = NULL;
    char *prefix = hg_store_path(pipeline, id, FOLDER);
    enum hangar_rc rc =
        prefix ? hg_sink_list(sink, prefix, 0, keep_last, &last, err) : hg_no_memory(err);
    if (rc == HANGAR_OK && last) {
        rc = hg_store_get(sink, last, RECORD_MAX, &text, err);
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

static void remember(void *arg, const json_t *line)
{
    const char *id = hg_json_string(line, "id", NULL);
    if (id) { /* a later line takes the place of an earlier one */
        json_object_set((json_t *)arg, id, (json_t *)(uintptr_t)line);
    }
}

json_t *hg_verified_remembered(struct hangar *h, const char *pipeline)
{
    json_t *all = json_object();
    char *name = history_name(pipeline);
    if (all && name) {
        hg_journal_each(&h->state, name, remember, all);
    }
    free(name);
    return all;
}

json_t *hg_verified_json(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                         const char *id)
{
    json_t *record = NULL;
    struct hg_error err = {0};
    if (hg_verified_newest(sink, pipeline, id, &record, &err) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot tell when %s was verified: %s", id, err.text);
    }
    return record ? record : json_null();
}

static void keep_drill(void *arg, const json_t *line)
{
    json_t **last = arg;
    if (strcmp(hg_json_string(line, "level", ""), "drill") == 0) {
        json_decref(*last);
        *last = json_incref((json_t *)(uintptr_t)line);
    }
}

json_t *hg_verified_last_drill(struct hangar *h, const char *pipeline)
{
    json_t *last = NULL;
    char *name = history_name(pipeline);
    if (name) {
        hg_journal_each(&h->state, name, keep_drill, &last);
    }
    free(name);
    return last;
}
