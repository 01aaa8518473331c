/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lag: see lag.h.
 *
 * All sinks share the blocks, whose number is limited.  A sink that is slower than
 * the others fills the memory with blocks that it has yet to write.  Then workers
 * wait for output blocks, or readers for slots, and the threads of the other sinks
 * wait for blocks.  At the end of a run, when all readers have ended, the other
 * sinks have nothing to do but wait.  Only in these two cases does a sink cost the
 * others time.  When the sources or the transforms are the slow part, a sink may
 * write as late as it likes.
 *
 * The time is estimated by sampling.  A few times a second, the part of its open
 * lanes that are idle is computed for each sink.  The difference between the
 * idlest of the other sinks and this sink is the time that this sink costs.  Where
 * the difference is negative the sink catches up, so that two sinks of the same
 * speed, which wait for each other in turn, both stay.
 */
#include "pipeline/lag.h"

#include "base/clock.h"
#include "pipeline/lanes.h"

enum { WHOLE = 1000, LONGEST_STEP_MS = 1000 };

/* With the mutex held: does the run wait for sinks, and not for sources or transforms? */
static bool lag_run_waits(const struct hg_engine *engine)
{
    if (engine->wait_output > 0) {
        return true;
    }
    if (engine->queue_head) { /* the workers are busy */
        return false;
    }
    return engine->wait_slot > 0 || engine->draining;
}

/* With the mutex held: the part of a sink's open lanes that are idle, in 1/WHOLE. */
static int64_t lag_idle_part(const struct hg_engine *engine, size_t sink)
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

/* With the mutex held: adds to the lag of each sink.  Returns a sink that exceeds its
 * max_lag, or the number of sinks. */
static size_t lag_find_sink(struct hg_engine *engine, int64_t elapsed_ms)
{
    size_t count = engine->set.sink_count, laggard = count;
    int64_t idle[HG_SINKS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        idle[i] = engine->sinks[i].dead ? -1 : lag_idle_part(engine, i);
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

void hg_lag_watch(struct hg_engine *engine)
{
    if (!engine->set.max_lag_ms) {
        return;
    }
    int64_t now = hg_mono_ms();
    int64_t elapsed = engine->watched_ms ? now - engine->watched_ms : 0;
    engine->watched_ms = now;
    pthread_mutex_lock(&engine->mutex);
    size_t laggard = engine->set.sink_count;
    if (elapsed > 0 && lag_run_waits(engine)) {
        /* while a machine is suspended, no sink makes others wait */
        laggard = lag_find_sink(engine, elapsed < LONGEST_STEP_MS ? elapsed : LONGEST_STEP_MS);
    }
    pthread_mutex_unlock(&engine->mutex);
    if (laggard == engine->set.sink_count) {
        return;
    }
    struct hg_error why = {0};
    hg_fail(&why, HANGAR_RETRY, 0,
            "sink %s: it is slower than the others and made them wait for %lld s (limit %lld s)",
            engine->sinks[laggard].ctx->name,
            (long long)(engine->sinks[laggard].lag_ms + 500) / 1000,
            (long long)(engine->set.max_lag_ms[laggard] + 500) / 1000);
    hg_sink_drop(engine, laggard, true, &why);
}
