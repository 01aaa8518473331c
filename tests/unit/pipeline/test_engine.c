/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_engine: many objects through transforms into several sinks at once: right
 * bytes, no deadlock in the smallest memory, sinks that fail, cancellation.
 */
#include "suite.h"
#include "trip.h"

#define MIB ((size_t)1 << 20)

static const uint64_t mixed[] = {0,       1, 65535, 65536, 65537,   131072, 1000000,
                                 3 * MIB, 2, 70000, 0,     2 * MIB, 5,      400000};
#define MIXED (sizeof(mixed) / sizeof(mixed[0]))

START_TEST(all_objects_reach_all_sinks_unchanged)
{
    enum { NONE, FRAME, FRAME_ADD, ADD, CHAINS };
    for (int chain = NONE; chain < CHAINS; chain++) {
        struct trip trip;
        trip_init(&trip, 8 * MIB, 3);
        trip_source(&trip, mixed, MIXED, 3);
        trip_source(&trip, mixed, 5, 1);
        struct toy_sink *a = trip_sink(&trip), *b = trip_sink(&trip);
        a->slow_us = 300;
        if (chain == FRAME || chain == FRAME_ADD) {
            trip.chain[trip.chain_count++] = toy_frame(&trip.t);
        }
        if (chain == FRAME_ADD || chain == ADD) {
            trip.chain[trip.chain_count++] = toy_add(&trip.t);
        }
        ck_assert_msg(trip_backup(&trip) == HANGAR_OK, "%s", trip.error.text);
        ck_assert_int_eq(trip.parallel, chain == NONE || chain == FRAME);
        trip_check(&trip, a);
        trip_check(&trip, b);
        ck_assert_uint_eq(trip.sources[0]->ended, 1);
        trip_fini(&trip);
    }
}
END_TEST

/* Every object of every size, with exactly one promised block for each: a ring of
 * waits would end in the test's timeout. */
START_TEST(the_smallest_memory_is_enough)
{
    for (unsigned seed = 0; seed < 12; seed++) {
        srandom(seed);
        uint64_t sizes[40];
        for (size_t i = 0; i < 40; i++) {
            sizes[i] = (uint64_t)random() % (700 * 1024);
        }
        struct trip trip;
        /* 6 readers make 8 slots: input and output pools of hardly more blocks */
        trip_init(&trip, (8 + 8) * 66 * 1024 * 2, 1 + seed % 4);
        trip_source(&trip, sizes, 40, 4);
        trip_source(&trip, sizes, 40, 2);
        trip.sources[0]->short_reads = 1 + (size_t)random() % 70000;
        struct toy_sink *a = trip_sink(&trip), *b = trip_sink(&trip);
        a->slow_us = 200;
        b->slow_us = seed % 2 ? 400 : 0;
        trip.chain[trip.chain_count++] = seed % 3 ? toy_frame(&trip.t) : toy_add(&trip.t);
        ck_assert_msg(trip_backup(&trip) == HANGAR_OK, "%s", trip.error.text);
        ck_assert_uint_eq(trip.block_bytes, 65536);
        trip_check(&trip, a);
        trip_check(&trip, b);
        trip_fini(&trip);
    }
}
END_TEST

START_TEST(too_little_memory_is_reported)
{
    struct trip trip;
    trip_init(&trip, 512 * 1024, 2);
    trip_source(&trip, mixed, MIXED, 8);
    trip_sink(&trip);
    ck_assert_int_eq(trip_backup(&trip), HANGAR_CONFIG);
    ck_assert_ptr_nonnull(strstr(trip.error.text, "limits.memory is too small for 10 objects"));
    trip_fini(&trip);
}
END_TEST

START_TEST(the_bytes_do_not_depend_on_the_number_of_workers)
{
    char first[HG_SHA256_HEX] = "";
    for (size_t workers = 1; workers <= 4; workers++) {
        struct trip trip;
        const uint64_t size = 5 * MIB + 17;
        trip_init(&trip, 16 * MIB, workers);
        trip_source(&trip, &size, 1, 1);
        trip_sink(&trip);
        trip.chain[trip.chain_count++] = toy_frame(&trip.t);
        trip.chain[trip.chain_count++] = toy_frame(&trip.t);
        ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
        if (workers == 1) {
            memcpy(first, trip.objects[0].result.stored_sha256, sizeof(first));
        }
        ck_assert_str_eq(trip.objects[0].result.stored_sha256, first);
        trip_fini(&trip);
    }
}
END_TEST

START_TEST(no_sink_is_asked_for_more_puts_than_it_takes)
{
    struct trip trip;
    trip_init(&trip, 8 * MIB, 2);
    trip_source(&trip, mixed, MIXED, 4);
    struct toy_sink *narrow = trip_sink(&trip), *wide = trip_sink(&trip);
    narrow->max_puts = 2;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
    ck_assert_uint_le(narrow->most_open, 2);
    ck_assert_uint_le(trip.sources[0]->most_open, 2);
    trip_check(&trip, narrow);
    trip_check(&trip, wide);
    trip_fini(&trip);
}
END_TEST

START_TEST(a_sink_that_fails_drops_out_and_the_others_finish)
{
    for (long at = 0; at < 12; at += 3) {
        struct trip trip;
        trip_init(&trip, 8 * MIB, 2);
        trip_source(&trip, mixed, MIXED, 3);
        struct toy_sink *bad = trip_sink(&trip), *good = trip_sink(&trip);
        *(at % 2 ? &bad->fail_commit : &bad->fail_write) = at;
        ck_assert_int_eq(trip_backup(&trip), HANGAR_OK);
        ck_assert(trip.sink_dead[0] && !trip.sink_dead[1]);
        ck_assert_uint_eq(bad->open, 0);
        trip_check(&trip, good);
        trip_fini(&trip);
    }
}
END_TEST

START_TEST(a_sink_that_loses_a_byte_is_detected)
{
    struct trip trip;
    trip_init(&trip, 8 * MIB, 2);
    trip_source(&trip, mixed + 1, 1, 1);
    trip_sink(&trip)->lose_a_byte = true;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_CORRUPT);
    ck_assert_msg(strstr(trip.error.text, "stored size of s0/part/0 is 0 bytes (expected 1)"), "%s",
                  trip.error.text);
    trip_fini(&trip);
}
END_TEST

START_TEST(when_all_sinks_fail_the_run_fails_with_the_reason)
{
    struct trip trip;
    trip_init(&trip, 8 * MIB, 2);
    trip_source(&trip, mixed, MIXED, 3);
    trip_sink(&trip)->fail_write = 2;
    trip_sink(&trip)->fail_write = 5;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_NO_SPACE);
    ck_assert_ptr_nonnull(strstr(trip.error.text, "the toy is full"));
    ck_assert_uint_eq(trip.sources[0]->ended_failed, 1);
    ck_assert_uint_eq(trip.sources[0]->open, 0);
    trip_fini(&trip);
}
END_TEST

static void *cancel_when_reading(void *arg)
{
    struct trip *trip = arg;
    struct toy_source *s = trip->sources[0];
    pthread_mutex_lock(&s->mutex);
    while (s->read_bytes < MIB) {
        pthread_cond_wait(&s->changed, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    hg_job_cancel(&trip->t.job);
    return NULL;
}

START_TEST(cancelling_wakes_whatever_waits)
{
    for (int chain = 0; chain < 3; chain++) {
        struct trip trip;
        const uint64_t sizes[] = {50 * MIB, 50 * MIB, 50 * MIB};
        trip_init(&trip, 4 * MIB, 2);
        trip_source(&trip, sizes, 3, 3);
        struct toy_sink *stuck = trip_sink(&trip), *other = trip_sink(&trip);
        stuck->hang = true;
        if (chain > 0) {
            trip.chain[trip.chain_count++] = chain == 1 ? toy_frame(&trip.t) : toy_add(&trip.t);
        }
        pthread_t thread;
        pthread_create(&thread, NULL, cancel_when_reading, &trip);
        ck_assert_int_eq(trip_backup(&trip), HANGAR_CANCELLED);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(stuck->count + other->count, 0);
        ck_assert_uint_eq(stuck->open + other->open, 0);
        ck_assert_uint_eq(trip.sources[0]->open, 0);
        ck_assert_uint_eq(trip.sources[0]->ended_failed, 1);
        trip_fini(&trip);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        all_objects_reach_all_sinks_unchanged,
        the_smallest_memory_is_enough,
        too_little_memory_is_reported,
        the_bytes_do_not_depend_on_the_number_of_workers,
        no_sink_is_asked_for_more_puts_than_it_takes,
        a_sink_that_fails_drops_out_and_the_others_finish,
        a_sink_that_loses_a_byte_is_detected,
        when_all_sinks_fail_the_run_fails_with_the_reason,
        cancelling_wakes_whatever_waits,
    };
    return SUITE_RUN("engine", tests, NULL, NULL);
}
