/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commit: makes a backup of the objects that are in the sinks.  The order makes it whole or
 * invisible: objects first, then RESTORE.txt and SHA256SUMS, then manifest.json, create-only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "inventory/place.h"
#include "inventory/restore_text.h"
#include "jobs/backup/run.h"

/* ---- the final files ---- */

static void commit_set_times(struct hg_manifest *m)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < m->source_count; i++) {
        const int64_t time_ms = m->sources[i].time_ms;
        first = time_ms < first ? time_ms : first;
        last = time_ms > last ? time_ms : last;
    }
    m->skew_ms = last - first;
    m->finished_ms = hg_now_ms();
}

static enum hangar_rc commit_list_file(struct hg_manifest *m, const char *name,
                                       const struct hg_str *text, struct hg_error *err)
{
    struct hg_manifest_file *f = &m->files[m->file_count];
    f->name = strdup(name);
    f->bytes = text->len;
    bool hashed = hg_sha256_of(hg_str_text(text), text->len, f->sha256);
    if (!f->name || !hashed || text->failed) {
        free(f->name);
        return hg_no_memory(err);
    }
    m->file_count++;
    return HANGAR_OK;
}

/* Reads the manifest as a restore will: a plugin may have set what cannot be read again, and
 * that must fail now. */
static enum hangar_rc commit_check_manifest(const struct hg_final_files *files,
                                            struct hg_error *err)
{
    struct hg_manifest m = {0};
    enum hangar_rc rc =
        hg_manifest_read(hg_str_text(&files->manifest), files->manifest.len, &m, err);
    if (rc == HANGAR_CORRUPT) {
        hg_context(err, "a plugin reported values that a manifest cannot contain");
        err->rc = rc = HANGAR_INTERNAL;
    }
    hg_manifest_free(&m);
    return rc;
}

enum hangar_rc hg_run_finish_manifest(struct hg_run *run, struct hg_final_files *files,
                                      struct hg_error *err)
{
    struct hg_manifest *m = &run->result.manifest;
    const struct hg_signing *signing = run->open.session.signing;
    commit_set_times(m);
    enum hangar_rc rc = hg_restore_text(m, run->open.sources, &files->restore, err);
    if (rc == HANGAR_OK) {
        rc = commit_list_file(m, HG_RESTORE_NAME, &files->restore, err);
    }
    if (rc == HANGAR_OK) {
        hg_manifest_sums(m, m->files[0].sha256, &files->sums);
        rc = commit_list_file(m, HG_SUMS_NAME, &files->sums, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_manifest_write(m, &files->manifest, err);
    }
    if (rc == HANGAR_OK && signing) {
        rc = hg_signing_sign(signing, hg_str_text(&files->manifest), files->manifest.len,
                             &files->signature, err);
    }
    return rc == HANGAR_OK ? commit_check_manifest(files, err) : rc;
}

/* ---- each sink ---- */

enum hangar_rc hg_run_commit(struct hg_run *run, const struct hg_final_files *files,
                             struct hg_error *err)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hg_error why = {0};
        if (sink->error.rc == HANGAR_OK &&
            hg_place_commit(&sink->place, sink->place.sink, &run->result.manifest, files, &why) !=
                HANGAR_OK) {
            hg_run_sink_failed(run, sink, &why);
        }
    }
    return hg_run_any_sink(run, err);
}
