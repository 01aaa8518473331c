/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * export: writes a backup as one tar.gz that stock tools unpack.  The archive is a folder named
 * by the id, with manifest.json first: so an import can check each later file before it is
 * stored.  The same backup gives the same bytes.  Objects are compared with the manifest while
 * they are read; an archive with a damaged object is never completed.
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

struct export_job {
    struct hg_transfer transfer;
    struct hg_selected_backup from;
    struct hg_str text, signature; /* of the manifest */
    struct hg_manifest manifest;   /* read from that text */
    struct archive *archive;
    hangar_write_fn write;
    void *arg;
    bool refused; /* the receiver failed */
    bool aborted; /* nothing more may be written */
    bool object;  /* the file that is added now is an object */
};

/* ---- the archive ---- */

static la_ssize_t export_write(struct archive *archive, void *arg, const void *data, size_t size)
{
    struct export_job *x = arg;
    if (x->aborted || x->write(x->arg, data, size) != 0) {
        x->refused = true;
        archive_set_error(archive, EIO, "its receiver failed");
        return -1;
    }
    x->transfer.archive_bytes += size;
    return (la_ssize_t)size;
}

static enum hangar_rc export_archive_failed(struct export_job *x, struct hg_error *err)
{
    const char *why = x->archive ? archive_error_string(x->archive) : "out of memory";
    return hg_fail(err, HANGAR_IO, 0, "cannot write the archive: %s",
                   x->refused ? "its receiver failed"
                   : why      ? why
                              : "libarchive reports no reason");
}

static enum hangar_rc export_open_archive(struct export_job *x, struct hg_error *err)
{
    struct archive *a = x->archive = archive_write_new();
    /* the output of transforms is mostly compressed already */
    const char *level = x->manifest.chain_count ? "0" : "1";
    if (!a || archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
        archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
        archive_write_set_filter_option(a, "gzip", "compression-level", level) != ARCHIVE_OK ||
        archive_write_set_filter_option(a, "gzip", "timestamp", NULL) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(a, BLOCK) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
        archive_write_open(a, x, NULL, export_write, NULL) != ARCHIVE_OK) {
        return export_archive_failed(x, err);
    }
    return HANGAR_OK;
}

/* Ends the archive; after a failure it stays without an end. */
static enum hangar_rc export_close_archive(struct export_job *x, enum hangar_rc rc,
                                           struct hg_error *err)
{
    if (!x->archive) {
        return rc;
    }
    if (rc == HANGAR_OK && archive_write_close(x->archive) != ARCHIVE_OK) {
        rc = export_archive_failed(x, err);
    }
    if (rc != HANGAR_OK) {
        /* archive_write_free would complete it, and leaks its compressor after
         * archive_write_fail */
        x->aborted = true;
    }
    archive_write_free(x->archive);
    return rc;
}

static enum hangar_rc export_add_header(struct export_job *x, const char *name, uint64_t size,
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
            rc = export_archive_failed(x, err);
        }
    }
    free(path);
    archive_entry_free(entry);
    return rc;
}

static enum hangar_rc export_add_data(void *arg, const void *data, size_t size,
                                      struct hg_error *err)
{
    struct export_job *x = arg;
    const char *at = data;
    for (size_t left = size; left > 0;) {
        la_ssize_t n = archive_write_data(x->archive, at, left);
        if (n <= 0) {
            return export_archive_failed(x, err);
        }
        at += n;
        left -= (size_t)n;
    }
    if (x->object) {
        atomic_fetch_add(&x->transfer.done_bytes, size);
    }
    return HANGAR_OK;
}

/* ---- its files ---- */

static enum hangar_rc export_add_text(struct export_job *x, const char *name,
                                      const struct hg_str *text, struct hg_error *err)
{
    enum hangar_rc rc = export_add_header(x, name, text->len, err);
    return rc == HANGAR_OK ? export_add_data(x, hg_str_text(text), text->len, err) : rc;
}

/* A file as it is in the sink, compared with the manifest on the way. */
static enum hangar_rc export_add_stored(struct export_job *x, const char *name, uint64_t size,
                                        const char *sha256, struct hg_error *err)
{
    char *path = hg_store_path(x->manifest.pipeline, x->manifest.id, name);
    struct hg_stored_object stored = {.path = path,
                                      .plain_bytes = size,
                                      .stored_bytes = size,
                                      .plain_sha256 = sha256,
                                      .stored_sha256 = sha256};
    enum hangar_rc rc = path ? export_add_header(x, name, size, err) : hg_no_memory(err);
    if (rc == HANGAR_OK) {
        rc = hg_decode_stored(x->from.ctx, &stored, export_add_data, x, err);
    }
    free(path);
    return rc;
}

static enum hangar_rc export_add_all(struct export_job *x, struct hg_error *err)
{
    const struct hg_manifest *m = &x->manifest;
    enum hangar_rc rc = export_add_text(x, HG_MANIFEST_NAME, &x->text, err);
    if (rc == HANGAR_OK && x->signature.len) {
        rc = export_add_text(x, HG_SIGNATURE_NAME, &x->signature, err);
    }
    for (size_t i = 0; i < m->file_count && rc == HANGAR_OK; i++) {
        rc = export_add_stored(x, m->files[i].name, m->files[i].bytes, m->files[i].sha256, err);
    }
    x->object = true;
    for (size_t i = 0; i < m->source_count; i++) {
        for (size_t k = 0; k < m->sources[i].count && rc == HANGAR_OK; k++) {
            const struct hg_manifest_object *o = &m->sources[i].objects[k];
            rc = export_add_stored(x, o->stored, o->stored_bytes, o->stored_sha256, err);
            atomic_fetch_add(&x->transfer.done_objects, rc == HANGAR_OK);
        }
    }
    return rc;
}

/* Reads the exact bytes of the manifest, and its signature if it has one.  The backup was
 * selected by an earlier read; these bytes decide what is exported. */
static enum hangar_rc export_read_manifest(struct export_job *x, struct hg_error *err)
{
    const struct hg_manifest *found = &x->from.manifest;
    const struct hg_signing *signing = x->transfer.session.signing;
    enum hangar_rc rc =
        hg_store_manifest_text(x->from.ctx, found->pipeline, found->id, &x->text, err);
    if (rc == HANGAR_OK) {
        rc = hg_manifest_read(hg_str_text(&x->text), x->text.len, &x->manifest, err);
    }
    if (rc == HANGAR_OK && (strcmp(x->manifest.id, found->id) != 0 ||
                            strcmp(x->manifest.pipeline, found->pipeline) != 0)) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "the manifest of %s changed during the export",
                     found->id);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hg_error why = {0};
    rc = hg_store_signature(x->from.ctx, found->pipeline, found->id, &x->signature, &why);
    if (rc == HANGAR_NOT_FOUND && !signing) {
        return HANGAR_OK;
    }
    if (rc == HANGAR_OK && signing) { /* the archive contains this copy, so it is checked again */
        rc = hg_signing_check(signing, hg_str_text(&x->text), x->text.len,
                              hg_str_text(&x->signature), x->signature.len, &why);
    } else if (rc == HANGAR_OK && !hg_signature_ok(hg_str_text(&x->signature), x->signature.len)) {
        rc = hg_fail(&why, HANGAR_CORRUPT, 0,
                     "sink %s: %s: " HG_SIGNATURE_NAME " is not a signature", x->from.ctx->name,
                     found->id);
    }
    return rc == HANGAR_OK ? rc : hg_error_move(err, &why);
}

static enum hangar_rc export_run(struct export_job *x, const struct hangar_selection *which,
                                 struct hg_error *err)
{
    enum hangar_rc rc = hg_select(&x->transfer.session, which, &x->from, err);
    if (rc == HANGAR_OK) {
        rc = export_read_manifest(x, err);
    }
    if (rc == HANGAR_OK) {
        hg_transfer_expect(&x->transfer, &x->manifest);
        hg_job_step(&x->transfer.session.job, "exporting %s", x->manifest.id);
        rc = export_open_archive(x, err);
        if (rc == HANGAR_OK) {
            rc = export_add_all(x, err);
        }
        rc = export_close_archive(x, rc, err);
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
    struct export_job *x = calloc(1, sizeof(*x));
    if (!x) {
        hg_no_memory(&err);
        return hg_doc_end(h, doc, HANGAR_STATUS_FAILED, &err, json);
    }
    hg_new_run_id(h);
    x->write = write;
    x->arg = arg;
    enum hangar_rc rc = hg_transfer_begin(&x->transfer, h, HG_EXPORT, &err);
    if (rc == HANGAR_OK) {
        rc = export_run(x, which, &err);
        x->transfer.sink = x->from.ctx ? h->config->instances[x->from.sink].name : NULL;
        rc = hg_transfer_end(&x->transfer, rc, &err); /* replaces the text when interrupted */
    }
    if (rc != HANGAR_OK && x->transfer.archive_bytes > 0) {
        hg_context(&err, "the archive is incomplete and must not be used");
    }
    hg_transfer_report(&x->transfer, doc, &x->manifest, rc, &err);
    hg_manifest_free(&x->from.manifest);
    hg_manifest_free(&x->manifest);
    hg_str_free(&x->text);
    hg_str_free(&x->signature);
    free(x);
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
