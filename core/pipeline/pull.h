/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pull: the reading side of a backup: prepares all sources, begins them at one
 * barrier, and pulls their objects into an engine.
 *
 *     hg_pull_prepare ──► hg_pull_run ──► hg_pull_fini
 *
 * Knows nothing of manifests: what it pulled it tells through on_object.
 */
#ifndef HG_PULL_H
#define HG_PULL_H

#include "pipeline/engine.h"

/* One source during a backup. */
struct hg_pull_source {
    struct hangar_ctx *ctx;
    size_t jobs;
    bool prepared;   /* prepare was called: end must be */
    int64_t time_ms; /* the recovery point */
    struct hangar_attrs *point, *facts;
    size_t readers;                       /* still running; under the pull's mutex */
    bool ended;                           /* its facts are set: all went well */
    uint64_t plain_bytes, expected_bytes; /* for progress, under the mutex */
};

/* An object that is in the sinks; lives until on_object returns. */
struct hg_pulled {
    size_t source;
    const char *name;
    uint32_t phase;
    struct hangar_attrs *attrs;    /* on_object may take them: set to NULL then */
    struct hg_flow_result *result; /* likewise its attrs */
};

struct hg_pull_settings {
    struct hg_job *job;
    struct hangar_ctx **sources;
    size_t count;
    bool safety; /* a backup of what a restore is about to replace */
    /* The name of an object in the sinks; false: it is too long. */
    bool (*stored_name)(void *arg, size_t source, const char *name, char *out, size_t size);
    /* Called from one thread at a time. */
    enum hangar_rc (*on_object)(void *arg, struct hg_pulled *object, struct hg_error *err);
    void *arg;
};

struct hg_pull {
    struct hg_pull_settings set;
    struct hg_engine *engine;
    struct hg_pull_source *sources;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct hg_pull_done *done_head, *done_tail; /* finished flows to be collected */
    size_t readers;                             /* of all sources, still running */
};

/* Prepares all sources, each in its own thread, then begins all.  Failures are
 * the job's (hg_job_fail); hg_pull_fini is due in any case. */
enum hangar_rc hg_pull_prepare(struct hg_pull *pull, const struct hg_pull_settings *settings,
                               struct hg_error *err);
enum hangar_rc hg_pull_begin(struct hg_pull *pull);

/* How many threads will read. */
size_t hg_pull_readers(const struct hg_pull *pull);

/* Pulls everything through the engine and ends the sources. */
void hg_pull_run(struct hg_pull *pull, struct hg_engine *engine);

/* Ends sources that were not, and frees everything. */
void hg_pull_fini(struct hg_pull *pull);

#endif
