/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: the job around a run of a pipeline: takes the lock, runs the hooks, computes the
 * result, applies retention after a success, records the history and notifies.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "catalog/manifest.h"
#include "catalog/tags.h"
#include "jobs/backup/run.h"
#include "jobs/notify/alerts.h"
#include "jobs/notify/notify.h"
#include "jobs/prune/prune.h"
#include "session/document.h"
#include "session/handle.h"
#include "session/hooks.h"
#include "session/names.h"
#include "session/priority.h"
#include "state/counters.h"
#include "state/history.h"
#include "state/pipeline_lock.h"
#include "state/backup_sizes.h"

static enum hangar_status backup_status(const struct hg_run *run, enum hangar_rc rc,
                                        struct hg_error *err)
{
    if (rc != HANGAR_OK) { /* NOT_FOUND as a status means that there is no such pipeline */
        return rc == HANGAR_NOT_FOUND ? HANGAR_STATUS_FAILED : hg_status(rc);
    }
    enum hangar_status status = HANGAR_STATUS_DONE;
    for (size_t i = 0; i < run->sink_count; i++) {
        const struct hg_run_sink *sink = &run->sinks[i];
        if (sink->error.rc == HANGAR_OK) {
            continue;
        }
        if (sink->error.rc == HANGAR_CANCELLED) {
            *err = sink->error;
            status = HANGAR_STATUS_INTERRUPTED;
            break;
        }
        if (sink->config->required) {
            *err = sink->error;
            status = sink->error.rc == HANGAR_AUTH ? HANGAR_STATUS_AUTH : HANGAR_STATUS_FAILED;
            break;
        }
        if (status == HANGAR_STATUS_DONE) {
            *err = sink->error;
            status = HANGAR_STATUS_DEGRADED;
        }
    }
    return status;
}

/* The argument of backup_execute. */
struct backup_execution {
    struct hg_run *run;
    struct hg_error *err;
    enum hangar_rc rc;
};

static void backup_execute(void *arg)
{
    struct backup_execution *g = arg;
    g->rc = hg_run_execute(g->run, g->err);
}

static enum hangar_status backup_run_pipeline(struct hg_run *run, struct hg_error *err)
{
    struct hg_log *log = &run->h->log;
    struct hg_hook_facts facts = {.run = run->run_id};
    hg_log_event(log, HANGAR_LOG_INFO, "backup.start", "pipeline %s", run->request.pipeline->name);
    hg_notify(run->h, &(struct hg_event){.kind = "backup.start",
                                         .level = HANGAR_LOG_INFO,
                                         .pipeline = run->request.pipeline,
                                         .run = run->run_id,
                                         .summary = "a backup begins",
                                         .duration_ms = -1});
    enum hangar_rc rc = hg_hook_run(&run->h->log, &run->h->caller.cancel, run->request.pipeline,
                                    HG_BEFORE_BACKUP, &facts, err);
    if (rc == HANGAR_OK) {
        hg_run_expect(run);
        struct backup_execution g = {run, err, HANGAR_OK};
        hg_priority_run(run->h->config, &run->h->log, backup_execute, &g);
        rc = g.rc;
    }
    enum hangar_status status = backup_status(run, rc, err);
    run->result.finished_ms = hg_now_ms();
    facts.backup = run->result.manifest.id;
    status =
        hg_hook_after(&run->h->log, run->request.pipeline, HG_AFTER_BACKUP, facts, status, err);
    int64_t ms = run->result.finished_ms - run->result.first_started_ms;
    if (status == HANGAR_STATUS_DONE || status == HANGAR_STATUS_DEGRADED) {
        hg_log_took(log, status == HANGAR_STATUS_DONE ? HANGAR_LOG_INFO : HANGAR_LOG_WARN,
                    "backup.done", ms, "%s of pipeline %s in %lld ms, %llu bytes stored%s",
                    run->result.id, run->request.pipeline->name, (long long)ms,
                    (unsigned long long)hg_manifest_stored_bytes(&run->result.manifest),
                    status == HANGAR_STATUS_DONE ? "" : "; a sink or a hook failed");
    } else if (status == HANGAR_STATUS_INTERRUPTED) {
        hg_log_took(log, HANGAR_LOG_WARN, "backup.interrupted", ms, "pipeline %s after %lld ms",
                    run->request.pipeline->name, (long long)ms);
    } else {
        hg_log_took(log, HANGAR_LOG_ERROR, "backup.failed", ms, "pipeline %s after %lld ms: %s",
                    run->request.pipeline->name, (long long)ms, err->text);
    }
    return status;
}

/* Retention in the sinks that have the backup. */
static void backup_prune(struct hg_run *run)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        if (run->sinks[i].place.committed) {
            hg_prune_after_backup(run->h, hg_run_resume_session(run), run->request.pipeline,
                                  run->sinks[i].place.instance);
        }
    }
    hg_run_pause_session(run);
}

/* When the caller tries again; -1: it does not, or the failure is not temporary. */
static int64_t backup_retry_ms(const struct hg_run *run, enum hangar_status status)
{
    const struct hg_run_request *request = &run->request;
    const int64_t at_ms = hg_now_ms() + request->retry_after_ms;
    const bool may_pass = status == HANGAR_STATUS_FAILED || status == HANGAR_STATUS_AUTH ||
                          status == HANGAR_STATUS_CORRUPT;
    const int64_t within_ms = at_ms - run->result.first_started_ms;
    return may_pass && request->retry_after_ms > 0 && within_ms < request->retry_within_ms ? at_ms
                                                                                           : -1;
}

/* The whole job, but for the document's beginning and end.  `run` is initialised. */
static enum hangar_status backup_job(struct hg_run *run, json_t *doc, struct hg_error *err)
{
    struct hangar *h = run->h;
    const struct hg_pipeline_config *pipeline = run->request.pipeline;
    enum hangar_status status;
    int lock = -1;
    enum hangar_rc rc = hg_pipeline_lock(&h->state, pipeline->name, HG_LOCK_BACKUP, &lock, err);
    if (rc != HANGAR_OK) {
        status = rc == HANGAR_EXISTS ? HANGAR_STATUS_BUSY : HANGAR_STATUS_FAILED;
        run->result.finished_ms = hg_now_ms();
    } else {
        status = backup_run_pipeline(run, err);
    }
    hg_run_document(run, doc);
    struct hg_history_run entry = hg_run_history(run, status, err);
    entry.retry_ms = backup_retry_ms(run, status);
    if (entry.retry_ms > 0) {
        hg_json_set_time(doc, "retry", entry.retry_ms);
    }
    if (status != HANGAR_STATUS_BUSY && run->request.source_count < pipeline->source_count) {
        hg_history_append_apart(&h->state, pipeline->name, HG_HISTORY_PARTIAL, &entry);
    } else if (status != HANGAR_STATUS_BUSY) {
        hg_history_append(&h->state, pipeline->name, &entry);
    }
    /* the history has the run by now: readers must not report a run that prunes as lost */
    if (status == HANGAR_STATUS_DONE || status == HANGAR_STATUS_DEGRADED) {
        hg_sizes_save(&h->state, &run->result.manifest);
        backup_prune(run);
    }
    if (lock >= 0) {
        close(lock);
    }
    hg_counters_add(&h->state, "backup", pipeline->name,
                    entry.retry_ms > 0 ? "retry" : hangar_status_name(status), 1);
    hg_notify_end(h, &(struct hg_job_end){.job = "backup",
                                          .pipeline = pipeline,
                                          .status = status,
                                          .run = entry.run,
                                          .backup = entry.id,
                                          .duration_ms = entry.duration_ms,
                                          .retry_ms = entry.retry_ms,
                                          .document = doc,
                                          .error = err});
    hg_alerts_after(h, hg_run_resume_session(run), pipeline);
    return status;
}

/* Fills `sources` with the sources that the request names, in the order of the pipeline. */
static enum hangar_rc backup_only(const struct hangar *h,
                                  const struct hangar_backup_request *request, struct hg_run *run,
                                  size_t sources[HG_SOURCES_MAX], struct hg_error *err)
{
    const struct hg_pipeline_config *p = run->request.pipeline;
    size_t count = 0;
    for (const char *const *name = request->only; name && *name; name++) {
        bool known = false;
        for (size_t i = 0; i < p->source_count; i++) {
            known = known || strcmp(h->config->instances[p->sources[i]].name, *name) == 0;
        }
        if (!known) {
            return hg_fail(err, HANGAR_CONFIG, 0,
                           "pipeline %s has no source %.64s; hint: `hangar check` lists its "
                           "sources",
                           p->name, *name);
        }
    }
    for (size_t i = 0; i < p->source_count && request->only; i++) {
        for (const char *const *name = request->only; *name; name++) {
            if (strcmp(h->config->instances[p->sources[i]].name, *name) == 0) {
                sources[count++] = p->sources[i];
                break;
            }
        }
    }
    if (count > 0) {
        run->request.sources = sources;
        run->request.source_count = count;
    }
    return HANGAR_OK;
}

/* Adds the tags of the request; for the caller to free, also after a failure. */
static enum hangar_rc backup_tags(const struct hangar_backup_request *request, struct hg_tags *out,
                                  struct hg_error *err)
{
    for (const char *const *tag = request->tags; tag && *tag; tag++) {
        if (!hg_tag_is_valid(*tag)) {
            return hg_fail(err, HANGAR_CONFIG, 0,
                           "invalid tag \"%.*s\"; hint: a tag is a word or KEY=VALUE of at most %d "
                           "letters, digits and . _ : / @ + = -, and begins with a letter or digit",
                           HG_TAG_MAX_BYTES, *tag, HG_TAG_MAX_BYTES);
        }
        if (out->count == HG_TAGS_MAX) {
            return hg_fail(err, HANGAR_CONFIG, 0, "too many tags (limit %d)", HG_TAGS_MAX);
        }
        if (!hg_tags_add(out, *tag)) {
            return hg_no_memory(err);
        }
    }
    return HANGAR_OK;
}

/* The request is known to be of this pipeline. */
static enum hangar_status backup_of_request(struct hangar *h, struct hg_run *run,
                                            const struct hangar_backup_request *request,
                                            json_t *doc, struct hg_error *err)
{
    enum hangar_status status = HANGAR_STATUS_USAGE;
    run->request.retry_after_ms = request->retry_after_ms;
    run->request.retry_within_ms = request->retry_within_ms;
    size_t sources[HG_SOURCES_MAX];
    struct hg_tags tags = {0};
    if (backup_only(h, request, run, sources, err) == HANGAR_OK &&
        backup_tags(request, &tags, err) == HANGAR_OK) {
        run->request.tags = tags;
        status = backup_job(run, doc, err);
    }
    hg_tags_free(&tags);
    return status;
}

enum hangar_status hangar_backup(struct hangar *h, const char *pipeline, char **json)
{
    const struct hangar_backup_request request = {.struct_size = sizeof(request),
                                                  .pipeline = pipeline};
    return hangar_backup_with(h, &request, json);
}

enum hangar_status hangar_backup_with(struct hangar *h, const struct hangar_backup_request *given,
                                      char **json)
{
    struct hangar_backup_request own = {0}, *request = &own;
    const size_t size = given->struct_size;
    memcpy(&own, given, size < sizeof(own) ? size : sizeof(own));
    json_t *doc = hg_doc_begin(h, "hangar.backup/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    size_t index;
    struct hg_run *run = calloc(1, sizeof(*run));
    enum hangar_status status = HANGAR_STATUS_FAILED;
    if (!run) {
        hg_no_memory(&err);
    } else if (hg_find_pipeline(h->config, request->pipeline, &index, &err) != HANGAR_OK) {
        status = HANGAR_STATUS_NOT_FOUND;
    } else {
        hg_run_init(run, h, &h->config->pipelines[index]);
        status = backup_of_request(h, run, request, doc, &err);
        hg_run_fini(run);
    }
    free(run);
    return hg_doc_end(h, doc, status, &err, json);
}
