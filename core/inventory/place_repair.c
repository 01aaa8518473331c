/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place_repair: see place_repair.h.
 */
#include "inventory/place_repair.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "inventory/comparison.h"

/* The files of the manifest, in its order: objects, then RESTORE.txt and SHA256SUMS. */
struct place_repair_list {
    struct hg_stored_object *files;
    bool *good;
    size_t count;
};

static void place_repair_list_free(struct place_repair_list *list)
{
    for (size_t i = 0; list->files && i < list->count; i++) {
        free((char *)list->files[i].path);
    }
    free(list->files);
    free(list->good);
}

static bool place_repair_add(struct place_repair_list *list, const struct hg_manifest *m,
                             const char *name, uint64_t bytes, const char *sha256)
{
    struct hg_stored_object *file = &list->files[list->count];
    *file = (struct hg_stored_object){.path = hg_store_path(m->pipeline, m->id, name),
                                      .stored_bytes = bytes,
                                      .stored_sha256 = sha256};
    list->count += file->path != NULL;
    return file->path != NULL;
}

static enum hangar_rc place_repair_make_list(const struct hg_manifest *m,
                                             struct place_repair_list *list, struct hg_error *err)
{
    const size_t count = hg_manifest_objects(m) + m->file_count;
    list->files = calloc(count + 1, sizeof(*list->files));
    list->good = calloc(count + 1, sizeof(*list->good));
    bool done = list->files && list->good;
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count && done; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            done = place_repair_add(list, m, o->stored, o->stored_bytes, o->stored_sha256);
        }
    }
    for (size_t i = 0; i < m->file_count && done; i++) {
        done = place_repair_add(list, m, m->files[i].name, m->files[i].bytes, m->files[i].sha256);
    }
    return done ? HANGAR_OK : hg_no_memory(err);
}

/* Reads what is there; sets list->good and the figures. */
static enum hangar_rc place_repair_compare(struct hg_place_repair *x,
                                           struct place_repair_list *list, struct hg_error *err)
{
    const struct hg_object_reader there = {.sink = x->to};
    struct hg_comparison found = {.good = list->good};
    struct hg_error why = {0};
    enum hangar_rc rc =
        hg_compare_objects(x->session, &there, list->files, list->count, &found, &why);
    x->files = list->count;
    x->bad = list->count - found.objects;
    hg_str_free(&x->problems);
    x->problems = found.problems;
    return rc == HANGAR_OK || rc == HANGAR_CORRUPT ? HANGAR_OK : hg_error_move(err, &why);
}

/* *same: the file has exactly these bytes; with `bytes` empty, also when it does not exist. */
static enum hangar_rc place_repair_is_same(const struct hg_place_repair *x, const char *name,
                                           size_t max, const struct hg_str *bytes, bool *same,
                                           struct hg_error *err)
{
    struct hg_str there = {0};
    struct hg_error why = {0};
    char *path = hg_store_path(x->manifest->pipeline, x->manifest->id, name);
    enum hangar_rc rc = path ? hg_store_get(x->to, path, max, &there, &why) : hg_no_memory(&why);
    free(path);
    *same = (rc == HANGAR_OK && there.len == bytes->len &&
             memcmp(hg_str_text(&there), hg_str_text(bytes), bytes->len) == 0) ||
            (rc == HANGAR_NOT_FOUND && bytes->len == 0);
    hg_str_free(&there);
    return rc == HANGAR_OK || rc == HANGAR_NOT_FOUND || rc == HANGAR_CORRUPT
               ? HANGAR_OK
               : hg_error_move(err, &why);
}

/* A signature that the good copy does not have is not removed: without a key hangar cannot judge
 * which copy is right. */
static enum hangar_rc place_repair_compare_manifest(const struct hg_place_repair *x, bool *manifest,
                                                    bool *signature, struct hg_error *err)
{
    *signature = true;
    enum hangar_rc rc =
        place_repair_is_same(x, HG_MANIFEST_NAME, HG_MANIFEST_MAX, x->text, manifest, err);
    return rc == HANGAR_OK && x->signature->len > 0
               ? place_repair_is_same(x, HG_SIGNATURE_NAME, HG_SIGNATURE_MAX, x->signature,
                                      signature, err)
               : rc;
}

static enum hangar_rc place_repair_store(const struct hg_place_repair *x, const char *name,
                                         const struct hg_str *bytes, struct hg_error *err)
{
    char *path = hg_store_path(x->manifest->pipeline, x->manifest->id, name);
    enum hangar_rc rc = path ? hg_store_put(x->to, path, hg_str_text(bytes), bytes->len, false, err)
                             : hg_no_memory(err);
    free(path);
    return rc;
}

static enum hangar_rc place_repair_check_removal(const struct hg_place_repair *x,
                                                 struct hg_error *err)
{
    bool begun = false;
    const struct hg_manifest *m = x->manifest;
    enum hangar_rc rc = hg_store_find_removal(x->to, m->pipeline, m->id, &begun, err);
    return rc == HANGAR_OK && begun
               ? hg_fail(err, HANGAR_EXISTS, 0, "sink %s: another job is removing %s", x->to->name,
                         m->id)
               : rc;
}

/* Replaces the files that do not match, and reads them again. */
static enum hangar_rc place_repair_replace(struct hg_place_repair *x,
                                           struct place_repair_list *list, struct hg_error *err)
{
    const size_t bad = x->bad;
    struct hg_str problems = x->problems;
    x->replication.from = x->from; /* its figures may be read by another thread */
    x->replication.to = x->to;
    x->replication.manifest = x->manifest;
    x->replication.files = true;
    x->replication.good = list->good;
    enum hangar_rc rc = hg_replication_run(&x->replication, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    x->problems = (struct hg_str){0};
    rc = place_repair_compare(x, list, err);
    if (rc == HANGAR_OK && x->bad > 0) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "sink %s: %s is still damaged after its repair: %s",
                     x->to->name, x->manifest->id, hg_str_text(&x->problems));
    }
    hg_str_free(&x->problems);
    x->problems = problems;
    x->bad = bad;
    return rc;
}

enum hangar_rc hg_place_repair_run(struct hg_place_repair *x, struct hg_error *err)
{
    struct place_repair_list list = {0};
    bool manifest = false, signature = false;
    enum hangar_rc rc = place_repair_check_removal(x, err);
    if (rc == HANGAR_OK) {
        rc = place_repair_make_list(x->manifest, &list, err);
    }
    if (rc == HANGAR_OK) {
        rc = place_repair_compare(x, &list, err);
    }
    if (rc == HANGAR_OK) {
        rc = place_repair_compare_manifest(x, &manifest, &signature, err);
    }
    x->bad_manifest = !manifest || !signature;
    if (rc == HANGAR_OK && x->bad > 0 && !x->dry) {
        rc = place_repair_replace(x, &list, err);
    }
    place_repair_list_free(&list);
    if (rc != HANGAR_OK || x->dry || !x->bad_manifest) {
        return rc;
    }
    rc = place_repair_check_removal(x, err);
    if (rc == HANGAR_OK && !signature) {
        rc = place_repair_store(x, HG_SIGNATURE_NAME, x->signature, err);
    }
    if (rc == HANGAR_OK && !manifest) {
        rc = place_repair_store(x, HG_MANIFEST_NAME, x->text, err);
    }
    if (rc == HANGAR_OK) {
        rc = place_repair_compare_manifest(x, &manifest, &signature, err);
    }
    if (rc == HANGAR_OK && !(manifest && signature)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "sink %s: the manifest of %s does not match what was stored", x->to->name,
                     x->manifest->id);
    }
    return rc;
}
