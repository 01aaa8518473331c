/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lanes: the threads that write flows into the sinks, each sink for itself.
 */
#include "pipeline/engine.h"

#include <string.h>

void hg_block_unref(struct hg_engine *engine, struct hg_block *block)
{
    if (--block->refs == 0) {
        hg_pool_give(&engine->output, block);
        pthread_cond_broadcast(&engine->work);
    }
}

void hg_lanes_push(struct hg_flow *flow, struct hg_block *block)
{
    struct hg_engine *engine = flow->engine;
    pthread_mutex_lock(&engine->mutex);
    engine->stored_bytes += block->size;
    block->refs = 1; /* ours, until all lanes have theirs */
    for (size_t i = 0; i < engine->set.sink_count; i++) {
        struct hg_lane *lane = &flow->lanes[i];
        if (!lane->done) {
            lane->ring[(lane->head + lane->count++) % engine->output.count] = block;
            block->refs++;
        }
    }
    hg_block_unref(engine, block);
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
}

static struct hg_block *lane_pop(struct hg_engine *engine, struct hg_lane *lane)
{
    if (lane->count == 0) {
        return NULL;
    }
    struct hg_block *block = lane->ring[lane->head];
    lane->head = (lane->head + 1) % engine->output.count;
    lane->count--;
    return block;
}

/* The lane is done with its flow; what it did not write it lets go of. */
static void lane_end(struct hg_flow *flow, size_t sink, bool committed)
{
    struct hg_engine *engine = flow->engine;
    struct hg_lane *lane = &flow->lanes[sink];
    pthread_mutex_lock(&engine->mutex);
    for (struct hg_block *block; (block = lane_pop(engine, lane));) {
        hg_block_unref(engine, block);
    }
    lane->done = true;
    lane->committed = committed;
    flow->lanes_done++;
    hg_flow_settle(flow);
    pthread_mutex_unlock(&engine->mutex);
}

void hg_sink_drop(struct hg_engine *engine, size_t index, bool detach, const struct hg_error *why)
{
    struct hg_sink_state *sink = &engine->sinks[index];
    bool any = false;
    pthread_mutex_lock(&engine->mutex);
    for (size_t i = 0; i < engine->set.sink_count; i++) {
        any = any || (i != index && !engine->sinks[i].dead);
    }
    bool first = !sink->dead && (any || !detach);
    if (first) {
        sink->dead = true;
        sink->detached = detach;
        sink->error = *why;
    }
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
    if (first && detach) {
        hg_log_event(engine->set.job->set.log, HANGAR_LOG_WARN, "sink.detached",
                     "%s; it gets its copy when the others have theirs", why->text);
    } else if (first) {
        hg_log_event(engine->set.job->set.log, HANGAR_LOG_ERROR, "sink.failed", "%s", why->text);
    }
    if (any && first) { /* no other call of it may keep the run waiting */
        hg_instance_cancel(sink->ctx);
    } else if (!any && !detach) {
        hg_job_fail(engine->set.job, why);
    }
}

/* A call failed.  What was cancelled with the job has nothing to say. */
static void sink_fail(struct hg_engine *engine, size_t index, const struct hg_error *why)
{
    if (why->rc == HANGAR_CANCELLED && hg_job_cancelled(engine->set.job)) {
        return;
    }
    if (why->rc == HANGAR_RETRY) {
        hg_sink_drop(engine, index, true, why);
    }
    hg_sink_drop(engine, index, false, why); /* of no effect when it is detached */
}

enum step { STEP_WRITE, STEP_COMMIT, STEP_ABORT };

/* Waits for what comes next in a lane. */
static enum step next_step(struct hg_flow *flow, size_t sink, struct hg_block **block)
{
    struct hg_engine *engine = flow->engine;
    struct hg_lane *lane = &flow->lanes[sink];
    enum step step;
    pthread_mutex_lock(&engine->mutex);
    for (;;) {
        if (hg_flow_dropped(flow) || engine->sinks[sink].dead) {
            step = STEP_ABORT;
            break;
        }
        if ((*block = lane_pop(engine, lane))) {
            step = STEP_WRITE;
            break;
        }
        if (flow->all_out && flow->verdict == HG_KEEP) {
            step = STEP_COMMIT;
            break;
        }
        lane->idle = true;
        pthread_cond_wait(&engine->lane, &engine->mutex);
        lane->idle = false;
    }
    pthread_mutex_unlock(&engine->mutex);
    return step;
}

static enum hangar_rc commit(struct hangar_ctx *ctx, struct hangar_put *put,
                             const struct hg_flow *flow, struct hg_error *err)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    enum hangar_rc rc = HG_CALL(ctx, err, ctx->plugin->sink.put_commit(put, &entry));
    if (rc == HANGAR_OK && entry.size != flow->stored_bytes) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "sink %s: it stored %llu bytes of %s and was given %llu", ctx->name,
                     (unsigned long long)entry.size, flow->name,
                     (unsigned long long)flow->stored_bytes);
    }
    return rc;
}

/* Writes one flow to its end. */
static enum hangar_rc write_flow(struct hg_flow *flow, size_t sink, bool *committed,
                                 struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    struct hangar_ctx *ctx = engine->sinks[sink].ctx;
    struct hangar_put *put = NULL;
    enum hangar_rc rc = HG_CALL(
        ctx, err, ctx->plugin->sink.put_open(ctx->inst, flow->name, flow->size_hint, 0, &put));
    if (rc != HANGAR_OK) {
        return rc;
    }
    while (rc == HANGAR_OK) {
        struct hg_block *block = NULL;
        enum step step = next_step(flow, sink, &block);
        if (step == STEP_COMMIT) {
            rc = commit(ctx, put, flow, err);
            *committed = rc == HANGAR_OK;
            return rc;
        }
        if (step == STEP_ABORT) {
            break;
        }
        if (block->size) {
            rc = HG_CALL(ctx, err, ctx->plugin->sink.put_write(put, block->data, block->size));
            hg_instance_pace(ctx, block->size);
        }
        pthread_mutex_lock(&engine->mutex);
        hg_block_unref(engine, block);
        pthread_mutex_unlock(&engine->mutex);
    }
    HG_CALL_VOID(ctx, ctx->plugin->sink.put_abort(put));
    return rc;
}

void *hg_lane_main(void *arg)
{
    struct hg_engine_thread *me = arg;
    struct hg_engine *engine = me->engine;
    struct hg_sink_state *sink = &engine->sinks[me->sink];
    for (;;) {
        pthread_mutex_lock(&engine->mutex);
        while (!sink->waiting_head && !engine->stopping) {
            pthread_cond_wait(&engine->lane, &engine->mutex);
        }
        struct hg_flow *flow = sink->waiting_head;
        bool skip = sink->dead;
        if (flow) {
            sink->waiting_head = flow->lanes[me->sink].next_waiting;
            if (!sink->waiting_head) {
                sink->waiting_tail = NULL;
            }
        }
        pthread_mutex_unlock(&engine->mutex);
        if (!flow) {
            return NULL;
        }
        struct hg_error err = {0};
        bool committed = false;
        if (!skip && write_flow(flow, me->sink, &committed, &err) != HANGAR_OK) {
            sink_fail(engine, me->sink, &err);
        }
        lane_end(flow, me->sink, committed);
    }
}
