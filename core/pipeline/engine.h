/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * engine: moves the bytes of many objects at once through the transforms and into
 * every sink.  Each object is read once, encoded once and stored in all sinks.
 *
 *     reader ──► input block ──► work queue ──► worker: block transforms ──►
 *         output block ──► in order ──► a lane per sink ──► put_write
 *
 * An object on its way is a flow.  A reader (pull.c) opens a flow, submits its
 * blocks, and finishes it with the decision whether the object is kept:
 *
 *     hg_slot_take ──► hg_flow_open ──► ( hg_flow_take ──► hg_flow_submit )*
 *         ──► hg_flow_finish ──► hg_flow_wait
 *
 *
 * Why this cannot deadlock
 *
 * 1. A thread of a sink waits only for blocks of the flow that it writes, or for
 *    its store.  Each open flow has a thread in every sink from its first block
 *    on.  So output blocks that are in order are always being written and become
 *    free, or the sink fails and releases them.
 * 2. A worker takes an input block and an output block in one step, and always the
 *    first waiting block for which there is an output block.  The blocks of a flow
 *    are queued in order, and all of them use the same share of the pool.  So when
 *    a block has its output block, all earlier blocks of the flow had theirs.
 *    Hence every encoded block gets in order without further memory.
 * 3. Each slot (open flow) has one input and one output block reserved, so that
 *    other flows cannot use up the pools.
 * 4. A reader waits for a slot, an input block, or its source.  While it waits, it
 *    holds nothing that 1 and 2 need.
 *
 * So waits form a chain from readers over workers to sinks, and never a ring.
 * Detaching a sink that lags (lag.h) keeps this true: the sink is dead like one
 * that failed, and its instance is cancelled, so that its calls return and its
 * threads release their blocks and flows as in 1.  A store or a server that hangs
 * is not a deadlock: the monitor of the job ends it (job.h).
 * tests/unit/pipeline/test_engine.c runs this with the smallest allowed pools.
 */
#ifndef HG_PIPELINE_ENGINE_H
#define HG_PIPELINE_ENGINE_H

#include "pipeline/flow.h"

/* The result of a finished flow; hashes are hex. */
struct hg_flow_result {
    uint64_t plain_bytes, stored_bytes;
    char plain_sha256[HG_SHA256_HEX], stored_sha256[HG_SHA256_HEX];
    struct hangar_attrs *attrs[HG_CHAIN_MAX]; /* of each transform, may be NULL; the caller's */
    uint32_t kept_by;                         /* sinks that committed it: bit i is sink i */
};

/* Starts the threads. */
enum hangar_rc hg_engine_begin(struct hg_engine *engine, const struct hg_engine_settings *settings,
                               struct hg_error *err);
/* Ends the threads.  hg_flow_wait must have returned for all flows. */
void hg_engine_end(struct hg_engine *engine);

/* Waits for a free slot; CANCELLED when the job is.  The caller passes the slot to
 * hg_flow_open or returns it with hg_slot_give. */
enum hangar_rc hg_slot_take(struct hg_engine *engine, struct hg_slot **slot, struct hg_error *err);
void hg_slot_give(struct hg_engine *engine, struct hg_slot *slot);

/* Opens a flow, which owns the slot from here on, also on failure.  `stored` is the object's
 * name in the sinks.  On OK the flow must be finished and waited for. */
enum hangar_rc hg_flow_open(struct hg_engine *engine, struct hg_slot *slot, const char *stored,
                            uint64_t size_hint, struct hg_flow **out, struct hg_error *err);

/* An input block of engine->block_bytes to fill.  With `wait` false, *block is NULL when no
 * block is free. */
enum hangar_rc hg_flow_take(struct hg_flow *flow, bool wait, struct hg_block **block,
                            struct hg_error *err);

/* Submits a filled block, which belongs to the engine from here on.  `last` marks the last
 * block, which may be empty. */
enum hangar_rc hg_flow_submit(struct hg_flow *flow, struct hg_block *block, bool last,
                              struct hg_error *err);

/* Ends the submission, and does not wait.  With `keep`, after the last block: each sink
 * commits the object.  Without, also before the last block: no sink keeps anything. */
void hg_flow_finish(struct hg_flow *flow, bool keep);

/* Waits until every sink has committed or aborted the object, sets *result and frees the
 * flow.  Fails when encoding failed or no sink stored the object. */
enum hangar_rc hg_flow_wait(struct hg_flow *flow, struct hg_flow_result *result,
                            struct hg_error *err);
void hg_flow_result_free(struct hg_flow_result *result);

/* To be called when no more flows will be opened. */
void hg_engine_drain(struct hg_engine *engine);

void hg_engine_counts(struct hg_engine *engine, uint64_t *plain, uint64_t *stored,
                      uint64_t *objects);

#endif
