/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup_begin: what a run opens, and the place it takes in each sink.  A sink that
 * fails is out of the run; it fails only when none is left.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "catalog/store.h"
#include "config/config.h"
#include "jobs/backup/backup.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/session.h"

static const struct hg_instance_config *instance_of(const struct hg_run *run, size_t index)
{
    return &run->h->config->instances[index];
}

enum hangar_rc hg_run_open(struct hg_run *run, struct hg_error *err)
{
    const struct hg_pipeline_config *p = run->pipeline;
    const struct hg_run_part *part = &run->part;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < part->sink_count && rc == HANGAR_OK; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        sink->config = instance_of(run, part->sinks[i]);
        struct hg_error why = {0};
        enum hangar_rc opened =
            hg_session_open(&run->session, part->sinks[i], NULL, 0, &sink->ctx, &why);
        if (opened == HANGAR_OK && part->sink_count > 1) {
            opened = hg_session_open_second(&run->session, part->sinks[i], &sink->side, &why);
        }
        if (opened != HANGAR_OK) {
            sink->error = why;
            sink->ctx = sink->side = NULL;
        } else {
            snprintf(sink->target, sizeof(sink->target), "%s", hg_instance_target(sink->ctx));
        }
        run->sink_count++;
    }
    for (size_t i = 0; i < p->transform_count && rc == HANGAR_OK; i++) {
        rc = hg_session_open(&run->session, p->transforms[i], NULL, 0, &run->chain[i], err);
        run->chain_count++;
    }
    for (size_t i = 0; i < part->source_count && rc == HANGAR_OK; i++) {
        const struct hg_run_overrides *o = part->overrides ? &part->overrides[i] : NULL;
        rc = hg_session_open(&run->session, part->sources[i], o ? o->items : NULL, o ? o->count : 0,
                             &run->sources[i], err);
        run->source_count++;
    }
    return rc;
}

enum hangar_rc hg_run_any_sink(const struct hg_run *run, struct hg_error *err)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        if (run->sinks[i].error.rc == HANGAR_OK) {
            return HANGAR_OK;
        }
    }
    *err = run->sinks[0].error;
    return err->rc;
}

void hg_run_sink_failed(struct hg_run *run, struct hg_run_sink *sink, const struct hg_error *why)
{
    if (sink->error.rc != HANGAR_OK) {
        return;
    }
    if (why->rc == HANGAR_CANCELLED) { /* a consequence of what ended the job */
        hg_job_result(&run->session.job, &sink->error);
    }
    if (sink->error.rc == HANGAR_OK) {
        sink->error = *why;
    }
    hg_log_event(&run->h->log, HANGAR_LOG_ERROR, "sink.failed", "%s", sink->error.text);
}

enum hangar_rc hg_run_take_places(struct hg_run *run, struct hg_error *err)
{
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hg_error why = {0};
        if (sink->error.rc == HANGAR_OK &&
            hg_store_origin(sink->ctx, run->pipeline->name, run->h->origin, false, &why) !=
                HANGAR_OK) {
            hg_run_sink_failed(run, sink, &why);
        }
    }
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        struct hg_error why = {0};
        if (sink->error.rc != HANGAR_OK) {
            continue;
        }
        enum hangar_rc rc = hg_run_mark(run, sink->ctx, true, &why);
        if (rc == HANGAR_EXISTS) { /* a run elsewhere began in the same millisecond */
            return hg_fail(err, HANGAR_RETRY, 0, "sink %s: %s exists already", sink->ctx->name,
                           run->id);
        }
        if (rc != HANGAR_OK) {
            hg_run_sink_failed(run, sink, &why);
        }
        sink->placed = rc == HANGAR_OK;
    }
    return hg_run_any_sink(run, err);
}
