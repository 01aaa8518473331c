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
#include "catalog/retention.h"
#include "catalog/signed.h"
#include "catalog/store.h"
#include "plugin/instance.h"
#include "plugin/page.h"
#include "session/document.h"
#include "session/handle.h"
#include "state/journal.h"
#include "state/state.h"

#define RECORD_MAX_BYTES ((size_t)1 << 20)
#define RECORD_FOLDER "verify/"
#define STATUS_REPLACED "replaced" /* in the journal: the copy is a new one */
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

bool hg_verification_is_record(const char *name)
{
    int64_t unused;
    return strncmp(name, RECORD_FOLDER, strlen(RECORD_FOLDER)) == 0 &&
           (record_is_path(name, &unused) ||
            record_has_end(name, ".json" HG_SIGNED_SUFFIX, &unused));
}

bool hg_verification_record_time(const char *name, int64_t *time_ms)
{
    return strncmp(name, RECORD_FOLDER, strlen(RECORD_FOLDER)) == 0 &&
           record_is_path(name, time_ms);
}

/* Does a time lie ahead, so that it proves nothing?  A forged record could otherwise hide all
 * others for years. */
static bool record_is_ahead(int64_t time_ms)
{
    return hg_is_future(time_ms, hg_now_ms());
}

/* ---- the records in a sink ---- */

/* Names ascend with time: the ring holds the newest ones, and each one that leaves it is
 * surplus.  Records from the future are left alone: they do not displace others. */
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
    int64_t ms;
    for (size_t i = 0; i < page->count && list->surplus_count < SURPLUS_MAX; i++) {
        if (!record_is_path(page->items[i].name, &ms) || record_is_ahead(ms)) {
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

static void record_listing_free(struct record_listing *list)
{
    for (size_t i = 0; list && i < list->surplus_count; i++) {
        free(list->surplus[i]);
    }
    for (size_t i = 0; list && i < HG_VERIFICATION_RECORDS_KEPT; i++) {
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
        rc = hg_signed_remove(sink, list->surplus[i], err);
    }
    record_listing_free(list);
    return rc;
}

const char *hg_verify_level_name(enum hangar_verify_level level)
{
    static const char *const names[] = {"quick", "full", "drill"};
    return names[level <= HANGAR_VERIFY_DRILL ? level : HANGAR_VERIFY_QUICK];
}

/* It contains what it is about: a record that was copied beside another backup, or into another
 * sink, proves nothing there. */
static char *record_text(const struct hangar *h, const struct hangar_ctx *sink,
                         const char *pipeline, const struct hg_verification *v)
{
    json_t *record = json_object();
    hg_json_set_string(record, "pipeline", pipeline);
    hg_json_set_string(record, "id", v->id);
    hg_json_set_string(record, "sink", sink->name);
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
    if (v->unread) {
        hg_json_set_bool(record, "unread", true);
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
    char *text = record_text(h, sink, pipeline, v);
    enum hangar_rc rc = path ? hg_signed_put(sink, path, text, true, err) : hg_no_memory(err);
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
    hg_json_set_string(line, "outcome", hg_outcome_name(hg_outcome_of(v->status)));
    if (v->error) {
        hg_json_set_string(line, "error", v->error);
    }
    if (v->unread) {
        hg_json_set_bool(line, "unread", true);
    }
    return line;
}

static void remember_line(const struct hg_state *state, const char *pipeline, const json_t *line)
{
    char *name = journal_name(pipeline);
    if (name) {
        hg_journal_append(state, name, line);
    }
    free(name);
}

void hg_verification_remember(const struct hg_state *state, const char *pipeline,
                              const struct hg_verification *v)
{
    json_t *line = hg_verification_json(v);
    remember_line(state, pipeline, line);
    json_decref(line);
}

void hg_verification_forget(const struct hg_state *state, const char *pipeline, const char *id,
                            const char *sink)
{
    json_t *line = json_object();
    hg_json_set_string(line, "id", id);
    hg_json_set_string(line, "sink", sink);
    hg_json_set_time(line, "time", hg_now_ms());
    hg_json_set_string(line, "level", hg_verify_level_name(HANGAR_VERIFY_QUICK));
    hg_json_set_string(line, "status", STATUS_REPLACED);
    remember_line(state, pipeline, line);
    json_decref(line);
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

/* The part of a record that documents show; NULL when it is not a record of this place. */
static json_t *record_parse(const struct hangar_ctx *sink, const char *pipeline, const char *id,
                            const char *path, const struct hg_str *text)
{
    static const char *const shown[] = {"time",   "level",   "status", "duration_ms", "host",
                                        "hangar", "sources", "error",  "unread"};
    json_t *record = NULL, *out = NULL;
    int64_t named_ms = 0, ms = -1;
    record_is_path(path, &named_ms);
    if (hg_json_parse(hg_str_text(text), text->len, path, &record, NULL) == HANGAR_OK &&
        hg_time_parse(hg_json_string(record, "time", ""), &ms) && ms == named_ms &&
        hg_json_string(record, "level", NULL) && hg_json_string(record, "status", NULL) &&
        record_field_is(sink, record, "pipeline", pipeline) &&
        record_field_is(sink, record, "id", id) &&
        record_field_is(sink, record, "sink", sink->name)) {
        out = json_object();
        for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
            json_t *value = json_object_get(record, shown[i]);
            if (value) {
                hg_json_set(out, shown[i], json_incref(value));
            }
        }
        hg_json_set_string(out, "sink", sink->name);
    }
    json_decref(record);
    return out;
}

/* *out is the record, or NULL when the file proves nothing. */
static enum hangar_rc record_read(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  const char *path, json_t **out, struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_signed_get(sink, path, RECORD_MAX_BYTES, &text, &why);
    if (rc == HANGAR_OK) {
        *out = record_parse(sink, pipeline, id, path, &text);
    }
    hg_str_free(&text);
    return rc == HANGAR_OK || rc == HANGAR_CORRUPT || rc == HANGAR_NOT_FOUND
               ? HANGAR_OK
               : hg_error_move(err, &why);
}

json_t *hg_verification_newest(struct hangar *h, struct hangar_ctx *sink, const char *pipeline,
                               const char *id)
{
    json_t *record = NULL;
    struct hg_error err = {0};
    struct record_listing *list = NULL;
    size_t ignored = 0;
    enum hangar_rc rc = record_list(sink, pipeline, id, &list, &err);
    for (size_t i = list ? list->seen : 0;
         rc == HANGAR_OK && !record && i-- > 0 && ignored < HG_VERIFICATION_RECORDS_KEPT;) {
        rc = record_read(sink, pipeline, id, list->ring[i % HG_VERIFICATION_RECORDS_KEPT], &record,
                         &err);
        ignored += rc == HANGAR_OK && !record;
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
                                  : "are damaged, or belong to another backup",
                    id);
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
    out->forget = strcmp(hg_json_string(line, "status", ""), STATUS_REPLACED) == 0;
    out->error = hg_json_string(line, "error", NULL);
    out->unread = json_is_true(json_object_get(line, "unread"));
    if (out->status == HANGAR_STATUS_DONE && record_is_ahead(out->time_ms)) {
        return false; /* this clock was wrong then: no proof, and damage still counts */
    }
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

static int verifications_compare_copy(const void *a, const void *b)
{
    const struct hg_verification *x = a, *y = b;
    int order = strcmp(x->id, y->id);
    return order ? order : strcmp(x->sink, y->sink);
}

/* Within a copy in the order of the journal: clocks may be set back. */
static int verifications_compare(const void *a, const void *b)
{
    const struct hg_verification *x = a, *y = b;
    int order = verifications_compare_copy(x, y);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

/* Does it say something of the bytes of the copy?  A manifest that cannot be read and files that
 * are missing are seen anew each time (goodness.h), so that such a finding ends with its cause. */
static bool verification_judges(const struct hg_verification *v)
{
    return hg_outcome_of(v->status) != HG_NOT_JUDGED && !v->unread;
}

/* Does the later result of a copy count instead of the earlier one? */
static bool verification_replaces(const struct hg_verification *later,
                                  const struct hg_verification *earlier)
{
    return later->forget || earlier->forget || verification_judges(later) ||
           !verification_judges(earlier);
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
    qsort(all->items, all->count, sizeof(*all->items), verifications_compare);
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct hg_verification *next = &all->items[i];
        struct hg_verification *last = kept ? &all->items[kept - 1] : NULL;
        if (!last || strcmp(last->id, next->id) != 0 || strcmp(last->sink, next->sink) != 0) {
            all->items[kept++] = *next;
        } else if (verification_replaces(next, last)) {
            hg_verification_free(last);
            *last = *next;
        } else {
            hg_verification_free(next);
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

bool hg_verification_is_worse(const struct hg_verification *a, const struct hg_verification *b)
{
    if (!a->id || !b->id) {
        return a->id != NULL;
    }
    enum hg_outcome x = hg_outcome_of(a->status), y = hg_outcome_of(b->status);
    return x != y ? x > y : a->time_ms > b->time_ms;
}

const struct hg_verification *hg_verifications_find(const struct hg_verifications *all,
                                                    const char *id, const char *sink)
{
    const struct hg_verification key = {.id = id, .sink = sink};
    const struct hg_verification *found =
        all && all->count
            ? bsearch(&key, all->items, all->count, sizeof(key), verifications_compare_copy)
            : NULL;
    return found && !found->forget ? found : NULL;
}

const struct hg_verification *hg_verification_shown(const struct hg_verification *a,
                                                    const struct hg_verification *b)
{
    if (!a || !b) {
        return a ? a : b;
    }
    const bool a_judged = hg_outcome_of(a->status) != HG_NOT_JUDGED;
    if (a_judged != (hg_outcome_of(b->status) != HG_NOT_JUDGED)) {
        return a_judged ? a : b;
    }
    return hg_verification_is_worse(b, a) ? b : a;
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
    size_t least = seen > HG_VERIFICATION_RECORDS_KEPT ? seen - HG_VERIFICATION_RECORDS_KEPT : 0;
    *out = (struct hg_verification){0};
    for (size_t i = seen; rc == HANGAR_OK && !out->id && i-- > least;) {
        json_t *record = NULL;
        rc = record_read(sink, pipeline, id, list->ring[i % HG_VERIFICATION_RECORDS_KEPT], &record,
                         err);
        if (record) {
            hg_json_set_string(record, "id", id);
        }
        if (record && (!verification_parse(record, out) || !verification_judges(out))) {
            hg_verification_free(out);
        }
        json_decref(record);
    }
    record_listing_free(list);
    return rc;
}

static enum hangar_rc fail_if_damaged(const struct hangar_ctx *sink,
                                      const struct hg_verification *v, struct hg_error *err)
{
    char time[HG_TIME_SIZE];
    if (!v || !v->id || hg_outcome_of(v->status) != HG_BAD) {
        return HANGAR_OK;
    }
    hg_time_format(v->time_ms, time);
    return hg_fail(err, HANGAR_CORRUPT, 0,
                   "sink %s: %s is damaged: level=%s of %s%s%s; hint: `hangar verify --level full "
                   "%s` judges it again",
                   sink->name, v->id, hg_verify_level_name(v->level), time,
                   v->error ? " found: " : "", v->error ? v->error : "", v->id);
}

enum hangar_rc hg_verification_check(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                     const struct hg_newest_record *record,
                                     const struct hg_verifications *remembered,
                                     struct hg_error *err)
{
    struct hg_verification stored = {0};
    enum hangar_rc rc = HANGAR_OK;
    const struct hg_verification *known = hg_verifications_find(remembered, id, sink->name);
    if (known && !verification_judges(known)) {
        known = NULL;
    }
    if (record->time_ms >= 0 && (!known || known->time_ms < record->time_ms)) {
        if (record->good) {
            return HANGAR_OK;
        }
        rc = record_find_judgement(sink, pipeline, id, &stored, err);
        known = stored.id && (!known || known->time_ms < stored.time_ms) ? &stored : known;
    }
    if (rc == HANGAR_OK) {
        rc = fail_if_damaged(sink, known, err);
    }
    hg_verification_free(&stored);
    return rc;
}

enum hangar_rc hg_verification_find_damage(struct hangar *h, struct hangar_ctx *sink,
                                           const char *pipeline, const char *id,
                                           struct hg_error *err)
{
    const struct hg_newest_record record = {.time_ms = HG_RECORD_UNKNOWN};
    struct hg_verifications remembered;
    hg_verifications_read(&remembered, &h->state, pipeline);
    enum hangar_rc rc = hg_verification_check(sink, pipeline, id, &record, &remembered, err);
    hg_verifications_free(&remembered);
    return rc;
}

/* ---- the last of a level ---- */

struct last_verification {
    const char *sink;
    enum hangar_verify_level level;
    struct hg_verification found;
};

static void keep_last_verification(void *arg, const json_t *line)
{
    struct last_verification *last = arg;
    struct hg_verification found;
    if (!verification_parse(line, &found)) {
        return;
    }
    if (found.level >= last->level && !found.forget && strcmp(found.sink, last->sink) == 0) {
        hg_verification_free(&last->found);
        last->found = found;
    } else {
        hg_verification_free(&found);
    }
}

struct hg_verification hg_verification_last(const struct hg_state *state, const char *pipeline,
                                            const char *sink, enum hangar_verify_level level)
{
    struct last_verification last = {.sink = sink, .level = level};
    char *name = journal_name(pipeline);
    if (name) {
        hg_journal_each(state, name, keep_last_verification, &last);
    }
    free(name);
    return last.found;
}
