/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * encode: the transforms of a flow, on many blocks at once by workers, or in
 * order by the reader when a transform has the stream form only.
 */
#include "pipeline/engine.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_BUFFER ((size_t)64 << 10)

static const struct hangar_transform *transform_of(const struct hg_engine *engine, size_t i)
{
    return &engine->set.chain[i]->plugin->transform;
}

size_t hg_encode_bound(const struct hg_engine_settings *set, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        struct hangar_ctx *ctx = set->chain[i];
        if (!ctx->plugin->transform.encode_block) {
            break; /* from here on streams: output is cut into blocks of any size */
        }
        hg_call_begin(ctx);
        size = ctx->plugin->transform.encode_bound(ctx->inst, size);
        hg_call_end(ctx, HANGAR_OK, NULL);
    }
    return size;
}

/* Output buffers of all transforms, for the reader that encodes itself. */
static enum hangar_rc take_scratch(struct hg_flow *flow, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    size_t sizes[HG_CHAIN_MAX], total = 0;
    for (size_t i = 0; i < engine->set.chain_count; i++) {
        sizes[i] = i < engine->block_form
                       ? hg_encode_bound(&engine->set, i + 1, engine->block_bytes)
                       : STREAM_BUFFER;
        total += sizes[i];
    }
    flow->scratch_bytes = hg_job_budget_take(engine->set.job, total, total);
    if (total && !flow->scratch_bytes) {
        return hg_fail(err, HANGAR_NO_MEMORY, 0,
                       "limits.memory leaves no room to encode; hint: raise it");
    }
    for (size_t i = 0; i < engine->set.chain_count; i++) {
        flow->scratch[i] = malloc(sizes[i]);
        if (!flow->scratch[i]) {
            return hg_no_memory(err);
        }
    }
    return HANGAR_OK;
}

enum hangar_rc hg_encode_open(struct hg_flow *flow, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    enum hangar_rc rc = engine->parallel ? HANGAR_OK : take_scratch(flow, err);
    for (size_t i = 0; rc == HANGAR_OK && i < engine->set.chain_count; i++) {
        struct hangar_ctx *ctx = engine->set.chain[i];
        if (i < engine->block_form) {
            rc = HG_CALL(ctx, err, ctx->plugin->transform.block_open(ctx->inst, &flow->streams[i]));
        } else {
            rc = HG_CALL(
                ctx, err,
                ctx->plugin->transform.open(ctx->inst, HANGAR_ENCODE, NULL, &flow->streams[i]));
        }
    }
    if (rc != HANGAR_OK) {
        hg_encode_close(flow, NULL, NULL);
    }
    return rc;
}

enum hangar_rc hg_encode_close(struct hg_flow *flow, struct hangar_attrs **attrs,
                               struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < engine->set.chain_count; i++) {
        struct hangar_ctx *ctx = engine->set.chain[i];
        struct hangar_stream *stream = flow->streams[i];
        struct hangar_attrs *to = attrs && rc == HANGAR_OK ? attrs[i] : NULL;
        flow->streams[i] = NULL;
        if (!stream) {
            continue;
        }
        enum hangar_rc one;
        if (i < engine->block_form) {
            one = HG_CALL(ctx, err, ctx->plugin->transform.block_close(stream, to));
        } else {
            one = HG_CALL(ctx, err, ctx->plugin->transform.close(stream, to));
        }
        rc = rc == HANGAR_OK && to ? one : rc;
    }
    return rc;
}

/* Block transforms first..count on a block whose bytes are in/size; the result of
 * transform i goes to buffers[i]. */
static enum hangar_rc encode_blocks(struct hg_flow *flow, const struct hg_block *block,
                                    size_t count, unsigned char *const *buffers,
                                    const size_t *capacities, size_t *size, struct hg_error *err)
{
    const unsigned char *in = block->data;
    size_t in_size = block->size;
    for (size_t i = 0; i < count; i++) {
        struct hangar_ctx *ctx = flow->engine->set.chain[i];
        size_t out_size = 0;
        enum hangar_rc rc = HG_CALL(
            ctx, err,
            ctx->plugin->transform.encode_block(flow->streams[i], block->index, block->last, in,
                                                in_size, buffers[i], capacities[i], &out_size));
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (out_size > capacities[i]) {
            return hg_fail(err, HANGAR_INTERNAL, 0,
                           "transform %s: wrote more than its encode_bound", ctx->name);
        }
        in = buffers[i];
        in_size = out_size;
    }
    *size = in_size;
    return HANGAR_OK;
}

/* ---- workers ---- */

/* The first waiting block for which there is an output block, and that block. */
static struct hg_block *take_work(struct hg_engine *engine, struct hg_block **output)
{
    struct hg_block *before = NULL;
    for (struct hg_block *block = engine->queue_head; block; before = block, block = block->next) {
        *output = NULL;
        if (!hg_flow_dropped(block->flow)) {
            *output = hg_pool_take(&engine->output, &block->flow->slot->output);
            if (!*output) {
                continue;
            }
        }
        if (before) {
            before->next = block->next;
        } else {
            engine->queue_head = block->next;
        }
        if (engine->queue_tail == block) {
            engine->queue_tail = before;
        }
        return block;
    }
    return NULL;
}

struct worker_buffers {
    unsigned char *memory[HG_CHAIN_MAX];
    size_t capacities[HG_CHAIN_MAX];
};

/* Encodes one block into the output block. */
static enum hangar_rc work(struct hg_engine *engine, struct worker_buffers *buffers,
                           struct hg_block *input, struct hg_block *output, struct hg_error *err)
{
    size_t n = engine->set.chain_count;
    output->flow = input->flow;
    output->index = input->index;
    output->last = input->last;
    if (n == 0) {
        memcpy(output->data, input->data, input->size);
        output->size = input->size;
        return HANGAR_OK;
    }
    buffers->memory[n - 1] = output->data;
    buffers->capacities[n - 1] = engine->output.capacity;
    enum hangar_rc rc = encode_blocks(input->flow, input, n, buffers->memory, buffers->capacities,
                                      &output->size, err);
    buffers->memory[n - 1] = NULL;
    return rc;
}

static bool make_buffers(struct hg_engine *engine, struct worker_buffers *buffers)
{
    for (size_t i = 0; i + 1 < engine->set.chain_count; i++) {
        buffers->capacities[i] = hg_encode_bound(&engine->set, i + 1, engine->block_bytes);
        buffers->memory[i] = malloc(buffers->capacities[i]);
        if (!buffers->memory[i]) {
            return false;
        }
    }
    return true;
}

/* A block that could not be encoded: the job fails, the flow is dropped. */
static void fail_flow(struct hg_flow *flow, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    hg_context(err, "cannot encode %s", flow->name);
    hg_job_fail(engine->set.job, err);
    pthread_mutex_lock(&engine->mutex);
    flow->verdict = HG_ABANDON;
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
}

/* Gives an input block back; when it brought no output, the flow has one less. */
static void end_input(struct hg_engine *engine, struct hg_block *input, struct hg_block *unused)
{
    pthread_mutex_lock(&engine->mutex);
    struct hg_flow *flow = input->flow;
    hg_pool_give(&engine->input, input);
    pthread_cond_broadcast(&engine->input_free);
    if (unused) {
        hg_pool_give(&engine->output, unused);
        pthread_cond_broadcast(&engine->work);
    }
    if (flow) {
        flow->in_flight--;
        hg_flow_settle(flow);
    }
    pthread_mutex_unlock(&engine->mutex);
}

void *hg_worker_main(void *arg)
{
    struct hg_engine *engine = ((struct hg_engine_thread *)arg)->engine;
    struct worker_buffers buffers = {0};
    bool ready = make_buffers(engine, &buffers);
    for (;;) {
        struct hg_block *input, *output = NULL;
        pthread_mutex_lock(&engine->mutex);
        while (!(input = take_work(engine, &output)) && !engine->stopping) {
            bool starved = engine->queue_head; /* there is work, and no room for what it makes */
            engine->wait_output += starved;
            pthread_cond_wait(&engine->work, &engine->mutex);
            engine->wait_output -= starved;
        }
        pthread_mutex_unlock(&engine->mutex);
        if (!input) {
            break;
        }
        struct hg_flow *flow = input->flow;
        struct hg_error err = {0};
        enum hangar_rc rc = HANGAR_CANCELLED;
        if (output) {
            rc = ready ? work(engine, &buffers, input, output, &err) : hg_no_memory(&err);
            if (rc != HANGAR_OK) {
                fail_flow(flow, &err);
            }
        }
        if (rc != HANGAR_OK) {
            end_input(engine, input, output);
            continue;
        }
        input->flow = NULL; /* the output block stands for it now */
        end_input(engine, input, NULL);
        hg_flow_emit(flow, output);
    }
    for (size_t i = 0; i < HG_CHAIN_MAX; i++) {
        free(buffers.memory[i]);
    }
    return NULL;
}

/* ---- the reader itself ---- */

static enum hangar_rc take_output(struct hg_flow *flow, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    pthread_mutex_lock(&engine->mutex);
    while (!hg_flow_dropped(flow) &&
           !(flow->filling = hg_pool_take(&engine->output, &flow->slot->output))) {
        engine->wait_output++;
        pthread_cond_wait(&engine->work, &engine->mutex);
        engine->wait_output--;
    }
    pthread_mutex_unlock(&engine->mutex);
    return flow->filling ? HANGAR_OK : hg_fail(err, HANGAR_CANCELLED, 0, "cancelled");
}

static void emit_filling(struct hg_flow *flow, bool last)
{
    struct hg_engine *engine = flow->engine;
    struct hg_block *block = flow->filling;
    pthread_mutex_lock(&engine->mutex);
    flow->filling = NULL;
    flow->in_flight++;
    block->flow = flow;
    block->index = flow->next_out; /* nobody else emits for this flow */
    block->last = last;
    pthread_mutex_unlock(&engine->mutex);
    hg_flow_emit(flow, block);
}

/* Appends encoded bytes to the flow's output. */
static enum hangar_rc put_out(struct hg_flow *flow, const unsigned char *data, size_t size,
                              bool last, struct hg_error *err)
{
    do {
        if (!flow->filling) {
            enum hangar_rc rc = take_output(flow, err);
            if (rc != HANGAR_OK) {
                return rc;
            }
        }
        struct hg_block *block = flow->filling;
        size_t room = flow->engine->output.capacity - block->size;
        size_t n = size < room ? size : room;
        memcpy(block->data + block->size, data, n);
        block->size += n;
        data += n;
        size -= n;
        if (block->size == flow->engine->output.capacity || (last && size == 0)) {
            emit_filling(flow, last && size == 0);
        }
    } while (size);
    return HANGAR_OK;
}

/* Pushes bytes through the stream transforms from number i on. */
static enum hangar_rc push_streams(struct hg_flow *flow, size_t i, const unsigned char *data,
                                   size_t size, bool last, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    if (i == engine->set.chain_count) {
        return put_out(flow, data, size, last, err);
    }
    struct hangar_ctx *ctx = engine->set.chain[i];
    struct hangar_io io = {.in = data, .in_size = size};
    for (;;) {
        io.out = flow->scratch[i];
        io.out_size = STREAM_BUFFER;
        size_t before = io.in_size;
        enum hangar_rc rc =
            HG_CALL_EOF(ctx, err, transform_of(engine, i)->process(flow->streams[i], &io, last));
        if (rc != HANGAR_OK && rc != HANGAR_EOF) {
            return rc;
        }
        size_t made = STREAM_BUFFER - io.out_size;
        bool ended = rc == HANGAR_EOF;
        if (!ended && made == 0 && io.in_size == before && (before || last)) {
            return hg_fail(err, HANGAR_INTERNAL, 0, "transform %s: makes no progress", ctx->name);
        }
        if (made || ended) {
            rc = push_streams(flow, i + 1, flow->scratch[i], made, ended, err);
            if (rc != HANGAR_OK || ended) {
                return rc;
            }
        }
        if (!last && io.in_size == 0 && io.out_size > 0) {
            return HANGAR_OK;
        }
    }
}

enum hangar_rc hg_encode_inline(struct hg_flow *flow, struct hg_block *block, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    size_t capacities[HG_CHAIN_MAX], size = block->size;
    for (size_t i = 0; i < engine->block_form; i++) {
        capacities[i] = hg_encode_bound(&engine->set, i + 1, engine->block_bytes);
    }
    enum hangar_rc rc =
        encode_blocks(flow, block, engine->block_form, flow->scratch, capacities, &size, err);
    const unsigned char *data =
        engine->block_form ? flow->scratch[engine->block_form - 1] : block->data;
    if (rc == HANGAR_OK) {
        rc = push_streams(flow, engine->block_form, data, size, block->last, err);
    }
    hg_flow_give(flow, block);
    return rc;
}
