/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trip: a whole backup with toys: sources through a chain into sinks, and the reported
 * results of the objects, so that they can be decoded and compared.
 */
#ifndef TEST_UNIT_PIPELINE_TRIP_H
#define TEST_UNIT_PIPELINE_TRIP_H

#include "pipeline/decode.h"
#include "pipeline/pull.h"
#include "toys.h"

#define TRIP_MAX 600

struct trip {
    struct toy_job t;
    struct toy_source *sources[4];
    size_t source_count;
    struct toy_sink *sinks[4];
    size_t sink_count;
    struct hangar_ctx *chain[HG_CHAIN_MAX];
    size_t chain_count;
    size_t memory, workers;
    int64_t max_lag_ms[4]; /* an hour */
    pthread_mutex_t mutex; /* guards engine, NULL while there is none to watch */
    struct hg_engine *engine;
    /* results of the run */
    struct hg_error error;
    bool sink_dead[4], sink_detached[4];
    size_t pool_bytes;
    size_t block_bytes, slots;
    bool parallel;
    struct trip_object {
        size_t source, number;
        char stored[128];
        struct hg_flow_result result;
    } objects[TRIP_MAX];
    size_t count;
};

void trip_init(struct trip *trip, size_t memory, size_t workers);
void trip_source(struct trip *trip, const uint64_t *sizes, size_t count, uint32_t jobs);
struct toy_sink *trip_sink(struct trip *trip);
/* prepare, begin, pull, end: the job's result. */
enum hangar_rc trip_backup(struct trip *trip);
/* All objects are in the sink and decode to what the sources gave. */
void trip_check(struct trip *trip, struct toy_sink *sink);
void trip_fini(struct trip *trip);

#endif
