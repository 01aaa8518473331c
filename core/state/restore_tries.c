/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore_tries: see restore_tries.h.
 */
#include "state/restore_tries.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "state/file.h"

/* The entries of the file that are not too old.  Never NULL, unless out of memory. */
static json_t *tries_read(const struct hg_state *state, const char *name, int64_t now_ms)
{
    json_t *doc = NULL, *out = json_array();
    const json_t *entry;
    size_t i;
    if (hg_state_load(state, name, &doc, NULL) == HANGAR_OK) {
        json_array_foreach (json_object_get(doc, "restores"), i, entry) {
            int64_t last_ms;
            if (hg_time_parse(hg_json_string(entry, "last", ""), &last_ms) && last_ms <= now_ms &&
                now_ms - last_ms <= HG_TRIES_AGE_MS) {
                json_array_append(out, (json_t *)(uintptr_t)entry);
            }
        }
    }
    json_decref(doc);
    return out;
}

static enum hangar_rc tries_write(const struct hg_state *state, const char *name, json_t *entries,
                                  struct hg_error *err)
{
    json_t *doc = json_object();
    hg_json_set(doc, "restores", json_incref(entries));
    enum hangar_rc rc = hg_state_save(state, name, doc, err);
    json_decref(doc);
    return rc;
}

static bool tries_are_of(const json_t *entry, const json_t *targets)
{
    return json_equal(json_object_get(entry, "targets"), targets);
}

static bool tries_share_target(const json_t *entry, const json_t *targets)
{
    const json_t *own = json_object_get(entry, "targets"), *a, *b;
    size_t i, k;
    json_array_foreach (own, i, a) {
        json_array_foreach (targets, k, b) {
            if (json_equal(a, b)) {
                return true;
            }
        }
    }
    return false;
}

/* Removes the entries that `matches` selects; true when there was one. */
static bool tries_remove(json_t *entries, bool (*matches)(const json_t *, const json_t *),
                         const json_t *targets)
{
    bool found = false;
    for (size_t i = json_array_size(entries); i-- > 0;) {
        if (matches(json_array_get(entries, i), targets)) {
            json_array_remove(entries, i);
            found = true;
        }
    }
    return found;
}

void hg_tries_load(const struct hg_state *state, const char *pipeline, const json_t *targets,
                   int64_t now_ms, struct hg_tries *out)
{
    char *name = hg_format("tries/%s", pipeline);
    json_t *entries = name ? tries_read(state, name, now_ms) : NULL;
    const json_t *entry, *one;
    size_t i, k;
    out->count = 0;
    json_array_foreach (entries, i, entry) {
        json_array_foreach (json_object_get(entry, "backups"), k, one) {
            if (tries_are_of(entry, targets) && out->count < HG_TRIES_MAX) {
                struct hg_try *t = &out->items[out->count++];
                snprintf(t->id, sizeof(t->id), "%s", hg_json_string(one, "id", ""));
                snprintf(t->sink, sizeof(t->sink), "%s", hg_json_string(one, "sink", ""));
            }
        }
    }
    json_decref(entries);
    free(name);
}

enum hangar_rc hg_tries_save(const struct hg_state *state, const char *pipeline,
                             const json_t *targets, int64_t now_ms, const struct hg_tries *tries,
                             struct hg_error *err)
{
    char *name = hg_format("tries/%s", pipeline);
    json_t *entries = name ? tries_read(state, name, now_ms) : NULL, *entry = json_object();
    json_t *backups = json_array();
    enum hangar_rc rc = HANGAR_NO_MEMORY;
    for (size_t i = 0; i < tries->count; i++) {
        json_t *one = json_object();
        hg_json_set_string(one, "id", tries->items[i].id);
        hg_json_set_string(one, "sink", tries->items[i].sink);
        hg_json_add(backups, one);
    }
    hg_json_set(entry, "targets", json_deep_copy(targets));
    hg_json_set_time(entry, "last", now_ms);
    hg_json_set(entry, "backups", backups);
    tries_remove(entries, tries_are_of, targets);
    hg_json_add(entries, entry);
    rc = entries ? tries_write(state, name, entries, err) : hg_no_memory(err);
    json_decref(entries);
    free(name);
    return rc;
}

void hg_tries_forget(const struct hg_state *state, const char *pipeline, const json_t *targets,
                     int64_t now_ms)
{
    char *name = hg_format("tries/%s", pipeline);
    json_t *entries = name ? tries_read(state, name, now_ms) : NULL;
    if (tries_remove(entries, tries_share_target, targets)) {
        tries_write(state, name, entries, NULL);
    }
    json_decref(entries);
    free(name);
}
