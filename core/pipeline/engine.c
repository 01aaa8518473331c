/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * engine: see engine.h.  Slots, the readers' side of flows, and the threads.
 */
#include "pipeline/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "pipeline/encode.h"
#include "pipeline/lanes.h"

#define BLOCK_MAX_BYTES ((size_t)1 << 20)
#define MIN_BLOCK_BYTES ((size_t)64 << 10)

enum hangar_rc hg_slot_take(struct hg_engine *engine, struct hg_slot **slot, struct hg_error *err)
{
    pthread_mutex_lock(&engine->mutex);
    while (!engine->free_slots && !hg_job_cancelled(engine->set.job)) {
        engine->wait_slot++;
        pthread_cond_wait(&engine->slot_free, &engine->mutex);
        engine->wait_slot--;
    }
    enum hangar_rc rc = hg_job_check(engine->set.job, err);
    if (rc == HANGAR_OK) {
        *slot = engine->free_slots;
        engine->free_slots = (*slot)->next;
    }
    pthread_mutex_unlock(&engine->mutex);
    return rc;
}

void hg_slot_give(struct hg_engine *engine, struct hg_slot *slot)
{
    pthread_mutex_lock(&engine->mutex);
    slot->next = engine->free_slots;
    engine->free_slots = slot;
    pthread_cond_broadcast(&engine->slot_free);
    pthread_mutex_unlock(&engine->mutex);
}

static void engine_free_scratch(struct hg_flow *flow)
{
    for (size_t i = 0; i < HG_CHAIN_MAX; i++) {
        free(flow->scratch[i]);
        flow->scratch[i] = NULL;
    }
    hg_job_budget_give(flow->engine->set.job, flow->scratch_bytes);
    flow->scratch_bytes = 0;
}

static void engine_free_flow(struct hg_flow *flow)
{
    hg_sha256_free(flow->plain_hash);
    hg_sha256_free(flow->stored_hash);
    engine_free_scratch(flow);
    free(flow);
}

enum hangar_rc hg_flow_open(struct hg_engine *engine, struct hg_slot *slot, const char *stored,
                            uint64_t size_hint, struct hg_flow **out, struct hg_error *err)
{
    struct hg_flow *flow = calloc(1, sizeof(*flow));
    enum hangar_rc rc = HANGAR_NO_MEMORY;
    if (!flow) {
        hg_slot_give(engine, slot);
        return hg_no_memory(err);
    }
    flow->engine = engine;
    flow->slot = slot;
    flow->plain_hash = hg_sha256_new();
    flow->stored_hash = hg_sha256_new();
    flow->size_hint = engine->set.chain_count == 0 ? size_hint : 0;
    if (!flow->plain_hash || !flow->stored_hash) {
        hg_no_memory(err);
    } else if ((size_t)snprintf(flow->name, sizeof(flow->name), "%s", stored) >=
               sizeof(flow->name)) {
        rc = hg_fail(err, HANGAR_INTERNAL, 0, "the name of object %s is too long", stored);
    } else {
        rc = hg_encode_open(flow, err);
    }
    if (rc != HANGAR_OK) {
        engine_free_flow(flow);
        hg_slot_give(engine, slot);
        return rc;
    }
    pthread_mutex_lock(&engine->mutex);
    slot->flow = flow;
    for (size_t i = 0; i < engine->set.sink_count; i++) {
        struct hg_sink_state *sink = &engine->sinks[i];
        flow->lanes[i].ring = slot->ring[i];
        if (sink->waiting_tail) {
            sink->waiting_tail->lanes[i].next_waiting = flow;
        } else {
            sink->waiting_head = flow;
        }
        sink->waiting_tail = flow;
    }
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
    *out = flow;
    return HANGAR_OK;
}

enum hangar_rc hg_flow_take(struct hg_flow *flow, bool wait, struct hg_block **block,
                            struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    *block = NULL;
    pthread_mutex_lock(&engine->mutex);
    while (!hg_job_cancelled(engine->set.job)) {
        *block = hg_pool_take(&engine->input, &flow->slot->input);
        if (*block || !wait) {
            break;
        }
        pthread_cond_wait(&engine->input_free, &engine->mutex);
    }
    pthread_mutex_unlock(&engine->mutex);
    return *block ? HANGAR_OK : hg_job_check(engine->set.job, err);
}

enum hangar_rc hg_flow_submit(struct hg_flow *flow, struct hg_block *block, bool last,
                              struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    /* without transforms the stored bytes are the plain ones: one hash serves */
    if (engine->set.chain_count > 0) {
        hg_sha256_update(flow->plain_hash, block->data, block->size);
    }
    flow->plain_bytes += block->size;
    block->flow = flow;
    block->index = flow->next_index++;
    block->last = last;
    pthread_mutex_lock(&engine->mutex);
    engine->plain_bytes += block->size;
    if (engine->parallel) {
        flow->in_flight++;
        block->next = NULL;
        if (engine->queue_tail) {
            engine->queue_tail->next = block;
        } else {
            engine->queue_head = block;
        }
        engine->queue_tail = block;
        pthread_cond_signal(&engine->work);
    }
    pthread_mutex_unlock(&engine->mutex);
    return engine->parallel ? HANGAR_OK : hg_encode_inline(flow, block, err);
}

void hg_flow_finish(struct hg_flow *flow, bool keep)
{
    struct hg_engine *engine = flow->engine;
    /* The reader has read all.  Flows that wait for hg_flow_wait need no scratch memory, and
     * do not count against the budget. */
    engine_free_scratch(flow);
    pthread_mutex_lock(&engine->mutex);
    flow->finished = true;
    if (flow->verdict == HG_PENDING) { /* otherwise encoding failed */
        flow->verdict = keep ? HG_KEEP : HG_ABANDON;
    }
    if (flow->filling) { /* only when the object is abandoned */
        hg_pool_give(&engine->output, flow->filling);
        flow->filling = NULL;
    }
    hg_flow_settle(flow);
    pthread_cond_broadcast(&engine->lane);
    pthread_cond_broadcast(&engine->work);
    pthread_mutex_unlock(&engine->mutex);
}

enum hangar_rc hg_flow_wait(struct hg_flow *flow, struct hg_flow_result *result,
                            struct hg_error *err)
{
    struct hg_engine *engine = flow->engine;
    pthread_mutex_lock(&engine->mutex);
    while (!flow->complete) {
        pthread_cond_wait(&engine->flow_done, &engine->mutex);
    }
    *result = (struct hg_flow_result){.plain_bytes = flow->plain_bytes,
                                      .stored_bytes = flow->stored_bytes};
    for (size_t i = 0; i < engine->set.sink_count; i++) {
        result->kept_by |= (uint32_t)flow->lanes[i].committed << i;
    }
    engine->objects += result->kept_by != 0;
    pthread_mutex_unlock(&engine->mutex);

    enum hangar_rc rc = HANGAR_OK;
    bool kept = result->kept_by != 0;
    if (!kept) {
        rc = hg_fail(err, HANGAR_CANCELLED, 0, "no sink stored %s", flow->name);
    }
    for (size_t i = 0; kept && i < engine->set.chain_count && rc == HANGAR_OK; i++) {
        result->attrs[i] = hg_attrs_new();
        rc = result->attrs[i] ? rc : hg_no_memory(err);
    }
    enum hangar_rc close_rc =
        hg_encode_close(flow, kept && rc == HANGAR_OK ? result->attrs : NULL, err);
    hg_sha256_final(flow->stored_hash, result->stored_sha256);
    if (engine->set.chain_count > 0) {
        hg_sha256_final(flow->plain_hash, result->plain_sha256);
    } else {
        memcpy(result->plain_sha256, result->stored_sha256, sizeof(result->plain_sha256));
    }
    if (rc == HANGAR_OK && (!result->plain_sha256[0] || !result->stored_sha256[0])) {
        rc = hg_fail(err, HANGAR_INTERNAL, 0, "cannot hash %s: OpenSSL failed", flow->name);
    }
    engine_free_flow(flow);
    return rc != HANGAR_OK ? rc : close_rc;
}

void hg_flow_result_free(struct hg_flow_result *result)
{
    for (size_t i = 0; i < HG_CHAIN_MAX; i++) {
        hg_attrs_free(result->attrs[i]);
        result->attrs[i] = NULL;
    }
}

void hg_engine_drain(struct hg_engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    engine->draining = true;
    pthread_mutex_unlock(&engine->mutex);
}

void hg_engine_counts(struct hg_engine *engine, uint64_t *plain, uint64_t *stored,
                      uint64_t *objects)
{
    pthread_mutex_lock(&engine->mutex);
    *plain = engine->plain_bytes;
    *stored = engine->stored_bytes;
    *objects = engine->objects;
    pthread_mutex_unlock(&engine->mutex);
}

/* The job was cancelled: wakes all threads that wait. */
static void engine_wake_all(void *arg)
{
    struct hg_engine *engine = arg;
    pthread_mutex_lock(&engine->mutex);
    pthread_cond_broadcast(&engine->slot_free);
    pthread_cond_broadcast(&engine->input_free);
    pthread_cond_broadcast(&engine->work);
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
}

/* The flows that may be open: one per reader, and two that are still being stored while
 * their readers continue, but not more puts than a sink allows. */
static size_t engine_count_slots(const struct hg_engine_settings *set)
{
    size_t slots = set->readers + 2;
    for (size_t i = 0; i < set->sink_count; i++) {
        struct hangar_ctx *sink = set->sinks[i];
        uint32_t max = 64;
        if (sink->plugin->sink.max_open_puts) {
            hg_call_begin(sink);
            max = sink->plugin->sink.max_open_puts(sink->inst);
            hg_call_end(sink, HANGAR_OK, NULL);
        }
        max = max > 1 ? max - 1 : 1; /* one is left for small files such as run.json */
        slots = max < slots ? max : slots;
    }
    return slots > 0 ? slots : 1;
}

/* Divides the memory into pools: a third for input, two thirds for output.  Blocks are as
 * large as possible while every slot and worker can have some. */
static enum hangar_rc engine_make_pools(struct hg_engine *engine, struct hg_error *err)
{
    const struct hg_engine_settings *set = &engine->set;
    size_t least = engine->slots + set->workers;
    for (size_t size = BLOCK_MAX_BYTES;; size /= 2) {
        size_t bound = hg_encode_bound(set, set->chain_count, size);
        bound = (bound + 63) & ~(size_t)63;
        size_t in = set->memory_bytes / 3 / size, out = set->memory_bytes / 3 * 2 / bound;
        if ((in < least + 2 || out < least + 2) && size > MIN_BLOCK_BYTES) {
            continue;
        }
        if (in < engine->slots || out < engine->slots) {
            return hg_fail(err, HANGAR_CONFIG, 0,
                           "limits.memory is too small for %zu objects at once; hint: raise it, or "
                           "lower `jobs` of the sources",
                           engine->slots);
        }
        size_t most = 4 * least + 8; /* more blocks would stay unused */
        engine->block_bytes = size;
        if (!hg_pool_init(&engine->input, in < most ? in : most, size, engine->slots) ||
            !hg_pool_init(&engine->output, out < most ? out : most, bound, engine->slots)) {
            return hg_no_memory(err);
        }
        return HANGAR_OK;
    }
}

static enum hangar_rc engine_make_slots(struct hg_engine *engine, struct hg_error *err)
{
    engine->slot = calloc(engine->slots, sizeof(*engine->slot));
    if (!engine->slot) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < engine->slots; i++) {
        struct hg_slot *slot = &engine->slot[i];
        for (size_t s = 0; s < engine->set.sink_count; s++) {
            slot->ring[s] = calloc(engine->output.count, sizeof(*slot->ring[s]));
            if (!slot->ring[s]) {
                return hg_no_memory(err);
            }
        }
        slot->next = engine->free_slots;
        engine->free_slots = slot;
    }
    return HANGAR_OK;
}

static enum hangar_rc engine_start_threads(struct hg_engine *engine, struct hg_error *err)
{
    size_t workers = engine->parallel ? engine->set.workers : 0;
    size_t total = workers + engine->slots * engine->set.sink_count;
    engine->threads = calloc(total, sizeof(*engine->threads));
    engine->thread_args = calloc(total, sizeof(*engine->thread_args));
    if (!engine->threads || !engine->thread_args) {
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < total; i++) {
        engine->thread_args[i].engine = engine;
        engine->thread_args[i].sink = i >= workers ? (i - workers) / engine->slots : 0;
        if (hg_thread_start(&engine->threads[i], i < workers ? hg_worker_main : hg_lane_main,
                            &engine->thread_args[i]) != 0) {
            return hg_no_thread(err);
        }
        engine->thread_count++;
    }
    return HANGAR_OK;
}

enum hangar_rc hg_engine_begin(struct hg_engine *engine, const struct hg_engine_settings *settings,
                               struct hg_error *err)
{
    memset(engine, 0, sizeof(*engine));
    engine->set = *settings;
    pthread_mutex_init(&engine->mutex, NULL);
    pthread_cond_t *conds[] = {&engine->slot_free, &engine->input_free, &engine->work,
                               &engine->lane, &engine->flow_done};
    for (size_t i = 0; i < sizeof(conds) / sizeof(conds[0]); i++) {
        hg_cond_init(conds[i]);
    }
    engine->hook = (struct hg_job_hook){.wake = engine_wake_all, .arg = engine};
    hg_job_add_hook(settings->job, &engine->hook);
    for (size_t i = 0; i < settings->sink_count; i++) {
        engine->sinks[i].ctx = settings->sinks[i];
    }
    while (engine->block_form < settings->chain_count &&
           settings->chain[engine->block_form]->plugin->transform.encode_block) {
        engine->block_form++;
    }
    engine->parallel = engine->block_form == settings->chain_count;
    engine->slots = engine_count_slots(settings);
    enum hangar_rc rc = engine_make_pools(engine, err);
    if (rc == HANGAR_OK) {
        rc = engine_make_slots(engine, err);
    }
    if (rc == HANGAR_OK) {
        rc = engine_start_threads(engine, err);
    }
    if (rc != HANGAR_OK) {
        hg_engine_end(engine);
    }
    return rc;
}

void hg_engine_end(struct hg_engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    engine->stopping = true;
    pthread_cond_broadcast(&engine->work);
    pthread_cond_broadcast(&engine->lane);
    pthread_mutex_unlock(&engine->mutex);
    for (size_t i = 0; i < engine->thread_count; i++) {
        pthread_join(engine->threads[i], NULL);
    }
    hg_job_remove_hook(engine->set.job, &engine->hook);
    for (size_t i = 0; engine->slot && i < engine->slots; i++) {
        for (size_t s = 0; s < engine->set.sink_count; s++) {
            free(engine->slot[i].ring[s]);
        }
    }
    free(engine->slot);
    free(engine->threads);
    free(engine->thread_args);
    hg_pool_fini(&engine->input);
    hg_pool_fini(&engine->output);
    pthread_cond_destroy(&engine->slot_free);
    pthread_cond_destroy(&engine->input_free);
    pthread_cond_destroy(&engine->work);
    pthread_cond_destroy(&engine->lane);
    pthread_cond_destroy(&engine->flow_done);
    pthread_mutex_destroy(&engine->mutex);
}
