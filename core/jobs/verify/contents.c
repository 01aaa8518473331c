/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * contents: see contents.h.
 */
#include "jobs/verify/contents.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "inventory/comparison.h"
#include "inventory/completeness.h"
#include "inventory/object_infos.h"
#include "jobs/verify/drill.h"
#include "pipeline/decode.h"
#include "plugin/job.h"
#include "session/session.h"

/* True also when memory ran out while a problem was written down. */
static bool is_damaged(const struct hg_comparison *found)
{
    return found->problems.len > 0 || found->problems.failed;
}

/* RESTORE.txt and SHA256SUMS, byte by byte. */
static enum hangar_rc check_files(struct hg_verified_backup *v, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < v->manifest.file_count && rc == HANGAR_OK; i++) {
        const struct hg_manifest_file *f = &v->manifest.files[i];
        char *path = hg_store_path(v->pipeline, v->id, f->name);
        struct hg_stored_object stored = {.path = path,
                                          .stored_bytes = f->bytes,
                                          .plain_bytes = f->bytes,
                                          .stored_sha256 = f->sha256,
                                          .plain_sha256 = f->sha256};
        struct hg_error why = {0};
        rc = path ? hg_decode_check(v->sink, &stored, &why) : hg_no_memory(&why);
        if (rc == HANGAR_CORRUPT) {
            hg_str_addf(&v->found.problems, "%s\n", why.text);
            rc = HANGAR_OK;
        } else if (rc != HANGAR_OK) {
            hg_error_move(err, &why);
        }
        free(path);
    }
    return rc;
}

static struct hg_object_reader verified_reader(const struct hg_verified_backup *v)
{
    return (struct hg_object_reader){v->sink, v->chain, v->manifest.chain_count};
}

static enum hangar_rc check_objects(struct hg_verified_backup *v, struct hg_error *err)
{
    const struct hg_object_reader from = verified_reader(v);
    enum hangar_rc rc = hg_session_chain(v->s, &v->manifest, v->chain, err);
    for (size_t i = 0; i < v->manifest.source_count && rc == HANGAR_OK; i++) {
        struct hg_infos infos;
        rc = hg_infos_make(&v->manifest, &v->manifest.sources[i], false, &infos, err);
        if (rc != HANGAR_OK) {
            break;
        }
        struct hg_error why = {0};
        rc = hg_compare_objects(v->s, &from, infos.stored, infos.count, &v->found, &why);
        if (rc == HANGAR_CORRUPT) {
            rc = HANGAR_OK; /* a line of v->found.problems */
        } else if (rc != HANGAR_OK) {
            hg_error_move(err, &why);
        }
        hg_infos_free(&infos);
    }
    return rc;
}

/* Without a key the signature is not checked, which is logged. */
static void report_unchecked_signature(struct hg_verified_backup *v)
{
    struct hg_store_file signature = {0};
    if (!v->s->signing) {
        hg_store_find(v->sink, v->pipeline, v->id, HG_SIGNATURE_NAME, &signature, NULL);
    }
    if (signature.exists) {
        hg_log_event(&v->h->log, HANGAR_LOG_INFO, "verify.unchecked",
                     "sink %s: %s is signed; its signature was not checked, as the configuration "
                     "has no `signing` key",
                     v->sink->name, v->id);
    }
}

enum hangar_rc hg_verify_backup(struct hg_verified_backup *v, struct hg_error *err)
{
    enum hangar_rc rc = hg_store_manifest(v->sink, v->pipeline, v->id, &v->manifest, err);
    if (rc == HANGAR_OK) {
        rc = hg_completeness_check(v->sink, &v->manifest, &v->found.problems, err);
    }
    if (rc == HANGAR_OK && v->level == HANGAR_VERIFY_QUICK) {
        v->found.objects = hg_manifest_objects(&v->manifest);
        v->found.plain_bytes = hg_manifest_plain_bytes(&v->manifest);
        v->found.stored_bytes = hg_manifest_stored_bytes(&v->manifest);
    }
    if (rc == HANGAR_OK && v->level >= HANGAR_VERIFY_FULL && !is_damaged(&v->found)) {
        report_unchecked_signature(v);
        v->read = true;
        rc = check_files(v, err);
        if (rc == HANGAR_OK) {
            rc = check_objects(v, err);
        }
    }
    if (rc == HANGAR_OK && is_damaged(&v->found)) {
        const char *first =
            hg_error_without(hg_str_text(&v->found.problems), "sink", v->sink->name);
        rc = hg_fail(err, HANGAR_CORRUPT, 0, "sink %s: %s is damaged: %.*s", v->sink->name, v->id,
                     (int)strcspn(first, "\n"), first);
    }
    if (rc == HANGAR_OK && v->level == HANGAR_VERIFY_DRILL) {
        const struct hg_object_reader from = verified_reader(v);
        hg_job_step(&v->s->job, "drilling %s", v->id);
        v->drilled = true;
        rc = hg_drill_run(&v->drill, v->s, &v->manifest, &from, v->sources, err);
    }
    return rc;
}
