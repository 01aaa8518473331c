/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run: one execution of a pipeline, or of a part of it.  The private header of this folder:
 * backup.c and safety.c start runs, the other files are the steps of a run.
 *
 *     hg_run_open ──► hg_run_take_places ──► hg_run_copy_objects ──► hg_run_commit
 *         ──► hg_run_catch_up, for sinks that were detached
 *         ──► hg_places_clear, for sinks in which nothing was committed
 *
 * A sink that fails leaves the run, which goes on with the others and fails when no sink is
 * left.
 */
#ifndef HG_JOBS_BACKUP_RUN_H
#define HG_JOBS_BACKUP_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "catalog/tags.h"
#include "config/config.h"
#include "config/options.h"
#include "inventory/place.h"
#include "inventory/replication.h"
#include "pipeline/engine.h"
#include "pipeline/pull.h"
#include "plugin/job.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/history.h"

/* What is to be run.  Sinks and sources are indexes among the instances of the configuration;
 * the arrays belong to the caller. */
struct hg_run_request {
    const struct hg_pipeline_config *pipeline;
    const size_t *sinks, *sources;
    size_t sink_count, source_count;
    const struct hg_source_overrides *overrides; /* one for each source; NULL: none */
    bool safety;                                 /* the manifest marks it as a safety backup */
    struct hg_tags tags;                         /* the caller frees them */
    struct hg_job *parent;                       /* the job that waits for this run; NULL: none */
    int64_t retry_after_ms, retry_within_ms;     /* as in hangar_backup_request */
};

/* A sink of the run. */
struct hg_run_sink {
    const struct hg_instance_config *config;
    struct hg_place place;
    char target[256];
    struct hg_error error; /* rc OK while the sink is part of the run */
    bool detached;         /* it fell behind and was detached; `error` has the reason */
    bool caught_up;        /* it was detached and got its copy from another sink */
    int64_t lag_ms;        /* for so long the other sinks have waited for it */
    unsigned lane;         /* its index in the engine */
};

/* The instances that one try has open.  After a success the sinks stay open. */
struct hg_run_instances {
    struct hg_session session;
    bool is_open;      /* the session */
    atomic_bool pause; /* the session makes no progress now; the stall limit does not apply */
    size_t sink_count; /* the first of the session */
    struct hangar_ctx *transforms[HG_CHAIN_MAX];
    size_t transform_count;
    struct hangar_ctx *sources[HG_SOURCES_MAX];
    size_t source_count;
};

/* What the monitor thread of the job reads; the mutex guards the pointers, which are NULL
 * while there is nothing to read. */
struct hg_run_progress {
    pthread_mutex_t mutex;
    struct hg_pull *pull;
    struct hg_engine *engine;
    struct hg_replication *replication;
    uint64_t expected[HG_SOURCES_MAX]; /* plain bytes of each source; 0: unknown */
    atomic_bool ended;                 /* nothing more is reported */
};

/* What the run has made so far.  A new try begins with a new id and a new manifest. */
struct hg_run_result {
    char id[HG_BACKUP_ID_SIZE];
    int64_t first_started_ms, started_ms, finished_ms; /* of the first try; of this one */
    struct hg_manifest manifest;
    struct hg_stored_lanes { /* beside manifest.sources: for each object a mask of lanes */
        uint32_t *items;
        size_t count, capacity;
    } lanes[HG_SOURCES_MAX];
};

struct hg_run {
    struct hangar *h;
    char run_id[64]; /* of the job that runs it */
    struct hg_run_request request;
    struct hg_run_sink sinks[HG_SINKS_MAX];
    size_t sink_count;
    struct hg_run_instances open;
    struct hg_run_progress progress;
    struct hg_run_result result;
};

/* ---- execute.c ---- */

/* Requests the whole pipeline; the caller may change run->request before hg_run_execute. */
void hg_run_init(struct hg_run *run, struct hangar *h, const struct hg_pipeline_config *pipeline);
void hg_run_fini(struct hg_run *run);

/* Runs it, up to 3 times while a source or sink fails with RETRY.  OK: at least one sink has
 * the backup; a sink that failed has its error.  The caller has the lock of the pipeline. */
enum hangar_rc hg_run_execute(struct hg_run *run, struct hg_error *err);

/* Begins one try: a new id, and the session in which everything is opened. */
enum hangar_rc hg_run_begin_try(struct hg_run *run, struct hg_error *err);
/* Closes the session, if it is open. */
void hg_run_end_try(struct hg_run *run);

/* The session of a successful run, in which its sinks are still open, for the work that
 * follows it.  NULL when there is none or its job was cancelled.  Call hg_run_pause_session
 * before anything that takes long and does not use it. */
struct hg_session *hg_run_resume_session(struct hg_run *run);
void hg_run_pause_session(struct hg_run *run);

/* ---- begin.c ---- */

/* Opens sinks, transforms and sources.  A sink that cannot be opened leaves the run. */
enum hangar_rc hg_run_open(struct hg_run *run, struct hg_error *err);
/* Checks the origin of each sink and takes the place of this run in all of them.  RETRY: in
 * one of them another run has the same id. */
enum hangar_rc hg_run_take_places(struct hg_run *run, struct hg_error *err);
/* OK: at least one sink is part of the run; else the error of the first sink. */
enum hangar_rc hg_run_any_sink(const struct hg_run *run, struct hg_error *err);
/* Removes a sink from the run.  The first error of a sink is kept. */
void hg_run_sink_failed(struct hg_run *run, struct hg_run_sink *sink, const struct hg_error *why);

/* ---- copy_objects.c ---- */

/* Copies all objects of the sources into the sinks, and records them in the manifest. */
enum hangar_rc hg_run_copy_objects(struct hg_run *run, struct hg_error *err);

/* Prepares the sources and the engine as for a backup, and ends both without reading. */
enum hangar_rc hg_run_prepare_sources(struct hg_run *run, struct hg_error *err);

/* ---- rehearse.c ---- */

/* Does everything that a run does before it reads data, and changes nothing.  OK: the sources can
 * be read; a sink that could not be used has its error. */
enum hangar_rc hg_run_rehearse(struct hg_run *run, struct hg_error *err);

/* ---- commit.c ---- */

/* Makes the final files of the backup; the manifest is complete then. */
enum hangar_rc hg_run_finish_manifest(struct hg_run *run, struct hg_final_files *files,
                                      struct hg_error *err);
/* Stores them in each sink.  OK when one sink has the backup. */
enum hangar_rc hg_run_commit(struct hg_run *run, const struct hg_final_files *files,
                             struct hg_error *err);

/* ---- catch_up.c ---- */

/* Copies what they lack into sinks that were detached, from a sink that has the backup.  A
 * failure is the failure of that sink. */
void hg_run_catch_up(struct hg_run *run, const struct hg_final_files *files);

/* ---- describe.c ---- */

/* Fills a manifest with all that is known before the run; false: out of memory. */
bool hg_run_describe(const struct hg_run *run, struct hg_manifest *m);

/* ---- progress.c ---- */

/* Estimates the size of each source, by the last backup.  Before the run begins. */
void hg_run_expect(struct hg_run *run);
/* Called by the monitor thread of the job: detaches sinks that lag, and reports progress. */
void hg_run_on_tick(void *run);
/* Sets what the monitor thread reads; NULL: nothing. */
void hg_run_watch_pull(struct hg_run_progress *progress, struct hg_pull *pull,
                       struct hg_engine *engine);
void hg_run_watch_replication(struct hg_run_progress *progress, struct hg_replication *replication);

/* ---- run_report.c ---- */

/* Adds the fields of hangar.backup/1. */
void hg_run_document(const struct hg_run *run, json_t *doc);
/* The entry for the history: its strings are those of the run, the status and the error. */
struct hg_history_run hg_run_history(const struct hg_run *run, enum hangar_status status,
                                     const struct hg_error *err);

#endif
