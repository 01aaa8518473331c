/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * export: a backup as one tar.gz that stock tools unpack: a folder of its id with
 * manifest.json first, so that an import knows from the beginning what must follow.
 * The same backup gives the same bytes.  What is stored is compared while it is
 * read, and an archive of damaged objects is never completed.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "inventory/selection.h"
#include "jobs/transfer/transfer.h"
#include "pipeline/decode.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"

#define BLOCK 65536

struct exporting {
    struct hg_transfer transfer;
    struct hg_selected from;
    struct hg_str text, signature; /* of the manifest */
    struct hg_manifest manifest;   /* what that text says */
    struct archive *archive;
    hangar_write_fn write;
    void *arg;
    bool refused;  /* the receiver failed */
    bool given_up; /* nothing more may be written */
    bool object;   /* what is being added is one */
    uint64_t bytes;
};

/* ---- the archive ---- */

static la_ssize_t give(struct archive *archive, void *arg, const void *data, size_t size)
{
    struct exporting *x = arg;
    if (x->given_up || x->write(x->arg, data, size) != 0) {
        x->refused = true;
        archive_set_error(archive, EIO, "its receiver failed");
        return -1;
    }
    x->bytes += size;
    return (la_ssize_t)size;
}

static enum hangar_rc archive_failed(struct exporting *x, struct hg_error *err)
{
    const char *why = x->archive ? archive_error_string(x->archive) : "out of memory";
    return hg_fail(err, HANGAR_IO, 0, "cannot write the archive: %s",
                   x->refused ? "its receiver failed"
                   : why      ? why
                              : "libarchive gives no reason");
}

static enum hangar_rc open_archive(struct exporting *x, struct hg_error *err)
{
    struct archive *a = x->archive = archive_write_new();
    /* what a transform made is mostly compressed already */
    const char *level = x->manifest.chain_count ? "0" : "1";
    if (!a || archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
        archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
        archive_write_set_filter_option(a, "gzip", "compression-level", level) != ARCHIVE_OK ||
        archive_write_set_filter_option(a, "gzip", "timestamp", NULL) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(a, BLOCK) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
        archive_write_open(a, x, NULL, give, NULL) != ARCHIVE_OK) {
        return archive_failed(x, err);
    }
    return HANGAR_OK;
}

/* Ends the archive, or, when something failed, leaves it cut short. */
static enum hangar_rc close_archive(struct exporting *x, enum hangar_rc rc, struct hg_error *err)
{
    if (!x->archive) {
        return rc;
    }
    if (rc == HANGAR_OK && archive_write_close(x->archive) != ARCHIVE_OK) {
        rc = archive_failed(x, err);
    }
    if (rc != HANGAR_OK) {
        /* free would complete it, and after archive_write_fail it leaks its compressor */
        x->given_up = true;
    }
    archive_write_free(x->archive);
    return rc;
}

static enum hangar_rc add_header(struct exporting *x, const char *name, uint64_t size,
                                 struct hg_error *err)
{
    const struct hg_manifest *m = &x->manifest;
    struct archive_entry *entry = archive_entry_new();
    char *path = hg_format("%s/%s", m->id, name);
    enum hangar_rc rc = HANGAR_OK;
    if (!entry || !path) {
        rc = hg_no_memory(err);
    } else {
        archive_entry_set_pathname(entry, path);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0600);
        archive_entry_set_size(entry, (la_int64_t)size);
        archive_entry_set_mtime(entry, m->finished_ms / 1000, 0);
        if (archive_write_header(x->archive, entry) != ARCHIVE_OK) {
            rc = archive_failed(x, err);
        }
    }
    free(path);
    archive_entry_free(entry);
    return rc;
}

static enum hangar_rc add_data(void *arg, const void *data, size_t size, struct hg_error *err)
{
    struct exporting *x = arg;
    const char *at = data;
    for (size_t left = size; left > 0;) {
        la_ssize_t n = archive_write_data(x->archive, at, left);
        if (n <= 0) {
            return archive_failed(x, err);
        }
        at += n;
        left -= (size_t)n;
    }
    if (x->object) {
        atomic_fetch_add(&x->transfer.done_bytes, size);
    }
    return HANGAR_OK;
}

/* ---- what goes into it ---- */

static enum hangar_rc add_text(struct exporting *x, const char *name, const struct hg_str *text,
                               struct hg_error *err)
{
    enum hangar_rc rc = add_header(x, name, text->len, err);
    return rc == HANGAR_OK ? add_data(x, hg_str_text(text), text->len, err) : rc;
}

/* A file as it is stored; compared on the way. */
static enum hangar_rc add_stored(struct exporting *x, const char *name, uint64_t size,
                                 const char *sha256, struct hg_error *err)
{
    char *path = hg_store_path(x->manifest.pipeline, x->manifest.id, name);
    struct hg_stored stored = {.path = path,
                               .plain_bytes = size,
                               .stored_bytes = size,
                               .plain_sha256 = sha256,
                               .stored_sha256 = sha256};
    enum hangar_rc rc = path ? add_header(x, name, size, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = hg_decode(x->from.ctx, NULL, 0, &stored, add_data, x, err);
    }
    free(path);
    return rc;
}

static enum hangar_rc add_all(struct exporting *x, struct hg_error *err)
{
    const struct hg_manifest *m = &x->manifest;
    enum hangar_rc rc = add_text(x, HG_MANIFEST_NAME, &x->text, err);
    if (rc == HANGAR_OK && x->signature.len) {
        rc = add_text(x, HG_SIGNATURE_NAME, &x->signature, err);
    }
    for (size_t i = 0; i < m->file_count && rc == HANGAR_OK; i++) {
        rc = add_stored(x, m->files[i].name, m->files[i].bytes, m->files[i].sha256, err);
    }
    x->object = true;
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count && rc == HANGAR_OK; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            rc = add_stored(x, o->stored, o->stored_bytes, o->stored_sha256, err);
            atomic_fetch_add(&x->transfer.done_objects, rc == HANGAR_OK);
        }
    }
    return rc;
}

/* The manifest's exact bytes, and its signature if it has one.  Read again: what is
 * exported is what these bytes say. */
static enum hangar_rc read_texts(struct exporting *x, struct hg_error *err)
{
    const struct hg_manifest *found = &x->from.manifest;
    const struct hg_signing *signing = x->transfer.session.signing;
    struct hg_error why = {0};
    enum hangar_rc rc =
        hg_store_manifest_text(x->from.ctx, found->pipeline, found->id, &x->text, err);
    if (rc == HANGAR_OK) {
        rc = hg_manifest_read(hg_str_text(&x->text), x->text.len, &x->manifest, err);
    }
    if (rc == HANGAR_OK && (strcmp(x->manifest.id, found->id) != 0 ||
                            strcmp(x->manifest.pipeline, found->pipeline) != 0)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "the manifest of %s changed meanwhile", found->id);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_store_signature(x->from.ctx, found->pipeline, found->id, &x->signature, &why);
    if (rc == HANGAR_NOT_FOUND && !signing) {
        return HANGAR_OK;
    }
    if (rc == HANGAR_OK && signing) { /* it was right a moment ago; this is the copy that goes */
        rc = hg_signing_check(signing, hg_str_text(&x->text), x->text.len,
                              hg_str_text(&x->signature), x->signature.len, &why);
    } else if (rc == HANGAR_OK && !hg_signature_ok(hg_str_text(&x->signature), x->signature.len)) {
        rc = hg_fail(&why, HANGAR_CORRUPT, 0,
                     "sink %s: %s: " HG_SIGNATURE_NAME " is not a signature", x->from.ctx->name,
                     found->id);
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

static enum hangar_rc run(struct exporting *x, const struct hangar_selection *which,
                          struct hg_error *err)
{
    enum hangar_rc rc = hg_select(&x->transfer.session, which, &x->from, err);
    if (rc == HANGAR_OK) {
        rc = read_texts(x, err);
    }
    if (rc == HANGAR_OK) {
        hg_transfer_expect(&x->transfer, &x->manifest);
        hg_job_step(&x->transfer.session.job, "exporting %s", x->manifest.id);
        rc = open_archive(x, err);
        if (rc == HANGAR_OK) {
            rc = add_all(x, err);
        }
        rc = close_archive(x, rc, err);
    }
    if (rc != HANGAR_OK && x->bytes > 0) {
        hg_context(err, "what was written is no whole archive and must not be used");
    }
    return rc;
}

enum hangar_status hangar_export(struct hangar *h, const struct hangar_selection *which,
                                 hangar_write_fn write, void *arg, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.export/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct exporting *x = calloc(1, sizeof(*x));
    if (!x) {
        hg_no_memory(&err);
        return hg_doc_end(h, doc, HANGAR_STATUS_FAILED, &err, json);
    }
    hg_new_run_id(h);
    x->write = write;
    x->arg = arg;
    char sink[256] = "";
    enum hangar_rc rc = hg_transfer_begin(&x->transfer, h, "export", &err);
    if (rc == HANGAR_OK) {
        rc = run(x, which, &err);
        snprintf(sink, sizeof(sink), "%s", x->from.ctx ? x->from.ctx->name : "");
        rc = hg_transfer_end(&x->transfer, rc, &err);
    }
    hg_transfer_tell(&x->transfer, doc, &x->manifest, sink[0] ? sink : NULL, x->bytes, rc, &err);
    hg_manifest_free(&x->from.manifest);
    hg_manifest_free(&x->manifest);
    hg_str_free(&x->text);
    hg_str_free(&x->signature);
    free(x);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
