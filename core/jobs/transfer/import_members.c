/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import_members: compares the files of the archive with the manifest and stores them.  A file
 * that the manifest does not list ends the import.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "jobs/transfer/import_state.h"
#include "jobs/transfer/untar.h"
#include "plugin/instance.h"
#include "plugin/job.h"

enum hangar_rc hg_import_text(struct hg_import *x, uint64_t size, struct hg_str *out,
                              struct hg_error *err)
{
    size_t got = 0;
    enum hangar_rc rc;
    do {
        rc = hg_untar_read(x->untar, x->buffer, HG_IMPORT_BUFFER, &got, err);
        rc = rc == HANGAR_OK ? hg_job_check(&x->transfer.session.job, err) : rc;
        if (rc == HANGAR_OK) {
            hg_str_add_n(out, x->buffer, got);
        }
    } while (rc == HANGAR_OK && got > 0);
    if (rc == HANGAR_OK && out->failed) {
        rc = hg_no_memory(err);
    }
    if (rc == HANGAR_OK && out->len != size) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "the archive is damaged: it ends too early");
    }
    return rc;
}

/* ---- the expected files ---- */

static int import_compare_names(const void *a, const void *b)
{
    return strcmp(((const struct hg_import_file *)a)->name,
                  ((const struct hg_import_file *)b)->name);
}

static void import_expect(struct hg_import *x, const char *name, uint64_t bytes, const char *sha256,
                          bool object)
{
    struct hg_import_file *f = &x->files[x->file_count++];
    *f = (struct hg_import_file){.name = name, .bytes = bytes, .sha256 = sha256, .object = object};
    for (const char *at = name; *at; at++) {
        x->folders_left += *at == '/';
    }
}

/* Lists the files of the manifest, sorted by name. */
static enum hangar_rc import_list_files(struct hg_import *x, struct hg_error *err)
{
    const struct hg_manifest *m = &x->manifest;
    size_t count = hg_manifest_objects(m) + m->file_count;
    x->files = calloc(count + 1, sizeof(*x->files));
    if (!x->files) {
        return hg_no_memory(err);
    }
    x->folders_left = 2; /* "./", the folder of the backup, and one for each slash in a name */
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            import_expect(x, o->stored, o->stored_bytes, o->stored_sha256, true);
        }
    }
    for (size_t i = 0; i < m->file_count; i++) {
        import_expect(x, m->files[i].name, m->files[i].bytes, m->files[i].sha256, false);
    }
    qsort(x->files, count, sizeof(*x->files), import_compare_names);
    return HANGAR_OK;
}

/* The first file whose name does not sort before this one. */
static size_t import_lower_bound(const struct hg_import *x, const char *name)
{
    size_t low = 0, high = x->file_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(x->files[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum hangar_rc import_check_folder(struct hg_import *x, const char *name,
                                          struct hg_error *err)
{
    char prefix[sizeof(((struct hg_untar_member *)0)->name) + 1], shown[HG_UNTAR_SHOWN];
    size_t n = strlen(x->id);
    bool known = name[0] == '\0' || strcmp(name, x->id) == 0;
    if (!known && strncmp(name, x->id, n) == 0 && name[n] == '/') {
        snprintf(prefix, sizeof(prefix), "%s/", name + n + 1);
        size_t i = import_lower_bound(x, prefix);
        known = i < x->file_count && hg_starts_with(x->files[i].name, prefix);
    }
    if (!known || x->folders_left == 0) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       known ? "the archive contains folder %s too often"
                             : "the archive contains folder %s, which is not in its manifest",
                       hg_untar_shown(name, shown));
    }
    x->folders_left--;
    return HANGAR_OK;
}

/* Writes the current member of the archive into an open put and compares it. */
static enum hangar_rc import_copy_file(struct hg_import *x, const struct hg_import_file *file,
                                       struct hangar_ctx *sink, struct hangar_put *put,
                                       struct hg_error *err)
{
    struct hg_sha256 *hash = hg_sha256_new();
    enum hangar_rc rc = hash ? HANGAR_OK : hg_no_memory(err);
    uint64_t bytes = 0;
    size_t got = 0;
    do {
        rc = rc == HANGAR_OK ? hg_untar_read(x->untar, x->buffer, HG_IMPORT_BUFFER, &got, err) : rc;
        rc = rc == HANGAR_OK ? hg_job_check(&x->transfer.session.job, err) : rc;
        if (rc == HANGAR_OK && got > 0) {
            hg_sha256_update(hash, x->buffer, got);
            bytes += got;
            rc = HG_CALL(sink, err, sink->plugin->sink.put_write(put, x->buffer, got));
            hg_instance_pace(sink, got);
            atomic_fetch_add(&x->transfer.done_bytes, file->object ? got : 0);
        }
    } while (rc == HANGAR_OK && got > 0);
    char hex[HG_SHA256_HEX] = "";
    if (rc == HANGAR_OK) {
        hg_sha256_final(hash, hex);
    }
    if (rc == HANGAR_OK && (bytes != file->bytes || strcmp(hex, file->sha256) != 0)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "the archive is damaged: %s does not match its manifest (%s differs)",
                     file->name, bytes != file->bytes ? "its size" : "SHA-256");
    }
    hg_sha256_free(hash);
    return rc;
}

static enum hangar_rc import_store_file(struct hg_import *x, struct hg_import_file *file,
                                        struct hg_error *err)
{
    struct hangar_ctx *sink = x->place.sink;
    const struct hangar_sink *fn = &sink->plugin->sink;
    struct hangar_put *put = NULL;
    char *path = hg_store_path(x->manifest.pipeline, x->id, file->name);
    enum hangar_rc rc =
        path ? HG_CALL(sink, err, fn->put_open(sink->inst, path, file->bytes, 0, &put))
             : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = import_copy_file(x, file, sink, put, err);
        if (rc == HANGAR_OK) {
            struct hangar_entry entry = {.struct_size = sizeof(entry)};
            rc = HG_CALL(sink, err, fn->put_commit(put, &entry));
            if (rc == HANGAR_OK && entry.size != file->bytes) {
                rc = hg_fail(err, HANGAR_CORRUPT, 0,
                             "sink %s: stored size of %s is %llu bytes (expected %llu)", sink->name,
                             path, (unsigned long long)entry.size, (unsigned long long)file->bytes);
            }
        } else {
            HG_CALL_CLEAR(sink, fn->put_abort(put));
        }
    }
    free(path);
    atomic_fetch_add(&x->transfer.done_objects, rc == HANGAR_OK && file->object);
    return rc;
}

static enum hangar_rc import_check_signature(struct hg_import *x, bool there, struct hg_error *err)
{
    const struct hg_signing *signing = x->transfer.session.signing;
    const struct hg_str *sig = &x->signature;
    enum hangar_rc rc = HANGAR_OK;
    if (signing) {
        rc = hg_signing_check(signing, hg_str_text(&x->text), x->text.len,
                              there ? hg_str_text(sig) : NULL, sig->len, err);
    } else if (there && !hg_signature_ok(hg_str_text(sig), sig->len)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, HG_SIGNATURE_NAME " is not a signature");
    }
    if (rc != HANGAR_OK) {
        hg_context(err, "the archive of %s", x->id);
    }
    return rc;
}

static bool import_is_signature(const struct hg_import *x, const struct hg_untar_member *member)
{
    size_t n = strlen(x->id);
    return !member->folder && strncmp(member->name, x->id, n) == 0 &&
           strcmp(member->name + n, "/" HG_SIGNATURE_NAME) == 0 && member->size > 0 &&
           member->size <= HG_SIGNATURE_MAX;
}

enum hangar_rc hg_import_signature(struct hg_import *x, struct hg_error *err)
{
    struct hg_untar_member member;
    enum hangar_rc rc = hg_untar_next(x->untar, &member, err);
    if (rc == HANGAR_EOF) {
        return import_check_signature(x, false, err);
    }
    if (rc == HANGAR_OK && !import_is_signature(x, &member)) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "the archive of %s: unsigned: " HG_SIGNATURE_NAME
                       " does not follow manifest.json; hint: pack a signed backup as tar -czf "
                       "FILE.tar.gz %s/manifest.json{,.sig} --exclude=%s/manifest.json{,.sig} %s",
                       x->id, x->id, x->id, x->id);
    }
    if (rc == HANGAR_OK) {
        rc = hg_import_text(x, member.size, &x->signature, err);
    }
    return rc == HANGAR_OK ? import_check_signature(x, true, err) : rc;
}

static enum hangar_rc import_file(struct hg_import *x, const struct hg_untar_member *member,
                                  struct hg_error *err)
{
    size_t n = strlen(x->id);
    bool inside = strncmp(member->name, x->id, n) == 0 && member->name[n] == '/';
    const char *name = inside ? member->name + n + 1 : "";
    if (inside && strcmp(name, HG_SIGNATURE_NAME) == 0 && x->signature.len == 0 &&
        member->size > 0 && member->size <= HG_SIGNATURE_MAX) {
        enum hangar_rc rc = hg_import_text(x, member->size, &x->signature, err);
        return rc == HANGAR_OK ? import_check_signature(x, true, err) : rc;
    }
    size_t i = import_lower_bound(x, name);
    struct hg_import_file *file = i < x->file_count ? &x->files[i] : NULL;
    if (!inside || !file || strcmp(file->name, name) != 0) {
        char shown[HG_UNTAR_SHOWN];
        return hg_fail(err, HANGAR_CORRUPT, 0, "the archive contains %s%s",
                       hg_untar_shown(member->name, shown),
                       strcmp(name, HG_MANIFEST_NAME) == 0 || strcmp(name, HG_SIGNATURE_NAME) == 0
                           ? " twice or with an invalid size"
                           : ", which is not in its manifest");
    }
    if (file->seen) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "the archive contains %s twice", name);
    }
    if (member->size != file->bytes) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "the archive is damaged: %s has %llu bytes (expected %llu)", name,
                       (unsigned long long)member->size, (unsigned long long)file->bytes);
    }
    file->seen = true;
    return import_store_file(x, file, err);
}

static enum hangar_rc import_all_members(struct hg_import *x, struct hg_error *err)
{
    struct hg_untar_member member;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK) {
        rc = hg_untar_next(x->untar, &member, err);
        if (rc == HANGAR_OK) {
            rc = member.folder ? import_check_folder(x, member.name, err)
                               : import_file(x, &member, err);
        }
    }
    if (rc != HANGAR_EOF) {
        return rc;
    }
    for (size_t i = 0; i < x->file_count; i++) {
        if (!x->files[i].seen) {
            return hg_fail(err, HANGAR_CORRUPT, 0, "the archive is damaged: %s is missing",
                           x->files[i].name);
        }
    }
    return x->signature.len ? HANGAR_OK : import_check_signature(x, false, err);
}

enum hangar_rc hg_import_members(struct hg_import *x, struct hg_error *err)
{
    enum hangar_rc rc = import_list_files(x, err);
    return rc == HANGAR_OK ? import_all_members(x, err) : rc;
}
