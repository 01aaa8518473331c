/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * record: see record.h.
 */
#include "inventory/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/sidecar.h"
#include "catalog/sizes.h"
#include "catalog/store.h"
#include "plugin/instance.h"
#include "plugin/page.h"
#include "session/document.h"
#include "session/handle.h"

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

/* Does this path end as that of a record, "TIME.json", or with another end?  *time_ms is the time
 * in its name. */
static bool record_has_end(const char *path, const char *end, int64_t *time_ms)
{
    const char *stamp = strrchr(path, '/') + 1;
    size_t length = strcspn(stamp, ".");
    char id[HG_BACKUP_ID_SIZE];
    int n = snprintf(id, sizeof(id), "backup_%.*s", (int)length, stamp);
    return strcmp(stamp + length, end) == 0 && n > 0 && (size_t)n < sizeof(id) &&
           hg_backup_id_parse(id, time_ms);
}

/* Is this the path of a record?  A source may be named like the folder. */
static bool record_is_path(const char *path, int64_t *time_ms)
{
    return record_has_end(path, ".json", time_ms);
}

bool hg_record_has_name(const char *name)
{
    int64_t unused;
    return strncmp(name, RECORD_FOLDER, strlen(RECORD_FOLDER)) == 0 &&
           (record_is_path(name, &unused) ||
            record_has_end(name, ".json" HG_SIDECAR_SUFFIX, &unused));
}

bool hg_record_time(const char *name, int64_t *time_ms)
{
    return strncmp(name, RECORD_FOLDER, strlen(RECORD_FOLDER)) == 0 &&
           record_is_path(name, time_ms);
}

/* ---- the records in a sink ---- */

/* Names ascend with time: the ring holds the newest ones, and each one that leaves it is
 * surplus.  Records from the future are left alone: they do not displace others. */
struct record_listing {
    char *ring[HG_RECORDS_KEPT];
    size_t seen;
    char *surplus[SURPLUS_MAX];
    size_t surplus_count;
};

static enum hangar_rc record_add_page(void *arg, const struct hg_page_entries *page,
                                      struct hg_error *err)
{
    struct record_listing *list = arg;
    int64_t ms;
    for (size_t i = 0; i < page->count && list->surplus_count < SURPLUS_MAX; i++) {
        if (!record_is_path(page->items[i].name, &ms) || hg_verification_is_ahead(ms)) {
            continue;
        }
        char **slot = &list->ring[list->seen++ % HG_RECORDS_KEPT];
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

static void record_listing_free(struct record_listing *list)
{
    for (size_t i = 0; list && i < list->surplus_count; i++) {
        free(list->surplus[i]);
    }
    for (size_t i = 0; list && i < HG_RECORDS_KEPT; i++) {
        free(list->ring[i]);
    }
    free(list);
}

/* Lists the records of a backup; *out is for record_listing_free, also after a failure. */
static enum hangar_rc record_list(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  struct record_listing **out, struct hg_error *err)
{
    char *prefix = hg_store_path(pipeline, id, RECORD_FOLDER);
    *out = calloc(1, sizeof(**out));
    enum hangar_rc rc = *out && prefix ? hg_sink_list(sink, prefix, 0, record_add_page, *out, err)
                                       : hg_no_memory(err);
    free(prefix);
    return rc;
}

/* ---- writing ---- */

/* A drill each night leaves a record each night for as long as the backup exists. */
static enum hangar_rc record_remove_surplus(struct hangar_ctx *sink, const char *pipeline,
                                            const char *id, struct hg_error *err)
{
    struct record_listing *list = NULL;
    enum hangar_rc rc = record_list(sink, pipeline, id, &list, err);
    for (size_t i = 0; rc == HANGAR_OK && i < list->surplus_count; i++) {
        rc = hg_sidecar_remove(sink, list->surplus[i], err);
    }
    record_listing_free(list);
    return rc;
}

/* It contains its backup and its sink: a record that was copied beside another backup, or into
 * another sink, proves nothing there. */
static char *record_text(const struct hangar *h, const struct hangar_ctx *sink,
                         const char *pipeline, const struct hg_verification *v)
{
    json_t *record = json_object();
    hg_json_set_string(record, "pipeline", pipeline);
    hg_json_set_string(record, "id", v->id);
    hg_json_set_string(record, "sink", sink->name);
    hg_verification_add_fields(v, record);
    hg_json_set_int(record, "duration_ms", v->duration_ms);
    hg_json_set_string(record, "host", h->identity.host);
    hg_json_set_string(record, "hangar", HANGAR_VERSION);
    hg_json_set(record, "sources", json_incref(v->sources));
    char *text = hg_json_text(record);
    json_decref(record);
    return text;
}

enum hangar_rc hg_record_store(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const struct hg_verification *v, struct hg_error *err)
{
    char *path = record_path(pipeline, v->id, v->time_ms);
    char *text = record_text(h, sink, pipeline, v);
    enum hangar_rc rc = path ? hg_sidecar_put(sink, path, text, true, err) : hg_no_memory(err);
    struct hg_error why = {0};
    if (rc == HANGAR_OK && record_remove_surplus(sink, pipeline, v->id, &why) != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN,
                    "cannot remove old records of verifications of %s: %s", v->id, why.text);
    }
    free(path);
    free(text);
    return rc;
}

/* ---- reading ---- */

/* The texts of a record must be those of its place.  hangar 0.1 did not write them: such a record
 * counts where no key is configured. */
static bool record_field_is(const struct hangar_ctx *sink, const json_t *record, const char *key,
                            const char *value)
{
    const char *found = hg_json_string(record, key, sink->signing ? "" : value);
    return strcmp(found, value) == 0;
}

/* Fills *out from a record of this place; false when the file is not one. */
static bool record_parse(const struct hangar_ctx *sink, const char *pipeline, const char *id,
                         const char *path, const struct hg_str *text, struct hg_record *out)
{
    json_t *record = NULL;
    int64_t named_ms = 0, ms = -1;
    record_is_path(path, &named_ms);
    bool ok = hg_json_parse(hg_str_text(text), text->len, path, &record, NULL) == HANGAR_OK &&
              hg_time_parse(hg_json_string(record, "time", ""), &ms) && ms == named_ms &&
              hg_json_string(record, "level", NULL) && hg_json_string(record, "status", NULL) &&
              record_field_is(sink, record, "pipeline", pipeline) &&
              record_field_is(sink, record, "id", id) &&
              record_field_is(sink, record, "sink", sink->name);
    if (ok) {
        hg_json_set_string(record, "id", id);
        hg_json_set_string(record, "sink", sink->name);
        ok = hg_verification_parse(record, &out->v);
    }
    if (ok) {
        out->v.duration_ms = hg_json_int(record, "duration_ms", -1);
        out->v.sources = json_object_get(record, "sources");
        out->host = hg_json_string(record, "host", NULL);
        out->hangar = hg_json_string(record, "hangar", NULL);
    }
    json_decref(record);
    return ok;
}

/* *out is the record; without id when the file proves nothing. */
static enum hangar_rc record_read(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  const char *path, struct hg_record *out, struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_sidecar_get(sink, path, HG_RECORD_MAX, &text, &why);
    *out = (struct hg_record){0};
    if (rc == HANGAR_OK && !record_parse(sink, pipeline, id, path, &text, out)) {
        hg_record_free(out);
    }
    hg_str_free(&text);
    return rc == HANGAR_OK || rc == HANGAR_CORRUPT || rc == HANGAR_NOT_FOUND
               ? HANGAR_OK
               : hg_error_move(err, &why);
}

void hg_record_free(struct hg_record *record)
{
    hg_verification_free(&record->v);
    *record = (struct hg_record){0};
}

void hg_record_newest(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                      const char *id, struct hg_record *out)
{
    struct hg_error err = {0};
    struct record_listing *list = NULL;
    size_t ignored = 0;
    enum hangar_rc rc = record_list(sink, pipeline, id, &list, &err);
    *out = (struct hg_record){0};
    for (size_t i = list ? list->seen : 0;
         rc == HANGAR_OK && !out->v.id && i-- > 0 && ignored < HG_RECORDS_KEPT;) {
        rc = record_read(sink, pipeline, id, list->ring[i % HG_RECORDS_KEPT], out, &err);
        ignored += rc == HANGAR_OK && !out->v.id;
    }
    record_listing_free(list);
    if (rc != HANGAR_OK) {
        hg_log_line(&h->log, HANGAR_LOG_WARN, "cannot read the verifications of %s: %s", id,
                    err.text);
    } else if (ignored > 0) {
        hg_log_line(&h->log, HANGAR_LOG_WARN,
                    "sink %s: %zu records of verifications of %s are ignored: they %s; hint: "
                    "`hangar verify --level full %s` makes a new one",
                    sink->name, ignored, id,
                    sink->signing ? "are not signed with the key for this backup"
                                  : "are damaged, of another backup, or from the future",
                    id);
    }
}

json_t *hg_record_json(const struct hg_record *record)
{
    if (!record->v.id) {
        return json_null();
    }
    const struct hg_verification shown = hg_verification_counted(&record->v);
    json_t *out = json_object();
    hg_json_set_time(out, "time", shown.time_ms);
    hg_json_set_string(out, "level", hg_verify_level_name(shown.level));
    hg_json_set_string(out, "status", hangar_status_name(shown.status));
    if (shown.duration_ms >= 0) {
        hg_json_set_int(out, "duration_ms", shown.duration_ms);
    }
    if (record->host) {
        hg_json_set_string(out, "host", record->host);
    }
    if (record->hangar) {
        hg_json_set_string(out, "hangar", record->hangar);
    }
    if (shown.sources) {
        hg_json_set(out, "sources", json_incref(shown.sources));
    }
    if (shown.error) {
        hg_json_set_string(out, "error", shown.error);
    }
    if (record->v.unread) {
        hg_json_set_bool(out, "unread", true);
    }
    hg_json_set_string(out, "sink", shown.sink);
    return out;
}

/* ---- damage ---- */

/* The newest record in the sink that judges the copy; `id` NULL: there is none. */
static enum hangar_rc record_find_judgement(struct hangar_ctx *sink, const char *pipeline,
                                            const char *id, struct hg_verification *out,
                                            struct hg_error *err)
{
    struct record_listing *list = NULL;
    enum hangar_rc rc = record_list(sink, pipeline, id, &list, err);
    size_t seen = rc == HANGAR_OK ? list->seen : 0;
    size_t least = seen > HG_RECORDS_KEPT ? seen - HG_RECORDS_KEPT : 0;
    *out = (struct hg_verification){0};
    for (size_t i = seen; rc == HANGAR_OK && !out->id && i-- > least;) {
        struct hg_record record;
        rc = record_read(sink, pipeline, id, list->ring[i % HG_RECORDS_KEPT], &record, err);
        if (record.v.id && hg_verification_judges(&record.v)) {
            *out = record.v;
        } else {
            hg_record_free(&record);
        }
    }
    record_listing_free(list);
    return rc;
}

static enum hangar_rc record_fail_if_damaged(const struct hangar_ctx *sink,
                                             const struct hg_verification *v, struct hg_error *err)
{
    if (!v->id || (!v->drill_error && hg_outcome_of(v->status) != HG_BAD)) {
        return HANGAR_OK;
    }
    const char *error = v->drill_error ? v->drill_error : v->error;
    const char *level = hg_verify_level_name(v->drill_error ? HANGAR_VERIFY_DRILL : v->level);
    char time[HG_TIME_SIZE];
    hg_time_format(v->drill_error ? v->drill_ms : v->time_ms, time);
    return hg_fail(err, HANGAR_CORRUPT, 0,
                   "sink %s: %s is damaged: level=%s of %s%s%s; hint: `hangar verify --level %s "
                   "%s` judges it again",
                   sink->name, v->id, level, time, error ? " found: " : "", error ? error : "",
                   v->drill_error ? "drill" : "full", v->id);
}

/* What this machine remembers of a copy that judges it; free it. */
static struct hg_verification remembered_judgement(const struct hg_verifications *remembered,
                                                   const char *id, const char *sink)
{
    const struct hg_verification *found = hg_verifications_find(remembered, id, sink);
    if (!found || !hg_verification_judges(found)) {
        return (struct hg_verification){0};
    }
    json_incref(found->line);
    return *found;
}

/* Replaces *known when a record in the sink judged the copy later. */
static enum hangar_rc judge_by_records(struct hangar_ctx *sink, const char *pipeline,
                                       const char *id, struct hg_verification *known,
                                       struct hg_error *err)
{
    struct hg_verification stored = {0};
    enum hangar_rc rc = record_find_judgement(sink, pipeline, id, &stored, err);
    if (rc == HANGAR_OK && stored.id && (!known->id || known->time_ms < stored.time_ms)) {
        hg_verification_free(known);
        *known = stored;
    } else {
        hg_verification_free(&stored);
    }
    return rc;
}

enum hangar_rc hg_record_carry(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               struct hg_verification *v, struct hg_verification *previous,
                               struct hg_error *err)
{
    struct hg_verifications remembered;
    hg_verifications_read(&remembered, &h->state, pipeline);
    *previous = remembered_judgement(&remembered, v->id, v->sink);
    hg_verifications_free(&remembered);
    enum hangar_rc rc = judge_by_records(sink, pipeline, v->id, previous, err);
    v->drill_error = previous->drill_error;
    v->drill_ms = previous->drill_ms;
    return rc;
}

enum hangar_rc hg_record_check(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               const struct hg_newest_record *record,
                               const struct hg_verifications *remembered, struct hg_error *err)
{
    struct hg_verification known = remembered_judgement(remembered, id, sink->name);
    enum hangar_rc rc = HANGAR_OK;
    const bool newer = record->time_ms >= 0 && (!known.id || known.time_ms < record->time_ms);
    if (newer && !record->good) {
        rc = judge_by_records(sink, pipeline, id, &known, err);
    }
    if (rc == HANGAR_OK && !(newer && record->good)) {
        rc = record_fail_if_damaged(sink, &known, err);
    }
    hg_verification_free(&known);
    return rc;
}

enum hangar_rc hg_record_find_damage(struct hangar *h, struct hangar_ctx *sink,
                                     const char *pipeline, const char *id, struct hg_error *err)
{
    const struct hg_newest_record record = {.time_ms = HG_RECORD_UNKNOWN};
    struct hg_verifications remembered;
    hg_verifications_read(&remembered, &h->state, pipeline);
    enum hangar_rc rc = hg_record_check(sink, pipeline, id, &record, &remembered, err);
    hg_verifications_free(&remembered);
    return rc;
}
