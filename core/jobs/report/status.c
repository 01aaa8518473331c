/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status: see status.h.
 */
#include "jobs/report/status.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "catalog/retention.h"
#include "config/config.h"
#include "inventory/index.h"
#include "inventory/origin.h"
#include "inventory/verification_memory.h"
#include "plugin/instance.h"
#include "plugin/job.h"
#include "session/handle.h"
#include "session/session.h"
#include "state/history.h"

/* The usual size is the median of up to ten backups before the newest, and at least three. */
enum { USUAL_AT_MOST = 10, USUAL_AT_LEAST = 3 };

static int status_compare_bytes(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t status_usual_bytes(const struct hg_sink_status *sink)
{
    int64_t bytes[USUAL_AT_MOST];
    size_t count = 0;
    for (size_t i = sink->index.count; i-- > 0 && count < USUAL_AT_MOST;) {
        const struct hg_index_item *item = &sink->index.items[i];
        if (hg_index_counts(item) && item != sink->newest) {
            bytes[count++] = item->summary.stored_bytes;
        }
    }
    if (count < USUAL_AT_LEAST) {
        return -1;
    }
    qsort(bytes, count, sizeof(bytes[0]), status_compare_bytes);
    return bytes[count / 2];
}

static void status_count_backups(struct hg_sink_status *sink, int64_t now_ms)
{
    for (size_t i = 0; i < sink->index.count; i++) {
        const struct hg_index_item *item = &sink->index.items[i];
        if (item->rc == HANGAR_CORRUPT || item->rc == HANGAR_UNSUPPORTED) {
            sink->damage = item;
            sink->damaged++;
        } else if (item->rc == HANGAR_IO) { /* not known */
            hg_fail(&sink->error, item->rc, 0, "%s", item->problem);
        }
        if (item->rc != HANGAR_OK) {
            continue;
        }
        sink->stored_bytes += item->summary.stored_bytes;
        if (item->summary.partial) {
            sink->partial_backups++;
            continue;
        }
        if (item->summary.safety) {
            sink->safety_backups++;
            continue; /* not a backup of the schedule: its age does not count */
        }
        sink->backups++;
        if (hg_is_future(item->time_ms, now_ms)) {
            sink->future = sink->future ? sink->future : item;
            continue;
        }
        sink->oldest = sink->oldest ? sink->oldest : item;
        sink->newest = item;
    }
}

static int64_t status_free_bytes(struct hg_sink_status *sink)
{
    struct hangar_space space = {.struct_size = sizeof(space), .free_bytes = UINT64_MAX};
    struct hg_error why = {0};
    if (sink->ctx->plugin->sink.space) {
        HG_CALL(sink->ctx, &why, sink->ctx->plugin->sink.space(sink->ctx->inst, &space));
    }
    if (why.rc != HANGAR_OK && sink->error.rc == HANGAR_OK) {
        hg_context(&why, "cannot read the free space");
        sink->error = why;
    }
    return space.free_bytes == UINT64_MAX ? -1 : (int64_t)space.free_bytes;
}

static void status_read_sink(struct hg_session *s, const char *pipeline, size_t instance,
                             struct hg_sink_status *sink)
{
    sink->usual_bytes = sink->free_bytes = -1;
    if (hg_session_open(s, instance, NULL, 0, &sink->ctx, &sink->error) != HANGAR_OK) {
        sink->ctx = NULL;
        return;
    }
    if (hg_index_read(s->h, sink->ctx, pipeline, 0, &sink->index, &sink->error) != HANGAR_OK) {
        hg_index_free(&sink->index);
        return;
    }
    sink->readable = true;
    if (sink->index.lost) { /* the next backup is refused */
        hg_origin_fail_lost(s->h, sink->ctx, pipeline, &sink->error);
    }
    status_count_backups(sink, hg_now_ms());
    sink->usual_bytes = status_usual_bytes(sink);
    sink->free_bytes = status_free_bytes(sink);
}

/* Reads what is remembered of verifications.  A good drill of one sink's copy does not hide a bad
 * one of another's.  Drills of sinks that the pipeline no longer has do not count. */
static enum hangar_rc status_read_verifications(const struct hangar *h,
                                                struct hg_pipeline_status *pipeline,
                                                struct hg_error *err)
{
    const size_t count = pipeline->sink_count;
    struct hg_last_verification *last = calloc(2 * count + 1, sizeof(*last));
    if (!last) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = pipeline->sinks[i].config->name;
        last[2 * i] = (struct hg_last_verification){.sink = name, .level = HANGAR_VERIFY_FULL};
        last[2 * i + 1] = (struct hg_last_verification){.sink = name, .level = HANGAR_VERIFY_DRILL};
    }
    enum hangar_rc rc =
        hg_verifications_last(&h->state, pipeline->config->name, last, 2 * count, err);
    for (size_t i = 0; i < count; i++) {
        struct hg_sink_status *sink = &pipeline->sinks[i];
        sink->last_full = last[2 * i].found;
        sink->good_full_ms = last[2 * i].good_ms;
        sink->last_drill = last[2 * i + 1].found;
        if (last[2 * i + 1].good_ms > pipeline->good_drill_ms) {
            pipeline->good_drill_ms = last[2 * i + 1].good_ms;
        }
        if (sink->last_drill.id &&
            (!pipeline->last_drill ||
             hg_verification_is_worse(&sink->last_drill, pipeline->last_drill))) {
            pipeline->last_drill = &sink->last_drill;
        }
    }
    free(last);
    return rc;
}

static enum hangar_rc status_read_pipeline(struct hg_session *s,
                                           const struct hg_pipeline_config *config,
                                           struct hg_pipeline_status *out, struct hg_error *err)
{
    struct hangar *h = s->h;
    *out = (struct hg_pipeline_status){
        .config = config,
        .running = hg_pipeline_lock_holder(&h->state, config->name),
        .sinks = calloc(config->sink_count + 1, sizeof(*out->sinks)),
    };
    if (!out->sinks) {
        return hg_no_memory(err);
    }
    for (; out->sink_count < config->sink_count; out->sink_count++) {
        out->sinks[out->sink_count].config = &h->config->instances[config->sinks[out->sink_count]];
    }
    enum hangar_rc rc = hg_history_last(&h->state, config->name, &out->last_run, err);
    if (rc == HANGAR_OK) {
        rc = status_read_verifications(h, out, err);
    }
    if (rc != HANGAR_OK) {
        return rc; /* what failed before must not look as if it had not */
    }
    for (size_t i = 0; i < config->sink_count; i++) {
        status_read_sink(s, config->name, config->sinks[i], &out->sinks[i]);
    }
    return HANGAR_OK;
}

static enum hangar_rc status_read_pipelines(struct hg_status_report *report, struct hg_session *s,
                                            const struct hg_pipeline_config *only,
                                            struct hg_error *err)
{
    const struct hg_config *all = s->h->config;
    report->pipelines = calloc(all->pipeline_count + 1, sizeof(*report->pipelines));
    if (!report->pipelines) {
        return hg_no_memory(err);
    }
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < all->pipeline_count && rc == HANGAR_OK; i++) {
        const struct hg_pipeline_config *config = &all->pipelines[i];
        if (!only || only == config) {
            rc = status_read_pipeline(s, config, &report->pipelines[report->count++], err);
        }
    }
    return rc == HANGAR_OK ? hg_job_result(&s->job, err) : rc;
}

enum hangar_rc hg_status_read_in(struct hg_status_report *report, struct hg_session *session,
                                 const struct hg_pipeline_config *only, struct hg_error *err)
{
    *report = (struct hg_status_report){.read_ms = hg_now_ms()};
    return status_read_pipelines(report, session, only, err);
}

enum hangar_rc hg_status_read(struct hg_status_report *report, struct hangar *h,
                              const struct hg_pipeline_config *only, struct hg_error *err)
{
    *report = (struct hg_status_report){.read_ms = hg_now_ms()};
    enum hangar_rc rc = hg_session_begin(&report->session, h, 0, NULL, NULL, err);
    report->session_is_open = rc == HANGAR_OK;
    return rc == HANGAR_OK ? status_read_pipelines(report, &report->session, only, err) : rc;
}

void hg_status_end_session(struct hg_status_report *report)
{
    if (report->session_is_open) {
        hg_session_end(&report->session);
        report->session_is_open = false;
    }
}

void hg_status_close(struct hg_status_report *report)
{
    hg_status_end_session(report);
    for (size_t p = 0; p < report->count; p++) {
        struct hg_pipeline_status *pipeline = &report->pipelines[p];
        for (size_t i = 0; i < pipeline->sink_count; i++) {
            hg_index_free(&pipeline->sinks[i].index);
            hg_verification_free(&pipeline->sinks[i].last_full);
            hg_verification_free(&pipeline->sinks[i].last_drill);
        }
        free(pipeline->sinks);
        hg_history_free(&pipeline->last_run);
    }
    free(report->pipelines);
    *report = (struct hg_status_report){0};
}
