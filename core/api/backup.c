/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: one run of a pipeline, from the lock to the manifest.
 *
 * The order of things is what makes a backup whole or invisible: objects first,
 * then RESTORE.txt and SHA256SUMS, then manifest.json, create-only.  A run that
 * fails removes what it stored.
 */
#include "api/backup.h"
#include "api/lease.h"
#include "api/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MAX_TRIES 3
#define CLEANUP_STALL_MS 30000

static const struct hg_instance_config *instance_of(const struct hg_run *run, size_t index)
{
    return &run->h->config->instances[index];
}

/* ---- beginning ---- */

static enum hangar_rc open_instances(struct hg_run *run, struct hg_error *err)
{
    const struct hg_pipeline_config *p = run->pipeline;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < p->sink_count && rc == HANGAR_OK; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        sink->config = instance_of(run, p->sinks[i]);
        struct hg_error why = {0};
        if (hg_session_open(&run->session, p->sinks[i], NULL, 0, &sink->ctx, &why) != HANGAR_OK) {
            sink->error = why;
            sink->ctx = NULL;
        } else {
            snprintf(sink->target, sizeof(sink->target), "%s", hg_instance_target(sink->ctx));
        }
        run->sink_count++;
    }
    for (size_t i = 0; i < p->transform_count && rc == HANGAR_OK; i++) {
        rc = hg_session_open(&run->session, p->transforms[i], NULL, 0, &run->chain[i], err);
        run->chain_count++;
    }
    for (size_t i = 0; i < p->source_count && rc == HANGAR_OK; i++) {
        rc = hg_session_open(&run->session, p->sources[i], NULL, 0, &run->sources[i], err);
        run->source_count++;
    }
    return rc;
}

/* Are there sinks left?  The first failure is the reason when not. */
static enum hangar_rc any_sink(const struct hg_run *run, struct hg_error *err)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        if (run->sinks[i].error.rc == HANGAR_OK) {
            return HANGAR_OK;
        }
    }
    *err = run->sinks[0].error;
    return err->rc;
}

static void sink_failed(struct hg_run *run, struct hg_run_sink *sink, const struct hg_error *why)
{
    if (sink->error.rc == HANGAR_OK) {
        sink->error = *why;
        hg_log_event(&run->h->log, HANGAR_LOG_ERROR, "sink.failed", "%s", why->text);
    }
}

/* Takes the place <pipeline>/<id> in a sink: EXISTS when it is another's. */
static enum hangar_rc take_place(struct hg_run *run, struct hg_run_sink *sink, const char *marker,
                                 struct hg_error *err)
{
    char *path = hg_store_path(run->pipeline->name, run->id, HG_RUN_NAME);
    enum hangar_rc rc = path ? hg_store_put(sink->ctx, path, marker, strlen(marker), true, err)
                             : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    free(path);
    sink->placed = sink->placed || rc == HANGAR_OK;
    return rc;
}

/* Asks each sink whether the pipeline's place is ours, and takes a place for this
 * run that is free in all. */
static enum hangar_rc take_places(struct hg_run *run, struct hg_error *err)
{
    char *marker = hg_run_marker(run);
    for (size_t i = 0; marker && i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hg_error why = {0};
        if (sink->error.rc == HANGAR_OK &&
            hg_store_origin(sink->ctx, run->pipeline->name, run->h->origin, false, &why) !=
                HANGAR_OK) {
            sink_failed(run, sink, &why);
        }
    }
    for (size_t i = 0; marker && i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hg_error why = {0};
        if (sink->error.rc != HANGAR_OK) {
            continue;
        }
        enum hangar_rc rc = take_place(run, sink, marker, &why);
        if (rc == HANGAR_EXISTS) { /* a run elsewhere began in the same millisecond */
            free(marker);
            return hg_fail(err, HANGAR_RETRY, 0, "sink %s: %s exists already", sink->ctx->name,
                           run->id);
        }
        if (rc != HANGAR_OK) {
            sink_failed(run, sink, &why);
        }
    }
    enum hangar_rc rc =
        marker ? any_sink(run, err) : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    free(marker);
    return rc;
}

/* ---- pulling ---- */

static bool stored_name(void *arg, size_t source, const char *name, char *out, size_t size)
{
    const struct hg_run *run = arg;
    char path[600];
    if (!name || !hg_object_name_ok(name, 400)) {
        return false;
    }
    int n = snprintf(path, sizeof(path), "%s/%s", run->sources[source]->name, name);
    for (size_t i = 0; i < run->chain_count && n > 0 && (size_t)n < sizeof(path); i++) {
        n += snprintf(path + n, sizeof(path) - (size_t)n, "%s",
                      run->chain[i]->plugin->transform.suffix);
    }
    if (n <= 0 || (size_t)n >= sizeof(path) || !hg_object_name_ok(path, 500)) {
        return false;
    }
    n = snprintf(out, size, "%s/%s/%s", run->pipeline->name, run->id, path);
    return n > 0 && (size_t)n < size;
}

static enum hangar_rc on_object(void *arg, struct hg_pulled *object, struct hg_error *err)
{
    struct hg_run *run = arg;
    struct hg_manifest_source *s = &run->manifest.sources[object->source];
    char stored[1024];
    if (!hg_vec_reserve((void **)&s->objects, s->count, &s->capacity, sizeof(*s->objects)) ||
        !stored_name(run, object->source, object->name, stored, sizeof(stored))) {
        return hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->objects[i].name, object->name) == 0) {
            return hg_fail(err, HANGAR_INTERNAL, 0, "source %s: two objects are called %s", s->name,
                           object->name);
        }
    }
    struct hg_manifest_object *o = &s->objects[s->count++];
    size_t skip = strlen(run->pipeline->name) + strlen(run->id) + 2;
    *o = (struct hg_manifest_object){.name = strdup(object->name),
                                     .stored = strdup(stored + skip),
                                     .phase = object->phase,
                                     .plain_bytes = object->result->plain_bytes,
                                     .stored_bytes = object->result->stored_bytes,
                                     .attrs = object->attrs};
    object->attrs = NULL;
    memcpy(o->plain_sha256, object->result->plain_sha256, HG_SHA256_HEX);
    memcpy(o->stored_sha256, object->result->stored_sha256, HG_SHA256_HEX);
    for (size_t i = 0; i < run->chain_count; i++) {
        o->transform[i] = object->result->attrs[i];
        object->result->attrs[i] = NULL;
    }
    return o->name && o->stored ? HANGAR_OK : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
}

/* What the engine found out about the sinks. */
static void collect_sinks(struct hg_run *run)
{
    for (size_t i = 0; i < run->engine.set.sink_count; i++) {
        if (!run->engine.sinks[i].dead) {
            continue;
        }
        for (size_t k = 0; k < run->sink_count; k++) {
            if (run->sinks[k].ctx == run->engine.sinks[i].ctx &&
                run->sinks[k].error.rc == HANGAR_OK) {
                run->sinks[k].error = run->engine.sinks[i].error;
            }
        }
    }
}

/* Everything between prepare and end. */
static enum hangar_rc pull_all(struct hg_run *run, struct hg_error *err)
{
    struct hg_job *job = &run->session.job;
    struct hg_pull_settings pull_settings = {.job = job,
                                             .sources = run->sources,
                                             .count = run->source_count,
                                             .stored_name = stored_name,
                                             .on_object = on_object,
                                             .arg = run};
    hg_job_step(job, "preparing");
    enum hangar_rc rc = hg_pull_prepare(&run->pull, &pull_settings, err);
    struct hangar_ctx *sinks[HG_MAX_SINKS];
    struct hg_engine_settings settings = {.job = job,
                                          .chain = run->chain,
                                          .chain_count = run->chain_count,
                                          .sinks = sinks,
                                          .workers = hg_workers(run->h),
                                          .readers =
                                              rc == HANGAR_OK ? hg_pull_readers(&run->pull) : 0};
    for (size_t i = 0; i < run->sink_count; i++) {
        if (run->sinks[i].error.rc == HANGAR_OK) {
            sinks[settings.sink_count++] = run->sinks[i].ctx;
        }
    }
    size_t memory = job->set.memory_bytes / 8 * 3;
    settings.memory_bytes = hg_job_budget_take(job, memory, memory);
    bool began = false;
    if (rc == HANGAR_OK) {
        rc = hg_engine_begin(&run->engine, &settings, err);
        began = rc == HANGAR_OK;
    }
    if (rc == HANGAR_OK) {
        rc = hg_pull_begin(&run->pull);
    }
    if (rc == HANGAR_OK) {
        hg_job_step(job, "copying");
        pthread_mutex_lock(&run->progress_mutex);
        run->pulling = true;
        pthread_mutex_unlock(&run->progress_mutex);
        hg_pull_run(&run->pull, &run->engine);
        pthread_mutex_lock(&run->progress_mutex);
        run->pulling = false;
        pthread_mutex_unlock(&run->progress_mutex);
    }
    if (began) {
        hg_engine_end(&run->engine);
        collect_sinks(run);
    }
    hg_job_budget_give(job, settings.memory_bytes);
    struct hg_error why = {0};
    enum hangar_rc job_rc = hg_job_result(job, &why);
    if (job_rc != HANGAR_OK) {
        *err = why;
        return job_rc;
    }
    return rc != HANGAR_OK ? rc : any_sink(run, err);
}

/* ---- finishing ---- */

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

static void sha256_of(const struct hg_str *text, char hex[HG_SHA256_HEX])
{
    struct hg_sha256 *hash = hg_sha256_new();
    if (hash) {
        hg_sha256_update(hash, hg_str_text(text), text->len);
        hg_sha256_final(hash, hex);
    }
    hg_sha256_free(hash);
}

static enum hangar_rc add_file(struct hg_manifest *m, const char *name, const struct hg_str *text,
                               struct hg_error *err)
{
    struct hg_manifest_file *f = &m->files[m->file_count];
    f->name = strdup(name);
    f->bytes = text->len;
    sha256_of(text, f->sha256);
    if (!f->name || !f->sha256[0] || text->failed) {
        free(f->name);
        return hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    m->file_count++;
    return HANGAR_OK;
}

struct last_files {
    struct hg_str restore, sums, manifest;
    struct hg_str signature; /* empty without a key */
};

static enum hangar_rc write_texts(struct hg_run *run, struct last_files *files,
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
    if (hg_job_cancelled(&run->session.job)) {
        return hg_fail(err, HANGAR_CANCELLED, 0, "interrupted");
    }
    if (!hg_lease_holds(lease, (size_t)(sink - run->sinks))) {
        return hg_fail(err, HANGAR_IO, 0,
                       "sink %s: this run could not say that it is alive for too long, and may "
                       "have been cleaned up elsewhere; it is given up",
                       sink->ctx->name);
    }
    return HANGAR_OK;
}

/* Reads the manifest as a restore will: a plugin may have told what cannot be read
 * again, and that must fail now. */
static enum hangar_rc check_manifest(const struct last_files *files, struct hg_error *err)
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

/* Stores the last files in one sink, the manifest at the very end. */
static enum hangar_rc commit_sink(struct hg_run *run, struct hg_lease *lease,
                                  struct hg_run_sink *sink, const struct last_files *files,
                                  struct hg_error *err)
{
    const struct {
        const char *name;
        const struct hg_str *text;
    } last[] = {{HG_RESTORE_NAME, &files->restore},
                {HG_SUMS_NAME, &files->sums},
                {HG_SIGNATURE_NAME, &files->signature},
                {HG_MANIFEST_NAME, &files->manifest}};
    /* claimed only now: a run that fails leaves nothing */
    enum hangar_rc rc = hg_store_origin(sink->ctx, run->pipeline->name, run->h->origin, true, err);
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]) && rc == HANGAR_OK; i++) {
        if (last[i].text->len == 0) {
            continue; /* no key, no signature */
        }
        rc = still_ours(lease, run, sink, err);
        if (rc != HANGAR_OK) {
            break;
        }
        char *path = hg_store_path(run->pipeline->name, run->id, last[i].name);
        rc = path ? hg_store_put(sink->ctx, path, hg_str_text(last[i].text), last[i].text->len,
                                 true, err)
                  : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
        free(path);
    }
    /* once more: the process may have slept between the question and the commit */
    if (rc == HANGAR_OK && !hg_lease_holds(lease, (size_t)(sink - run->sinks))) {
        rc = still_ours(lease, run, sink, err);
    }
    sink->committed = rc == HANGAR_OK;
    return rc;
}

static enum hangar_rc finish(struct hg_run *run, struct hg_lease *lease, struct hg_error *err)
{
    struct last_files files = {0};
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
            commit_sink(run, lease, sink, &files, &why) != HANGAR_OK) {
            sink_failed(run, sink, &why);
        }
    }
    hg_str_free(&files.restore);
    hg_str_free(&files.sums);
    hg_str_free(&files.signature);
    hg_str_free(&files.manifest);
    return rc == HANGAR_OK ? any_sink(run, err) : rc;
}

/* ---- cleaning up ---- */

/* Removes what a failed run stored, with fresh instances: those of the run may have
 * been cancelled. */
static void clean_up(struct hg_run *run)
{
    struct hg_session s;
    struct hg_error err = {0};
    bool any = false;
    for (size_t i = 0; i < run->sink_count; i++) {
        any = any || (run->sinks[i].placed && !run->sinks[i].committed);
    }
    if (!any) {
        return;
    }
    /* this must not be interrupted by the same signal, and yet it counts afterwards */
    bool cancelled = atomic_exchange(&run->h->cancel, false);
    if (hg_session_begin(&s, run->h, CLEANUP_STALL_MS, NULL, NULL, &err) != HANGAR_OK) {
        return;
    }
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hangar_ctx *ctx;
        hg_error_clear(&err);
        if (!sink->placed || sink->committed) {
            continue;
        }
        enum hangar_rc rc = hg_session_open(&s, run->pipeline->sinks[i], NULL, 0, &ctx, &err);
        if (rc == HANGAR_OK) {
            rc = hg_store_remove(ctx, run->pipeline->name, run->id, false, &err);
        }
        if (rc != HANGAR_OK) {
            hg_log_line(&run->h->log, HANGAR_LOG_WARN,
                        "parts of the failed run %s stay in sink %s (they are not a backup and "
                        "not listed): %s",
                        run->id, sink->config->name, err.text);
        }
    }
    hg_session_end(&s);
    if (cancelled) {
        atomic_store(&run->h->cancel, true);
    }
}

/* ---- the run ---- */

static enum hangar_rc new_manifest(struct hg_run *run, struct hg_error *err)
{
    struct hg_manifest *m = &run->manifest;
    hg_manifest_free(m);
    bool ok = hg_run_describe(run, m);
    return ok ? HANGAR_OK : hg_fail(err, HANGAR_NO_MEMORY, 0, "out of memory");
}

static enum hangar_rc try_once(struct hg_run *run, struct hg_error *err)
{
    run->started_ms = hg_now_ms();
    hg_backup_id_format(run->started_ms, run->id);
    run->sink_count = run->source_count = run->chain_count = 0;
    memset(run->sinks, 0, sizeof(run->sinks));
    enum hangar_rc rc = hg_session_begin(&run->session, run->h, 0, hg_run_tick, run, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = open_instances(run, err);
    if (rc == HANGAR_OK) {
        rc = any_sink(run, err);
    }
    if (rc == HANGAR_OK) {
        rc = new_manifest(run, err);
    }
    int64_t since_ms = hg_lease_now();
    if (rc == HANGAR_OK) {
        rc = take_places(run, err);
    }
    if (rc == HANGAR_OK) {
        struct hg_lease lease;
        hg_lease_begin(&lease, run, since_ms);
        rc = pull_all(run, err);
        if (rc == HANGAR_OK) {
            rc = finish(run, &lease, err);
        }
        hg_lease_end(&lease);
        hg_pull_fini(&run->pull);
    }
    if (rc != HANGAR_OK && hg_job_cancelled(&run->session.job)) {
        struct hg_error why = {0};
        rc = hg_job_result(&run->session.job, &why);
        *err = why;
    }
    hg_session_end(&run->session);
    clean_up(run);
    return rc;
}

/* A pause of 0.5 to 2 s before another try, so that two do not meet again. */
static bool pause_before_retry(struct hg_run *run)
{
    uint16_t random = 0;
    (void)!getrandom(&random, sizeof(random), 0);
    for (int64_t left = 500 + random % 1500; left > 0; left -= 50) {
        if (atomic_load(&run->h->cancel)) {
            return false;
        }
        usleep(50000);
    }
    return true;
}

static enum hangar_status run_status(const struct hg_run *run, enum hangar_rc rc,
                                     struct hg_error *err)
{
    enum hangar_status status = HANGAR_STATUS_DONE;
    if (rc != HANGAR_OK) {
        /* what is not found within a run is a failure, not a wrong question */
        status = rc == HANGAR_NOT_FOUND ? HANGAR_STATUS_FAILED : hg_status(rc);
        return status;
    }
    for (size_t i = 0; i < run->sink_count; i++) {
        const struct hg_run_sink *sink = &run->sinks[i];
        if (sink->error.rc == HANGAR_OK) {
            continue;
        }
        if (sink->config->required) {
            *err = sink->error;
            status = sink->error.rc == HANGAR_AUTH ? HANGAR_STATUS_AUTH : HANGAR_STATUS_FAILED;
            break;
        }
        if (status == HANGAR_STATUS_DONE) {
            *err = sink->error;
            status = HANGAR_STATUS_DEGRADED;
        }
    }
    return status;
}

static void make_run_id(char *out, size_t size)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char random[10] = {0};
    (void)!getrandom(random, sizeof(random), 0);
    size_t i = 0;
    for (; i < sizeof(random) && i + 1 < size; i++) {
        out[i] = digits[random[i] % 32];
    }
    out[i] = '\0';
}

static enum hangar_status run_pipeline(struct hg_run *run, struct hg_error *err)
{
    struct hg_log *log = &run->h->log;
    snprintf(log->run, sizeof(log->run), "%s", run->run_id);
    hg_log_event(log, HANGAR_LOG_INFO, "backup.start", "pipeline %s", run->pipeline->name);
    enum hangar_rc rc = HANGAR_OK;
    for (unsigned tries = 1;; tries++) {
        hg_error_clear(err);
        rc = try_once(run, err);
        if (rc != HANGAR_RETRY || tries == MAX_TRIES) {
            break;
        }
        hg_log_event(log, HANGAR_LOG_WARN, "backup.retry", "trying again (%u of %u): %s", tries + 1,
                     MAX_TRIES, err->text);
        if (!pause_before_retry(run)) {
            rc = hg_fail((hg_error_clear(err), err), HANGAR_CANCELLED, 0, "interrupted");
            break;
        }
    }
    enum hangar_status status = run_status(run, rc, err);
    run->finished_ms = hg_now_ms();
    long long ms = (long long)(run->finished_ms - run->first_started_ms);
    if (status == HANGAR_STATUS_DONE || status == HANGAR_STATUS_DEGRADED) {
        hg_log_event(log, status == HANGAR_STATUS_DONE ? HANGAR_LOG_INFO : HANGAR_LOG_WARN,
                     "backup.done", "%s of pipeline %s in %lld ms, %llu bytes stored%s", run->id,
                     run->pipeline->name, ms,
                     (unsigned long long)hg_manifest_stored_bytes(&run->manifest),
                     status == HANGAR_STATUS_DONE ? "" : ", but an optional sink failed");
    } else {
        hg_log_event(log, HANGAR_LOG_ERROR, "backup.failed", "pipeline %s after %lld ms: %s",
                     run->pipeline->name, ms, err->text);
    }
    bool success = status == HANGAR_STATUS_DONE || status == HANGAR_STATUS_DEGRADED;
    for (size_t i = 0; success && i < run->sink_count; i++) {
        if (run->sinks[i].committed) {
            hg_prune_after_backup(run->h, run->pipeline, run->pipeline->sinks[i]);
        }
    }
    log->run[0] = '\0';
    return status;
}

enum hangar_status hangar_backup(struct hangar *h, const char *pipeline, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.backup/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    size_t index;
    struct hg_run *run = calloc(1, sizeof(*run));
    enum hangar_status status = HANGAR_STATUS_FAILED;
    int lock = -1;
    if (!run) {
        hg_fail(&err, HANGAR_NO_MEMORY, 0, "out of memory");
    } else if (hg_find_pipeline(h, pipeline, &index, &err) != HANGAR_OK) {
        status = HANGAR_STATUS_NOT_FOUND;
    } else {
        run->h = h;
        run->pipeline = &h->config->pipelines[index];
        run->first_started_ms = run->started_ms = hg_now_ms();
        pthread_mutex_init(&run->progress_mutex, NULL);
        make_run_id(run->run_id, sizeof(run->run_id));
        enum hangar_rc rc = hg_state_lock(h, pipeline, &lock, &err);
        if (rc != HANGAR_OK) {
            status = rc == HANGAR_EXISTS ? HANGAR_STATUS_BUSY : HANGAR_STATUS_FAILED;
            run->finished_ms = hg_now_ms();
        } else {
            status = run_pipeline(run, &err);
        }
        hg_run_document(run, doc);
        if (status != HANGAR_STATUS_BUSY) {
            json_t *line = hg_run_history(run, status, &err);
            hg_state_record(h, pipeline, line);
            json_decref(line);
        }
        hg_manifest_free(&run->manifest);
        pthread_mutex_destroy(&run->progress_mutex);
    }
    if (lock >= 0) {
        close(lock);
    }
    free(run);
    return hg_doc_end(h, doc, status, &err, json);
}
