/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_report: what is told about a run: manifest, document, history, progress.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/attrs.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "catalog/manifest.h"
#include "catalog/retention.h"
#include "catalog/store.h"
#include "jobs/backup/backup.h"
#include "pipeline/engine.h"
#include "pipeline/pull.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/document.h"
#include "session/progress.h"
#include "session/session.h"
#include "state/capabilities.h"

enum hangar_rc hg_run_mark(const struct hg_run *run, struct hangar_ctx *sink, bool create_only,
                           struct hg_error *err)
{
    json_t *json = json_object();
    hg_json_set_string(json, "run", run->run_id);
    hg_json_set_string(json, "pipeline", run->pipeline->name);
    hg_json_set_string(json, "origin", run->h->origin);
    hg_json_set_string(json, "host", run->h->host);
    hg_json_set_int(json, "pid", getpid());
    hg_json_set_time(json, "started", run->started_ms);
    char *text = hg_json_text(json);
    json_decref(json);
    enum hangar_rc rc =
        hg_store_put_text(sink, run->pipeline->name, run->id, HG_RUN_NAME, text, create_only, err);
    free(text);
    return rc;
}

static bool describe_source(const struct hg_run *run, size_t i, struct hg_manifest_source *s)
{
    struct hangar_ctx *ctx = run->sources[i];
    s->name = strdup(ctx->name);
    s->plugin = strdup(ctx->plugin->d.name);
    s->version = strdup(ctx->plugin->d.version);
    s->target = strdup(hg_instance_target(ctx));
    s->options = hg_doc_options(ctx->options);
    return s->name && s->plugin && s->version && s->target && s->options;
}

static bool describe_transform(struct hangar_ctx *ctx, struct hg_manifest_transform *t)
{
    t->name = strdup(ctx->name);
    t->plugin = strdup(ctx->plugin->d.name);
    t->version = strdup(ctx->plugin->d.version);
    t->suffix = strdup(ctx->plugin->transform.suffix);
    t->decode = strdup(ctx->plugin->transform.decode_command);
    return t->name && t->plugin && t->version && t->suffix && t->decode;
}

/* What store this sink was, as far as is known without asking. */
static json_t *describe_sink(const struct hg_run *run, const struct hg_run_sink *sink)
{
    json_t *one = sink->ctx ? hg_capabilities_load(&run->h->state, sink->ctx) : NULL;
    one = one ? one : json_object();
    hg_json_set_string(one, "plugin", sink->config->plugin);
    if (sink->ctx) {
        hg_json_set_string(one, "version", sink->ctx->plugin->d.version);
    }
    return one;
}

bool hg_run_describe(const struct hg_run *run, struct hg_manifest *m)
{
    struct utsname u;
    if (uname(&u) != 0) {
        return false;
    }
    m->format = HG_MANIFEST_FORMAT;
    m->safety = run->part.safety;
    m->id = strdup(run->id);
    m->origin = strdup(run->h->origin);
    m->pipeline = strdup(run->pipeline->name);
    m->run = strdup(run->run_id);
    m->host = strdup(run->h->host);
    m->platform = strdup(u.sysname);
    m->arch = strdup(u.machine);
    m->hangar = strdup(HANGAR_VERSION);
    m->started_ms = run->started_ms;
    m->requires = json_array();
    m->retention = json_object();
    m->sinks = json_object();
    for (size_t i = 0; i < run->sink_count; i++) {
        hg_json_set(m->sinks, run->sinks[i].config->name, describe_sink(run, &run->sinks[i]));
        if (run->sinks[i].config->retention.given) {
            hg_json_set(m->retention, run->sinks[i].config->name,
                        hg_policy_json(&run->sinks[i].config->retention.policy));
        }
    }
    bool ok = m->id && m->origin && m->pipeline && m->run && m->host && m->platform && m->arch &&
              m->hangar && m->requires && m->retention && m->sinks;
    for (size_t i = 0; ok && i < run->chain_count; i++) {
        m->chain_count++;
        ok = describe_transform(run->chain[i], &m->chain[i]);
    }
    m->sources = calloc(run->source_count, sizeof(*m->sources));
    ok = ok && m->sources;
    for (size_t i = 0; ok && i < run->source_count; i++) {
        m->source_count++;
        ok = describe_source(run, i, &m->sources[i]);
    }
    return ok;
}

void hg_run_tick(void *arg)
{
    struct hg_run *run = arg;
    if (run->part.parent) {
        hg_job_alive(run->part.parent);
    }
    pthread_mutex_lock(&run->progress_mutex);
    if (run->pulling) {
        hg_engine_watch(&run->engine);
    }
    pthread_mutex_unlock(&run->progress_mutex);
    struct hg_progress progress;
    struct hangar_progress *p = &progress.values;
    if (!hg_progress_begin(&progress, &run->session, "backup", run->pipeline->name,
                           run->first_started_ms)) {
        return;
    }
    pthread_mutex_lock(&run->progress_mutex);
    if (run->pulling) {
        hg_engine_counts(&run->engine, &p->plain_bytes, &p->stored_bytes, &p->objects_done);
        pthread_mutex_lock(&run->pull.mutex);
        for (size_t i = 0; i < run->source_count; i++) {
            const struct hg_pull_source *s = &run->pull.sources[i];
            progress.sources[i] =
                (struct hangar_progress_source){.name = s->ctx->name,
                                                .plain_bytes = s->plain_bytes,
                                                .expected_bytes = s->expected_bytes,
                                                .done = s->ended};
            p->source_count++;
        }
        pthread_mutex_unlock(&run->pull.mutex);
    }
    if (run->copying) {
        p->stored_bytes = atomic_load(&run->copying->done_bytes);
        p->objects_done = atomic_load(&run->copying->done_objects);
        p->objects_total = atomic_load(&run->copying->objects);
    }
    pthread_mutex_unlock(&run->progress_mutex);
    hg_progress_report(&progress, &run->session);
}

static json_t *source_document(const struct hg_manifest_source *s)
{
    json_t *one = json_object();
    hg_json_set_string(one, "name", s->name);
    hg_json_set_string(one, "plugin", s->plugin);
    hg_json_set_string(one, "target", s->target);
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->count; i++) {
        bytes += s->objects[i].plain_bytes;
    }
    hg_json_set_int(one, "objects", (int64_t)s->count);
    hg_json_set_int(one, "plain_bytes", (int64_t)bytes);
    json_t *point = s->point ? hg_attrs_to_json(s->point) : json_object();
    hg_json_set_time(point, "time", s->point ? s->time_ms : -1);
    hg_json_set(one, "point", point);
    hg_json_set(one, "facts", s->facts ? hg_attrs_to_json(s->facts) : json_object());
    return one;
}

/* Also a run that failed in one sink may have left the backup in another. */
static bool is_kept(const struct hg_run *run)
{
    bool kept = false;
    for (size_t i = 0; i < run->sink_count; i++) {
        kept = kept || run->sinks[i].committed;
    }
    return kept;
}

void hg_run_document(const struct hg_run *run, json_t *doc)
{
    const struct hg_manifest *m = &run->manifest;
    hg_json_set_string(doc, "pipeline", run->pipeline->name);
    hg_json_set_string(doc, "run", run->run_id);
    hg_json_set_string(doc, "id", is_kept(run) ? run->id : NULL);
    hg_json_set_time(doc, "started", run->first_started_ms);
    hg_json_set_int(doc, "duration_ms", run->finished_ms - run->first_started_ms);
    hg_json_set_int(doc, "objects", (int64_t)hg_manifest_objects(m));
    hg_json_set_int(doc, "plain_bytes", (int64_t)hg_manifest_plain_bytes(m));
    hg_json_set_int(doc, "stored_bytes", (int64_t)hg_manifest_stored_bytes(m));
    hg_json_set_int(doc, "skew_ms", m->skew_ms);
    json_t *sources = json_array();
    for (size_t i = 0; i < m->source_count; i++) {
        hg_json_add(sources, source_document(&m->sources[i]));
    }
    hg_json_set(doc, "sources", sources);
    json_t *sinks = json_array();
    for (size_t i = 0; i < run->sink_count; i++) {
        const struct hg_run_sink *s = &run->sinks[i];
        json_t *one = json_object();
        hg_json_set_string(one, "name", s->config->name);
        hg_json_set_string(one, "plugin", s->config->plugin);
        hg_json_set_string(one, "target", s->target);
        hg_json_set_bool(one, "required", s->config->required);
        hg_json_set_string(one, "status", s->committed ? "done" : "failed");
        hg_json_set_int(one, "lag_ms", s->lag_ms);
        hg_json_set_bool(one, "caught_up", s->caught_up);
        if (s->error.rc != HANGAR_OK) {
            hg_json_set_string(one, "error", s->error.text);
        }
        hg_json_add(sinks, one);
    }
    hg_json_set(doc, "sinks", sinks);
}

struct hg_history_run hg_run_history(const struct hg_run *run, enum hangar_status status,
                                     const struct hg_error *err)
{
    return (struct hg_history_run){
        .run = run->run_id,
        .id = is_kept(run) ? run->id : NULL,
        .status = hangar_status_name(status),
        .error = err->text[0] ? err->text : NULL,
        .started_ms = run->first_started_ms,
        .duration_ms = run->finished_ms - run->first_started_ms,
        .stored_bytes = (int64_t)hg_manifest_stored_bytes(&run->manifest),
    };
}
