/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: the last jobs of the pipelines on this machine, from the journals of the state folder:
 * backups, restores and verifications.  It reads no sink.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/vec.h"
#include "config/config.h"
#include "inventory/verification_memory.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/names.h"
#include "state/history.h"

/* A job that ended, of whatever kind.  Strings may be NULL. */
struct past_job {
    const char *job, *pipeline;
    const char *run, *id, *sink, *error;
    enum hangar_status status;
    int64_t time_ms;
    int64_t duration_ms, retry_ms; /* -1: none */
    size_t number;                 /* in the order of reading: jobs of one time stay in it */
    json_t *line;                  /* owns the strings */
};

/* The jobs that were read so far. */
struct past_jobs {
    struct past_job *items;
    size_t count, capacity;
    const char *pipeline, *job; /* of the journal that is read now */
    bool failed;
};

/* Adds a job, with a reference to its line.  One without a time has no place in the list. */
static void past_add(struct past_jobs *jobs, struct past_job added)
{
    if (added.time_ms < 0) {
        return;
    }
    if (!HG_VEC_RESERVE(jobs)) {
        jobs->failed = true;
        return;
    }
    json_incref(added.line);
    added.pipeline = jobs->pipeline;
    added.number = jobs->count;
    jobs->items[jobs->count++] = added;
}

static void past_add_run(void *arg, const struct hg_history_run *run)
{
    struct past_jobs *jobs = arg;
    past_add(jobs, (struct past_job){.job = jobs->job,
                                     .run = run->run,
                                     .id = run->id,
                                     .error = run->error,
                                     .status = run->status,
                                     .time_ms = run->started_ms,
                                     .duration_ms = run->duration_ms,
                                     .retry_ms = run->retry_ms,
                                     .line = run->line});
}

static void past_add_verification(void *arg, const struct hg_verification *v)
{
    if (!v->forget) { /* that a copy was replaced is no job */
        past_add(arg, (struct past_job){.job = v->level == HANGAR_VERIFY_DRILL ? "drill" : "verify",
                                        .id = v->id,
                                        .sink = v->sink,
                                        .error = v->error,
                                        .status = v->status,
                                        .time_ms = v->time_ms,
                                        .duration_ms = -1,
                                        .retry_ms = -1,
                                        .line = v->line});
    }
}

static json_t *past_job_json(const struct past_job *job)
{
    json_t *doc = json_object();
    hg_json_set_time(doc, "time", job->time_ms);
    hg_json_set_string(doc, "job", job->job);
    hg_json_set_string(doc, "pipeline", job->pipeline);
    hg_json_set_string(doc, "status", hangar_status_name(job->status));
    hg_json_set_string(doc, "id", job->id);
    hg_json_set_string(doc, "sink", job->sink);
    hg_json_set_string(doc, "run", job->run);
    hg_json_set(doc, "duration_ms",
                job->duration_ms >= 0 ? json_integer(job->duration_ms) : json_null());
    hg_json_set_time(doc, "retry", job->retry_ms > 0 ? job->retry_ms : -1);
    hg_json_set_string(doc, "error", job->error);
    return doc;
}

/* Reads all histories of jobs->pipeline. */
static enum hangar_rc past_read(struct past_jobs *jobs, const struct hg_state *state,
                                struct hg_error *err)
{
    static const struct {
        const char *suffix, *job;
    } runs[] = {{HG_HISTORY_RUNS, "backup"},
                {HG_HISTORY_PARTIAL, "partial"},
                {HG_HISTORY_RESTORES, "restore"}};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]) && rc == HANGAR_OK; i++) {
        jobs->job = runs[i].job;
        rc = hg_history_each(state, jobs->pipeline, runs[i].suffix, past_add_run, jobs, err);
    }
    return rc == HANGAR_OK
               ? hg_verifications_each(state, jobs->pipeline, past_add_verification, jobs, err)
               : rc;
}

static int past_compare(const void *a, const void *b)
{
    const struct past_job *x = a, *y = b;
    if (x->time_ms != y->time_ms) {
        return x->time_ms < y->time_ms ? 1 : -1;
    }
    return x->number < y->number ? 1 : -1;
}

enum hangar_status hangar_history(struct hangar *h, const char *pipeline, uint32_t last,
                                  char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.history/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    struct past_jobs jobs = {0};
    json_t *list = json_array();
    enum hangar_rc rc = hg_check_names(h->config, pipeline, NULL, &err);
    for (size_t p = 0; rc == HANGAR_OK && p < h->config->pipeline_count; p++) {
        jobs.pipeline = h->config->pipelines[p].name;
        if (!pipeline || strcmp(pipeline, jobs.pipeline) == 0) {
            rc = past_read(&jobs, &h->state, &err);
        }
    }
    if (jobs.count) {
        qsort(jobs.items, jobs.count, sizeof(*jobs.items), past_compare);
    }
    for (size_t i = 0; i < jobs.count; i++) {
        if (last == 0 || i < last) {
            hg_json_add(list, past_job_json(&jobs.items[i]));
        }
        json_decref(jobs.items[i].line);
    }
    free(jobs.items);
    hg_json_set(doc, "jobs", list);
    rc = rc == HANGAR_OK && jobs.failed ? hg_no_memory(&err) : rc;
    return hg_doc_end(h, doc, hg_status(rc), &err, json);
}
