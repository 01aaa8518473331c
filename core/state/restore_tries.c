/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_tries: see restore_tries.h.
 */
#include "state/restore_tries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "state/file.h"

/* The tries of one restore. */
struct tries_entry {
    struct hg_try_targets targets;
    int64_t last_ms;
    struct hg_tries tries;
};

/* The file of a pipeline. */
struct tries_file {
    struct tries_entry *items;
    size_t count, capacity;
};

bool hg_try_targets_add(struct hg_try_targets *targets, char *text)
{
    if (!text || !HG_VEC_RESERVE(targets)) {
        free(text);
        return false;
    }
    targets->items[targets->count++] = text;
    return true;
}

void hg_try_targets_free(struct hg_try_targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        free(targets->items[i]);
    }
    free(targets->items);
    *targets = (struct hg_try_targets){0};
}

static bool targets_have(const struct hg_try_targets *targets, const char *text)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (strcmp(targets->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool targets_are_equal(const struct hg_try_targets *a, const struct hg_try_targets *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = strcmp(a->items[i], b->items[i]) == 0;
    }
    return equal;
}

static bool targets_share_one(const struct hg_try_targets *a, const struct hg_try_targets *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (targets_have(a, b->items[i])) {
            return true;
        }
    }
    return false;
}

/* ---- the file ---- */

static void tries_file_free(struct tries_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        hg_try_targets_free(&file->items[i].targets);
    }
    free(file->items);
    *file = (struct tries_file){0};
}

static void try_read(const json_t *one, struct hg_try *out)
{
    snprintf(out->id, sizeof(out->id), "%s", hg_json_string(one, "id", ""));
    snprintf(out->sink, sizeof(out->sink), "%s", hg_json_string(one, "sink", ""));
}

/* False when the line is not a try, or out of memory; *out is for hg_try_targets_free in both
 * cases. */
static bool tries_entry_read(const json_t *entry, struct tries_entry *out)
{
    *out = (struct tries_entry){0};
    bool ok = hg_time_parse(hg_json_string(entry, "last", ""), &out->last_ms);
    const json_t *one;
    size_t i;
    json_array_foreach (json_object_get(entry, "targets"), i, one) {
        const char *text = json_string_value(one);
        ok = ok && text && hg_try_targets_add(&out->targets, strdup(text));
    }
    json_array_foreach (json_object_get(entry, "backups"), i, one) {
        if (out->tries.count < HG_TRIES_MAX) {
            try_read(one, &out->tries.items[out->tries.count++]);
        }
    }
    return ok;
}

/* Reads the entries that are not too old. */
static void tries_file_read(const struct hg_state *state, const char *name, int64_t now_ms,
                            struct tries_file *out)
{
    json_t *doc = NULL;
    *out = (struct tries_file){0};
    if (hg_state_load(state, name, &doc, NULL) == HANGAR_OK) {
        const json_t *entry;
        size_t i;
        json_array_foreach (json_object_get(doc, "restores"), i, entry) {
            struct tries_entry read;
            if (tries_entry_read(entry, &read) && read.last_ms <= now_ms &&
                now_ms - read.last_ms <= HG_TRIES_AGE_MS && HG_VEC_RESERVE(out)) {
                out->items[out->count++] = read;
            } else {
                hg_try_targets_free(&read.targets);
            }
        }
    }
    json_decref(doc);
}

static json_t *tries_entry_json(const struct hg_try_targets *targets, int64_t last_ms,
                                const struct hg_tries *tries)
{
    json_t *entry = json_object(), *texts = json_array(), *backups = json_array();
    for (size_t i = 0; i < targets->count; i++) {
        hg_json_add(texts, json_string(targets->items[i]));
    }
    for (size_t i = 0; i < tries->count; i++) {
        json_t *one = json_object();
        hg_json_set_string(one, "id", tries->items[i].id);
        hg_json_set_string(one, "sink", tries->items[i].sink);
        hg_json_add(backups, one);
    }
    hg_json_set(entry, "targets", texts);
    hg_json_set_time(entry, "last", last_ms);
    hg_json_set(entry, "backups", backups);
    return entry;
}

/* The entries of the file, as it is written. */
static json_t *tries_file_json(const struct tries_file *file)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < file->count; i++) {
        const struct tries_entry *entry = &file->items[i];
        hg_json_add(entries, tries_entry_json(&entry->targets, entry->last_ms, &entry->tries));
    }
    return entries;
}

/* Takes the entries over. */
static enum hangar_rc tries_write(const struct hg_state *state, const char *name, json_t *entries,
                                  struct hg_error *err)
{
    json_t *doc = json_object();
    hg_json_set(doc, "restores", entries);
    enum hangar_rc rc = hg_state_save(state, name, doc, err);
    json_decref(doc);
    return rc;
}

/* Removes the entries that `matches` selects; true when there was one. */
static bool tries_remove(struct tries_file *file,
                         bool (*matches)(const struct hg_try_targets *,
                                         const struct hg_try_targets *),
                         const struct hg_try_targets *targets)
{
    size_t kept = 0;
    for (size_t i = 0; i < file->count; i++) {
        if (matches(&file->items[i].targets, targets)) {
            hg_try_targets_free(&file->items[i].targets);
        } else {
            file->items[kept++] = file->items[i];
        }
    }
    const bool found = kept < file->count;
    file->count = kept;
    return found;
}

/* ---- the tries of restores ---- */

void hg_tries_load(const struct hg_state *state, const char *pipeline,
                   const struct hg_try_targets *targets, int64_t now_ms, struct hg_tries *out)
{
    char *name = hg_format("tries/%s", pipeline);
    struct tries_file file = {0};
    out->count = 0;
    if (name) {
        tries_file_read(state, name, now_ms, &file);
    }
    for (size_t i = 0; i < file.count; i++) {
        const struct hg_tries *tries = &file.items[i].tries;
        for (size_t k = 0; k < tries->count && targets_are_equal(&file.items[i].targets, targets);
             k++) {
            if (out->count < HG_TRIES_MAX) {
                out->items[out->count++] = tries->items[k];
            }
        }
    }
    tries_file_free(&file);
    free(name);
}

enum hangar_rc hg_tries_save(const struct hg_state *state, const char *pipeline,
                             const struct hg_try_targets *targets, int64_t now_ms,
                             const struct hg_tries *tries, struct hg_error *err)
{
    char *name = hg_format("tries/%s", pipeline);
    if (!name) {
        return hg_no_memory(err);
    }
    struct tries_file file;
    tries_file_read(state, name, now_ms, &file);
    tries_remove(&file, targets_are_equal, targets);
    json_t *entries = tries_file_json(&file);
    hg_json_add(entries, tries_entry_json(targets, now_ms, tries));
    enum hangar_rc rc = tries_write(state, name, entries, err);
    tries_file_free(&file);
    free(name);
    return rc;
}

void hg_tries_forget(const struct hg_state *state, const char *pipeline,
                     const struct hg_try_targets *targets, int64_t now_ms)
{
    char *name = hg_format("tries/%s", pipeline);
    struct tries_file file = {0};
    if (name) {
        tries_file_read(state, name, now_ms, &file);
    }
    if (tries_remove(&file, targets_share_one, targets)) {
        tries_write(state, name, tries_file_json(&file), NULL);
    }
    tries_file_free(&file);
    free(name);
}
