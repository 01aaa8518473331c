/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy_objects: the part of a run between prepare and end of its sources: copies the objects
 * through the transforms into the sinks and records them in the manifest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "base/vec.h"
#include "catalog/manifest.h"
#include "jobs/backup/run.h"
#include "pipeline/engine.h"
#include "pipeline/pull.h"
#include "plugin/instance.h"
#include "plugin/job.h"

#define OBJECT_NAME_MAX 400 /* as the source gave it */
#define STORED_NAME_MAX 500 /* with the name of the source and the suffixes */

/* ---- the objects ---- */

static bool run_stored_name(void *arg, size_t source, const char *name, char *out, size_t size)
{
    const struct hg_run *run = arg;
    const struct hg_run_instances *open = &run->open;
    if (!name || !hg_object_name_ok(name, OBJECT_NAME_MAX)) {
        return false;
    }
    char path[600];
    int n = snprintf(path, sizeof(path), "%s/%s", open->sources[source]->name, name);
    for (size_t i = 0; i < open->transform_count && n > 0 && (size_t)n < sizeof(path); i++) {
        n += snprintf(path + n, sizeof(path) - (size_t)n, "%s",
                      open->transforms[i]->plugin->transform.suffix);
    }
    if (n <= 0 || (size_t)n >= sizeof(path) || !hg_object_name_ok(path, STORED_NAME_MAX)) {
        return false;
    }
    n = snprintf(out, size, "%s/%s/%s", run->request.pipeline->name, run->result.id, path);
    return n > 0 && (size_t)n < size;
}

/* Records an object that is stored. */
static enum hangar_rc run_on_object(void *arg, struct hg_pulled_object *object,
                                    struct hg_error *err)
{
    struct hg_run *run = arg;
    struct hg_manifest_source *s = &run->result.manifest.sources[object->source];
    struct hg_stored_lanes *lanes = &run->result.lanes[object->source];
    char stored[1024];
    if (!hg_vec_reserve((void **)&s->objects, s->count, &s->capacity, sizeof(*s->objects)) ||
        !HG_VEC_RESERVE(lanes) ||
        !run_stored_name(run, object->source, object->name, stored, sizeof(stored))) {
        return hg_no_memory(err);
    }
    size_t skip = strlen(run->request.pipeline->name) + strlen(run->result.id) + 2;
    char *name = strdup(object->name), *short_name = strdup(stored + skip);
    if (!name || !short_name) {
        free(name);
        free(short_name);
        return hg_no_memory(err);
    }
    lanes->items[lanes->count++] = object->result->kept_by;
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
    for (size_t i = 0; i < run->open.transform_count; i++) {
        o->transform[i] = object->result->attrs[i];
        object->result->attrs[i] = NULL;
    }
    return HANGAR_OK;
}

/* Checked once at the end: there may be very many objects. */
static enum hangar_rc run_refuse_twins(const struct hg_manifest *m, struct hg_error *err)
{
    for (size_t i = 0; i < m->source_count; i++) {
        const struct hg_manifest_source *s = &m->sources[i];
        const struct hg_manifest_object *twin;
        if (!hg_manifest_twin(s, &twin)) {
            return hg_no_memory(err);
        }
        if (twin) {
            return hg_fail(err, HANGAR_INTERNAL, 0, "source %s: two objects have the name %s",
                           s->name, twin->name);
        }
    }
    return HANGAR_OK;
}

/* Moves what the sources reported at their ends into the manifest. */
static void run_record_points(struct hg_manifest *m, struct hg_pull *pull)
{
    for (size_t i = 0; i < m->source_count; i++) {
        struct hg_pull_source *from = &pull->sources[i];
        struct hg_manifest_source *s = &m->sources[i];
        s->time_ms = from->time_ms;
        s->facts = from->facts;
        s->point = from->point;
        from->facts = from->point = NULL;
    }
}

/* ---- the engine ---- */

static void run_collect_sink_states(struct hg_run *run, const struct hg_engine *engine)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        if (sink->error.rc != HANGAR_OK) { /* it has no lane */
            continue;
        }
        const struct hg_sink_state *state = &engine->sinks[sink->lane];
        sink->lag_ms = state->lag_ms;
        sink->detached = state->detached;
        sink->error = state->error;
    }
}

static enum hangar_rc run_pull_through(struct hg_run *run, struct hg_pull *pull,
                                       struct hg_engine *engine)
{
    enum hangar_rc rc = hg_pull_begin(pull);
    if (rc == HANGAR_OK) {
        hg_job_step(&run->open.session.job, "copying");
        hg_run_watch_pull(&run->progress, pull, engine);
        hg_pull_run(pull, engine);
        hg_run_watch_pull(&run->progress, NULL, NULL);
    }
    return rc;
}

/* The sources are prepared.  Without `copy`, the engine only begins and ends. */
static enum hangar_rc run_copy_prepared(struct hg_run *run, struct hg_pull *pull, bool copy,
                                        struct hg_error *err)
{
    struct hg_job *job = &run->open.session.job;
    struct hangar_ctx *sinks[HG_SINKS_MAX];
    int64_t max_lag_ms[HG_SINKS_MAX];
    struct hg_engine *engine = calloc(1, sizeof(*engine)); /* too large for the stack */
    struct hg_engine_settings settings = {.job = job,
                                          .chain = run->open.transforms,
                                          .chain_count = run->open.transform_count,
                                          .sinks = sinks,
                                          .max_lag_ms = max_lag_ms,
                                          .workers = hg_workers(run->h->config),
                                          .readers = hg_pull_readers(pull)};
    if (!engine) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        if (sink->error.rc == HANGAR_OK) {
            sink->lane = (unsigned)settings.sink_count;
            max_lag_ms[settings.sink_count] = sink->config->max_lag_ms;
            sinks[settings.sink_count++] = sink->place.sink;
        }
    }
    const size_t memory_bytes = job->set.memory_bytes / 8 * 3;
    settings.memory_bytes = hg_job_budget_take(job, memory_bytes, memory_bytes);
    enum hangar_rc rc = hg_engine_begin(engine, &settings, err);
    if (rc == HANGAR_OK) {
        rc = copy ? run_pull_through(run, pull, engine) : HANGAR_OK;
        hg_engine_end(engine);
        run_collect_sink_states(run, engine);
    }
    hg_job_budget_give(job, settings.memory_bytes);
    free(engine);
    return rc;
}

static struct hg_pull_settings run_pull_settings(struct hg_run *run)
{
    return (struct hg_pull_settings){.job = &run->open.session.job,
                                     .sources = run->open.sources,
                                     .count = run->open.source_count,
                                     .safety = run->request.safety,
                                     .stored_name = run_stored_name,
                                     .on_object = run_on_object,
                                     .arg = run};
}

enum hangar_rc hg_run_prepare_sources(struct hg_run *run, struct hg_error *err)
{
    const struct hg_pull_settings settings = run_pull_settings(run);
    struct hg_pull pull = {0};
    hg_job_step(&run->open.session.job, "preparing");
    enum hangar_rc rc = hg_pull_prepare(&pull, &settings, err);
    if (rc == HANGAR_OK) {
        rc = run_copy_prepared(run, &pull, false, err);
    }
    hg_pull_fini(&pull);
    return rc;
}

enum hangar_rc hg_run_copy_objects(struct hg_run *run, struct hg_error *err)
{
    struct hg_job *job = &run->open.session.job;
    const struct hg_pull_settings settings = run_pull_settings(run);
    struct hg_pull pull = {0};
    hg_job_step(job, "preparing");
    enum hangar_rc rc = hg_pull_prepare(&pull, &settings, err);
    if (rc == HANGAR_OK) {
        rc = run_copy_prepared(run, &pull, true, err);
    }
    struct hg_error why = {0};
    enum hangar_rc job_rc = hg_job_result(job, &why);
    if (job_rc != HANGAR_OK) {
        *err = why;
        rc = job_rc;
    } else if (rc == HANGAR_OK) {
        rc = run_refuse_twins(&run->result.manifest, err);
    }
    if (rc == HANGAR_OK) {
        rc = hg_run_any_sink(run, err);
    }
    if (rc == HANGAR_OK) {
        run_record_points(&run->result.manifest, &pull);
    }
    hg_pull_fini(&pull);
    return rc;
}
