/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_walk: the walk over an RDB: types, counts, events, and damage.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "rdb/walk.h"
#include "bytes.h"
#include "rdb_build.h"

/* HANGAR_EOF: the RDB ended before the data. */
static enum hangar_rc walk_all(struct rdb_walk *walk, const unsigned char *data, size_t size,
                               size_t step)
{
    enum hangar_rc rc = HANGAR_OK;
    size_t at = 0;
    for (size_t used; at < size && rc == HANGAR_OK && !rdb_walk_done(walk); at += used) {
        rc = rdb_walk_feed(walk, data + at, size - at < step ? size - at : step, &used);
    }
    return rc == HANGAR_OK && at != size ? HANGAR_EOF : rc;
}

static enum hangar_rc walk_size(const unsigned char *data, size_t size, size_t step,
                                struct rdb_counts *counts, bool *verified)
{
    struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, size);
    enum hangar_rc rc = walk_all(walk, data, size, step);
    if (rc == HANGAR_OK && !rdb_walk_done(walk)) {
        rc = HANGAR_EOF; /* not complete */
    }
    *counts = *rdb_walk_counts(walk);
    *verified = rdb_walk_verified(walk);
    rdb_walk_free(walk);
    return rc;
}

START_TEST(types_of_old_servers_are_walked_and_counted)
{
    static struct rdb_build rdb;
    rdb_build_old_types(&rdb, 9);
    for (size_t step = 1; step < 40; step++) {
        struct rdb_counts counts;
        bool verified;
        ck_assert_int_eq(walk_size(rdb.data, rdb.size, step, &counts, &verified), HANGAR_OK);
        ck_assert(verified);
        ck_assert_uint_eq(counts.version, 9);
        ck_assert_uint_eq(counts.keys, 12);
        ck_assert_uint_eq(counts.expiring, 1);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_STRING], 1);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_LIST], 3);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_SET], 2);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_ZSET], 3);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_HASH], 3);
        ck_assert_uint_eq(counts.db_count, 1);
    }
}
END_TEST

START_TEST(an_rdb_before_version_5_or_with_checksum_0_is_unverified)
{
    static struct rdb_build rdb;
    rdb_start(&rdb, 3);
    rdb_key(&rdb, 0, "k");
    rdb_string(&rdb, "v");
    rdb_finish(&rdb, 1);
    struct rdb_counts counts;
    bool verified;
    ck_assert_int_eq(walk_size(rdb.data, rdb.size, 3, &counts, &verified), HANGAR_OK);
    ck_assert(!verified);
    rdb_start(&rdb, 9);
    rdb_key(&rdb, 0, "k");
    rdb_string(&rdb, "v");
    rdb_finish(&rdb, 0);
    ck_assert_int_eq(walk_size(rdb.data, rdb.size, 3, &counts, &verified), HANGAR_OK);
    ck_assert(!verified);
    ck_assert_uint_eq(counts.keys, 1);
}
END_TEST

START_TEST(types_of_newer_servers_and_of_modules_are_walked)
{
    static struct rdb_build rdb;
    rdb_build_new_types(&rdb);
    for (size_t step = 1; step < 40; step++) {
        struct rdb_counts counts;
        bool verified;
        ck_assert_int_eq(walk_size(rdb.data, rdb.size, step, &counts, &verified), HANGAR_OK);
        ck_assert(verified);
        ck_assert_uint_eq(counts.keys, 5);
        ck_assert_uint_eq(counts.empty, 0);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_HASH], 2);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_STREAM], 1);
        ck_assert_uint_eq(counts.classes[RDB_CLASS_MODULE], 1);
        ck_assert_uint_eq(counts.module_aux, 1);
        ck_assert_uint_eq(counts.module_count, 1);
        ck_assert_str_eq(counts.modules[0], "AAAAAAAAB");
        ck_assert_str_eq(counts.redis_version, "7.4.1");
    }
}
END_TEST

START_TEST(empty_collections_are_counted_apart)
{
    static struct rdb_build rdb;
    rdb_start(&rdb, 9);
    static const unsigned types[] = {1, 2, 3, 4, 5, 14};
    for (unsigned i = 0; i < 6; i++) {
        rdb_key(&rdb, types[i], "empty");
        rdb_length(&rdb, 0);
    }
    rdb_finish(&rdb, 1);
    struct rdb_counts counts;
    bool verified;
    ck_assert_int_eq(walk_size(rdb.data, rdb.size, 5, &counts, &verified), HANGAR_OK);
    ck_assert_uint_eq(counts.keys, 0);
    ck_assert_uint_eq(counts.empty, 6);
}
END_TEST

/* The result of a walk over an RDB of one key of this type, and its text. */
static void assert_refused(unsigned version, unsigned type, enum hangar_rc want, const char *text)
{
    static struct rdb_build rdb;
    rdb_start(&rdb, version);
    rdb_key(&rdb, type, "k");
    rdb_finish(&rdb, 1);
    struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, rdb.size);
    ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, 100), want);
    ck_assert_msg(strstr(rdb_walk_problem(walk), text), "the message is: %s",
                  rdb_walk_problem(walk));
    size_t used;
    ck_assert_int_eq(rdb_walk_feed(walk, rdb.data, rdb.size, &used), want); /* it stays refused */
    ck_assert(!rdb_walk_done(walk));
    rdb_walk_free(walk);
}

START_TEST(unknown_and_prerelease_types_are_refused_by_name)
{
    assert_refused(10, 6, HANGAR_UNSUPPORTED, "type 6 is of a pre-release");
    assert_refused(10, 22, HANGAR_UNSUPPORTED, "type 22 is of a pre-release");
    assert_refused(10, 23, HANGAR_UNSUPPORTED, "type 23 is of a pre-release");
    assert_refused(10, 246, HANGAR_UNSUPPORTED, "type 246 is of a pre-release");
    assert_refused(10, 8, HANGAR_CORRUPT, "type 8 is unknown");
    assert_refused(10, 26, HANGAR_CORRUPT, "type 26 is unknown");
    assert_refused(13, 26, HANGAR_UNSUPPORTED, "type 26 is unknown");
}
END_TEST

START_TEST(every_truncation_and_every_flipped_bit_is_detected)
{
    static struct rdb_build rdbs[2];
    struct rdb_counts counts;
    bool verified;
    rdb_build_old_types(&rdbs[0], 9);
    rdb_build_new_types(&rdbs[1]);
    for (int n = 0; n < 2; n++) {
        struct rdb_build *rdb = &rdbs[n];
        for (size_t size = 0; size < rdb->size; size++) {
            ck_assert_int_ne(walk_size(rdb->data, size, 7, &counts, &verified), HANGAR_OK);
        }
        for (size_t bit = 0; bit < 8 * rdb->size; bit++) {
            rdb->data[bit / 8] ^= (unsigned char)(1u << bit % 8);
            enum hangar_rc rc = walk_size(rdb->data, rdb->size, 50, &counts, &verified);
            ck_assert_msg(rc != HANGAR_OK, "bit %zu of RDB %d", bit, n);
            rdb->data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
}
END_TEST

START_TEST(random_bytes_are_never_accepted_as_an_rdb)
{
    uint32_t state = 5;
    for (int round = 0; round < 20000; round++) {
        unsigned char data[300];
        for (size_t i = 0; i < sizeof(data); i++) {
            data[i] = (unsigned char)next_random(&state);
        }
        if (round % 4 != 0) {
            memcpy(data, "REDIS0010", 9);
        }
        for (size_t i = 9; round % 4 == 3 && i < sizeof(data); i += 4) {
            data[i] &= 15; /* small lengths and known types lead deeper */
        }
        struct rdb_counts counts;
        bool verified;
        size_t step = 1 + next_random(&state) % 40;
        enum hangar_rc rc = walk_size(data, sizeof(data), step, &counts, &verified);
        ck_assert(rc != HANGAR_OK || !verified);
    }
}
END_TEST

/* The bodies of the events put together again. */
struct walk_record {
    struct bytes text;
    unsigned keys, strings, ends;
    char name[128];
    int64_t expire_ms;
    enum hangar_rc answer;
};

static enum hangar_rc record_aux(void *arg, const char *name, const unsigned char *value,
                                 size_t size)
{
    struct walk_record *record = arg;
    snprintf(record->name, sizeof(record->name), "%s=%.*s", name, (int)size, (const char *)value);
    return HANGAR_OK;
}

static enum hangar_rc record_key(void *arg, const struct rdb_key *key)
{
    struct walk_record *record = arg;
    record->keys++;
    record->expire_ms = key->expire_ms;
    snprintf(record->name, sizeof(record->name), "%.*s", (int)key->name_size,
             (const char *)key->name);
    record->text.size = 0;
    return record->answer;
}

static enum hangar_rc record_string(void *arg, const struct rdb_string *string)
{
    struct walk_record *record = arg;
    record->strings++;
    ck_assert_uint_ge(string->head, 1);
    return HANGAR_OK;
}

static enum hangar_rc record_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    (void)text;
    struct walk_record *record = arg;
    return bytes_add(&record->text, data, size);
}

static enum hangar_rc record_end(void *arg, bool empty)
{
    struct walk_record *record = arg;
    record->ends += !empty;
    return HANGAR_OK;
}

static const struct rdb_events record_events = {.aux = record_aux,
                                                .key = record_key,
                                                .string = record_string,
                                                .body = record_body,
                                                .end = record_end};

START_TEST(bodies_are_the_value_as_the_rdb_stores_it)
{
    static struct rdb_build rdb;
    static struct walk_record record;
    rdb_start(&rdb, 9);
    rdb_byte(&rdb, 252);
    rdb_bytes(&rdb, "\1\0\0\0\0\0\0\0", 8);
    rdb_key(&rdb, 4, "first");
    size_t from = rdb.size;
    rdb_length(&rdb, 1);
    rdb_string(&rdb, "field");
    rdb_bytes(&rdb, "\xc1\x10\x27", 3); /* the number 10000 */
    size_t to = rdb.size;
    for (size_t step = 1; step <= rdb.size; step++) {
        memset(&record, 0, sizeof(record));
        struct rdb_walk *walk = rdb_walk_new(&record_events, &record, 128, UINT64_MAX);
        ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, step), HANGAR_OK);
        ck_assert_str_eq(record.name, "first");
        ck_assert_int_eq(record.expire_ms, 1);
        ck_assert_uint_eq(record.strings, 2);
        ck_assert_uint_eq(record.ends, 1);
        ck_assert_uint_eq(record.text.size, to - from);
        ck_assert_mem_eq(record.text.data, rdb.data + from, to - from);
        rdb_walk_free(walk);
    }
}
END_TEST

START_TEST(events_of_damaged_rdbs_stay_in_order_and_in_bounds)
{
    static struct rdb_build rdb;
    static struct walk_record record;
    uint32_t state = 9;
    for (int round = 0; round < 5000; round++) {
        round % 2 ? rdb_build_old_types(&rdb, 9) : rdb_build_new_types(&rdb);
        for (int change = 0; change < 1 + round % 5; change++) {
            rdb.data[9 + next_random(&state) % (rdb.size - 9)] = (unsigned char)next_random(&state);
        }
        memset(&record, 0, sizeof(record));
        struct rdb_walk *walk = rdb_walk_new(&record_events, &record, 16, UINT64_MAX);
        walk_all(walk, rdb.data, rdb.size, 1 + next_random(&state) % 60);
        ck_assert_uint_le(record.ends, record.keys);
        ck_assert_uint_le(record.text.size, rdb.size);
        rdb_walk_free(walk);
    }
}
END_TEST

START_TEST(an_expiry_applies_to_one_key_only)
{
    static struct rdb_build rdb;
    static struct walk_record record;
    rdb_start(&rdb, 9);
    rdb_byte(&rdb, 252);
    rdb_bytes(&rdb, "\1\0\0\0\0\0\0\0", 8);
    rdb_key(&rdb, 0, "expires");
    rdb_string(&rdb, "v");
    rdb_key(&rdb, 0, "stays");
    rdb_string(&rdb, "v");
    struct rdb_walk *walk = rdb_walk_new(&record_events, &record, 128, UINT64_MAX);
    ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, 100), HANGAR_OK);
    ck_assert_str_eq(record.name, "stays");
    ck_assert_int_eq(record.expire_ms, -1);
    ck_assert_uint_eq(rdb_walk_counts(walk)->expiring, 1);
    rdb_walk_free(walk);
}
END_TEST

START_TEST(an_event_that_fails_ends_the_walk)
{
    static struct rdb_build rdb;
    static struct walk_record record;
    rdb_build_old_types(&rdb, 9);
    record.answer = HANGAR_NO_SPACE;
    struct rdb_walk *walk = rdb_walk_new(&record_events, &record, 128, UINT64_MAX);
    ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, 9), HANGAR_NO_SPACE);
    ck_assert_uint_eq(record.keys, 1);
    ck_assert(!rdb_walk_done(walk));
    rdb_walk_free(walk);
}
END_TEST

START_TEST(lengths_beyond_the_end_of_the_rdb_are_refused)
{
    static const struct {
        unsigned type;
        const char *bytes;
        size_t size;
        const char *error;
    } cases[] = {
        {0, "\x81\xff\xff\xff\xff\xff\xff\xff\xff", 9, "exceeds the rest of the RDB"},
        {0, "\x80\x7f\xff\xff\xff", 5, "exceeds the rest of the RDB"},
        {0, "\xc3\x01\x80\x7f\xff\xff\xff", 7, "cannot decode to"},
        {0, "\xc4", 1, "does not begin a length"},
        {0, "\x82", 1, "does not begin a length"},
        {1, "\x81\xff\xff\xff\xff\xff\xff\xff\xff", 9, "elements exceed the rest of the RDB"},
        {1, "\xc0\x01", 2, "does not begin a length"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct rdb_build rdb;
        rdb_start(&rdb, 9);
        rdb_key(&rdb, cases[i].type, "k");
        rdb_bytes(&rdb, cases[i].bytes, cases[i].size);
        rdb_bytes(&rdb, "padding padding padding", 23);
        struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, rdb.size);
        ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, 4), HANGAR_CORRUPT);
        ck_assert_msg(strstr(rdb_walk_problem(walk), cases[i].error), "case %zu: %s", i,
                      rdb_walk_problem(walk));
        rdb_walk_free(walk);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis walk");
    TCase *tests = tcase_create("walk");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, types_of_old_servers_are_walked_and_counted);
    tcase_add_test(tests, an_rdb_before_version_5_or_with_checksum_0_is_unverified);
    tcase_add_test(tests, types_of_newer_servers_and_of_modules_are_walked);
    tcase_add_test(tests, empty_collections_are_counted_apart);
    tcase_add_test(tests, unknown_and_prerelease_types_are_refused_by_name);
    tcase_add_test(tests, every_truncation_and_every_flipped_bit_is_detected);
    tcase_add_test(tests, random_bytes_are_never_accepted_as_an_rdb);
    tcase_add_test(tests, bodies_are_the_value_as_the_rdb_stores_it);
    tcase_add_test(tests, events_of_damaged_rdbs_stay_in_order_and_in_bounds);
    tcase_add_test(tests, an_expiry_applies_to_one_key_only);
    tcase_add_test(tests, an_event_that_fails_ends_the_walk);
    tcase_add_test(tests, lengths_beyond_the_end_of_the_rdb_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
