/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * store: see store.h.
 */
#include "catalog/store.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/vec.h"
#include "catalog/removal.h"
#include "catalog/run_file.h"
#include "catalog/signing.h"
#include "catalog/sizes.h"
#include "plugin/call.h"
#include "plugin/page.h"

/* A run that committed had renewed its lease half an hour ago at the latest. */
#define COMMIT_LEASE_MS (60 * 60 * 1000)
#define COMMIT_MS (60 * 1000)

char *hg_store_path(const char *pipeline, const char *id, const char *name)
{
    return hg_format("%s/%s/%s", pipeline, id, name ? name : "");
}

enum hangar_rc hg_store_put(struct hangar_ctx *sink, const char *path, const void *data,
                            size_t size, bool create_only, struct hg_error *err)
{
    const struct hangar_sink *fn = &sink->plugin->sink;
    struct hangar_put *put = NULL;
    uint32_t flags = create_only ? HANGAR_PUT_CREATE_ONLY : 0;
    enum hangar_rc rc = HG_CALL(sink, err, fn->put_open(sink->inst, path, size, flags, &put));
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = size ? HG_CALL(sink, err, fn->put_write(put, data, size)) : HANGAR_OK;
    if (rc != HANGAR_OK) {
        HG_CALL_CLEAR(sink, fn->put_abort(put));
        return rc;
    }
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    rc = HG_CALL(sink, err, fn->put_commit(put, &entry));
    if (rc == HANGAR_OK && entry.size != size) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "sink %s: stored size of %s is %llu bytes (expected %zu)", sink->name, path,
                     (unsigned long long)entry.size, size);
        /* the wrong object must neither be read nor block its name */
        HG_CALL(sink, NULL, fn->remove(sink->inst, path));
    }
    return rc;
}

enum hangar_rc hg_store_put_text(struct hangar_ctx *sink, const struct hg_backup_file *file,
                                 const char *text, bool create_only, struct hg_error *err)
{
    char *path = hg_store_path(file->pipeline, file->id, file->name);
    enum hangar_rc rc = path && text
                            ? hg_store_put(sink, path, text, strlen(text), create_only, err)
                            : hg_no_memory(err);
    free(path);
    return rc;
}

enum hangar_rc hg_store_get(struct hangar_ctx *sink, const char *path, size_t max,
                            struct hg_str *out, struct hg_error *err)
{
    const struct hangar_sink *fn = &sink->plugin->sink;
    struct hangar_get *get = NULL;
    enum hangar_rc rc = HG_CALL(sink, err, fn->get_open(sink->inst, path, 0, &get));
    if (rc != HANGAR_OK) {
        return rc;
    }
    char buffer[16384];
    size_t got = 0;
    do {
        rc = HG_CALL(sink, err, fn->get_read(get, buffer, sizeof(buffer), &got));
        if (rc == HANGAR_OK && out->len + got > max) {
            rc = hg_fail(err, HANGAR_CORRUPT, 0, "sink %s: %s is larger than %zu bytes", sink->name,
                         path, max);
        }
        if (rc == HANGAR_OK) {
            hg_str_add_n(out, buffer, got);
        }
    } while (rc == HANGAR_OK && got > 0);
    HG_CALL_VOID(sink, fn->get_close(get));
    if (rc == HANGAR_OK && out->failed) {
        rc = hg_no_memory(err);
    }
    return rc;
}

/* Reads `text` into *found, and checks its owner unless `origin` is NULL. */
static enum hangar_rc store_read_origin(struct hangar_ctx *sink, const char *pipeline,
                                        const char *origin, const struct hg_str *text,
                                        struct hg_origin *found, struct hg_error *err)
{
    json_t *json = NULL;
    enum hangar_rc rc = hg_json_parse(hg_str_text(text), text->len, "origin.json", &json, err);
    if (rc != HANGAR_OK) {
        hg_context(err, "sink %s: %s", sink->name, pipeline);
        return rc;
    }
    const char *owner = hg_json_string(json, "origin", "");
    found->exists = true;
    snprintf(found->created, sizeof(found->created), "%s", hg_json_string(json, "created", ""));
    if (origin && strcmp(owner, origin) != 0) {
        rc = hg_fail(
            err, HANGAR_CONFIG, 0,
            "sink %s: folder %s belongs to origin \"%s\" (this is \"%s\"); hint: use another "
            "path or pipeline name, or, to continue those backups, set `origin: %s` in "
            "the configuration",
            sink->name, pipeline, owner, origin, owner);
    }
    json_decref(json);
    return rc;
}

static char *store_origin_text(const char *pipeline, const char *origin)
{
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    json_t *json = json_object();
    hg_json_set_string(json, "origin", origin);
    hg_json_set_string(json, "pipeline", pipeline);
    hg_json_set_string(json, "host", host);
    hg_json_set_time(json, "created", hg_now_ms());
    char *text = hg_json_text(json);
    json_decref(json);
    return text;
}

enum hangar_rc hg_store_origin(struct hangar_ctx *sink, const char *pipeline, const char *origin,
                               bool claim, struct hg_origin *out, struct hg_error *err)
{
    char *path = hg_format("%s/" HG_ORIGIN_NAME, pipeline);
    char *ours = store_origin_text(pipeline, origin);
    struct hg_origin read = {0};
    struct hg_str text = {0};
    struct hg_error why = {0};
    enum hangar_rc rc =
        path && ours ? hg_store_get(sink, path, HG_MARK_MAX, &text, &why) : hg_no_memory(&why);
    bool found = rc == HANGAR_OK; /* an empty file, too: it is damaged */
    if (rc == HANGAR_NOT_FOUND) {
        hg_error_clear(&why);
        rc = claim ? hg_store_put(sink, path, ours, strlen(ours), true, &why) : HANGAR_OK;
        if (claim && rc == HANGAR_OK) {
            hg_str_add(&text, ours);
            found = true;
        }
        if (rc == HANGAR_EXISTS) { /* another run stored it meanwhile */
            hg_error_clear(&why);
            rc = hg_store_get(sink, path, HG_MARK_MAX, &text, &why);
            found = rc == HANGAR_OK;
        }
    }
    if (rc == HANGAR_OK && text.failed) {
        rc = hg_no_memory(&why);
    }
    if (rc == HANGAR_OK && found) {
        rc = store_read_origin(sink, pipeline, origin, &text, &read, &why);
    }
    if (rc == HANGAR_OK && out) {
        *out = read;
    }
    if (rc != HANGAR_OK) {
        hg_error_move(err, &why);
    }
    hg_str_free(&text);
    free(ours);
    free(path);
    return rc;
}

enum hangar_rc hg_store_has_origin(struct hangar_ctx *sink, const char *pipeline, bool *has,
                                   struct hg_error *err)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    struct hg_error why = {0};
    char *path = hg_format("%s/origin.json", pipeline);
    enum hangar_rc rc = path
                            ? HG_CALL(sink, &why, sink->plugin->sink.stat(sink->inst, path, &entry))
                            : hg_no_memory(&why);
    free(path);
    *has = rc == HANGAR_OK;
    return rc == HANGAR_OK || rc == HANGAR_NOT_FOUND ? HANGAR_OK : hg_error_move(err, &why);
}

static enum hangar_rc store_get_of_backup(struct hangar_ctx *sink,
                                          const struct hg_backup_file *file, size_t max,
                                          struct hg_str *out, struct hg_error *err)
{
    char *path = hg_store_path(file->pipeline, file->id, file->name);
    enum hangar_rc rc = path ? hg_store_get(sink, path, max, out, err) : hg_no_memory(err);
    free(path);
    return rc;
}

enum hangar_rc hg_store_signature(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                  struct hg_str *out, struct hg_error *err)
{
    return store_get_of_backup(sink, &(struct hg_backup_file){pipeline, id, HG_SIGNATURE_NAME},
                               HG_SIGNATURE_MAX, out, err);
}

static enum hangar_rc store_check_signature(struct hangar_ctx *sink, const char *pipeline,
                                            const char *id, const struct hg_str *text,
                                            struct hg_error *err)
{
    struct hg_str signature = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = hg_store_signature(sink, pipeline, id, &signature, &why);
    if (rc == HANGAR_OK || rc == HANGAR_NOT_FOUND) {
        hg_error_clear(&why);
        rc =
            hg_signing_check(sink->signing, hg_str_text(text), text->len,
                             rc == HANGAR_OK ? hg_str_text(&signature) : NULL, signature.len, &why);
        hg_context(&why, "sink %s: %s/%s", sink->name, pipeline, id);
    }
    hg_str_free(&signature);
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

/* ---- a folder without a manifest ---- */

/* A run stores RESTORE.txt and SHA256SUMS just before the manifest.  By the times in the folder:
 * can a run be doing so?  It has renewed its lease, and has as much time as such small files
 * take. */
static bool store_run_may_commit(const struct hg_folder *folder, int64_t store_ms)
{
    return !folder->held && folder->claimed && store_ms - folder->claim_ms < COMMIT_LEASE_MS &&
           store_ms - folder->sums_ms < COMMIT_MS;
}

/* Is the run of a folder alive?  On this host its process proves it; a run of another host counts
 * as alive. */
static enum hangar_rc store_find_run(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                     bool *alive, struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_error why = {0};
    char host[256] = "";
    *alive = false;
    enum hangar_rc rc = store_get_of_backup(
        sink, &(struct hg_backup_file){pipeline, id, HG_RUN_NAME}, HG_MARK_MAX, &text, &why);
    struct hg_run_file file;
    if (rc == HANGAR_OK && hg_run_file_parse(&text, &file, NULL) == HANGAR_OK) {
        const pid_t pid = (pid_t)file.pid;
        gethostname(host, sizeof(host) - 1);
        *alive = strcmp(file.host, host) != 0 ||
                 (pid > 0 && pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM));
        hg_run_file_free(&file);
    }
    hg_str_free(&text);
    return rc == HANGAR_OK || rc == HANGAR_NOT_FOUND || rc == HANGAR_CORRUPT
               ? HANGAR_OK
               : hg_error_move(err, &why);
}

enum hangar_rc hg_store_find_removal(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                     bool *begun, struct hg_error *err)
{
    struct hg_str text = {0};
    struct hg_error why = {0};
    enum hangar_rc rc = store_get_of_backup(
        sink, &(struct hg_backup_file){pipeline, id, HG_DELETED_NAME}, HG_MARK_MAX, &text, &why);
    *begun = rc == HANGAR_OK && hg_removal_is_proven(sink->signing, pipeline, id, &text);
    hg_str_free(&text);
    return rc == HANGAR_OK || rc == HANGAR_NOT_FOUND || rc == HANGAR_CORRUPT
               ? HANGAR_OK
               : hg_error_move(err, &why);
}

enum hangar_rc hg_store_fail_without_manifest(struct hangar_ctx *sink, const char *pipeline,
                                              const char *id, const struct hg_folder *folder,
                                              int64_t store_ms, struct hg_error *err)
{
    bool committing = false, removal = false;
    bool had_backup = hg_folder_had_backup(folder);
    enum hangar_rc rc = folder->deleted && had_backup && !folder->held
                            ? hg_store_find_removal(sink, pipeline, id, &removal, err)
                            : HANGAR_OK;
    had_backup = had_backup && !removal;
    if (rc == HANGAR_OK && had_backup && !folder->manifest &&
        store_run_may_commit(folder, store_ms)) {
        rc = store_find_run(sink, pipeline, id, &committing, err);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (had_backup && !committing) {
        return hg_fail(
            err, HANGAR_CORRUPT, 0,
            "sink %s: %s/%s has no manifest, but %s shows that it was a complete backup%s; hint: "
            "`hangar repair %s` rebuilds it from another sink, "
            "`hangar remove %s` removes it",
            sink->name, pipeline, id,
            folder->held        ? "its hold"
            : folder->signature ? HG_SIGNATURE_NAME
                                : HG_SUMS_NAME,
            folder->deleted && !folder->held ? " (its " HG_DELETED_NAME
                                               " does not prove a removal by hangar)"
                                             : "",
            id, id);
    }
    return hg_fail(err, HANGAR_NOT_FOUND, 0, "sink %s: there is no backup %s/%s%s", sink->name,
                   pipeline, id, folder->manifest ? ": its run was interrupted" : "");
}

enum hangar_rc hg_store_judge_folder(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                     struct hg_error *err)
{
    struct hg_folder folder;
    int64_t store_ms;
    enum hangar_rc rc = hg_folder_read(sink, pipeline, id, &folder, &store_ms, err);
    return rc == HANGAR_OK
               ? hg_store_fail_without_manifest(sink, pipeline, id, &folder, store_ms, err)
               : rc;
}

/* ---- the manifest ---- */

enum hangar_rc hg_store_manifest_text(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                      struct hg_str *text, struct hg_error *err)
{
    struct hg_error why = {0};
    enum hangar_rc rc =
        store_get_of_backup(sink, &(struct hg_backup_file){pipeline, id, HG_MANIFEST_NAME},
                            HG_MANIFEST_MAX, text, &why);
    if (rc == HANGAR_NOT_FOUND ||
        (rc == HANGAR_OK && strcmp(hg_str_text(text), HG_ABANDONED) == 0)) {
        return hg_store_judge_folder(sink, pipeline, id, err);
    }
    if (rc == HANGAR_OK && sink->signing) {
        rc = store_check_signature(sink, pipeline, id, text, &why);
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

enum hangar_rc hg_store_manifest(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                 struct hg_manifest *m, struct hg_error *err)
{
    struct hg_str text = {0};
    enum hangar_rc rc = hg_store_manifest_both(sink, pipeline, id, &text, m, err);
    hg_str_free(&text);
    return rc;
}

enum hangar_rc hg_store_manifest_both(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                      struct hg_str *text, struct hg_manifest *m,
                                      struct hg_error *err)
{
    enum hangar_rc rc = hg_store_manifest_text(sink, pipeline, id, text, err);
    if (rc == HANGAR_OK) {
        rc = hg_manifest_read(hg_str_text(text), text->len, m, err);
        if (rc != HANGAR_OK) {
            hg_context(err, "sink %s: %s/%s", sink->name, pipeline, id);
        }
    }
    if (rc == HANGAR_OK && (strcmp(m->id, id) != 0 || strcmp(m->pipeline, pipeline) != 0)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "sink %s: the manifest in %s/%s belongs to %s/%s; hint: move the folder back "
                     "there",
                     sink->name, pipeline, id, m->pipeline, m->id);
        hg_manifest_free(m);
    }
    return rc;
}

enum hangar_rc hg_store_abandon(struct hangar_ctx *sink, const char *pipeline, const char *id,
                                struct hg_error *err)
{
    return hg_store_put_text(sink, &(struct hg_backup_file){pipeline, id, HG_MANIFEST_NAME},
                             HG_ABANDONED, true, err);
}

enum hangar_rc hg_store_find(struct hangar_ctx *sink, const char *pipeline, const char *id,
                             const char *name, struct hg_store_file *out, struct hg_error *err)
{
    *out = (struct hg_store_file){0};
    char *path = hg_store_path(pipeline, id, name);
    if (!path) {
        return hg_no_memory(err);
    }
    struct hg_error why = {0};
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    enum hangar_rc rc = HG_CALL(sink, &why, sink->plugin->sink.stat(sink->inst, path, &entry));
    free(path);
    if (rc == HANGAR_NOT_FOUND) {
        return HANGAR_OK;
    }
    if (rc != HANGAR_OK) {
        return hg_error_move(err, &why);
    }
    *out = (struct hg_store_file){.exists = true, .time_ms = entry.time_ms};
    return HANGAR_OK;
}

struct store_ids {
    char **items;
    size_t count, capacity;
    struct hg_listed_origin *origin;
    size_t skip; /* length of "<pipeline>/" */
};

void hg_store_note_origin(const struct hg_page_entry *entry, size_t skip,
                          struct hg_listed_origin *origin)
{
    if (!entry->is_prefix && strlen(entry->name) > skip &&
        strcmp(entry->name + skip, HG_ORIGIN_NAME) == 0) {
        origin->exists = true;
        snprintf(origin->etag, sizeof(origin->etag), "%s", entry->etag);
    }
}

static enum hangar_rc store_collect_ids(void *arg, const struct hg_page_entries *page,
                                        struct hg_error *err)
{
    struct store_ids *ids = arg;
    for (size_t i = 0; i < page->count; i++) {
        const struct hg_page_entry *e = &page->items[i];
        size_t n = strlen(e->name);
        hg_store_note_origin(e, ids->skip, ids->origin);
        if (!e->is_prefix || n < ids->skip + 2) {
            continue;
        }
        char *id = strndup(e->name + ids->skip, n - ids->skip - 1);
        if (!id || !HG_VEC_RESERVE(ids)) {
            free(id);
            return hg_no_memory(err);
        }
        int64_t ms;
        if (hg_backup_id_parse(id, &ms)) {
            ids->items[ids->count++] = id;
        } else {
            free(id); /* not a backup of hangar: left alone */
        }
    }
    return HANGAR_OK;
}

static int store_compare_ids(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum hangar_rc hg_store_ids(struct hangar_ctx *sink, const char *pipeline, char ***out,
                            size_t *count, struct hg_listed_origin *origin, struct hg_error *err)
{
    struct hg_listed_origin unused;
    origin = origin ? origin : &unused;
    *origin = (struct hg_listed_origin){0};
    char *prefix = hg_format("%s/", pipeline);
    if (!prefix) {
        return hg_no_memory(err);
    }
    struct store_ids ids = {.skip = strlen(prefix), .origin = origin};
    enum hangar_rc rc = hg_sink_list_unless_failed(sink, prefix, '/', store_collect_ids, &ids, err);
    free(prefix);
    if (rc != HANGAR_OK) {
        hg_store_ids_free(ids.items, ids.count);
        return rc;
    }
    if (ids.count) {
        qsort(ids.items, ids.count, sizeof(*ids.items), store_compare_ids);
    }
    *out = ids.items;
    *count = ids.count;
    return HANGAR_OK;
}

void hg_store_ids_free(char **ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(ids[i]);
    }
    free(ids);
}

struct store_removal {
    struct hangar_ctx *sink;
    const char *const *later; /* names of objects to be removed last, NULL-terminated */
    enum hangar_rc rc;
    struct hg_error *err;
};

static bool store_is_later(const struct store_removal *r, const char *name)
{
    for (const char *const *later = r->later; *later; later++) {
        if (strcmp(*later, name) == 0) {
            return true;
        }
    }
    return false;
}

static void store_remove_object(struct store_removal *r, const char *name)
{
    enum hangar_rc rc = HG_CALL(r->sink, r->err, r->sink->plugin->sink.remove(r->sink->inst, name));
    r->rc = r->rc == HANGAR_OK ? rc : r->rc;
}

/* Removes objects, in one request where the sink supports that. */
static void store_remove_objects(struct store_removal *r, const char *const *names, size_t count)
{
    const struct hangar_sink *fn = &r->sink->plugin->sink;
    if (!fn->remove_many) {
        for (size_t i = 0; i < count; i++) {
            store_remove_object(r, names[i]);
        }
        return;
    }
    enum hangar_rc *results = calloc(count, sizeof(*results));
    struct hg_error why = {0};
    enum hangar_rc rc =
        results ? HG_CALL(r->sink, &why, fn->remove_many(r->sink->inst, names, count, results))
                : hg_no_memory(&why);
    for (size_t i = 0; i < count && rc == HANGAR_OK; i++) {
        if (results[i] != HANGAR_OK) {
            rc = hg_fail(&why, results[i], 0, "sink %s: cannot remove %s: %s", r->sink->name,
                         names[i], hg_rc_text(results[i]));
        }
    }
    if (rc != HANGAR_OK && r->rc == HANGAR_OK) {
        *r->err = why;
        r->rc = rc;
    }
    free(results);
}

static enum hangar_rc store_remove_page(void *arg, const struct hg_page_entries *page,
                                        struct hg_error *err)
{
    struct store_removal *r = arg;
    const char **names = calloc(page->count + 1, sizeof(*names));
    size_t count = 0;
    if (!names) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < page->count; i++) {
        if (!page->items[i].is_prefix && !store_is_later(r, page->items[i].name)) {
            names[count++] = page->items[i].name;
        }
    }
    if (count > 0) {
        store_remove_objects(r, names, count);
    }
    free(names);
    return HANGAR_OK;
}

enum hangar_rc hg_store_remove(struct hangar_ctx *sink, const char *pipeline, const char *id,
                               bool keep_manifest, struct hg_error *err)
{
    char *manifest = hg_store_path(pipeline, id, HG_MANIFEST_NAME);
    char *deleted = hg_store_path(pipeline, id, HG_DELETED_NAME);
    char *run = hg_store_path(pipeline, id, HG_RUN_NAME);
    char *prefix = hg_store_path(pipeline, id, NULL);
    const char *const later[] = {manifest, deleted, run, NULL};
    struct store_removal r = {.sink = sink, .later = later, .err = err};
    if (!manifest || !deleted || !run || !prefix) {
        r.rc = hg_no_memory(err);
        goto out;
    }
    if (!keep_manifest) {
        store_remove_object(&r, manifest);
    }
    if (r.rc ==
        HANGAR_OK) { /* objects only after the manifest: without it the folder is not a backup */
        enum hangar_rc rc = hg_sink_list(sink, prefix, 0, store_remove_page, &r, err);
        r.rc = r.rc == HANGAR_OK ? rc : r.rc;
    }
    if (r.rc == HANGAR_OK) {
        store_remove_object(
            &r,
            run); /* before deleted.json: alone, run.json would be taken for a run in progress */
        if (r.rc == HANGAR_OK) {
            store_remove_object(&r, deleted);
        }
    }
out:
    free(manifest);
    free(deleted);
    free(run);
    free(prefix);
    return r.rc;
}
