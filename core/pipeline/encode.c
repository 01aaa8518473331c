/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * encode: see encode.h.
 */
#include "pipeline/encode.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lanes.h"

#define STREAM_BUFFER ((size_t)64 << 10)

static const struct hangar_transform *encode_transform(const struct hg_engine *engine, size_t i)
{
    return &engine->set.chain[i]->plugin->transform;
}

size_t hg_encode_bound(const struct hg_engine_settings *set, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        struct hangar_ctx *ctx = set->chain[i];
        if (!ctx->plugin->transform.encode_block) {
            break; /* the rest are streams, whose output is cut into blocks of any size */
        }
        hg_call_begin(ctx);
        size = ctx->plugin->transform.encode_bound(ctx->inst, size);
        hg_call_end(ctx, HANGAR_OK, NULL);
    }
    return size;
}

/* Allocates the output buffers of all transforms, for a reader that encodes. */
static enum hangar_rc encode_make_scratch(struct hg_flow *flow, struct hg_error *err)
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
                       "limits.memory is too small to encode (%zu KiB more needed); hint: raise it",
                       total >> 10);
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
    enum hangar_rc rc = engine->parallel ? HANGAR_OK : encode_make_scratch(flow, err);
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

struct encode_buffers {
    unsigned char *memory[HG_CHAIN_MAX];
    size_t capacities[HG_CHAIN_MAX];
};

/* Runs the first `count` transforms on a block.  Transform i writes to buffer i. */
static enum hangar_rc encode_block_forms(struct hg_flow *flow, const struct hg_block *block,
                                         size_t count, const struct encode_buffers *buffers,
                                         size_t *size, struct hg_error *err)
{
    const unsigned char *in = block->data;
    size_t in_size = block->size;
    for (size_t i = 0; i < count; i++) {
        struct hangar_ctx *ctx = flow->engine->set.chain[i];
        size_t out_size = 0;
        enum hangar_rc rc = HG_CALL(ctx, err,
                                    ctx->plugin->transform.encode_block(
                                        flow->streams[i], block->index, block->last, in, in_size,
                                        buffers->memory[i], buffers->capacities[i], &out_size));
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (out_size > buffers->capacities[i]) {
            return hg_fail(err, HANGAR_INTERNAL, 0,
                           "transform %s: it wrote more than its encode_bound allows", ctx->name);
        }
        in = buffers->memory[i];
        in_size = out_size;
    }
    *size = in_size;
    return HANGAR_OK;
}

/* ---- workers ---- */

/* The first waiting block for which there is an output block, and that block. */
static struct hg_block *encode_next_input(struct hg_engine *engine, struct hg_block **output)
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

/* Encodes one block into the output block. */
static enum hangar_rc encode_work(struct hg_engine *engine, struct encode_buffers *buffers,
                                  struct hg_block *input, struct hg_block *output,
                                  struct hg_error *err)
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
    enum hangar_rc rc = encode_block_forms(input->flow, input, n, buffers, &output->size, err);
    buffers->memory[n - 1] = NULL;
    return rc;
}

static bool encode_make_buffers(struct hg_engine *engine, struct encode_buffers *buffers)
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

/* A block could not be encoded: fails the job and drops the flow. */
static void encode_fail_flow(struct hg_flow *flow, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    hg_context(err, "cannot encode %s", flow->name);
    hg_job_fail(engine->set.job, err);
    pthread_mutex_lock(&engine->mutex);
    flow->verdict = HG_ABANDON;
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
}

/* Returns an input block to the pool.  When it gave no output block, the flow has one block
 * less in flight, and `unused` is returned, too. */
static void encode_end_input(struct hg_engine *engine, struct hg_block *input,
                             struct hg_block *unused)
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
    struct encode_buffers buffers = {0};
    bool ready = encode_make_buffers(engine, &buffers);
    for (;;) {
        struct hg_block *input, *output = NULL;
        pthread_mutex_lock(&engine->mutex);
        while (!(input = encode_next_input(engine, &output)) && !engine->stopping) {
            bool starved = engine->queue_head; /* there is input, and no output block */
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
            rc = ready ? encode_work(engine, &buffers, input, output, &err) : hg_no_memory(&err);
            if (rc != HANGAR_OK) {
                encode_fail_flow(flow, &err);
            }
        }
        if (rc != HANGAR_OK) {
            encode_end_input(engine, input, output);
            continue;
        }
        input->flow = NULL; /* the output block counts as in flight now */
        encode_end_input(engine, input, NULL);
        hg_lanes_emit(flow, output);
    }
    for (size_t i = 0; i < HG_CHAIN_MAX; i++) {
        free(buffers.memory[i]);
    }
    return NULL;
}

/* ---- encoding by the reader ---- */

static enum hangar_rc encode_wait_output(struct hg_flow *flow, struct hg_error *err)
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

static void encode_emit_filling(struct hg_flow *flow, bool last)
{
    struct hg_engine *engine = flow->engine;
    struct hg_block *block = flow->filling;
    pthread_mutex_lock(&engine->mutex);
    flow->filling = NULL;
    flow->in_flight++;
    block->flow = flow;
    block->index = flow->next_out; /* only this thread emits for the flow */
    block->last = last;
    pthread_mutex_unlock(&engine->mutex);
    hg_lanes_emit(flow, block);
}

/* Appends encoded bytes to the flow's output. */
static enum hangar_rc encode_add_output(struct hg_flow *flow, const unsigned char *data,
                                        size_t size, bool last, struct hg_error *err)
{
    do {
        if (!flow->filling) {
            enum hangar_rc rc = encode_wait_output(flow, err);
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
            encode_emit_filling(flow, last && size == 0);
        }
    } while (size);
    return HANGAR_OK;
}

/* Passes bytes through the stream transforms from number i on. */
static enum hangar_rc encode_stream_forms(struct hg_flow *flow, size_t i, const unsigned char *data,
                                          size_t size, bool last, struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    if (i == engine->set.chain_count) {
        return encode_add_output(flow, data, size, last, err);
    }
    struct hangar_ctx *ctx = engine->set.chain[i];
    struct hangar_io io = {.in = data, .in_size = size};
    for (;;) {
        io.out = flow->scratch[i];
        io.out_size = STREAM_BUFFER;
        size_t before = io.in_size;
        enum hangar_rc rc = HG_CALL_EOF(
            ctx, err, encode_transform(engine, i)->process(flow->streams[i], &io, last));
        if (rc != HANGAR_OK && rc != HANGAR_EOF) {
            return rc;
        }
        size_t made = STREAM_BUFFER - io.out_size;
        bool ended = rc == HANGAR_EOF;
        if (!ended && made == 0 && io.in_size == before && (before || last)) {
            return hg_fail(
                err, HANGAR_INTERNAL, 0,
                "transform %s: it makes no progress: it reads no input and writes no output",
                ctx->name);
        }
        if (made || ended) {
            rc = encode_stream_forms(flow, i + 1, flow->scratch[i], made, ended, err);
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
    struct encode_buffers buffers;
    size_t size = block->size;
    for (size_t i = 0; i < engine->block_form; i++) {
        buffers.memory[i] = flow->scratch[i];
        buffers.capacities[i] = hg_encode_bound(&engine->set, i + 1, engine->block_bytes);
    }
    enum hangar_rc rc = encode_block_forms(flow, block, engine->block_form, &buffers, &size, err);
    const unsigned char *data =
        engine->block_form ? flow->scratch[engine->block_form - 1] : block->data;
    if (rc == HANGAR_OK) {
        rc = encode_stream_forms(flow, engine->block_form, data, size, block->last, err);
    }
    hg_flow_give(flow, block);
    return rc;
}
