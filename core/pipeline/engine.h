/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * engine: takes the bytes of many objects at once through the transforms and
 * into every sink: read once, encode once, store everywhere.
 *
 *     reader ──► input block ──► work queue ──► worker: block transforms ──►
 *         output block ──► put in order ──► a queue per sink ──► put_write
 *
 * An object on its way is a flow.  A reader (pull.c) opens a flow, submits
 * its blocks and says at the end whether they are to be kept:
 *
 *     hg_flow_open ──► ( hg_flow_take ──► hg_flow_submit )* ──► hg_flow_finish
 *         ──► hg_flow_wait
 *
 *
 * Why this cannot deadlock
 *
 * 1. A sink's thread waits only for blocks of the flow that it writes, or for
 *    its store.  Each open flow has a thread in every sink from its first block
 *    on, so output blocks that are in order are always being written, and come
 *    free, or the sink fails and lets go of them.
 * 2. A worker takes an input block and an output block in one step, and of the
 *    waiting blocks always the first for which there is one.  A flow's blocks
 *    stand in the queue in their order, and all of a flow ask the same share: so
 *    when a block has its output block, all earlier blocks of the flow have had
 *    theirs.  Hence every encoded block gets in order without any further
 *    memory.
 * 3. Each slot (open flow) is promised one input and one output block, so that
 *    neither pool can be emptied by others.
 * 4. A reader waits for a slot, an input block, or its source, holding nothing
 *    that 1 and 2 need.
 * So the waits form a chain from readers over workers to sinks, and never a
 * ring.  Detaching a sink that lags (lag.c) takes nothing away from this: it is
 * dead as one that failed, and its instance is cancelled, so that the calls that
 * it hangs in return and its threads let go of their blocks and flows as in 1.  A store or a server that hangs is not a deadlock: the job's monitor
 * ends it (job.h).  tests/unit/pipeline/test_engine.c runs it with the smallest
 * pools that are allowed.
 *
 *
 * Locks: `mutex` guards all that is in struct hg_engine and struct hg_flow but
 * what is marked otherwise.  It is never held while a plugin is called, while
 * bytes are hashed, or while the job's functions are called.
 */
#ifndef HG_ENGINE_H
#define HG_ENGINE_H

#include "base/attrs.h"
#include "base/hash.h"
#include "config/config.h"
#include "pipeline/pool.h"
#include "plugin/instance.h"

#define HG_MAX_SINKS 16

/* What becomes of a sink during a run. */
struct hg_sink_state {
    struct hangar_ctx *ctx;
    struct hg_error error;                       /* rc OK while it works */
    bool dead;                                   /* nothing more goes there: it failed, or ... */
    bool detached;                               /* ... lags, or failed for a passing reason */
    int64_t lag_ms;                              /* so long it has kept the others waiting */
    struct hg_flow *waiting_head, *waiting_tail; /* flows that no thread of it has taken */
};

enum hg_verdict { HG_PENDING, HG_KEEP, HG_ABANDON };

struct hg_engine_settings {
    struct hg_job *job;
    struct hangar_ctx **chain; /* transforms, in the order of encoding */
    size_t chain_count;
    struct hangar_ctx **sinks;
    size_t sink_count;
    const int64_t *max_lag_ms; /* of each sink; NULL: none is ever detached for that */
    size_t workers;
    size_t readers;      /* threads that will open flows */
    size_t memory_bytes; /* for the pools */
};

struct hg_engine {
    struct hg_engine_settings set;
    size_t block_bytes; /* of plain data */
    size_t block_form;  /* so many transforms at the front have the block form */
    bool parallel;      /* all have it: workers encode.  Else the reader does */
    size_t slots;       /* flows that may be open at once */

    pthread_mutex_t mutex;
    pthread_cond_t slot_free, input_free, work, lane, flow_done;
    struct hg_pool input, output;
    struct hg_block *queue_head, *queue_tail; /* input blocks to encode */
    struct hg_sink_state sinks[HG_MAX_SINKS];
    struct hg_slot {
        struct hg_share input, output;
        struct hg_flow *flow;                 /* that has it; NULL: not open yet, or done */
        struct hg_block **ring[HG_MAX_SINKS]; /* room for the lanes of its flow */
        struct hg_slot *next;
    } *slot, *free_slots;
    uint64_t plain_bytes, stored_bytes, objects; /* so far, for progress */
    bool stopping;
    size_t wait_output, wait_slot; /* threads that need an output block, a slot */
    bool draining;                 /* all has been read */
    int64_t watched_ms;            /* when hg_engine_watch looked last */

    struct hg_job_hook hook;
    pthread_t *threads;
    size_t thread_count;
    struct hg_engine_thread *thread_args;
};

/* An object on its way into the sinks; from hg_flow_open until hg_flow_wait. */
struct hg_flow {
    struct hg_engine *engine;
    struct hg_slot *slot;
    char name[1024];    /* in the sink, with pipeline, id and suffixes */
    uint64_t size_hint; /* of the stored bytes, 0: unknown */

    /* The reader's own. */
    struct hg_sha256 *plain_hash;
    uint64_t plain_bytes, next_index;
    struct hangar_stream *streams[HG_CHAIN_MAX];
    unsigned char *scratch[HG_CHAIN_MAX]; /* output of each transform, when the reader encodes */
    size_t scratch_bytes;                 /* of the budget */
    struct hg_block *filling;             /* the output block being filled then */

    /* Putting in order. */
    struct hg_block *encoded; /* out of order, sorted by index */
    uint64_t next_out;
    size_t in_flight; /* blocks submitted and not yet with the lanes or dropped */
    bool emitting, all_out;
    struct hg_sha256 *stored_hash; /* of whoever has `emitting` */
    uint64_t stored_bytes;

    /* Sinks. */
    struct hg_lane {
        struct hg_block **ring; /* blocks to write, in order */
        size_t head, count;
        bool done, committed;
        bool idle; /* its thread waits for the next block */
        struct hg_flow *next_waiting;
    } lanes[HG_MAX_SINKS];
    size_t lanes_done;
    enum hg_verdict verdict;
    bool finished; /* by its reader: no more blocks come */
    bool complete; /* nothing of the engine knows it any more */
};

/* What a finished flow came to; hashes as hex. */
struct hg_flow_result {
    uint64_t plain_bytes, stored_bytes;
    char plain_sha256[HG_SHA256_HEX], stored_sha256[HG_SHA256_HEX];
    struct hangar_attrs *attrs[HG_CHAIN_MAX]; /* of each transform, may be NULL; the caller's */
    uint32_t kept_by;                         /* sinks that committed it: bit i is sink i */
};

/* Starts the threads.  The settings' arrays live until hg_engine_end. */
enum hangar_rc hg_engine_begin(struct hg_engine *engine, const struct hg_engine_settings *settings,
                               struct hg_error *err);
/* All flows have been waited for. */
void hg_engine_end(struct hg_engine *engine);

/* Waits for a free slot; CANCELLED when the job is.  The caller passes the slot to
 * hg_flow_open or returns it with hg_slot_give. */
enum hangar_rc hg_slot_take(struct hg_engine *engine, struct hg_slot **slot, struct hg_error *err);
void hg_slot_give(struct hg_engine *engine, struct hg_slot *slot);

/* Opens a flow, which owns the slot from here on, also on failure.  `stored` is the object's
 * name in the sinks.  On OK the flow must be finished and waited for. */
enum hangar_rc hg_flow_open(struct hg_engine *engine, struct hg_slot *slot, const char *stored,
                            uint64_t size_hint, struct hg_flow **out, struct hg_error *err);

/* An input block to fill (engine->block_bytes); with `wait` false, NULL when there is none now. */
enum hangar_rc hg_flow_take(struct hg_flow *flow, bool wait, struct hg_block **block,
                            struct hg_error *err);

/* Gives a block back unused. */
void hg_flow_give(struct hg_flow *flow, struct hg_block *block);

/* Hands a block over; `last` says that it is the last one (it may be empty). */
enum hangar_rc hg_flow_submit(struct hg_flow *flow, struct hg_block *block, bool last,
                              struct hg_error *err);

/* After the last block: keep commits the object in each sink, and not keep (also
 * allowed earlier) leaves nothing.  Sinks do it in their own time. */
void hg_flow_finish(struct hg_flow *flow, bool keep);

/* Waits until every sink is done with it, gives its results, and frees it.  Fails
 * when encoding failed or no sink kept it. */
enum hangar_rc hg_flow_wait(struct hg_flow *flow, struct hg_flow_result *result,
                            struct hg_error *err);
void hg_flow_result_free(struct hg_flow_result *result);

/* No flow will be opened any more. */
void hg_engine_drain(struct hg_engine *engine);

/* Looks whether a sink keeps the others waiting, and detaches one that has done so for
 * its max_lag.  To be called a few times a second, from one thread (lag.c). */
void hg_engine_watch(struct hg_engine *engine);

void hg_engine_counts(struct hg_engine *engine, uint64_t *plain, uint64_t *stored,
                      uint64_t *objects);

/* ---- shared by engine.c, encode.c, lanes.c and lag.c ---- */

struct hg_engine_thread {
    struct hg_engine *engine;
    size_t sink;
};

void *hg_worker_main(void *arg);
void *hg_lane_main(void *arg);

/* The most output bytes of `size` plain ones through the first `count` transforms. */
size_t hg_encode_bound(const struct hg_engine_settings *set, size_t count, size_t size);

/* Opens and closes the transforms of a flow; attrs (an array, or NULL) as in the ABI. */
enum hangar_rc hg_encode_open(struct hg_flow *flow, struct hg_error *err);
enum hangar_rc hg_encode_close(struct hg_flow *flow, struct hangar_attrs **attrs,
                               struct hg_error *err);
/* Encodes a block on the reader's thread, and lets go of it. */
enum hangar_rc hg_encode_inline(struct hg_flow *flow, struct hg_block *block, struct hg_error *err);

/* Takes an encoded block over: hands all that are in order to the lanes. */
void hg_flow_emit(struct hg_flow *flow, struct hg_block *block);

/* With the mutex held: is the flow to be dropped?  Drop what was encoded; look
 * whether the flow is complete, and let its slot go. */
bool hg_flow_dropped(const struct hg_flow *flow);
void hg_flow_settle(struct hg_flow *flow);

/* Adds a block, in order, to every lane.  Without the mutex. */
void hg_lanes_push(struct hg_flow *flow, struct hg_block *block);
/* A sink drops out of the run, once; the last one takes the run with it.  With
 * `detach` it may get its copy later, unless it is the last.  Without the mutex. */
void hg_sink_drop(struct hg_engine *engine, size_t sink, bool detach, const struct hg_error *why);
/* With the mutex held: one lane less has to write it. */
void hg_block_unref(struct hg_engine *engine, struct hg_block *block);

#endif
