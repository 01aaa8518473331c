/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * begin: opens the instances of a run and takes its place in each sink.
 */
#include <stdio.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"
#include "inventory/origin.h"
#include "inventory/place.h"
#include "jobs/backup/run.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/session.h"

static void run_open_sink(struct hg_run *run, size_t instance)
{
    struct hg_run_sink *sink = &run->sinks[run->sink_count++];
    struct hangar_ctx *ctx = NULL;
    *sink = (struct hg_run_sink){.config = &run->h->config->instances[instance]};
    if (hg_session_open(&run->open.session, instance, NULL, 0, &ctx, &sink->error) == HANGAR_OK) {
        snprintf(sink->target, sizeof(sink->target), "%s", hg_instance_target(ctx));
    }
    sink->place = (struct hg_place){.h = run->h,
                                    .pipeline = run->request.pipeline->name,
                                    .id = run->result.id,
                                    .run_id = run->run_id,
                                    .started_ms = run->result.started_ms,
                                    .instance = instance,
                                    .sink = ctx,
                                    .use_spare = run->request.sink_count > 1};
}

enum hangar_rc hg_run_open(struct hg_run *run, struct hg_error *err)
{
    const struct hg_run_request *request = &run->request;
    const struct hg_pipeline_config *pipeline = request->pipeline;
    struct hg_run_instances *open = &run->open;
    for (size_t i = 0; i < request->sink_count; i++) {
        run_open_sink(run, request->sinks[i]);
    }
    open->sink_count = open->session.count;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < pipeline->transform_count && rc == HANGAR_OK; i++) {
        rc = hg_session_open(&open->session, pipeline->transforms[i], NULL, 0, &open->transforms[i],
                             err);
        open->transform_count++;
    }
    for (size_t i = 0; i < request->source_count && rc == HANGAR_OK; i++) {
        const struct hg_source_overrides *o = request->overrides ? &request->overrides[i] : NULL;
        rc = hg_session_open(&open->session, request->sources[i], o ? o->items : NULL,
                             o ? o->count : 0, &open->sources[i], err);
        open->source_count++;
    }
    return rc == HANGAR_OK ? hg_run_any_sink(run, err) : rc;
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
    if (why->rc == HANGAR_CANCELLED) { /* the reason is what cancelled the job */
        hg_job_result(&run->open.session.job, &sink->error);
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
            hg_origin_check(run->h, sink->place.sink, sink->place.pipeline, false, &why) !=
                HANGAR_OK) {
            hg_run_sink_failed(run, sink, &why);
        }
    }
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_run_sink *sink = &run->sinks[i];
        if (sink->error.rc != HANGAR_OK) {
            continue;
        }
        struct hg_error why = {0};
        enum hangar_rc rc = hg_place_take(&sink->place, &why);
        if (rc == HANGAR_EXISTS) { /* a run elsewhere began in the same millisecond */
            return hg_fail(err, HANGAR_RETRY, 0, "sink %s: another run stores %s",
                           sink->config->name, run->result.id);
        }
        if (rc != HANGAR_OK) {
            hg_run_sink_failed(run, sink, &why);
        }
    }
    return hg_run_any_sink(run, err);
}
