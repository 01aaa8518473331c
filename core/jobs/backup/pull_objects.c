/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_pull: the bytes of a run: everything between prepare and end of its
 * sources.  What was pulled goes into the manifest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/manifest.h"
#include "jobs/backup/backup.h"
#include "pipeline/engine.h"
#include "pipeline/pull.h"
#include "plugin/job.h"
#include "session/session.h"

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
    struct hg_run_kept *kept = &run->kept[object->source];
    if (!hg_vec_reserve((void **)&s->objects, s->count, &s->capacity, sizeof(*s->objects)) ||
        !HG_VEC_RESERVE(kept) ||
        !stored_name(run, object->source, object->name, stored, sizeof(stored))) {
        return hg_no_memory(err);
    }
    size_t skip = strlen(run->pipeline->name) + strlen(run->id) + 2;
    char *name = strdup(object->name), *short_name = strdup(stored + skip);
    if (!name || !short_name) {
        free(name);
        free(short_name);
        return hg_no_memory(err);
    }
    kept->items[kept->count++] = object->result->kept_by;
    struct hg_manifest_object *o = &s->objects[s->count++];
    *o = (struct hg_manifest_object){.name = name,
                                     .stored = short_name,
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
    return HANGAR_OK;
}

/* Once for all of them: there may be very many. */
static enum hangar_rc refuse_twins(const struct hg_run *run, struct hg_error *err)
{
    for (size_t i = 0; i < run->manifest.source_count; i++) {
        const struct hg_manifest_source *s = &run->manifest.sources[i];
        const struct hg_manifest_object *twin;
        if (!hg_manifest_twin(s, &twin)) {
            return hg_no_memory(err);
        }
        if (twin) {
            return hg_fail(err, HANGAR_INTERNAL, 0, "source %s: two objects are called %s", s->name,
                           twin->name);
        }
    }
    return HANGAR_OK;
}

/* What the engine found out about the sinks that it had. */
static void collect_sinks(struct hg_run *run)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        if (sink->error.rc != HANGAR_OK) {
            continue;
        }
        const struct hg_sink_state *state = &run->engine.sinks[sink->lane];
        sink->lag_ms = state->lag_ms;
        sink->detached = state->detached;
        sink->error = state->error;
    }
}

enum hangar_rc hg_run_pull(struct hg_run *run, struct hg_error *err)
{
    struct hg_job *job = &run->session.job;
    struct hg_pull_settings pull_settings = {.job = job,
                                             .sources = run->sources,
                                             .count = run->source_count,
                                             .safety = run->part.safety,
                                             .stored_name = stored_name,
                                             .on_object = on_object,
                                             .arg = run};
    hg_job_step(job, "preparing");
    enum hangar_rc rc = hg_pull_prepare(&run->pull, &pull_settings, err);
    struct hangar_ctx *sinks[HG_MAX_SINKS];
    int64_t max_lag_ms[HG_MAX_SINKS];
    struct hg_engine_settings settings = {.job = job,
                                          .chain = run->chain,
                                          .chain_count = run->chain_count,
                                          .sinks = sinks,
                                          .max_lag_ms = max_lag_ms,
                                          .workers = hg_workers(run->h),
                                          .readers =
                                              rc == HANGAR_OK ? hg_pull_readers(&run->pull) : 0};
    for (size_t i = 0; i < run->sink_count; i++) {
        if (run->sinks[i].error.rc == HANGAR_OK) {
            run->sinks[i].lane = (unsigned)settings.sink_count;
            max_lag_ms[settings.sink_count] = run->sinks[i].config->max_lag_ms;
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
    if (rc == HANGAR_OK) {
        rc = refuse_twins(run, err);
    }
    return rc == HANGAR_OK ? hg_run_any_sink(run, err) : rc;
}
