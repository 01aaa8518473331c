/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * flow: see flow.h.
 */
#include "pipeline/flow.h"

bool hg_flow_dropped(const struct hg_flow *flow)
{
    return flow->verdict == HG_ABANDON || hg_job_cancelled(flow->engine->set.job);
}

void hg_flow_settle(struct hg_flow *flow)
{
    struct hg_engine *engine = flow->engine;
    if (hg_flow_dropped(flow)) {
        while (flow->encoded && !flow->emitting) {
            struct hg_block *block = flow->encoded;
            flow->encoded = block->next;
            flow->in_flight--;
            hg_pool_give(&engine->output, block);
            pthread_cond_broadcast(&engine->work);
        }
    }
    if (flow->complete || !flow->finished || flow->in_flight > 0 || flow->emitting ||
        flow->filling || flow->lanes_done < engine->set.sink_count) {
        return;
    }
    flow->complete = true;
    flow->slot->flow = NULL;
    flow->slot->next = engine->free_slots;
    engine->free_slots = flow->slot;
    pthread_cond_broadcast(&engine->slot_free);
    pthread_cond_broadcast(&engine->flow_done);
}

void hg_flow_give(struct hg_flow *flow, struct hg_block *block)
{
    struct hg_engine *engine = flow->engine;
    pthread_mutex_lock(&engine->mutex);
    hg_pool_give(&engine->input, block);
    pthread_cond_broadcast(&engine->input_free);
    pthread_mutex_unlock(&engine->mutex);
}
