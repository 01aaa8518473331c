/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cat: writes one object of a backup, decoded, to the caller.  The bytes are written while
 * they are compared with the manifest: the caller learns at the end whether they are right.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/store.h"
#include "config/config.h"
#include "inventory/selection.h"
#include "pipeline/decode.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"

struct cat_output {
    hangar_write_fn write;
    void *arg;
    uint64_t bytes; /* written so far */
};

static enum hangar_rc cat_write(void *arg, const void *data, size_t size, struct hg_error *err)
{
    struct cat_output *c = arg;
    c->bytes += size;
    return c->write(c->arg, data, size) == 0
               ? HANGAR_OK
               : hg_fail(err, HANGAR_IO, 0, "cannot write the object: its receiver failed");
}

/* ---- the object ---- */

/* By "source/name", or by the name in the sink, which has suffixes. */
static const struct hg_manifest_object *cat_find_object(const struct hg_manifest *m,
                                                        const char *name)
{
    const struct hg_manifest_object *stored = NULL;
    for (size_t i = 0; i < m->source_count; i++) {
        const struct hg_manifest_source *s = &m->sources[i];
        size_t n = strlen(s->name);
        bool inside = strncmp(name, s->name, n) == 0 && name[n] == '/';
        for (size_t k = 0; inside && k < s->count; k++) {
            if (strcmp(s->objects[k].name, name + n + 1) == 0) {
                return &s->objects[k];
            }
            if (strcmp(s->objects[k].stored, name) == 0) {
                stored = &s->objects[k];
            }
        }
    }
    return stored;
}

static enum hangar_rc cat_unknown_object(const struct hg_manifest *m, const char *name,
                                         struct hg_error *err)
{
    size_t n = 0;
    char **names = calloc(hg_manifest_objects(m) + m->file_count + 1, sizeof(*names));
    for (size_t i = 0; names && i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            names[n] = strndup(o->stored, strlen(m->sources[i].name) + 1 + strlen(o->name));
            n += names[n] != NULL;
        }
    }
    for (size_t i = 0; names && i < m->file_count; i++) {
        names[n] = strdup(m->files[i].name);
        n += names[n] != NULL;
    }
    const char *meant = names ? hg_did_you_mean(name, (const char *const *)names) : NULL;
    if (meant) {
        hg_fail(err, HANGAR_NOT_FOUND, 0, "%s has no object %s; hint: did you mean %s?", m->id,
                name, meant);
    } else {
        hg_fail(err, HANGAR_NOT_FOUND, 0,
                "%s has no object %s; hint: `hangar --json show %s` lists those it has", m->id,
                name, m->id);
    }
    while (n > 0) {
        free(names[--n]);
    }
    free(names);
    return HANGAR_NOT_FOUND;
}

/* ---- its bytes ---- */

static enum hangar_rc cat_object(struct hg_session *s, const struct hg_selected_backup *from,
                                 const struct hg_manifest_object *o, struct cat_output *c,
                                 struct hg_error *err)
{
    const struct hg_manifest *m = &from->manifest;
    char *path = hg_store_path(m->pipeline, m->id, o->stored);
    struct hg_stored_object stored = {.path = path,
                                      .plain_bytes = o->plain_bytes,
                                      .stored_bytes = o->stored_bytes,
                                      .plain_sha256 = o->plain_sha256,
                                      .stored_sha256 = o->stored_sha256,
                                      .attrs = o->transform};
    struct hangar_ctx *chain[HG_CHAIN_MAX] = {0};
    enum hangar_rc rc = path ? hg_session_chain(s, m, chain, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        const struct hg_object_reader reader = {from->ctx, chain, m->chain_count};
        rc = hg_decode(&reader, &stored, cat_write, c, err);
    }
    free(path);
    return rc;
}

/* RESTORE.txt and SHA256SUMS are stored without transforms. */
static enum hangar_rc cat_file(const struct hg_selected_backup *from,
                               const struct hg_manifest_file *f, struct cat_output *c,
                               struct hg_error *err)
{
    char *path = hg_store_path(from->manifest.pipeline, from->manifest.id, f->name);
    struct hg_stored_object stored = {.path = path,
                                      .plain_bytes = f->bytes,
                                      .stored_bytes = f->bytes,
                                      .plain_sha256 = f->sha256,
                                      .stored_sha256 = f->sha256};
    enum hangar_rc rc =
        path ? hg_decode_stored(from->ctx, &stored, cat_write, c, err) : hg_no_memory(err);
    free(path);
    return rc;
}

static enum hangar_rc cat_named(struct hg_session *s, const struct hg_selected_backup *from,
                                const char *name, struct cat_output *c, struct hg_error *err)
{
    const struct hg_manifest *m = &from->manifest;
    const struct hg_manifest_object *o = cat_find_object(m, name);
    if (o) {
        return cat_object(s, from, o, c, err);
    }
    for (size_t i = 0; i < m->file_count; i++) {
        if (strcmp(m->files[i].name, name) == 0) {
            return cat_file(from, &m->files[i], c, err);
        }
    }
    return cat_unknown_object(m, name, err);
}

enum hangar_status hangar_cat(struct hangar *h, const struct hangar_selection *which,
                              const char *object, hangar_write_fn write, void *arg)
{
    json_t *doc = hg_doc_begin(h, "hangar.cat/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, NULL);
    }
    struct hg_session s;
    struct hg_selected_backup from = {0};
    struct hg_error err = {0};
    struct cat_output c = {.write = write, .arg = arg};
    enum hangar_rc rc = hg_session_begin(&s, h, 0, NULL, NULL, &err);
    if (rc == HANGAR_OK) {
        rc = hg_select(&s, which, &from, &err);
        if (rc == HANGAR_OK) {
            rc = cat_named(&s, &from, object, &c, &err);
        }
        rc = hg_session_result(&s, rc, &err);
        hg_session_end(&s);
    }
    if (rc != HANGAR_OK && c.bytes > 0) {
        hg_context(&err, "the output is %s and must not be used",
                   rc == HANGAR_CORRUPT ? "damaged" : "incomplete");
    }
    hg_manifest_free(&from.manifest);
    return hg_doc_end(h, doc, hg_status(rc), &err, NULL);
}
