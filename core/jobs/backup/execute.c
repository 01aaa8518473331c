/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * execute: the tries of a run, and the order of its steps (run.h).  It does not know what surrounds
 * a run: locks, hooks, retention, history, notifications.
 */
#include "jobs/backup/run.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "catalog/manifest.h"
#include "inventory/place.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/session.h"

#define TRIES_MAX 3

/* ---- one try ---- */

enum hangar_rc hg_run_begin_try(struct hg_run *run, struct hg_error *err)
{
    run->result.started_ms = hg_now_ms();
    hg_backup_id_format(run->result.started_ms, run->result.id);
    memset(run->sinks, 0, sizeof(run->sinks));
    run->sink_count = run->open.source_count = run->open.transform_count = 0;
    atomic_store(&run->open.pause, false);
    atomic_store(&run->progress.ended, false);
    enum hangar_rc rc = hg_session_begin(&run->open.session, run->h, 0, hg_run_on_tick, run, err);
    run->open.is_open = rc == HANGAR_OK;
    return rc;
}

void hg_run_end_try(struct hg_run *run)
{
    if (run->open.is_open) {
        hg_session_end(&run->open.session);
        run->open.is_open = false;
    }
}

struct hg_session *hg_run_resume_session(struct hg_run *run)
{
    struct hg_session *session = &run->open.session;
    if (!run->open.is_open || hg_job_cancelled(&session->job)) {
        return NULL;
    }
    hg_job_alive(&session->job);
    atomic_store(&run->open.pause, false);
    return session;
}

void hg_run_pause_session(struct hg_run *run)
{
    atomic_store(&run->open.pause, true);
}

static enum hangar_rc run_new_manifest(struct hg_run *run, struct hg_error *err)
{
    hg_manifest_free(&run->result.manifest);
    for (size_t i = 0; i < HG_SOURCES_MAX; i++) {
        run->result.lanes[i].count = 0;
    }
    return hg_run_describe(run, &run->result.manifest) ? HANGAR_OK : hg_no_memory(err);
}

static enum hangar_rc run_store(struct hg_run *run, struct hg_error *err)
{
    struct hg_final_files files = {0};
    enum hangar_rc rc = hg_run_copy_objects(run, err);
    if (rc == HANGAR_OK) {
        hg_job_step(&run->open.session.job, "finishing");
        rc = hg_run_finish_manifest(run, &files, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_run_commit(run, &files, err);
    }
    if (rc == HANGAR_OK) {
        hg_run_catch_up(run, &files);
    }
    hg_final_files_free(&files);
    return rc;
}

static void run_clear_places(struct hg_run *run)
{
    struct hg_place *places[HG_SINKS_MAX];
    for (size_t i = 0; i < run->sink_count; i++) {
        places[i] = &run->sinks[i].place;
    }
    hg_places_clear(run->h, places, run->sink_count);
}

static enum hangar_rc run_try(struct hg_run *run, struct hg_error *err)
{
    enum hangar_rc rc = hg_run_begin_try(run, err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = hg_run_open(run, err);
    if (rc == HANGAR_OK) {
        rc = run_new_manifest(run, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_run_take_places(run, err);
    }
    if (rc == HANGAR_OK) {
        rc = run_store(run, err);
    }
    for (size_t i = 0; i < run->sink_count; i++) {
        hg_place_release(&run->sinks[i].place);
    }
    rc = hg_session_result(&run->open.session, rc, err);
    if (rc == HANGAR_OK) {
        hg_session_close_from(&run->open.session, run->open.sink_count);
        hg_run_pause_session(run);
        atomic_store(&run->progress.ended, true);
    } else {
        hg_run_end_try(run);
    }
    run_clear_places(run);
    return rc;
}

/* ---- all tries ---- */

/* Waits 0.5 s to 2 s: two runs that met must not meet again.  False: a cancel was requested. */
static bool run_pause(const struct hg_run *run)
{
    uint16_t random;
    hg_random_fill(&random, sizeof(random));
    for (int64_t left_ms = 500 + random % 1500; left_ms > 0; left_ms -= 50) {
        if (atomic_load(&run->h->caller.cancel)) {
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
    run->request = (struct hg_run_request){.pipeline = pipeline,
                                           .sinks = pipeline->sinks,
                                           .sink_count = pipeline->sink_count,
                                           .sources = pipeline->sources,
                                           .source_count = pipeline->source_count};
    run->result.first_started_ms = run->result.started_ms = hg_now_ms();
    pthread_mutex_init(&run->progress.mutex, NULL);
    if (h->log.run[0] == '\0') { /* a safety backup has the run id of its restore */
        hg_new_run_id(h);
    }
    snprintf(run->run_id, sizeof(run->run_id), "%s", h->log.run);
}

void hg_run_fini(struct hg_run *run)
{
    hg_run_end_try(run);
    hg_manifest_free(&run->result.manifest);
    for (size_t i = 0; i < HG_SOURCES_MAX; i++) {
        free(run->result.lanes[i].items);
    }
    pthread_mutex_destroy(&run->progress.mutex);
}

enum hangar_rc hg_run_execute(struct hg_run *run, struct hg_error *err)
{
    for (unsigned tries = 1;; tries++) {
        hg_error_clear(err);
        enum hangar_rc rc = run_try(run, err);
        run->result.finished_ms = hg_now_ms();
        if (rc != HANGAR_RETRY || tries == TRIES_MAX) {
            return rc;
        }
        hg_log_event(&run->h->log, HANGAR_LOG_WARN, "backup.retry", "trying again (%u of %u): %s",
                     tries + 1, TRIES_MAX, err->text);
        if (!run_pause(run)) {
            hg_error_clear(err);
            return hg_interrupted(err);
        }
    }
}
