/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lag: which sink keeps the others waiting, and since when.
 *
 * Blocks are shared by all sinks and bounded, so a sink that is slower than the
 * others fills the memory with what it has yet to write; then workers wait for
 * memory or readers for slots, and the threads of the other sinks for blocks.  At
 * the end of a run nobody reads any more, and the others have nothing to do but
 * wait.  Only in these cases does a sink cost the others time: when the sources or
 * the transforms are what is slow, a sink may write as late as it likes.
 *
 * How much time is estimated by looking: a few times a second, the part of its
 * open lanes in which each sink has nothing to do.  What the idlest of the others
 * waits more than this sink does is this sink's doing.  Where that is less than
 * nothing it has caught up again, so that two of the same speed, which wait for each
 * other in turn, both stay.
 */
#include "pipeline/engine.h"

#include "base/clock.h"

enum { WHOLE = 1000, LONGEST_STEP_MS = 1000 };

/* With the mutex held: is the run held up by sinks, and not by anything before them? */
static bool sinks_are_waited_for(const struct hg_engine *engine)
{
    if (engine->wait_output > 0) {
        return true;
    }
    if (engine->queue_head) { /* the workers have enough to do */
        return false;
    }
    return engine->wait_slot > 0 || engine->draining;
}

/* With the mutex held: the part of a sink's open lanes that have nothing to do. */
static int64_t idle_part(const struct hg_engine *engine, size_t sink)
{
    int64_t open = 0, idle = 0;
    for (size_t i = 0; i < engine->slots; i++) {
        const struct hg_flow *flow = engine->slot[i].flow;
        const struct hg_lane *lane = flow ? &flow->lanes[sink] : NULL;
        if (!lane || lane->done) {
            continue;
        }
        bool due = lane->count > 0 || (flow->all_out && flow->verdict == HG_KEEP);
        open++;
        idle += lane->idle && !due;
    }
    return open ? WHOLE * idle / open : WHOLE;
}

/* With the mutex held: counts the time, and gives the sink whose patience is over. */
static size_t find_laggard(struct hg_engine *engine, int64_t elapsed_ms)
{
    size_t count = engine->set.sink_count, laggard = count;
    int64_t idle[HG_MAX_SINKS] = {0};
    for (size_t i = 0; i < count; i++) {
        idle[i] = engine->sinks[i].dead ? -1 : idle_part(engine, i);
    }
    for (size_t i = 0; i < count; i++) {
        struct hg_sink_state *sink = &engine->sinks[i];
        int64_t most = -1; /* of the others */
        for (size_t k = 0; k < count; k++) {
            most = k != i && idle[k] > most ? idle[k] : most;
        }
        if (sink->dead || most < 0) {
            continue;
        }
        sink->lag_ms += elapsed_ms * (most - idle[i]) / WHOLE;
        sink->lag_ms = sink->lag_ms < 0 ? 0 : sink->lag_ms;
        if (sink->lag_ms > engine->set.max_lag_ms[i]) {
            laggard = i;
        }
    }
    return laggard;
}

void hg_engine_watch(struct hg_engine *engine)
{
    if (!engine->set.max_lag_ms) {
        return;
    }
    int64_t now = hg_mono_ms();
    int64_t elapsed = engine->watched_ms ? now - engine->watched_ms : 0;
    engine->watched_ms = now;
    pthread_mutex_lock(&engine->mutex);
    size_t laggard = engine->set.sink_count;
    if (elapsed > 0 && sinks_are_waited_for(engine)) {
        /* a machine that slept has not kept anybody waiting */
        laggard = find_laggard(engine, elapsed < LONGEST_STEP_MS ? elapsed : LONGEST_STEP_MS);
    }
    pthread_mutex_unlock(&engine->mutex);
    if (laggard == engine->set.sink_count) {
        return;
    }
    struct hg_error why = {0};
    hg_fail(&why, HANGAR_RETRY, 0,
            "sink %s: it is slower than the others and has kept them waiting for %lld s",
            engine->sinks[laggard].ctx->name,
            (long long)(engine->sinks[laggard].lag_ms + 500) / 1000);
    hg_sink_drop(engine, laggard, true, &why);
}
