/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * safety: runs a part of a pipeline before a restore replaces its data; see backup.h.
 */
#include <stdatomic.h>
#include <stdio.h>

#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "jobs/backup/backup.h"
#include "jobs/backup/run.h"

/* *sink_failed: the sink was the cause, and another one may work. */
static enum hangar_rc safety_take_into(struct hg_safety *s, size_t sink, bool *sink_failed,
                                       struct hg_error *err)
{
    struct hg_log *log = &s->h->log;
    struct hg_run *run = malloc(sizeof(*run));
    if (!run) {
        return hg_no_memory(err);
    }
    hg_run_init(run, s->h, s->pipeline);
    run->request = (struct hg_run_request){.pipeline = s->pipeline,
                                           .sinks = &sink,
                                           .sink_count = 1,
                                           .sources = s->sources,
                                           .source_count = s->count,
                                           .overrides = s->overrides,
                                           .safety = true,
                                           .parent = s->parent};
    enum hangar_rc rc = hg_run_execute(run, err);
    *sink_failed = run->sinks[0].error.rc != HANGAR_OK;
    if (rc == HANGAR_OK) {
        snprintf(s->id, sizeof(s->id), "%s", run->result.id);
        s->stored_in = sink;
        int64_t ms = run->result.finished_ms - run->result.first_started_ms;
        hg_log_took(log, HANGAR_LOG_INFO, "safety.done", ms, "%s in sink %s, in %lld ms", s->id,
                    s->h->config->instances[sink].name, (long long)ms);
    }
    hg_run_fini(run);
    free(run);
    return rc;
}

enum hangar_rc hg_safety_take(struct hg_safety *s, struct hg_error *err)
{
    const struct hg_instance_config *all = s->h->config->instances;
    bool sink_failed = false;
    s->id[0] = '\0';
    enum hangar_rc rc = safety_take_into(s, s->sink, &sink_failed, err);
    for (size_t i = 0; i < s->pipeline->sink_count && rc != HANGAR_OK && sink_failed; i++) {
        size_t sink = s->pipeline->sinks[i];
        if (sink == s->sink || !all[sink].required || atomic_load(&s->h->caller.cancel)) {
            continue;
        }
        hg_log_event(&s->h->log, HANGAR_LOG_WARN, "safety.retry",
                     "storing the safety backup in sink %s instead: %s", all[sink].name, err->text);
        struct hg_error why = {0};
        rc = safety_take_into(s, sink, &sink_failed, &why);
        *err = rc == HANGAR_OK ? (struct hg_error){0} : why;
    }
    if (rc == HANGAR_NOT_FOUND) { /* for the caller, NOT_FOUND concerns the backup to restore */
        rc = err->rc = HANGAR_IO;
    }
    if (rc != HANGAR_OK) {
        hg_context(err, "nothing was restored, because the safety backup failed");
        hg_log_event(&s->h->log, HANGAR_LOG_ERROR, "safety.failed", "%s", err->text);
    }
    return rc;
}
