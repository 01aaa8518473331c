/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pull: see pull.h.
 */
#include "pipeline/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/thread.h"
#include "plugin/spool.h"

#define JOBS_MAX 64
#define REREADS_MAX 3

/* A flow that its reader has finished; the collector waits for it. */
struct hg_finished_flow {
    struct hg_flow *flow;
    size_t source;
    char *name;
    uint32_t phase;
    struct hangar_attrs *attrs;
    struct hg_finished_flow *next;
};

/* An object that a reader reads. */
struct hg_pull_reader {
    struct hg_pull *pull;
    struct hg_pull_source *source;
    struct hangar_object *object;
    struct hg_flow *flow;
    struct hg_error err;
};

/* ---- prepare and begin ---- */

static void pull_prepare_source(void *arg, size_t i)
{
    struct hg_pull *pull = arg;
    struct hg_pull_source *s = &pull->sources[i];
    struct hg_error err = {0};
    const struct hangar_source *fn = &s->ctx->plugin->source;
    bool safety = pull->set.safety && fn->prepare_safety;
    s->prepared = true;
    if (HG_CALL(s->ctx, &err, (safety ? fn->prepare_safety : fn->prepare)(s->ctx->inst)) !=
        HANGAR_OK) {
        hg_job_fail(pull->set.job, &err);
    }
}

static void pull_begin_source(void *arg, size_t i)
{
    struct hg_pull *pull = arg;
    struct hg_pull_source *s = &pull->sources[i];
    struct hg_error err = {0};
    enum hangar_rc rc =
        HG_CALL(s->ctx, &err, s->ctx->plugin->source.begin(s->ctx->inst, &s->time_ms, s->point));
    if (rc == HANGAR_OK && s->point->problem) {
        rc = hg_fail(&err, HANGAR_INTERNAL, 0, "source %s: %s", s->ctx->name, s->point->problem);
    }
    if (rc != HANGAR_OK) {
        hg_job_fail(pull->set.job, &err);
    }
}

static size_t pull_count_jobs(struct hangar_ctx *ctx)
{
    uint32_t jobs = 1;
    if (ctx->plugin->source.jobs && ctx->threads == HANGAR_PARALLEL_HANDLES) {
        hg_call_begin(ctx);
        jobs = ctx->plugin->source.jobs(ctx->inst);
        hg_call_end(ctx, HANGAR_OK, NULL);
    }
    return jobs == 0 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
}

enum hangar_rc hg_pull_prepare(struct hg_pull *pull, const struct hg_pull_settings *settings,
                               struct hg_error *err)
{
    memset(pull, 0, sizeof(*pull));
    pull->set = *settings;
    pthread_mutex_init(&pull->mutex, NULL);
    hg_cond_init(&pull->changed);
    pull->sources = calloc(settings->count, sizeof(*pull->sources));
    if (!pull->sources) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < settings->count; i++) {
        struct hg_pull_source *s = &pull->sources[i];
        s->ctx = settings->sources[i];
        s->index = i;
        s->jobs = pull_count_jobs(s->ctx);
        s->point = hg_attrs_new();
        s->facts = hg_attrs_new();
        if (!s->point || !s->facts) {
            return hg_no_memory(err);
        }
    }
    if (!hg_thread_run_all(settings->count, pull_prepare_source, pull)) {
        return hg_no_thread(err);
    }
    return hg_job_result(settings->job, err);
}

enum hangar_rc hg_pull_begin(struct hg_pull *pull)
{
    struct hg_error err = {0};
    if (!hg_thread_run_all(pull->set.count, pull_begin_source, pull)) {
        hg_no_thread(&err);
        hg_job_fail(pull->set.job, &err);
    }
    return hg_job_result(pull->set.job, &err);
}

size_t hg_pull_readers(const struct hg_pull *pull)
{
    size_t n = 0;
    for (size_t i = 0; i < pull->set.count; i++) {
        n += pull->sources[i].jobs;
    }
    return n;
}

/* ---- reading the bytes of one object ---- */

static void pull_count_bytes(struct hg_pull_reader *r, size_t n)
{
    hg_job_alive(r->pull->set.job);
    pthread_mutex_lock(&r->pull->mutex);
    r->source->plain_bytes += n;
    pthread_mutex_unlock(&r->pull->mutex);
}

/* Reads `size` bytes from the source, fewer only at the end. */
static enum hangar_rc pull_fill(struct hg_pull_reader *r, unsigned char *data, size_t size,
                                size_t *filled, bool *end)
{
    struct hangar_ctx *ctx = r->source->ctx;
    *filled = 0;
    while (*filled < size && !*end) {
        size_t got = 0;
        enum hangar_rc rc =
            HG_CALL(ctx, &r->err,
                    ctx->plugin->source.read(r->object, data + *filled, size - *filled, &got));
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (got > size - *filled) {
            return hg_fail(&r->err, HANGAR_INTERNAL, 0,
                           "source %s: read returned more bytes than requested", ctx->name);
        }
        hg_instance_pace(ctx, got);
        *filled += got;
        *end = got == 0;
    }
    pull_count_bytes(r, *filled);
    return HANGAR_OK;
}

/* Reads an object.  When memory is short, the source waits. */
static enum hangar_rc pull_bytes(struct hg_pull_reader *r)
{
    bool end = false;
    while (!end) {
        struct hg_block *block;
        enum hangar_rc rc = hg_flow_take(r->flow, true, &block, &r->err);
        if (rc != HANGAR_OK) {
            return rc;
        }
        rc = pull_fill(r, block->data, r->pull->engine->block_bytes, &block->size, &end);
        if (rc != HANGAR_OK) {
            hg_flow_give(r->flow, block);
            return rc;
        }
        rc = hg_flow_submit(r->flow, block, end, &r->err);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

/* Bytes of an URGENT source that did not fit into memory. */
struct hg_spill {
    struct hangar_spool *spool;
    unsigned char *buffer;
    size_t buffer_bytes;
};

static enum hangar_rc pull_open_spill(struct hg_pull_reader *r, struct hg_spill *spill)
{
    struct hg_job *job = r->pull->set.job;
    char *dir = NULL;
    enum hangar_rc rc = hg_job_temp_dir(job, "spool", 0, &dir, &r->err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct statvfs fs;
    uint64_t room = statvfs(dir, &fs) == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
    rc = hg_spool_open(dir, room / 10 * 9, &spill->spool, &r->err);
    free(dir);
    spill->buffer_bytes = (size_t)64 << 10;
    spill->buffer = rc == HANGAR_OK ? malloc(spill->buffer_bytes) : NULL;
    if (rc == HANGAR_OK && !spill->buffer) {
        rc = hg_no_memory(&r->err);
    }
    if (rc == HANGAR_OK) {
        hg_log_line(job->set.log, HANGAR_LOG_INFO,
                    "source %s: the sinks are slower than the source; using a spool file on disk",
                    r->source->ctx->name);
    }
    return rc;
}

/* Reads from the source into the spool. */
static enum hangar_rc pull_spill_some(struct hg_pull_reader *r, struct hg_spill *spill, bool *end)
{
    enum hangar_rc rc = spill->spool ? HANGAR_OK : pull_open_spill(r, spill);
    size_t n = 0;
    if (rc == HANGAR_OK) {
        rc = pull_fill(r, spill->buffer, spill->buffer_bytes, &n, end);
    }
    return rc == HANGAR_OK ? hg_spool_write(spill->spool, spill->buffer, n, &r->err) : rc;
}

/* Fills a block from the spool, or from the source when the spool is empty. */
static enum hangar_rc pull_fill_urgent(struct hg_pull_reader *r, struct hg_spill *spill,
                                       struct hg_block *block, bool *end, bool *last)
{
    enum hangar_rc rc;
    if (spill->spool && hg_spool_bytes(spill->spool) > 0) {
        rc = hg_spool_read(spill->spool, block->data, r->pull->engine->block_bytes, &block->size,
                           &r->err);
    } else if (*end) {
        block->size = 0;
        rc = HANGAR_OK;
    } else {
        rc = pull_fill(r, block->data, r->pull->engine->block_bytes, &block->size, end);
    }
    *last = *end && (!spill->spool || hg_spool_bytes(spill->spool) == 0);
    return rc;
}

/* Reads an object of an URGENT source: the source never waits for memory.  Bytes that do
 * not fit are spooled on disk. */
static enum hangar_rc pull_bytes_urgent(struct hg_pull_reader *r)
{
    struct hg_spill spill = {0};
    bool end = false, last = false;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && !last) {
        struct hg_block *block;
        rc = hg_flow_take(r->flow, end, &block,
                          &r->err); /* after the end of the object the source waits for nothing */
        bool behind = spill.spool && hg_spool_bytes(spill.spool) > 0;
        if (rc == HANGAR_OK && !end && (!block || behind)) {
            rc = pull_spill_some(r, &spill, &end);
        }
        if (rc == HANGAR_OK && block) {
            rc = pull_fill_urgent(r, &spill, block, &end, &last);
        }
        if (!block) {
            continue;
        }
        if (rc == HANGAR_OK) {
            rc = hg_flow_submit(r->flow, block, last, &r->err);
        } else {
            hg_flow_give(r->flow, block);
        }
    }
    hg_spool_close(spill.spool);
    free(spill.buffer);
    return rc;
}

/* ---- one object ---- */

static void pull_queue_done(struct hg_pull *pull, struct hg_finished_flow *done)
{
    pthread_mutex_lock(&pull->mutex);
    done->next = NULL;
    if (pull->done_tail) {
        pull->done_tail->next = done;
    } else {
        pull->done_head = done;
    }
    pull->done_tail = done;
    pthread_cond_broadcast(&pull->changed);
    pthread_mutex_unlock(&pull->mutex);
}

/* Aborts a flow, and waits until the sinks have dropped it. */
static void pull_abandon(struct hg_flow *flow)
{
    struct hg_flow_result result;
    hg_flow_finish(flow, false);
    hg_flow_wait(flow, &result, NULL);
    hg_flow_result_free(&result);
}

/* Reads the object into a flow; on success the flow is not finished yet. */
static enum hangar_rc pull_read_object(struct hg_pull_reader *r,
                                       const struct hangar_object_info *info, struct hg_slot *slot)
{
    const struct hangar_source *fn = &r->source->ctx->plugin->source;
    char stored[1024];
    if (!r->pull->set.stored_name(r->pull->set.arg, r->source->index, info->name, stored,
                                  sizeof(stored))) {
        hg_slot_give(r->pull->engine, slot);
        return hg_fail(&r->err, HANGAR_INTERNAL, 0, "source %s: invalid object name \"%s\"",
                       r->source->ctx->name, info->name);
    }
    for (unsigned tries = 0;; tries++) {
        enum hangar_rc rc =
            hg_flow_open(r->pull->engine, slot, stored, info->size_hint, &r->flow, &r->err);
        if (rc != HANGAR_OK) {
            return rc;
        }
        rc = fn->flags & HANGAR_SOURCE_URGENT ? pull_bytes_urgent(r) : pull_bytes(r);
        if (rc == HANGAR_OK) {
            return rc;
        }
        pull_abandon(r->flow);
        r->flow = NULL;
        if (rc != HANGAR_RETRY || tries == REREADS_MAX || !fn->rewind ||
            !(info->flags & HANGAR_OBJECT_REREADABLE)) {
            return rc;
        }
        hg_log_line(r->pull->set.job->set.log, HANGAR_LOG_WARN,
                    "reading %s again after an error: %s", info->name, r->err.text);
        hg_error_clear(&r->err);
        rc = HG_CALL(r->source->ctx, &r->err, fn->rewind(r->object));
        rc = rc == HANGAR_OK ? hg_slot_take(r->pull->engine, &slot, &r->err) : rc;
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

/* Closes the object: the source returns an error when it is not whole.  Then finishes the
 * flow. */
static enum hangar_rc pull_close_object(struct hg_pull_reader *r, struct hg_finished_flow *done)
{
    struct hangar_ctx *ctx = r->source->ctx;
    enum hangar_rc rc = HG_CALL(ctx, &r->err, ctx->plugin->source.close(r->object, done->attrs));
    if (rc == HANGAR_OK && done->attrs->problem) {
        rc = hg_fail(&r->err, HANGAR_INTERNAL, 0, "source %s: %s", ctx->name, done->attrs->problem);
    }
    if (rc != HANGAR_OK) {
        pull_abandon(r->flow);
        return rc;
    }
    done->flow = r->flow;
    hg_flow_finish(r->flow, true);
    return HANGAR_OK;
}

static void pull_done_free(struct hg_finished_flow *done)
{
    if (done) {
        free(done->name);
        hg_attrs_free(done->attrs);
        free(done);
    }
}

/* Pulls the next object; EOF when there is none. */
static enum hangar_rc pull_object(struct hg_pull_reader *r)
{
    struct hangar_ctx *ctx = r->source->ctx;
    const struct hangar_source *fn = &ctx->plugin->source;
    struct hg_slot *slot;
    enum hangar_rc rc = hg_slot_take(r->pull->engine, &slot, &r->err);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hangar_object_info info = {.struct_size = sizeof(info)};
    rc = HG_CALL_EOF(ctx, &r->err, fn->next(ctx->inst, &info, &r->object));
    if (rc != HANGAR_OK) {
        hg_slot_give(r->pull->engine, slot);
        return rc;
    }
    struct hg_finished_flow *done = calloc(1, sizeof(*done));
    if (done) {
        done->source = r->source->index;
        done->name = strdup(info.name ? info.name : "");
        done->phase = info.phase;
        done->attrs = hg_attrs_new();
    }
    if (!done || !done->name || !done->attrs) {
        hg_slot_give(r->pull->engine, slot);
        rc = hg_no_memory(&r->err);
    } else {
        rc = pull_read_object(r, &info, slot);
    }
    if (rc == HANGAR_OK) {
        rc = pull_close_object(r, done);
    } else {
        HG_CALL_VOID(ctx, fn->close(r->object, NULL));
    }
    if (rc != HANGAR_OK) {
        pull_done_free(done);
        return rc;
    }
    pull_queue_done(r->pull, done);
    return HANGAR_OK;
}

/* ---- threads ---- */

/* The last reader of a source ends it, so that its locks and snapshot are released early. */
static void pull_end_source(struct hg_pull *pull, struct hg_pull_source *s)
{
    if (hg_job_cancelled(pull->set.job)) {
        return; /* hg_pull_fini ends it */
    }
    s->prepared = false;
    struct hg_error err = {0};
    enum hangar_rc rc = HG_CALL(s->ctx, &err, s->ctx->plugin->source.end(s->ctx->inst, s->facts));
    if (rc == HANGAR_OK && s->facts->problem) {
        rc = hg_fail(&err, HANGAR_INTERNAL, 0, "source %s: %s", s->ctx->name, s->facts->problem);
    }
    if (rc != HANGAR_OK) {
        hg_job_fail(pull->set.job, &err);
        return;
    }
    pthread_mutex_lock(&pull->mutex);
    s->ended = true;
    pthread_mutex_unlock(&pull->mutex);
}

static void pull_reader_main(void *arg, size_t n)
{
    struct hg_pull *pull = arg;
    struct hg_pull_source *s = pull->sources;
    for (; n >= s->jobs; s++) {
        n -= s->jobs;
    }
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && !hg_job_cancelled(pull->set.job)) {
        struct hg_pull_reader r = {.pull = pull, .source = s};
        rc = pull_object(&r);
        if (rc != HANGAR_OK && rc != HANGAR_EOF) {
            hg_job_fail(pull->set.job, &r.err);
        }
    }
    pthread_mutex_lock(&pull->mutex);
    bool last = --s->readers == 0;
    pthread_mutex_unlock(&pull->mutex);
    if (last) {
        pull_end_source(pull, s);
    }
    pthread_mutex_lock(&pull->mutex);
    pull->readers--;
    pthread_cond_broadcast(&pull->changed);
    pthread_mutex_unlock(&pull->mutex);
}

/* Waits for the finished flows, in order, and reports them. */
static void *pull_collector_main(void *arg)
{
    struct hg_pull *pull = arg;
    for (;;) {
        pthread_mutex_lock(&pull->mutex);
        while (!pull->done_head && pull->readers > 0) {
            pthread_cond_wait(&pull->changed, &pull->mutex);
        }
        struct hg_finished_flow *done = pull->done_head;
        if (done) {
            pull->done_head = done->next;
            if (!pull->done_head) {
                pull->done_tail = NULL;
            }
        }
        pthread_mutex_unlock(&pull->mutex);
        if (!done) {
            return NULL;
        }
        struct hg_flow_result result;
        struct hg_error err = {0};
        struct hg_pulled_object object = {.source = done->source,
                                          .name = done->name,
                                          .phase = done->phase,
                                          .attrs = done->attrs,
                                          .result = &result};
        enum hangar_rc rc = hg_flow_wait(done->flow, &result, &err);
        if (rc == HANGAR_OK) {
            rc = pull->set.on_object(pull->set.arg, &object, &err);
        }
        done->attrs = object.attrs;
        if (rc != HANGAR_OK) {
            hg_job_fail(pull->set.job, &err);
        }
        hg_flow_result_free(&result);
        pull_done_free(done);
    }
}

void hg_pull_run(struct hg_pull *pull, struct hg_engine *engine)
{
    pull->engine = engine;
    pull->readers = hg_pull_readers(pull);
    for (size_t i = 0; i < pull->set.count; i++) {
        pull->sources[i].readers = pull->sources[i].jobs;
    }
    pthread_t collector;
    struct hg_error err = {0};
    if (hg_thread_start(&collector, pull_collector_main, pull) != 0) {
        hg_no_thread(&err);
        hg_job_fail(pull->set.job, &err);
        return;
    }
    size_t all = pull->readers;
    if (!hg_thread_run_all(all, pull_reader_main, pull)) {
        hg_no_thread(&err);
        hg_job_fail(pull->set.job, &err);
        pthread_mutex_lock(&pull->mutex);
        pull->readers = 0;
        pthread_cond_broadcast(&pull->changed);
        pthread_mutex_unlock(&pull->mutex);
    }
    hg_engine_drain(engine);
    pthread_join(collector, NULL);
}

void hg_pull_fini(struct hg_pull *pull)
{
    for (size_t i = 0; pull->sources && i < pull->set.count; i++) {
        struct hg_pull_source *s = &pull->sources[i];
        if (s->prepared) {
            HG_CALL_VOID(s->ctx, s->ctx->plugin->source.end(s->ctx->inst, NULL));
        }
        hg_attrs_free(s->point);
        hg_attrs_free(s->facts);
    }
    free(pull->sources);
    pthread_cond_destroy(&pull->changed);
    pthread_mutex_destroy(&pull->mutex);
}
