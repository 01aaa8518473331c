/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lanes: puts encoded blocks in order and writes them into the sinks.  Each sink
 * has one thread per slot, and a flow has one lane per sink.  Private to pipeline/.
 */
#ifndef HG_PIPELINE_LANES_H
#define HG_PIPELINE_LANES_H

#include "pipeline/flow.h"

/* The main function of a thread that writes into a sink; arg: struct hg_engine_thread. */
void *hg_lane_main(void *arg);

/* Accepts an encoded block in any order; the block belongs to the engine from here on.
 * Moves all blocks that are in order to the lanes.  Without the mutex. */
void hg_lanes_emit(struct hg_flow *flow, struct hg_block *block);

/* Drops a sink from the run; calls after the first have no effect.  When it was the last
 * sink, the job fails.  With `detach` the sink may get its copy after the run; the last
 * sink is never detached.  Without the mutex. */
void hg_sink_drop(struct hg_engine *engine, size_t sink, bool detach, const struct hg_error *why);

#endif
