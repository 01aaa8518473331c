/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lanes: see lanes.h.
 */
#include "pipeline/lanes.h"
#include "plugin/call.h"

#include <string.h>

/* With the mutex held: one lane fewer must write the block. */
static void lane_unref_block(struct hg_engine *engine, struct hg_block *block)
{
    if (--block->refs == 0) {
        hg_pool_give(&engine->output, block);
        pthread_cond_broadcast(&engine->work);
    }
}

/* Adds a block to every lane that still writes.  Without the mutex. */
static void lanes_push(struct hg_flow *flow, struct hg_block *block)
{
    struct hg_engine *engine = flow->engine;
    pthread_mutex_lock(&engine->mutex);
    engine->stored_bytes += block->size;
    block->refs = 1; /* of this thread, until the block is in all lanes */
    for (size_t i = 0; i < engine->set.sink_count; i++) {
        struct hg_lane *lane = &flow->lanes[i];
        if (!lane->done) {
            lane->ring[(lane->head + lane->count++) % engine->output.count] = block;
            block->refs++;
        }
    }
    lane_unref_block(engine, block);
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
}

static void lanes_insert_encoded(struct hg_flow *flow, struct hg_block *block)
{
    struct hg_block **at = &flow->encoded;
    while (*at && (*at)->index < block->index) {
        at = &(*at)->next;
    }
    block->next = *at;
    *at = block;
}

void hg_lanes_emit(struct hg_flow *flow, struct hg_block *block)
{
    struct hg_engine *engine = flow->engine;
    pthread_mutex_lock(&engine->mutex);
    lanes_insert_encoded(flow, block);
    if (!flow->emitting) {
        flow->emitting = true;
        while (flow->encoded && flow->encoded->index == flow->next_out && !hg_flow_dropped(flow)) {
            struct hg_block *next = flow->encoded;
            flow->encoded = next->next;
            pthread_mutex_unlock(&engine->mutex);
            /* `emitting` reserves the hash and the order for this thread */
            bool last = next->last;
            hg_sha256_update(flow->stored_hash, next->data, next->size);
            flow->stored_bytes += next->size;
            lanes_push(flow, next);
            pthread_mutex_lock(&engine->mutex);
            flow->next_out++;
            flow->in_flight--;
            if (last) {
                flow->all_out = true;
                pthread_cond_broadcast(&engine->lane);
            }
        }
        flow->emitting = false;
    }
    hg_flow_settle(flow);
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

/* Ends a lane of a flow, and releases the blocks that it did not write. */
static void lane_end(struct hg_flow *flow, size_t sink, bool committed)
{
    struct hg_engine *engine = flow->engine;
    struct hg_lane *lane = &flow->lanes[sink];
    pthread_mutex_lock(&engine->mutex);
    for (struct hg_block *block; (block = lane_pop(engine, lane));) {
        lane_unref_block(engine, block);
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
                     "%s; the backup is copied to this sink after the other sinks have it",
                     why->text);
    } else if (first) {
        hg_log_event(engine->set.job->set.log, HANGAR_LOG_ERROR, "sink.failed", "%s", why->text);
    }
    if (any && first) { /* calls of it that wait must not delay the run */
        hg_instance_cancel(sink->ctx);
    } else if (!any && !detach) {
        hg_job_fail(engine->set.job, why);
    }
}

/* Drops a sink after a failed call, unless the call was cancelled with the job. */
static void lane_fail_sink(struct hg_engine *engine, size_t index, const struct hg_error *why)
{
    if (why->rc == HANGAR_CANCELLED && hg_job_cancelled(engine->set.job)) {
        return;
    }
    if (why->rc == HANGAR_RETRY) {
        hg_sink_drop(engine, index, true, why);
    }
    hg_sink_drop(engine, index, false, why); /* has no effect on a detached sink */
}

enum lane_step { LANE_WRITE, LANE_COMMIT, LANE_ABORT };

/* Waits until a lane has something to do. */
static enum lane_step lane_next_step(struct hg_flow *flow, size_t sink, struct hg_block **block)
{
    struct hg_engine *engine = flow->engine;
    struct hg_lane *lane = &flow->lanes[sink];
    enum lane_step step;
    pthread_mutex_lock(&engine->mutex);
    for (;;) {
        if (hg_flow_dropped(flow) || engine->sinks[sink].dead) {
            step = LANE_ABORT;
            break;
        }
        if ((*block = lane_pop(engine, lane))) {
            step = LANE_WRITE;
            break;
        }
        if (flow->all_out && flow->verdict == HG_KEEP) {
            step = LANE_COMMIT;
            break;
        }
        lane->idle = true;
        pthread_cond_wait(&engine->lane, &engine->mutex);
        lane->idle = false;
    }
    pthread_mutex_unlock(&engine->mutex);
    return step;
}

static enum hangar_rc lane_commit(struct hangar_ctx *ctx, struct hangar_put *put,
                                  const struct hg_flow *flow, struct hg_error *err)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    enum hangar_rc rc = HG_CALL(ctx, err, ctx->plugin->sink.put_commit(put, &entry));
    if (rc == HANGAR_OK && entry.size != flow->stored_bytes) {
        rc = hg_fail(err, HANGAR_CORRUPT, 0,
                     "sink %s: stored size of %s is %llu bytes (expected %llu)", ctx->name,
                     flow->name, (unsigned long long)entry.size,
                     (unsigned long long)flow->stored_bytes);
    }
    return rc;
}

/* Writes one flow, and commits or aborts it. */
static enum hangar_rc lane_write_flow(struct hg_flow *flow, size_t sink, bool *committed,
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
        enum lane_step step = lane_next_step(flow, sink, &block);
        if (step == LANE_COMMIT) {
            rc = lane_commit(ctx, put, flow, err);
            *committed = rc == HANGAR_OK;
            return rc;
        }
        if (step == LANE_ABORT) {
            break;
        }
        if (block->size) {
            rc = HG_CALL(ctx, err, ctx->plugin->sink.put_write(put, block->data, block->size));
            hg_instance_pace(ctx, block->size);
        }
        pthread_mutex_lock(&engine->mutex);
        lane_unref_block(engine, block);
        pthread_mutex_unlock(&engine->mutex);
    }
    HG_CALL_CLEAR(ctx, ctx->plugin->sink.put_abort(put));
    return rc;
}

void *hg_lane_main(void *arg)
{
    struct hg_engine_thread *self = arg;
    struct hg_engine *engine = self->engine;
    struct hg_sink_state *sink = &engine->sinks[self->sink];
    for (;;) {
        pthread_mutex_lock(&engine->mutex);
        while (!sink->waiting_head && !engine->stopping) {
            pthread_cond_wait(&engine->lane, &engine->mutex);
        }
        struct hg_flow *flow = sink->waiting_head;
        bool skip = sink->dead;
        if (flow) {
            sink->waiting_head = flow->lanes[self->sink].next_waiting;
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
        if (!skip && lane_write_flow(flow, self->sink, &committed, &err) != HANGAR_OK) {
            lane_fail_sink(engine, self->sink, &err);
        }
        lane_end(flow, self->sink, committed);
    }
}
