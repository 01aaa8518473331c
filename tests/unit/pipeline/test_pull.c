/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_pull: what a source may do to a backup: fail at any place, be read again,
 * be in a hurry.
 */
#include "suite.h"
#include "trip.h"

#define MIB ((size_t)1 << 20)

static const uint64_t sizes[] = {300000, 0, 2 * MIB, 77, 500000};
#define COUNT (sizeof(sizes) / sizeof(sizes[0]))

static void pull_start(struct trip *trip)
{
    trip_init(trip, 8 * MIB, 2);
    trip_source(trip, sizes, COUNT, 2);
    trip_sink(trip);
    trip->chain[trip->chain_count++] = toy_frame(&trip->t);
}

START_TEST(a_source_that_fails_while_reading_fails_the_run)
{
    for (uint64_t at = 0; at <= 2 * MIB; at += MIB / 2) {
        struct trip trip;
        pull_start(&trip);
        struct toy_source *s = trip.sources[0];
        s->fail_object = 2;
        s->fail_at = at;
        s->fail_rc = HANGAR_IO;
        s->fail_times = 1;
        ck_assert_int_eq(trip_backup(&trip), HANGAR_IO);
        ck_assert_str_eq(trip.error.text, "toy s0: the toy broke");
        ck_assert_ptr_null(toy_sink_find(trip.sinks[0], "s0/part/2"));
        ck_assert_uint_eq(s->open, 0);
        ck_assert_uint_eq(s->ended, 0);
        ck_assert_uint_eq(s->ended_failed, 1);
        trip_fini(&trip);
    }
}
END_TEST

START_TEST(an_object_is_kept_only_when_its_source_reports_it_whole)
{
    struct trip trip;
    pull_start(&trip);
    trip.sources[0]->fail_close = true;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_IO);
    ck_assert_str_eq(trip.error.text, "toy s0: the toy is not whole");
    ck_assert_uint_eq(trip.sinks[0]->count, 0);
    ck_assert_uint_eq(trip.sinks[0]->open, 0);
    trip_fini(&trip);
}
END_TEST

START_TEST(the_end_of_a_source_can_fail_the_run)
{
    struct trip trip;
    pull_start(&trip);
    trip.sources[0]->fail_end = true;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_IO);
    ck_assert_str_eq(trip.error.text, "toy s0: the toy's end is missing");
    ck_assert_uint_eq(trip.sources[0]->ended, 1);
    ck_assert_uint_eq(trip.sources[0]->ended_failed, 0);
    trip_fini(&trip);
}
END_TEST

START_TEST(an_object_is_read_again_where_the_source_allows_it)
{
    struct trip trip;
    pull_start(&trip);
    struct toy_source *s = trip.sources[0];
    s->can_rewind = true;
    s->fail_object = 2;
    s->fail_at = MIB + 5;
    s->fail_rc = HANGAR_RETRY;
    s->fail_times = 2;
    ck_assert_msg(trip_backup(&trip) == HANGAR_OK, "%s", trip.error.text);
    ck_assert_uint_eq(s->rewound, 2);
    trip_check(&trip, trip.sinks[0]);
    trip_fini(&trip);
}
END_TEST

START_TEST(an_object_is_not_read_again_for_ever)
{
    struct trip trip;
    pull_start(&trip);
    struct toy_source *s = trip.sources[0];
    s->can_rewind = true;
    s->fail_object = 0;
    s->fail_rc = HANGAR_RETRY;
    s->fail_times = 1000;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_RETRY);
    ck_assert_uint_eq(s->rewound, 3);
    trip_fini(&trip);
}
END_TEST

START_TEST(a_source_that_cannot_rewind_is_not_asked_to)
{
    struct trip trip;
    pull_start(&trip);
    struct toy_source *s = trip.sources[0];
    s->fail_object = 0;
    s->fail_rc = HANGAR_RETRY;
    s->fail_times = 1;
    ck_assert_int_eq(trip_backup(&trip), HANGAR_RETRY);
    ck_assert_uint_eq(s->rewound, 0);
    trip_fini(&trip);
}
END_TEST

/* Lets the sink continue once the source has been read to its end. */
static void *release_at_end(void *arg)
{
    struct trip *trip = arg;
    struct toy_source *s = trip->sources[0];
    pthread_mutex_lock(&s->mutex);
    while (s->read_bytes < s->sizes[0]) {
        pthread_cond_wait(&s->changed, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    toy_sink_let_go(trip->sinks[0]);
    return NULL;
}

/* 40 MiB through 4 MiB of memory into a sink that takes nothing until the source is
 * done: only a spool makes that possible, anything else hangs. */
START_TEST(an_urgent_source_never_waits_for_a_sink)
{
    struct trip trip;
    const uint64_t size = 40 * MIB + 3;
    trip_init(&trip, 4 * MIB, 2);
    trip_source(&trip, &size, 1, 1);
    trip.sources[0]->urgent = true;
    trip.sources[0]->short_reads = 50000;
    trip_sink(&trip)->hang = true;
    trip.chain[trip.chain_count++] = toy_frame(&trip.t);
    pthread_t thread;
    pthread_create(&thread, NULL, release_at_end, &trip);
    ck_assert_msg(trip_backup(&trip) == HANGAR_OK, "%s", trip.error.text);
    pthread_join(thread, NULL);
    trip_check(&trip, trip.sinks[0]);
    trip_fini(&trip);
}
END_TEST

START_TEST(an_urgent_source_of_any_size_arrives_whole)
{
    const uint64_t all[] = {0, 1, 65536, MIB, MIB + 1, 3 * MIB};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct trip trip;
        trip_init(&trip, 2 * MIB, 1);
        trip_source(&trip, &all[i], 1, 1);
        trip.sources[0]->urgent = true;
        trip_sink(&trip)->slow_us = 3000;
        ck_assert_msg(trip_backup(&trip) == HANGAR_OK, "%s", trip.error.text);
        trip_check(&trip, trip.sinks[0]);
        trip_fini(&trip);
    }
}
END_TEST

START_TEST(the_first_failure_is_reported)
{
    struct trip trip;
    pull_start(&trip);
    struct toy_source *s = trip.sources[0];
    s->fail_object = 0;
    s->fail_rc = HANGAR_AUTH;
    s->fail_times = 1;
    s->fail_close = true; /* a consequence at most */
    trip_sink(&trip)->fail_commit = 50;
    enum hangar_rc rc = trip_backup(&trip);
    ck_assert_int_ne(rc, HANGAR_CANCELLED);
    ck_assert(rc == HANGAR_AUTH || rc == HANGAR_IO); /* whichever came first */
    ck_assert_int_eq(trip.error.rc, rc);
    trip_fini(&trip);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_source_that_fails_while_reading_fails_the_run,
        an_object_is_kept_only_when_its_source_reports_it_whole,
        the_end_of_a_source_can_fail_the_run,
        an_object_is_read_again_where_the_source_allows_it,
        an_object_is_not_read_again_for_ever,
        a_source_that_cannot_rewind_is_not_asked_to,
        an_urgent_source_never_waits_for_a_sink,
        an_urgent_source_of_any_size_arrives_whole,
        the_first_failure_is_reported,
    };
    return SUITE_RUN("pull", tests, NULL, NULL);
}
