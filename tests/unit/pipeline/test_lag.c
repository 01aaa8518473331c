/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_lag: a sink that is slow, hangs or fails for a moment keeps neither the other
 * sinks nor the sources waiting; one that only seems slow is left alone.
 */
#include <unistd.h>
#include "base/clock.h"
#include "pipeline/lag.h"
#include "suite.h"
#include "trip.h"

#define MIB ((size_t)1 << 20)

/* More than fits in the memory, in one object, in several, and in many. */
static const uint64_t one[] = {24 * MIB};
static const uint64_t some[] = {5 * MIB, 9 * MIB, 1, 7 * MIB, 0, 3 * MIB};
static uint64_t many[300];
static const struct {
    const uint64_t *sizes;
    size_t count;
} loads[] = {{one, 1}, {some, 6}, {many, 300}};

static void lag_init(struct trip *trip, size_t load, bool stream)
{
    for (size_t i = 0; i < 300; i++) {
        many[i] = 65536 + i * 37;
    }
    trip_init(trip, 4 * MIB, 2);
    trip_source(trip, loads[load].sizes, loads[load].count, 2);
    if (stream) {
        trip->chain[trip->chain_count++] = toy_add(&trip->t);
    }
}

/* It hangs until it is cancelled: the run can end only when it is detached, and the
 * source then has ended, and the other sink has all. */
START_TEST(a_sink_that_hangs_is_detached_and_the_others_finish)
{
    for (size_t load = 0; load < 3; load++) {
        for (int stream = 0; stream < 2; stream++) {
            struct trip trip;
            lag_init(&trip, load, stream);
            struct toy_sink *stuck = trip_sink(&trip), *good = trip_sink(&trip);
            stuck->hang = true;
            trip.max_lag_ms[0] = 0;
            ck_assert_msg(trip_backup(&trip) == HANGAR_OK, "%s", trip.error.text);
            ck_assert(trip.sink_detached[0] && trip.sink_dead[0] && !trip.sink_dead[1]);
            ck_assert_uint_eq(trip.sources[0]->ended, 1);
            ck_assert_uint_eq(stuck->open + stuck->count, 0);
            ck_assert_uint_le(trip.pool_bytes, 4 * MIB);
            for (size_t i = 0; i < trip.count; i++) {
                ck_assert_uint_eq(trip.objects[i].result.kept_by, 2);
            }
            trip_check(&trip, good);
            trip_fini(&trip);
        }
    }
}
END_TEST

START_TEST(a_sink_that_is_much_slower_is_detached_and_keeps_what_it_has)
{
    for (size_t load = 1; load < 3; load++) {
        struct trip trip;
        lag_init(&trip, load, false);
        struct toy_sink *slow = trip_sink(&trip), *good = trip_sink(&trip);
        slow->slow_us = 100000;
        trip.max_lag_ms[0] = 300;
        ck_assert_msg(trip_backup(&trip) == HANGAR_OK, "%s", trip.error.text);
        ck_assert(trip.sink_detached[0] && !trip.sink_dead[1]);
        ck_assert_uint_lt(slow->writes, good->writes);
        size_t kept = 0; /* reported per object, so that only the others are copied later */
        for (size_t i = 0; i < trip.count; i++) {
            struct toy_object *o = toy_sink_find(slow, trip.objects[i].stored);
            ck_assert_int_eq(trip.objects[i].result.kept_by, o ? 3 : 2);
            kept += o != NULL;
        }
        ck_assert_uint_eq(kept, slow->count);
        ck_assert_uint_eq(slow->open, 0);
        trip_check(&trip, good);
        trip_fini(&trip);
    }
}
END_TEST

START_TEST(a_failure_that_may_pass_detaches_and_another_does_not)
{
    for (int passing = 0; passing < 2; passing++) {
        struct trip trip;
        lag_init(&trip, 1, false);
        struct toy_sink *bad = trip_sink(&trip), *good = trip_sink(&trip);
        bad->fail_write = 5;
        bad->fail_rc = passing ? HANGAR_RETRY : HANGAR_IO;
        ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
        ck_assert(trip.sink_dead[0] && !trip.sink_dead[1]);
        ck_assert_int_eq(trip.sink_detached[0], passing);
        trip_check(&trip, good);
        trip_fini(&trip);
    }
}
END_TEST

START_TEST(other_calls_of_a_sink_that_fails_do_not_keep_the_run_waiting)
{
    struct trip trip;
    lag_init(&trip, 1, false);
    struct toy_sink *bad = trip_sink(&trip), *good = trip_sink(&trip);
    bad->fail_open = 1; /* the first object's writes hang, the second one's put fails */
    bad->hang = true;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
    ck_assert(trip.sink_dead[0] && !trip.sink_detached[0]);
    trip_check(&trip, good);
    trip_fini(&trip);
}
END_TEST

START_TEST(the_only_sink_is_never_detached)
{
    struct trip trip;
    lag_init(&trip, 1, false);
    struct toy_sink *slow = trip_sink(&trip);
    slow->slow_us = 10000;
    trip.max_lag_ms[0] = 0;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
    ck_assert(!trip.sink_dead[0]);
    trip_check(&trip, slow);
    trip_fini(&trip);
}
END_TEST

START_TEST(the_last_working_sink_is_never_detached)
{
    struct trip trip;
    lag_init(&trip, 1, false);
    struct toy_sink *slow = trip_sink(&trip), *bad = trip_sink(&trip);
    slow->slow_us = 20000;
    bad->fail_write = 0;
    trip.max_lag_ms[0] = trip.max_lag_ms[1] = 0;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
    ck_assert(!trip.sink_dead[0] && trip.sink_dead[1]);
    trip_check(&trip, slow);
    trip_fini(&trip);
}
END_TEST

START_TEST(with_the_last_sink_that_works_the_run_fails_for_its_reason)
{
    struct trip trip;
    lag_init(&trip, 0, false);
    struct toy_sink *stuck = trip_sink(&trip), *bad = trip_sink(&trip);
    stuck->hang = true;
    trip.max_lag_ms[0] = 0;
    bad->fail_write = 150; /* of some 400: after the other one is gone, as it needs its memory */
    ck_assert_int_eq(trip_backup(&trip), HANGAR_NO_SPACE);
    ck_assert(trip.sink_detached[0]);
    ck_assert_ptr_nonnull(strstr(trip.error.text, "the toy is full"));
    ck_assert_uint_eq(trip.sources[0]->ended_failed, 1);
    trip_fini(&trip);
}
END_TEST

START_TEST(a_slow_source_makes_no_sink_lag)
{
    struct trip trip;
    const uint64_t sizes[] = {2 * MIB, 2 * MIB};
    trip_init(&trip, 8 * MIB, 2);
    trip_source(&trip, sizes, 2, 2);
    trip.sources[0]->read_us = 50000;
    trip.sources[0]->short_reads = 60000;
    struct toy_sink *slower = trip_sink(&trip), *good = trip_sink(&trip);
    slower->slow_us = 20000;
    trip.max_lag_ms[0] = 500; /* of some 1800 that the run takes */
    ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
    ck_assert(!trip.sink_dead[0] && !trip.sink_dead[1]);
    trip_check(&trip, slower);
    trip_check(&trip, good);
    trip_fini(&trip);
}
END_TEST

/* ---- how time is counted ---- */

/* An engine of one open flow and two sinks, of which nothing moves but by hand. */
struct still_engine {
    struct hg_engine engine;
    struct hg_slot slot;
    struct hg_flow flow;
    int64_t max_lag_ms[2];
};

static void still_init(struct still_engine *s)
{
    memset(s, 0, sizeof(*s));
    pthread_mutex_init(&s->engine.mutex, NULL);
    s->max_lag_ms[0] = s->max_lag_ms[1] = 3600000;
    s->engine.set.sink_count = 2;
    s->engine.set.max_lag_ms = s->max_lag_ms;
    s->engine.slots = 1;
    s->engine.slot = &s->slot;
    s->slot.flow = &s->flow;
    s->flow.lanes[0].count = 1; /* it has something to write */
    s->flow.lanes[1].idle = true;
}

/* Half a second passes. */
static void lag_pass_half_second(struct still_engine *s)
{
    s->engine.watched_ms = hg_mono_ms() - 500;
    hg_lag_watch(&s->engine);
}

START_TEST(time_counts_only_while_the_sinks_are_waited_for)
{
    struct still_engine s;
    still_init(&s);
    lag_pass_half_second(&s);
    ck_assert_int_eq(s.engine.sinks[0].lag_ms, 0);
    s.engine.wait_slot = 1;
    struct hg_block block;
    s.engine.queue_head = &block; /* the workers are what is slow */
    lag_pass_half_second(&s);
    ck_assert_int_eq(s.engine.sinks[0].lag_ms, 0);
    s.engine.queue_head = NULL;
    lag_pass_half_second(&s);
    ck_assert_int_ge(s.engine.sinks[0].lag_ms, 500);
    int64_t before = s.engine.sinks[0].lag_ms;
    s.engine.wait_slot = 0;
    s.engine.draining = true;
    lag_pass_half_second(&s);
    ck_assert_int_ge(s.engine.sinks[0].lag_ms, before + 500);
    s.engine.draining = false;
    s.engine.wait_output = 1;
    lag_pass_half_second(&s);
    ck_assert_int_ge(s.engine.sinks[0].lag_ms, before + 1000);
    ck_assert_int_eq(s.engine.sinks[1].lag_ms, 0);
    pthread_mutex_destroy(&s.engine.mutex);
}
END_TEST

START_TEST(sinks_that_wait_for_each_other_in_turn_do_not_lag)
{
    struct still_engine s;
    still_init(&s);
    s.engine.wait_output = 1;
    lag_pass_half_second(&s);
    ck_assert_int_ge(s.engine.sinks[0].lag_ms, 500);
    s.flow.lanes[0] = (struct hg_lane){.idle = true};
    s.flow.lanes[1] = (struct hg_lane){.count = 1};
    s.engine.sinks[0].lag_ms = 400;
    lag_pass_half_second(&s);
    ck_assert_int_eq(s.engine.sinks[0].lag_ms, 0);
    ck_assert_int_ge(s.engine.sinks[1].lag_ms, 500);
    s.flow.lanes[1].idle = true; /* both wait for a block, though there is one for this one */
    lag_pass_half_second(&s);
    ck_assert_int_ge(s.engine.sinks[1].lag_ms, 1000);
    pthread_mutex_destroy(&s.engine.mutex);
}
END_TEST

START_TEST(the_sleep_of_a_machine_is_not_a_wait_for_a_sink)
{
    struct still_engine s;
    still_init(&s);
    s.engine.wait_output = 1;
    s.engine.watched_ms = hg_mono_ms() - 36000000;
    hg_lag_watch(&s.engine);
    ck_assert_int_le(s.engine.sinks[0].lag_ms, 1000);
    pthread_mutex_destroy(&s.engine.mutex);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_sink_that_hangs_is_detached_and_the_others_finish,
        a_sink_that_is_much_slower_is_detached_and_keeps_what_it_has,
        a_failure_that_may_pass_detaches_and_another_does_not,
        other_calls_of_a_sink_that_fails_do_not_keep_the_run_waiting,
        the_only_sink_is_never_detached,
        the_last_working_sink_is_never_detached,
        with_the_last_sink_that_works_the_run_fails_for_its_reason,
        a_slow_source_makes_no_sink_lag,
        time_counts_only_while_the_sinks_are_waited_for,
        sinks_that_wait_for_each_other_in_turn_do_not_lag,
        the_sleep_of_a_machine_is_not_a_wait_for_a_sink,
    };
    return SUITE_RUN("lag", tests, NULL, NULL);
}
