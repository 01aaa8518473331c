/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: the job around a run of a pipeline: its lock and hooks, what it came to,
 * retention after a success, and what is told and remembered of it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "catalog/manifest.h"
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

static enum hangar_status run_status(const struct hg_run *run, enum hangar_rc rc,
                                     struct hg_error *err)
{
    enum hangar_status status = HANGAR_STATUS_DONE;
    if (rc != HANGAR_OK) {
        /* what is not found within a run is a failure, not a wrong question */
        status = rc == HANGAR_NOT_FOUND ? HANGAR_STATUS_FAILED : hg_status(rc);
        return status;
    }
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

/* The argument of run_with_priority. */
struct prioritized_run {
    struct hg_run *run;
    struct hg_error *err;
    enum hangar_rc rc;
};

static void run_with_priority(void *arg)
{
    struct prioritized_run *g = arg;
    g->rc = hg_run_execute(g->run, g->err);
}

static enum hangar_status run_pipeline(struct hg_run *run, struct hg_error *err)
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
        struct prioritized_run g = {run, err, HANGAR_OK};
        hg_priority_run(run->h->config, &run->h->log, run_with_priority, &g);
        rc = g.rc;
    }
    enum hangar_status status = run_status(run, rc, err);
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
                    status == HANGAR_STATUS_DONE ? "" : ", but not all went well");
    } else {
        hg_log_took(log, HANGAR_LOG_ERROR, "backup.failed", ms, "pipeline %s after %lld ms: %s",
                    run->request.pipeline->name, (long long)ms, err->text);
    }
    return status;
}

static void prune_after(struct hg_run *run, enum hangar_status status)
{
    bool success = status == HANGAR_STATUS_DONE || status == HANGAR_STATUS_DEGRADED;
    for (size_t i = 0; success && i < run->sink_count; i++) {
        if (run->sinks[i].place.committed) {
            hg_prune_after_backup(run->h, run->request.pipeline, run->request.pipeline->sinks[i]);
        }
    }
}

enum hangar_status hangar_backup(struct hangar *h, const char *pipeline, char **json)
{
    json_t *doc = hg_doc_begin(h, "hangar.backup/1");
    if (!h->ready) {
        return hg_doc_unready(h, doc, json);
    }
    struct hg_error err = {0};
    size_t index;
    struct hg_run *run = calloc(1, sizeof(*run));
    enum hangar_status status = HANGAR_STATUS_FAILED;
    int lock = -1;
    if (!run) {
        hg_no_memory(&err);
    } else if (hg_find_pipeline(h->config, pipeline, &index, &err) != HANGAR_OK) {
        status = HANGAR_STATUS_NOT_FOUND;
    } else {
        hg_run_init(run, h, &h->config->pipelines[index]);
        enum hangar_rc rc = hg_pipeline_lock(&h->state, pipeline, &lock, &err);
        if (rc != HANGAR_OK) {
            status = rc == HANGAR_EXISTS ? HANGAR_STATUS_BUSY : HANGAR_STATUS_FAILED;
            run->result.finished_ms = hg_now_ms();
        } else {
            status = run_pipeline(run, &err);
        }
        hg_run_document(run, doc);
        if (status != HANGAR_STATUS_BUSY) {
            const struct hg_history_run entry = hg_run_history(run, status, &err);
            hg_history_append(&h->state, pipeline, &entry);
            /* after that: whoever looks must not take a run that prunes for lost */
            prune_after(run, status);
        }
        if (lock >= 0) {
            close(lock);
        }
        hg_counters_add(&h->state, "backup", pipeline, hangar_status_name(status), 1);
        hg_notify_end(h, "backup", run->request.pipeline, status, doc, &err);
        hg_alerts_after(h, run->request.pipeline);
        hg_run_fini(run);
    }
    free(run);
    return hg_doc_end(h, doc, status, &err, json);
}
