/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_commit: makes what lies in the sinks a backup.  The order is what makes it
 * whole or invisible: objects first, then RESTORE.txt and SHA256SUMS, then
 * manifest.json, create-only.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "catalog/manifest.h"
#include "catalog/signing.h"
#include "catalog/store.h"
#include "inventory/lease.h"
#include "jobs/backup/backup.h"
#include "jobs/backup/restore_text.h"
#include "pipeline/pull.h"
#include "plugin/job.h"

/* What the sources told at their ends. */
static void take_facts(struct hg_run *run)
{
    struct hg_manifest *m = &run->manifest;
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < run->source_count; i++) {
        struct hg_pull_source *from = &run->pull.sources[i];
        struct hg_manifest_source *s = &m->sources[i];
        s->time_ms = from->time_ms;
        s->facts = from->facts;
        s->point = from->point;
        from->facts = from->point = NULL;
        first = s->time_ms < first ? s->time_ms : first;
        last = s->time_ms > last ? s->time_ms : last;
    }
    m->skew_ms = last - first;
    m->finished_ms = hg_now_ms();
}

static enum hangar_rc add_file(struct hg_manifest *m, const char *name, const struct hg_str *text,
                               struct hg_error *err)
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

static enum hangar_rc write_texts(struct hg_run *run, struct hg_run_texts *files,
                                  struct hg_error *err)
{
    struct hg_manifest *m = &run->manifest;
    enum hangar_rc rc = hg_restore_text(m, run->sources, &files->restore, err);
    if (rc == HANGAR_OK) {
        rc = add_file(m, HG_RESTORE_NAME, &files->restore, err);
    }
    if (rc == HANGAR_OK) {
        hg_manifest_sums(m, m->files[0].sha256, &files->sums);
        rc = add_file(m, HG_SUMS_NAME, &files->sums, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_manifest_write(m, &files->manifest, err);
    }
    const struct hg_signing *signing = run->session.job.set.signing;
    if (rc == HANGAR_OK && signing) {
        rc = hg_signing_sign(signing, hg_str_text(&files->manifest), files->manifest.len,
                             &files->signature, err);
    }
    return rc;
}

/* False when others may have taken this run for dead. */
static enum hangar_rc still_ours(struct hg_lease *lease, struct hg_run *run,
                                 const struct hg_run_sink *sink, struct hg_error *err)
{
    if (hg_job_cancelled(sink->ctx->job)) {
        return hg_fail(err, HANGAR_CANCELLED, 0, "interrupted");
    }
    if (!hg_lease_holds(lease, (size_t)(sink - run->sinks))) {
        return hg_fail(err, HANGAR_IO, 0,
                       "sink %s: this run could not say that it is alive for too long, and may "
                       "have been cleaned up elsewhere; it is given up",
                       sink->config->name);
    }
    return HANGAR_OK;
}

/* Reads the manifest as a restore will: a plugin may have told what cannot be read
 * again, and that must fail now. */
static enum hangar_rc check_manifest(const struct hg_run_texts *files, struct hg_error *err)
{
    struct hg_manifest m = {0};
    enum hangar_rc rc =
        hg_manifest_read(hg_str_text(&files->manifest), files->manifest.len, &m, err);
    if (rc == HANGAR_CORRUPT) {
        hg_context(err, "a plugin said what cannot be kept");
        err->rc = rc = HANGAR_INTERNAL;
    }
    hg_manifest_free(&m);
    return rc;
}

enum hangar_rc hg_run_commit_sink(struct hg_run *run, struct hg_lease *lease,
                                  struct hg_run_sink *sink, struct hangar_ctx *ctx,
                                  const struct hg_run_texts *files, struct hg_error *err)
{
    const struct {
        const char *name;
        const struct hg_str *text;
    } last[] = {{HG_RESTORE_NAME, &files->restore},
                {HG_SUMS_NAME, &files->sums},
                {HG_SIGNATURE_NAME, &files->signature},
                {HG_MANIFEST_NAME, &files->manifest}};
    /* claimed only now: a run that fails leaves nothing */
    enum hangar_rc rc = hg_store_origin(ctx, run->pipeline->name, run->h->origin, true, err);
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]) && rc == HANGAR_OK; i++) {
        if (last[i].text->len == 0) {
            continue; /* no key, no signature */
        }
        rc = still_ours(lease, run, sink, err);
        if (rc != HANGAR_OK) {
            break;
        }
        char *path = hg_store_path(run->pipeline->name, run->id, last[i].name);
        rc = path ? hg_store_put(ctx, path, hg_str_text(last[i].text), last[i].text->len, true, err)
                  : hg_no_memory(err);
        free(path);
    }
    /* once more: the process may have slept between the question and the commit */
    if (rc == HANGAR_OK && !hg_lease_holds(lease, (size_t)(sink - run->sinks))) {
        rc = still_ours(lease, run, sink, err);
    }
    sink->committed = rc == HANGAR_OK;
    return rc;
}

enum hangar_rc hg_run_commit(struct hg_run *run, struct hg_lease *lease, struct hg_error *err)
{
    struct hg_run_texts files = {0};
    hg_job_step(&run->session.job, "finishing");
    take_facts(run);
    enum hangar_rc rc = write_texts(run, &files, err);
    if (rc == HANGAR_OK) {
        rc = check_manifest(&files, err);
    }
    for (size_t i = 0; i < run->sink_count && rc == HANGAR_OK; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hg_error why = {0};
        if (sink->error.rc == HANGAR_OK &&
            hg_run_commit_sink(run, lease, sink, sink->ctx, &files, &why) != HANGAR_OK) {
            hg_run_sink_failed(run, sink, &why);
        }
    }
    rc = rc == HANGAR_OK ? hg_run_any_sink(run, err) : rc;
    if (rc == HANGAR_OK) {
        hg_run_catch_up(run, lease, &files);
    }
    hg_str_free(&files.restore);
    hg_str_free(&files.sums);
    hg_str_free(&files.signature);
    hg_str_free(&files.manifest);
    return rc;
}
