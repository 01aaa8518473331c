/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verification_memory: see verification_memory.h.
 */
#include "inventory/verification_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/retention.h"
#include "state/history.h"
#include "state/journal.h"
#include "state/status_name.h"

#define STATUS_REPLACED "replaced" /* in the journal: the copy is a new one */

const char *hg_verify_level_name(enum hangar_verify_level level)
{
    static const char *const names[] = {"quick", "full", "drill"};
    return names[level <= HANGAR_VERIFY_DRILL ? level : HANGAR_VERIFY_QUICK];
}

/* False for a name that no level has. */
static bool verification_level_of_name(const char *name, enum hangar_verify_level *level)
{
    for (*level = HANGAR_VERIFY_QUICK; *level <= HANGAR_VERIFY_DRILL; ++*level) {
        if (strcmp(hg_verify_level_name(*level), name) == 0) {
            return true;
        }
    }
    return false;
}

bool hg_verification_is_ahead(int64_t time_ms)
{
    return hg_is_future(time_ms, hg_now_ms());
}

/* ---- one result ---- */

static enum hg_outcome verification_outcome(const struct hg_verification *v)
{
    return v->drill_error ? HG_BAD : hg_outcome_of(v->status);
}

void hg_verification_add_fields(const struct hg_verification *v, json_t *out)
{
    hg_json_set_time(out, "time", v->time_ms);
    hg_json_set_string(out, "level", hg_verify_level_name(v->level));
    hg_json_set_string(out, "status", hangar_status_name(v->status));
    if (v->error) {
        hg_json_set_string(out, "error", v->error);
    }
    if (v->unread) {
        hg_json_set_bool(out, "unread", true);
    }
    if (v->drill_error) {
        hg_json_set_string(out, "drill_error", v->drill_error);
        hg_json_set_time(out, "drill_time", v->drill_ms);
    }
}

struct hg_verification hg_verification_counted(const struct hg_verification *v)
{
    struct hg_verification counted = *v;
    if (v->drill_error) { /* whatever was verified since */
        counted.level = HANGAR_VERIFY_DRILL;
        counted.status = HANGAR_STATUS_CORRUPT;
        counted.time_ms = v->drill_ms;
        counted.error = v->drill_error;
        counted.drill_error = NULL;
        counted.unread = false;
    }
    return counted;
}

json_t *hg_verification_json(const struct hg_verification *v)
{
    if (!v || !v->id) {
        return json_null();
    }
    const struct hg_verification shown = hg_verification_counted(v);
    json_t *out = json_object();
    hg_json_set_string(out, "id", v->id);
    hg_json_set_string(out, "sink", v->sink);
    hg_verification_add_fields(&shown, out);
    hg_json_set_string(out, "outcome", hg_outcome_name(verification_outcome(v)));
    return out;
}

bool hg_verification_parse(const json_t *line, struct hg_verification *out)
{
    *out = (struct hg_verification){.id = hg_json_string(line, "id", NULL),
                                    .sink = hg_json_string(line, "sink", "?"),
                                    .time_ms = -1};
    if (!out->id || !verification_level_of_name(hg_json_string(line, "level", ""), &out->level)) {
        return false;
    }
    hg_time_parse(hg_json_string(line, "time", ""), &out->time_ms);
    out->status = hg_status_of_name(hg_json_string(line, "status", ""));
    out->forget = strcmp(hg_json_string(line, "status", ""), STATUS_REPLACED) == 0;
    out->error = hg_json_string(line, "error", NULL);
    out->drill_error = hg_json_string(line, "drill_error", NULL);
    hg_time_parse(hg_json_string(line, "drill_time", ""), &out->drill_ms);
    out->unread = json_is_true(json_object_get(line, "unread"));
    if (out->status == HANGAR_STATUS_DONE && hg_verification_is_ahead(out->time_ms)) {
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

bool hg_verification_judges(const struct hg_verification *v)
{
    return v->drill_error || (hg_outcome_of(v->status) != HG_NOT_JUDGED && !v->unread);
}

bool hg_verification_is_worse(const struct hg_verification *a, const struct hg_verification *b)
{
    if (!a->id || !b->id) {
        return a->id != NULL;
    }
    enum hg_outcome x = verification_outcome(a), y = verification_outcome(b);
    return x != y ? x > y : a->time_ms > b->time_ms;
}

const struct hg_verification *hg_verification_shown(const struct hg_verification *a,
                                                    const struct hg_verification *b)
{
    if (!a || !b) {
        return a ? a : b;
    }
    const bool a_judged = verification_outcome(a) != HG_NOT_JUDGED;
    if (a_judged != (verification_outcome(b) != HG_NOT_JUDGED)) {
        return a_judged ? a : b;
    }
    return hg_verification_is_worse(b, a) ? b : a;
}

/* ---- the journal ---- */

static char *journal_name(const char *pipeline)
{
    return hg_format("%s" HG_HISTORY_VERIFY, pipeline); /* a pipeline's name has no dot */
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
    json_t *line = json_object();
    hg_json_set_string(line, "id", v->id);
    hg_json_set_string(line, "sink", v->sink);
    hg_verification_add_fields(v, line);
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

struct verifications_reader {
    void (*fn)(void *arg, const struct hg_verification *v);
    void *arg;
};

static void verifications_read_line(void *arg, const json_t *line)
{
    const struct verifications_reader *reader = arg;
    struct hg_verification v;
    if (hg_verification_parse(line, &v)) {
        reader->fn(reader->arg, &v);
        hg_verification_free(&v);
    }
}

enum hangar_rc hg_verifications_each(const struct hg_state *state, const char *pipeline,
                                     void (*fn)(void *arg, const struct hg_verification *v),
                                     void *arg, struct hg_error *err)
{
    struct verifications_reader reader = {fn, arg};
    char *name = journal_name(pipeline);
    enum hangar_rc rc = name ? hg_journal_each(state, name, verifications_read_line, &reader, err)
                             : hg_no_memory(err);
    free(name);
    return rc;
}

static void verifications_add(void *arg, const struct hg_verification *v)
{
    struct hg_verifications *all = arg;
    if (HG_VEC_RESERVE(all)) {
        struct hg_verification *added = &all->items[all->count];
        *added = *v;
        added->number = all->count++;
        json_incref(added->line);
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

/* Does the later result of a copy count instead of the earlier one? */
static bool verification_replaces(const struct hg_verification *later,
                                  const struct hg_verification *earlier)
{
    return later->forget || earlier->forget || hg_verification_judges(later) ||
           !hg_verification_judges(earlier);
}

void hg_verifications_read(struct hg_verifications *all, const struct hg_state *state,
                           const char *pipeline)
{
    *all = (struct hg_verifications){.is_read = true};
    struct hg_error err = {0};
    if (hg_verifications_each(state, pipeline, verifications_add, all, &err) != HANGAR_OK) {
        hg_log_line(state->log, HANGAR_LOG_WARN, "%s", err.text);
    }
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

/* ---- the last of a level ---- */

struct last_search {
    struct hg_last_verification *wanted;
    size_t count;
};

/* The journal has the oldest first: each later one replaces it. */
static void last_search_add(void *arg, const struct hg_verification *v)
{
    struct last_search *search = arg;
    for (size_t i = 0; i < search->count && !v->forget; i++) {
        struct hg_last_verification *last = &search->wanted[i];
        if (v->level < last->level || strcmp(v->sink, last->sink) != 0) {
            continue;
        }
        hg_verification_free(&last->found);
        last->found = *v;
        json_incref(v->line);
        if (verification_outcome(v) == HG_GOOD && v->time_ms > last->good_ms) {
            last->good_ms = v->time_ms;
        }
    }
}

enum hangar_rc hg_verifications_last(const struct hg_state *state, const char *pipeline,
                                     struct hg_last_verification *wanted, size_t count,
                                     struct hg_error *err)
{
    struct last_search search = {wanted, count};
    for (size_t i = 0; i < count; i++) {
        wanted[i].found = (struct hg_verification){0};
        wanted[i].good_ms = 0;
    }
    return hg_verifications_each(state, pipeline, last_search_add, &search, err);
}
