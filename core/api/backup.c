/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: one run of a pipeline, from the lock to the history: begin, pull, commit,
 * or clean up, again when that may help, and retention.
 */
#include "api/backup.h"
#include "api/hooks.h"
#include "api/notify.h"
#include "api/lease.h"
#include "api/prune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define MAX_TRIES 3

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
    rc = hg_run_open(run, err);
    if (rc == HANGAR_OK) {
        rc = hg_run_any_sink(run, err);
    }
    if (rc == HANGAR_OK) {
        rc = new_manifest(run, err);
    }
    int64_t since_ms = hg_lease_now();
    if (rc == HANGAR_OK) {
        rc = hg_run_take_places(run, err);
    }
    if (rc == HANGAR_OK) {
        struct hg_lease lease;
        hg_lease_begin(&lease, run, since_ms);
        rc = hg_run_pull(run, err);
        if (rc == HANGAR_OK) {
            rc = hg_run_commit(run, &lease, err);
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
    hg_run_clean_up(run);
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

static enum hangar_rc try_and_try_again(struct hg_run *run, struct hg_error *err)
{
    for (unsigned tries = 1;; tries++) {
        hg_error_clear(err);
        enum hangar_rc rc = try_once(run, err);
        if (rc != HANGAR_RETRY || tries == MAX_TRIES) {
            return rc;
        }
        hg_log_event(&run->h->log, HANGAR_LOG_WARN, "backup.retry", "trying again (%u of %u): %s",
                     tries + 1, MAX_TRIES, err->text);
        if (!pause_before_retry(run)) {
            return hg_fail((hg_error_clear(err), err), HANGAR_CANCELLED, 0, "interrupted");
        }
    }
}

static enum hangar_status run_pipeline(struct hg_run *run, struct hg_error *err)
{
    struct hg_log *log = &run->h->log;
    struct hg_hook_facts facts = {.run = run->run_id};
    snprintf(log->run, sizeof(log->run), "%s", run->run_id);
    hg_log_event(log, HANGAR_LOG_INFO, "backup.start", "pipeline %s", run->pipeline->name);
    enum hangar_rc rc = hg_hook_run(run->h, run->pipeline, HG_BEFORE_BACKUP, &facts, err);
    if (rc == HANGAR_OK) {
        rc = try_and_try_again(run, err);
    }
    enum hangar_status status = run_status(run, rc, err);
    run->finished_ms = hg_now_ms();
    facts.backup = run->manifest.id;
    status = hg_hook_after(run->h, run->pipeline, HG_AFTER_BACKUP, facts, status, err);
    long long ms = (long long)(run->finished_ms - run->first_started_ms);
    if (status == HANGAR_STATUS_DONE || status == HANGAR_STATUS_DEGRADED) {
        hg_log_event(log, status == HANGAR_STATUS_DONE ? HANGAR_LOG_INFO : HANGAR_LOG_WARN,
                     "backup.done", "%s of pipeline %s in %lld ms, %llu bytes stored%s", run->id,
                     run->pipeline->name, ms,
                     (unsigned long long)hg_manifest_stored_bytes(&run->manifest),
                     status == HANGAR_STATUS_DONE ? "" : ", but not all went well");
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
        if (lock >= 0) {
            close(lock);
        }
        hg_count(h, "backup", pipeline, hg_status_name(status), 1);
        hg_notify_end(h, "backup", run->pipeline, status, doc, &err);
        hg_manifest_free(&run->manifest);
        pthread_mutex_destroy(&run->progress_mutex);
    }
    free(run);
    return hg_doc_end(h, doc, status, &err, json);
}
