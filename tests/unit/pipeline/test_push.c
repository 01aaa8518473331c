/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_push: objects come back phase by phase, and what is not as it was stored
 * never passes for whole.
 */
#include "suite.h"
#include "pipeline/push.h"
#include "trip.h"

#define MIB ((size_t)1 << 20)

static const uint64_t sizes[] = {300000, 0, 2 * MIB, 77, 500000, 1, 900000};
#define COUNT (sizeof(sizes) / sizeof(sizes[0]))

struct push_trip {
    struct trip trip;
    struct toy_source *target;
    struct hangar_object_info infos[COUNT];
    struct hg_stored_object stored[COUNT];
    char names[COUNT][32];
    struct hg_push push;
};

/* Backs up, and gets ready to restore into another toy. */
static void push_start(struct push_trip *b)
{
    memset(b, 0, sizeof(*b));
    struct trip *trip = &b->trip;
    trip_init(trip, 8 * MIB, 2);
    trip_source(trip, sizes, COUNT, 2);
    trip_sink(trip);
    trip->chain[trip->chain_count++] = toy_frame(&trip->t);
    trip->chain[trip->chain_count++] = toy_add(&trip->t);
    ck_assert_int_eq(trip_backup(trip), HANGAR_OK);
    b->target = toy_source_new(&trip->t, "target", sizes, COUNT);
    b->target->jobs = 3;
    size_t n = 0;
    for (uint32_t phase = 0; phase < 3; phase++) {
        for (size_t i = 0; i < trip->count; i++) {
            struct trip_object *o = &trip->objects[i];
            if (o->number % 3 != phase) {
                continue;
            }
            snprintf(b->names[n], sizeof(b->names[n]), "part/%zu", o->number);
            b->infos[n] = (struct hangar_object_info){.phase = phase, .name = b->names[n]};
            b->stored[n++] = (struct hg_stored_object){.path = o->stored,
                                                       .plain_bytes = o->result.plain_bytes,
                                                       .stored_bytes = o->result.stored_bytes,
                                                       .plain_sha256 = o->result.plain_sha256,
                                                       .stored_sha256 = o->result.stored_sha256};
        }
    }
    b->push = (struct hg_push){.job = &trip->t.job,
                               .source = b->target->ctx,
                               .from = {trip->sinks[0]->ctx, trip->chain, trip->chain_count},
                               .infos = b->infos,
                               .stored = b->stored,
                               .count = COUNT,
                               .report = hg_attrs_new()};
    pthread_mutex_init(&b->push.mutex, NULL);
}

static void push_end(struct push_trip *b)
{
    pthread_mutex_destroy(&b->push.mutex);
    hg_attrs_free(b->push.report);
    toy_source_free(b->target);
    trip_fini(&b->trip);
}

START_TEST(everything_comes_back_phase_by_phase)
{
    struct push_trip b;
    push_start(&b);
    hg_push_load(&b.push);
    hg_push_end(&b.push, false);
    struct hg_error err = {0};
    ck_assert_msg(hg_job_result(&b.trip.t.job, &err) == HANGAR_OK, "%s", err.text);
    ck_assert_uint_eq(b.target->restored, COUNT);
    ck_assert_uint_eq(b.target->phase_ends, 3);
    ck_assert(!b.target->phase_disorder);
    ck_assert(!b.target->wrong_bytes);
    ck_assert(b.target->restore_ended);
    ck_assert_uint_eq(b.push.objects_done, COUNT);
    push_end(&b);
}
END_TEST

START_TEST(damage_is_found_and_ends_the_restore)
{
    enum { FLIP_FIRST, FLIP_LAST, CUT, GROW, EMPTY, SWAP, GONE, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        struct push_trip b;
        struct hg_error err = {0};
        push_start(&b);
        struct toy_sink *sink = b.trip.sinks[0];
        struct toy_object *o = toy_sink_find(sink, "s0/part/2");
        struct toy_object *other = toy_sink_find(sink, "s0/part/4");
        struct toy_object was = *o;
        switch (kind) {
        case FLIP_FIRST:
            o->data[0] ^= 1;
            break;
        case FLIP_LAST:
            o->data[o->size - 1] ^= 0x80;
            break;
        case CUT:
            o->size--;
            break;
        case GROW:
            o->data = realloc(o->data, o->size + 1);
            o->data[o->size++] = 0;
            break;
        case EMPTY:
            o->size = 0;
            break;
        case SWAP:
            o->data = other->data;
            o->size = other->size;
            other->data = was.data;
            other->size = was.size;
            break;
        case GONE:
            o->name[0] = 'x';
            break;
        }
        hg_push_load(&b.push);
        hg_push_end(&b.push, false);
        enum hangar_rc rc = hg_job_result(&b.trip.t.job, &err);
        ck_assert_msg(rc == HANGAR_CORRUPT, "%d: %d %s", kind, (int)rc, err.text);
        ck_assert(!b.target->restore_ended);
        ck_assert_uint_eq(b.target->ended_failed, 1);
        ck_assert_uint_eq(b.target->open, 0);
        ck_assert_uint_lt(b.target->restored, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            err = (struct hg_error){0};
            bool hit = strcmp(b.stored[i].path, "s0/part/2") == 0 ||
                       (kind == SWAP && strcmp(b.stored[i].path, "s0/part/4") == 0);
            if (hit) { /* without decoding too */
                b.trip.t.job.cancelled = false;
                ck_assert_int_eq(hg_decode_check(sink->ctx, &b.stored[i], &err), HANGAR_CORRUPT);
            }
        }
        push_end(&b);
    }
}
END_TEST

START_TEST(a_source_that_takes_no_more_ends_the_restore)
{
    struct push_trip b;
    push_start(&b);
    b.target->fail_object = 6;
    b.target->fail_at = 100000;
    b.target->fail_rc = HANGAR_NO_SPACE;
    hg_push_load(&b.push);
    hg_push_end(&b.push, false);
    struct hg_error err = {0};
    ck_assert_int_eq(hg_job_result(&b.trip.t.job, &err), HANGAR_NO_SPACE);
    ck_assert_str_eq(err.text, "toy target: the toy takes no more");
    ck_assert_uint_ge(b.target->restore_failed, 1); /* and what was under way beside it */
    ck_assert_uint_eq(b.target->ended_failed, 1);
    push_end(&b);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        everything_comes_back_phase_by_phase,
        damage_is_found_and_ends_the_restore,
        a_source_that_takes_no_more_ends_the_restore,
    };
    return SUITE_RUN("push", tests, NULL, NULL);
}
