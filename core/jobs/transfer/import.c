/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import: stores a tar.gz made by export in a sink.  The archive is not trusted: each file
 * must be the one that its manifest lists, and the manifest must match the configuration.
 * The manifest comes first, so that each later file is checked before it is stored; memory
 * does not grow with the archive.  With a signing key its signature follows, and is checked before
 * the manifest is parsed.
 *
 * An import commits as a run does: under the lock of the pipeline and a lease, objects first,
 * manifest.json last and create-only.  Until then no backup is visible.  After a failure the
 * stored files are removed.
 */
#include "jobs/transfer/import_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "inventory/object_lock.h"
#include "inventory/place.h"
#include "inventory/verification_memory.h"
#include "jobs/transfer/transfer.h"
#include "jobs/transfer/untar.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"

/* ---- the manifest ---- */

/* Finds ID/manifest.json, which must be the first file; only folders may come before it. */
static enum hangar_rc import_first_file(struct hg_import *x, struct hg_untar_member *member,
                                        struct hg_error *err)
{
    char shown[HG_UNTAR_SHOWN];
    enum hangar_rc rc;
    unsigned folders = 0;
    do {
        rc = hg_untar_next(x->untar, member, err);
    } while (rc == HANGAR_OK && member->folder && folders++ < 2);
    if (rc == HANGAR_EOF) {
        return hg_fail(err, HANGAR_CORRUPT, 0, "not an archive of `hangar export`: it is empty");
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    size_t n = strcspn(member->name, "/");
    if (n < sizeof(x->id)) {
        memcpy(x->id, member->name, n);
        x->id[n] = '\0';
    }
    int64_t ms;
    if (!hg_backup_id_parse(x->id, &ms)) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "not an archive of `hangar export`: it begins with %s",
                       hg_untar_shown(member->name, shown));
    }
    if (member->folder || strcmp(member->name + n, "/" HG_MANIFEST_NAME) != 0) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "the archive begins with %s instead of manifest.json; hint: pack it as tar "
                       "-czf FILE.tar.gz %s/manifest.json --exclude=%s/manifest.json %s",
                       hg_untar_shown(member->name, shown), x->id, x->id, x->id);
    }
    return HANGAR_OK;
}

static enum hangar_rc import_read_manifest(struct hg_import *x, struct hg_error *err)
{
    struct hg_untar_member member;
    enum hangar_rc rc = import_first_file(x, &member, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (member.size > HG_MANIFEST_MAX) {
        return hg_fail(err, HANGAR_CORRUPT, 0,
                       "manifest.json in the archive is larger than %zu MiB",
                       HG_MANIFEST_MAX >> 20);
    }
    rc = hg_import_text(x, member.size, &x->text, err);
    if (rc == HANGAR_OK && x->transfer.session.signing) {
        rc = hg_import_signature(x, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_manifest_read(hg_str_text(&x->text), x->text.len, &x->manifest, err);
        if (rc != HANGAR_OK) {
            hg_context(err, "the archive");
        }
    }
    if (rc == HANGAR_OK && strcmp(x->manifest.id, x->id) != 0) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "the archive has the folder %s and the manifest of %s",
                     x->id, x->manifest.id);
    }
    return rc;
}

/* ---- the job ---- */

/* Reads the rest of the archive, so that the program that writes it can end. */
static enum hangar_rc import_skip_members(struct hg_import *x, struct hg_error *err)
{
    struct hg_untar_member member;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK) {
        rc = hg_job_check(&x->transfer.session.job, err);
        rc = rc == HANGAR_OK ? hg_untar_next(x->untar, &member, err) : rc;
    }
    return rc == HANGAR_EOF ? HANGAR_OK : rc;
}

static enum hangar_rc import_run(struct hg_import *x, const char *pipeline, const char *sink,
                                 struct hg_error *err)
{
    enum hangar_rc rc = import_read_manifest(x, err);
    if (rc == HANGAR_OK) {
        rc = hg_import_place(x, pipeline, sink, err);
    }
    if (rc == HANGAR_OK && x->same) {
        return import_skip_members(x, err);
    }
    if (rc == HANGAR_OK) {
        hg_transfer_expect(&x->transfer, &x->manifest);
        hg_job_step(&x->transfer.session.job, "importing %s", x->id);
        rc = hg_import_members(x, err);
    }
    if (rc == HANGAR_OK) {
        const struct hg_final_files files = {.signature = x->signature, .manifest = x->text};
        rc = hg_place_commit(&x->place, x->place.sink, &x->manifest, &files, err);
    }
    hg_place_release(&x->place);
    if (rc == HANGAR_OK) {
        struct hangar *h = x->transfer.h;
        hg_verification_forget(&h->state, x->place.pipeline, x->place.id, x->place.sink->name);
        hg_object_lock_copied(h, x->pipeline, &h->config->instances[x->place.instance],
                              x->place.sink);
    }
    return rc;
}

static bool import_init(struct hg_import *x, struct hangar *h)
{
    x->lock = -1;
    x->place = (struct hg_place){
        .h = h, .pipeline = "", .id = x->id, .run_id = "import", .started_ms = hg_now_ms()};
    x->buffer = malloc(HG_IMPORT_BUFFER);
    return x->buffer != NULL;
}

static void import_fini(struct hg_import *x)
{
    hg_untar_close(x->untar);
    if (x->lock >= 0) {
        close(x->lock);
    }
    hg_manifest_free(&x->manifest);
    hg_str_free(&x->text);
    hg_str_free(&x->signature);
    free(x->files);
    free(x->buffer);
    free(x);
}

enum hangar_status hangar_import(struct hangar *h, const char *pipeline, const char *sink,
                                 hangar_read_fn read, void *arg, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.import/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct hg_import *x = calloc(1, sizeof(*x));
    if (!x || !import_init(x, h)) {
        hg_no_memory(&err);
        if (x) {
            import_fini(x);
        }
        return hg_doc_end(h, doc, HANGAR_STATUS_FAILED, &err, json);
    }
    hg_new_run_id(h);
    enum hangar_rc rc = hg_check_names(h->config, pipeline, sink, &err);
    if (rc == HANGAR_OK) {
        rc = hg_transfer_begin(&x->transfer, h, HG_IMPORT, &err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_untar_open(read, arg, &x->untar, &err);
        if (rc == HANGAR_OK) {
            rc = import_run(x, pipeline, sink, &err);
        }
        rc = hg_transfer_end(&x->transfer, rc, &err);
        struct hg_place *const places[] = {&x->place};
        hg_places_clear(h, places, 1);
        x->transfer.archive_bytes = x->untar ? hg_untar_bytes(x->untar) : 0;
        hg_transfer_report(&x->transfer, doc, &x->manifest, rc, &err);
        hg_json_set_bool(doc, "imported", rc == HANGAR_OK && !x->same);
    }
    bool busy = x->busy;
    import_fini(x);
    return hg_doc_end(h, doc, busy ? HANGAR_STATUS_BUSY : hg_status(rc), &err, json);
}
