/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: a run of a pipeline, which backup.c and safety.c begin, shared by the files
 * that are its steps:
 *
 *     hg_run_open ──► hg_run_take_places ──► hg_run_pull ──► hg_run_commit
 *         ──► hg_run_catch_up, of sinks that were left behind
 *         ──► hg_run_clean_up, where it was not committed
 *
 * and by backup_report.c (what is told about it).
 */
#ifndef HG_BACKUP_BACKUP_H
#define HG_BACKUP_BACKUP_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/manifest.h"
#include "config/config.h"
#include "config/options.h"
#include "inventory/lease.h"
#include "inventory/replication.h"
#include "pipeline/engine.h"
#include "pipeline/pull.h"
#include "plugin/job.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/history.h"

struct hg_run_overrides {
    const struct hg_override *items;
    size_t count;
};

/* What of a pipeline is run; indexes among the instances.  The arrays are the caller's. */
struct hg_run_part {
    const size_t *sinks, *sources;
    size_t sink_count, source_count;
    const struct hg_run_overrides *overrides; /* beside sources; NULL: none */
    bool safety;           /* of what a restore is about to replace; the manifest says so */
    struct hg_job *parent; /* the job that waits for this run; NULL: none */
};

struct hg_run {
    struct hangar *h;
    const struct hg_pipeline_config *pipeline;
    struct hg_run_part part;
    char run_id[64], id[HG_BACKUP_ID_SIZE];
    int64_t first_started_ms, started_ms, finished_ms; /* of all tries, of this one */
    struct hg_session session;
    struct hg_run_sink {
        const struct hg_instance_config *config;
        struct hangar_ctx *ctx;  /* gone with the session */
        struct hangar_ctx *side; /* a second one, that works also while the first hangs: for the
                                    lease and for catching up; NULL: there is one sink only */
        char target[256];
        struct hg_error error; /* rc OK while it works */
        bool placed;           /* something of this run may be in it */
        bool committed;        /* it has the whole backup */
        bool detached;         /* left behind by the others; `error` says why */
        bool caught_up;        /* and yet has it: copied from another sink */
        int64_t lag_ms;        /* so long it has kept the others waiting */
        unsigned lane;         /* its number in the engine */
    } sinks[HG_MAX_SINKS];
    size_t sink_count;
    struct hangar_ctx *chain[HG_CHAIN_MAX];
    size_t chain_count;
    struct hangar_ctx *sources[HG_MAX_SOURCES];
    size_t source_count;
    struct hg_pull pull;
    struct hg_engine engine;
    struct hg_manifest manifest;
    struct hg_run_kept { /* beside manifest.sources: for each object, the lanes that have it */
        uint32_t *items;
        size_t count, capacity;
    } kept[HG_MAX_SOURCES];
    struct hg_copying *copying;     /* catching up: NULL when not; under progress_mutex */
    pthread_mutex_t progress_mutex; /* guards `pulling` against the monitor */
    bool pulling;                   /* pull and engine can be asked how far they are */
};

/* All of a pipeline, unless the caller changes run->part before hg_run_do. */
void hg_run_init(struct hg_run *run, struct hangar *h, const struct hg_pipeline_config *pipeline);
void hg_run_fini(struct hg_run *run);

/* Runs it, again where a source says that it may go better then.  OK: at least one sink
 * has the backup; those that failed have their error.  The pipeline is locked. */
enum hangar_rc hg_run_do(struct hg_run *run, struct hg_error *err);

struct hg_lease;

/* Opens sinks, transforms and sources.  A sink that cannot be opened is out. */
enum hangar_rc hg_run_open(struct hg_run *run, struct hg_error *err);
/* Asks each sink whether the pipeline's place is ours, and takes a place for this
 * run that is free in all; RETRY when another run was faster. */
enum hangar_rc hg_run_take_places(struct hg_run *run, struct hg_error *err);
/* Everything between prepare and end. */
enum hangar_rc hg_run_pull(struct hg_run *run, struct hg_error *err);
/* Makes the manifest and stores it, in each sink for itself; OK when one has it. */
enum hangar_rc hg_run_commit(struct hg_run *run, struct hg_lease *lease, struct hg_error *err);

/* The last files of a backup, the manifest's signature empty without a key. */
struct hg_run_texts {
    struct hg_str restore, sums, signature, manifest;
};
/* Stores them in one sink whose objects are in, the manifest at the very end. */
enum hangar_rc hg_run_commit_sink(struct hg_run *run, struct hg_lease *lease,
                                  struct hg_run_sink *sink, struct hangar_ctx *ctx,
                                  const struct hg_run_texts *texts, struct hg_error *err);
/* Copies what they lack into the sinks that were detached, from one that has all.
 * What fails is that sink's failure. */
void hg_run_catch_up(struct hg_run *run, struct hg_lease *lease, const struct hg_run_texts *texts);
/* Removes what was stored where nothing was committed, with fresh instances: those of
 * the run, whose session has ended, may have been cancelled. */
void hg_run_clean_up(struct hg_run *run);

/* Are there sinks left?  The first failure is the reason when not. */
enum hangar_rc hg_run_any_sink(const struct hg_run *run, struct hg_error *err);
/* Takes a sink out of the run; the first reason counts. */
void hg_run_sink_failed(struct hg_run *run, struct hg_run_sink *sink, const struct hg_error *why);

/* Stores run.json in the run's place of a sink: once create-only, EXISTS when the place is
 * another's, and then again and again to renew it. */
enum hangar_rc hg_run_mark(const struct hg_run *run, struct hangar_ctx *sink, bool create_only,
                           struct hg_error *err);
/* Fills a manifest with all that is known before the run; false: out of memory. */
bool hg_run_describe(const struct hg_run *run, struct hg_manifest *m);
/* The job's on_tick: looks for sinks that lag, and reports progress. */
void hg_run_tick(void *arg);
/* The fields of hangar.backup/1. */
void hg_run_document(const struct hg_run *run, json_t *doc);
/* The entry for the history: its strings are those of the run, the status and the error. */
struct hg_history_run hg_run_history(const struct hg_run *run, enum hangar_status status,
                                     const struct hg_error *err);

#endif
