/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_run: one run of a pipeline, or of a part of it: begin, pull, commit, or clean
 * up, and again when that may help.  It knows nothing of what is around it: locks, hooks,
 * retention, history.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "inventory/lease.h"
#include "jobs/backup/backup.h"
#include "pipeline/pull.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/session.h"

#define MAX_TRIES 3

static enum hangar_rc new_manifest(struct hg_run *run, struct hg_error *err)
{
    struct hg_manifest *m = &run->manifest;
    hg_manifest_free(m);
    for (size_t i = 0; i < sizeof(run->kept) / sizeof(run->kept[0]); i++) {
        run->kept[i].count = 0;
    }
    bool ok = hg_run_describe(run, m);
    return ok ? HANGAR_OK : hg_no_memory(err);
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
    rc = hg_session_result(&run->session, rc, err);
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

void hg_run_init(struct hg_run *run, struct hangar *h, const struct hg_pipeline_config *pipeline)
{
    memset(run, 0, sizeof(*run));
    run->h = h;
    run->pipeline = pipeline;
    run->part = (struct hg_run_part){.sinks = pipeline->sinks,
                                     .sink_count = pipeline->sink_count,
                                     .sources = pipeline->sources,
                                     .source_count = pipeline->source_count};
    run->first_started_ms = run->started_ms = hg_now_ms();
    pthread_mutex_init(&run->progress_mutex, NULL);
    if (h->log.run[0] == '\0') { /* a safety backup is part of a restore's run */
        hg_new_run_id(h);
    }
    snprintf(run->run_id, sizeof(run->run_id), "%s", h->log.run);
}

void hg_run_fini(struct hg_run *run)
{
    hg_manifest_free(&run->manifest);
    for (size_t i = 0; i < sizeof(run->kept) / sizeof(run->kept[0]); i++) {
        free(run->kept[i].items);
    }
    pthread_mutex_destroy(&run->progress_mutex);
}

enum hangar_rc hg_run_do(struct hg_run *run, struct hg_error *err)
{
    for (unsigned tries = 1;; tries++) {
        hg_error_clear(err);
        enum hangar_rc rc = try_once(run, err);
        run->finished_ms = hg_now_ms();
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
