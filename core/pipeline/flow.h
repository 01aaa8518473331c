/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * flow: the data of the engine (engine.h): flows, slots, the lanes of a flow and
 * the state of the sinks, and when a flow is complete.  Private to pipeline/,
 * except for the types that engine.h hands out.
 *
 * Locks: `mutex` guards all fields of struct hg_engine and struct hg_flow that are
 * not marked otherwise.  It is not held while a plugin is called, while bytes are
 * hashed, or while a function of the job is called.
 */
#ifndef HG_PIPELINE_FLOW_H
#define HG_PIPELINE_FLOW_H

#include "base/attrs.h"
#include "base/hash.h"
#include "config/config.h"
#include "pipeline/pool.h"
#include "plugin/instance.h"

#define HG_SINKS_MAX 16

/* A sink during a run. */
struct hg_sink_state {
    struct hangar_ctx *ctx;
    struct hg_error error; /* rc OK while the sink works */
    bool dead;             /* it failed or was detached: it gets no more bytes */
    bool detached;         /* dead because it lagged, or failed with RETRY */
    int64_t lag_ms;        /* how long it has made the other sinks wait */
    struct hg_flow *waiting_head, *waiting_tail; /* flows that none of its threads has begun */
};

enum hg_verdict { HG_PENDING, HG_KEEP, HG_ABANDON };

/* The arrays belong to the caller and must live until hg_engine_end. */
struct hg_engine_settings {
    struct hg_job *job;
    struct hangar_ctx **chain; /* transforms, in the order of encoding */
    size_t chain_count;
    struct hangar_ctx **sinks;
    size_t sink_count;
    const int64_t *max_lag_ms; /* of each sink; NULL: no sink is detached for its lag */
    size_t workers;
    size_t readers;      /* threads that open flows */
    size_t memory_bytes; /* of the two pools together */
};

struct hg_engine {
    struct hg_engine_settings set;
    size_t block_bytes; /* of plain data */
    size_t block_form;  /* the number of transforms at the front that have the block form */
    bool parallel;      /* all transforms have it: the workers encode, else the readers do */
    size_t slots;       /* flows that may be open at once */

    pthread_mutex_t mutex;
    pthread_cond_t slot_free, input_free, work, lane, flow_done;
    struct hg_pool input, output;
    struct hg_block *queue_head, *queue_tail; /* input blocks to encode */
    struct hg_sink_state sinks[HG_SINKS_MAX];
    struct hg_slot {
        struct hg_share input, output;
        struct hg_flow *flow;                 /* the open flow in the slot; NULL: none */
        struct hg_block **ring[HG_SINKS_MAX]; /* memory for the lanes of its flow */
        struct hg_slot *next;
    } *slot, *free_slots;
    uint64_t plain_bytes, stored_bytes, objects; /* so far, for progress */
    bool stopping;
    size_t wait_output, wait_slot; /* threads that wait for an output block, for a slot */
    bool draining;                 /* the readers have ended */
    int64_t watched_ms;            /* when hg_lag_watch was called last */

    struct hg_job_hook hook;
    pthread_t *threads;
    size_t thread_count;
    struct hg_engine_thread {
        struct hg_engine *engine;
        size_t sink;
    } *thread_args;
};

/* One object on its way into the sinks; from hg_flow_open until hg_flow_wait. */
struct hg_flow {
    struct hg_engine *engine;
    struct hg_slot *slot;
    char name[1024];    /* in the sink, with pipeline, id and suffixes */
    uint64_t size_hint; /* of the stored bytes, 0: unknown */

    /* Used by the reader only, without the mutex. */
    struct hg_sha256 *plain_hash;
    uint64_t plain_bytes, next_index;
    struct hangar_stream *streams[HG_CHAIN_MAX];
    unsigned char *scratch[HG_CHAIN_MAX]; /* output of each transform, when the reader encodes */
    size_t scratch_bytes;                 /* reserved from the budget */
    struct hg_block *filling;             /* the output block that the reader fills */

    /* Ordering of encoded blocks. */
    struct hg_block *encoded; /* encoded out of order, sorted by index */
    uint64_t next_out;
    size_t in_flight;              /* blocks that were submitted and are not yet in the lanes */
    bool emitting, all_out;        /* a thread moves blocks to the lanes; the last one is there */
    struct hg_sha256 *stored_hash; /* used by the thread that set `emitting` */
    uint64_t stored_bytes;

    /* One lane per sink. */
    struct hg_lane {
        struct hg_block **ring; /* blocks to write, in order */
        size_t head, count;
        bool done, committed;
        bool idle; /* its thread waits for the next block */
        struct hg_flow *next_waiting;
    } lanes[HG_SINKS_MAX];
    size_t lanes_done;
    enum hg_verdict verdict;
    bool finished; /* the reader submits no more blocks */
    bool complete; /* the engine holds no pointer to it any more */
};

/* With the mutex held: is the flow dropped, because it was abandoned or the job was
 * cancelled? */
bool hg_flow_dropped(const struct hg_flow *flow);

/* With the mutex held, after each change of a flow: returns the encoded blocks of a dropped
 * flow to the pool.  When the flow is complete, frees its slot and wakes hg_flow_wait. */
void hg_flow_settle(struct hg_flow *flow);

/* Returns an input block to the pool unused. */
void hg_flow_give(struct hg_flow *flow, struct hg_block *block);

#endif
