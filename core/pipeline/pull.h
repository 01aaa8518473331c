/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pull: the reading side of a backup.  It prepares all sources, begins all of them
 * at the same time, and reads their objects into an engine.
 *
 *     hg_pull_prepare ──► hg_pull_begin ──► hg_pull_run ──► hg_pull_fini
 *
 * It must not know manifests: it reports each stored object through on_object.
 */
#ifndef HG_PIPELINE_PULL_H
#define HG_PIPELINE_PULL_H

#include "pipeline/engine.h"

/* One source during a backup. */
struct hg_pull_source {
    struct hangar_ctx *ctx;
    size_t index; /* among the sources of the backup */
    size_t jobs;
    bool prepared;   /* prepare was called and end was not */
    int64_t time_ms; /* the recovery point */
    struct hangar_attrs *point, *facts;
    size_t readers;       /* that still run; under the mutex of struct hg_pull */
    bool ended;           /* without an error; its facts are set */
    uint64_t plain_bytes; /* for progress, under the mutex */
};

/* An object that is stored in the sinks; lives until on_object returns. */
struct hg_pulled_object {
    size_t source;
    const char *name;
    uint32_t phase;
    struct hangar_attrs *attrs;    /* on_object may keep them: then it sets NULL here */
    struct hg_flow_result *result; /* likewise its attrs */
};

struct hg_pull_settings {
    struct hg_job *job;
    struct hangar_ctx **sources;
    size_t count;
    bool safety; /* a safety backup */
    /* The name of an object in the sinks; false: it is too long. */
    bool (*stored_name)(void *arg, size_t source, const char *name, char *out, size_t size);
    /* Called for each object, from one thread at a time. */
    enum hangar_rc (*on_object)(void *arg, struct hg_pulled_object *object, struct hg_error *err);
    void *arg;
};

struct hg_pull {
    struct hg_pull_settings set;
    struct hg_engine *engine;
    struct hg_pull_source *sources;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct hg_finished_flow *done_head, *done_tail; /* finished flows to be collected */
    size_t readers;                                 /* of all sources, that still run */
};

/* Prepares all sources, each in its own thread.  The caller must call hg_pull_fini in any
 * case. */
enum hangar_rc hg_pull_prepare(struct hg_pull *pull, const struct hg_pull_settings *settings,
                               struct hg_error *err);
/* Begins all sources, each in its own thread.  Records a failure in the job. */
enum hangar_rc hg_pull_begin(struct hg_pull *pull);

/* The number of threads that will read. */
size_t hg_pull_readers(const struct hg_pull *pull);

/* Reads all objects into the engine and ends the sources.  Records failures in the job. */
void hg_pull_run(struct hg_pull *pull, struct hg_engine *engine);

/* Ends the sources that were not ended, and frees `pull`. */
void hg_pull_fini(struct hg_pull *pull);

#endif
