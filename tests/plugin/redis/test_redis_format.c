/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_format: the parts of the redis plugin that need no server: checksum,
 * decompression, the walk over an RDB, and the framing of replication.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rdb/crc64.h"
#include "rdb/lzf.h"
#include "wire/psync_frame.h"
#include "rdb_build.h"
#include "rdb/walk.h"

/* The same numbers in each run. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* ---- checksum ---- */

START_TEST(checksum_of_the_digits_is_the_known_one)
{
    ck_assert(rd_crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
    ck_assert(rd_crc64_bytes(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
}
END_TEST

START_TEST(all_ways_of_the_checksum_are_equal_at_all_lengths)
{
    unsigned char data[2100];
    uint32_t state = 7;
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char)next_random(&state);
    }
    for (size_t size = 0; size <= 2000; size++) {
        uint64_t start = (uint64_t)next_random(&state) << 40 ^ next_random(&state);
        const unsigned char *at = data + size % 17;
        uint64_t want = rd_crc64_bytes(start, at, size);
        ck_assert_msg(rd_crc64_slices(start, at, size) == want, "slices, %zu bytes", size);
        ck_assert_msg(rd_crc64(start, at, size) == want, "as chosen, %zu bytes", size);
        if (rd_crc64_can_multiply()) {
            ck_assert_msg(rd_crc64_multiply(start, at, size) == want, "multiply, %zu bytes", size);
        }
    }
}
END_TEST

START_TEST(checksum_in_pieces_is_that_of_the_whole)
{
    unsigned char data[1000];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char)(i * 31);
    }
    uint64_t whole = rd_crc64(0, data, sizeof(data));
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        ck_assert(rd_crc64(rd_crc64(0, data, cut), data + cut, sizeof(data) - cut) == whole);
    }
}
END_TEST

/* ---- decompression ---- */

struct text {
    unsigned char data[400000];
    size_t size;
};

static enum hangar_rc keep_text(void *arg, const unsigned char *data, size_t size)
{
    struct text *text = arg;
    ck_assert_uint_le(text->size + size, sizeof(text->data));
    memcpy(text->data + text->size, data, size);
    text->size += size;
    return HANGAR_OK;
}

static enum hangar_rc unpack(const unsigned char *in, size_t size, uint64_t plain, size_t step,
                             struct text *out)
{
    struct rd_lzf lzf;
    rd_lzf_init(&lzf, plain);
    out->size = 0;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t at = 0; at < size && rc == HANGAR_OK; at += step) {
        rc = rd_lzf_feed(&lzf, in + at, size - at < step ? size - at : step, keep_text, out);
    }
    return rc == HANGAR_OK ? rd_lzf_end(&lzf, keep_text, out) : rc;
}

START_TEST(runs_references_and_long_references_are_decompressed)
{
    /* "abc", then 3 more of it, then 10 from 1 back, then 300 of "c" */
    static const unsigned char in[] = {2, 'a',    'b', 'c', 1 << 5, 2,  7 << 5, 1,
                                       0, 7 << 5, 255, 0,   7 << 5, 27, 0};
    char want[400] = "abcabc";
    memset(want + 6, 'c', 10 + 264 + 36);
    static const size_t steps[] = {1, 2, 3, 100};
    struct text *out = malloc(sizeof(*out));
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(unpack(in, sizeof(in), 6 + 310, steps[i], out), HANGAR_OK);
        ck_assert_uint_eq(out->size, 316);
        ck_assert_mem_eq(out->data, want, 316);
    }
    free(out);
}
END_TEST

START_TEST(references_reach_as_far_back_as_the_format_allows_and_no_further)
{
    /* 8192 different bytes as literals, then a reference over the whole distance */
    static unsigned char in[9000], plain[8192];
    size_t size = 0;
    uint32_t state = 3;
    for (size_t i = 0; i < 8192; i++) {
        if (i % 32 == 0) {
            in[size++] = 31;
        }
        in[size++] = plain[i] = (unsigned char)next_random(&state);
    }
    in[size++] = 1 << 5 | 31;
    in[size++] = 255;
    struct text *out = malloc(sizeof(*out));
    ck_assert_int_eq(unpack(in, size, 8195, 5, out), HANGAR_OK);
    ck_assert_mem_eq(out->data + 8192, plain, 3);
    /* the same reference before there are so many bytes */
    ck_assert_int_eq(unpack(in + 33, size - 33, 8195 - 32, 5, out), HANGAR_CORRUPT);
    free(out);
}
END_TEST

START_TEST(wrong_sizes_of_compressed_text_are_refused)
{
    static const unsigned char in[] = {2, 'a', 'b', 'c', 1 << 5, 2};
    struct text *out = malloc(sizeof(*out));
    ck_assert_int_eq(unpack(in, 6, 6, 1, out), HANGAR_OK);
    ck_assert_int_eq(unpack(in, 6, 5, 1, out), HANGAR_CORRUPT);
    ck_assert_int_eq(unpack(in, 6, 7, 1, out), HANGAR_CORRUPT);
    ck_assert_int_eq(unpack(in, 5, 6, 1, out), HANGAR_CORRUPT);
    ck_assert_int_eq(unpack(in, 3, 3, 1, out), HANGAR_CORRUPT);
    free(out);
}
END_TEST

START_TEST(random_compressed_text_never_writes_out_of_bounds)
{
    struct text *out = malloc(sizeof(*out));
    uint32_t state = 11;
    for (int round = 0; round < 2000; round++) {
        unsigned char in[512];
        for (size_t i = 0; i < sizeof(in); i++) {
            in[i] = (unsigned char)next_random(&state);
        }
        unpack(in, sizeof(in), 1 + next_random(&state) % 60000, 1 + (size_t)round % 40, out);
        ck_assert_uint_le(out->size, 60000);
    }
    free(out);
}
END_TEST

/* ---- the walk ---- */

static enum hangar_rc walk_all(struct rdb_walk *walk, const unsigned char *data, size_t size,
                               size_t step)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t at = 0, used; at < size && rc == HANGAR_OK && !rdb_walk_done(walk); at += used) {
        rc = rdb_walk_feed(walk, data + at, size - at < step ? size - at : step, &used);
    }
    return rc;
}

static enum hangar_rc walk_size(const unsigned char *data, size_t size, size_t step,
                                struct rdb_counts *counts, bool *verified)
{
    struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, size);
    enum hangar_rc rc = walk_all(walk, data, size, step);
    if (rc == HANGAR_OK && (!rdb_walk_done(walk) || rdb_walk_offset(walk) != size)) {
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
    struct rdb_counts counts;
    bool verified;
    rdb_build_old_types(&rdb, 9);
    for (size_t step = 1; step < 40; step++) {
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

START_TEST(old_versions_have_no_checksum_and_a_zero_one_is_none)
{
    static struct rdb_build rdb;
    struct rdb_counts counts;
    bool verified;
    rdb_start(&rdb, 3);
    rdb_key(&rdb, 0, "k");
    rdb_string(&rdb, "v");
    rdb_finish(&rdb, 1);
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

/* Types of newer servers than the tests have: hashes whose fields expire, streams
 * with times of activity, sets as listpacks, modules with all kinds of fields. */
static void build_new_types(struct rdb_build *rdb)
{
    static const unsigned char listpack[] = {11, 0, 0, 0, 2, 0, 0x81, 'a', 2, 5, 1, 255};
    rdb_start(rdb, 12);
    rdb_byte(rdb, 250);
    rdb_string(rdb, "redis-ver");
    rdb_string(rdb, "7.4.1");
    rdb_byte(rdb, 244); /* of a cluster: a slot and its sizes */
    for (unsigned i = 0; i < 3; i++) {
        rdb_length(rdb, i * 100);
    }
    rdb_key(rdb, 24, "fields that expire");
    rdb_bytes(rdb, "\0\0\0\0\1\0\0\0", 8);
    rdb_length(rdb, 2);
    for (unsigned i = 0; i < 2; i++) {
        rdb_length(rdb, 70000 * i);
        rdb_string(rdb, i ? "f" : "g");
        rdb_string(rdb, "v");
    }
    rdb_key(rdb, 25, "small one");
    rdb_bytes(rdb, "\0\0\0\0\1\0\0\0", 8);
    rdb_length(rdb, sizeof(listpack));
    rdb_bytes(rdb, listpack, sizeof(listpack));
    rdb_key(rdb, 20, "set");
    rdb_length(rdb, sizeof(listpack));
    rdb_bytes(rdb, listpack, sizeof(listpack));
    rdb_key(rdb, 21, "stream");
    rdb_length(rdb, 0); /* no entries, but a group with a consumer */
    for (unsigned i = 0; i < 8; i++) {
        rdb_length(rdb, i);
    }
    rdb_length(rdb, 1);
    rdb_string(rdb, "group");
    for (unsigned i = 0; i < 3; i++) {
        rdb_length(rdb, i);
    }
    rdb_length(rdb, 1);
    rdb_bytes(rdb,
              "0123456789abcdef"
              "01234567",
              24);
    rdb_length(rdb, 1);
    rdb_length(rdb, 1);
    rdb_string(rdb, "consumer");
    rdb_bytes(rdb,
              "01234567"
              "01234567",
              16);
    rdb_length(rdb, 1);
    rdb_bytes(rdb, "0123456789abcdef", 16);
    for (unsigned aux = 0; aux < 2; aux++) {
        if (aux) {
            rdb_byte(rdb, 247);
        } else {
            rdb_key(rdb, 7, "module");
        }
        rdb_byte(rdb, 0x81); /* its id: "AAAAAAAAB", version 1 */
        rdb_bytes(rdb, "\0\0\0\0\0\0\4\1", 8);
        rdb_length(rdb, 2);
        rdb_length(rdb, 1000000);
        rdb_length(rdb, 1);
        rdb_length(rdb, UINT64_C(1) << 40);
        rdb_length(rdb, 3);
        rdb_bytes(rdb, "flt4", 4);
        rdb_length(rdb, 4);
        rdb_bytes(rdb, "double8.", 8);
        rdb_length(rdb, 5);
        rdb_string(rdb, "a string");
        rdb_length(rdb, 0);
    }
    rdb_finish(rdb, 1);
}

START_TEST(types_of_newer_servers_and_of_modules_are_walked)
{
    static struct rdb_build rdb;
    struct rdb_counts counts;
    bool verified;
    build_new_types(&rdb);
    for (size_t step = 1; step < 40; step++) {
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

START_TEST(empty_collections_are_told_apart)
{
    static struct rdb_build rdb;
    struct rdb_counts counts;
    bool verified;
    rdb_start(&rdb, 9);
    static const unsigned types[] = {1, 2, 3, 4, 5, 14};
    for (unsigned i = 0; i < 6; i++) {
        rdb_key(&rdb, types[i], "empty");
        rdb_length(&rdb, 0);
    }
    rdb_finish(&rdb, 1);
    ck_assert_int_eq(walk_size(rdb.data, rdb.size, 5, &counts, &verified), HANGAR_OK);
    ck_assert_uint_eq(counts.keys, 0);
    ck_assert_uint_eq(counts.empty, 6);
}
END_TEST

/* A walk over an RDB of one key of this type comes to that, with this text. */
static void assert_refused(unsigned version, unsigned type, enum hangar_rc want, const char *text)
{
    static struct rdb_build rdb;
    rdb_start(&rdb, version);
    rdb_key(&rdb, type, "k");
    rdb_finish(&rdb, 1);
    struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, rdb.size);
    ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, 100), want);
    ck_assert_msg(strstr(rdb_walk_problem(walk), text) != NULL, "says %s", rdb_walk_problem(walk));
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

START_TEST(every_truncation_and_every_flipped_bit_is_found)
{
    static struct rdb_build rdbs[2];
    struct rdb_counts counts;
    bool verified;
    rdb_build_old_types(&rdbs[0], 9);
    build_new_types(&rdbs[1]);
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

START_TEST(random_bytes_never_pass_for_an_rdb)
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
struct heard {
    struct text text;
    unsigned keys, strings, ends;
    char name[128];
    int64_t expire_ms;
    enum hangar_rc answer;
};

static enum hangar_rc hear_aux(void *arg, const char *name, const unsigned char *value, size_t size)
{
    struct heard *heard = arg;
    snprintf(heard->name, sizeof(heard->name), "%s=%.*s", name, (int)size, (const char *)value);
    return HANGAR_OK;
}

static enum hangar_rc hear_key(void *arg, const struct rdb_key *key)
{
    struct heard *heard = arg;
    heard->keys++;
    heard->expire_ms = key->expire_ms;
    snprintf(heard->name, sizeof(heard->name), "%.*s", (int)key->name_size,
             (const char *)key->name);
    heard->text.size = 0;
    return heard->answer;
}

static enum hangar_rc hear_string(void *arg, const struct rdb_string *string)
{
    struct heard *heard = arg;
    heard->strings++;
    ck_assert_uint_ge(string->head, 1);
    return HANGAR_OK;
}

static enum hangar_rc hear_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    (void)text;
    struct heard *heard = arg;
    return keep_text(&heard->text, data, size);
}

static enum hangar_rc hear_end(void *arg, bool empty)
{
    struct heard *heard = arg;
    heard->ends += !empty;
    return HANGAR_OK;
}

static const struct rdb_events heard_events = {
    .aux = hear_aux, .key = hear_key, .string = hear_string, .body = hear_body, .end = hear_end};

START_TEST(bodies_are_the_values_as_they_stand_in_the_rdb)
{
    static struct rdb_build rdb;
    static struct heard heard;
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
        memset(&heard, 0, sizeof(heard));
        struct rdb_walk *walk = rdb_walk_new(&heard_events, &heard, 128, UINT64_MAX);
        ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, step), HANGAR_OK);
        ck_assert_str_eq(heard.name, "first");
        ck_assert_int_eq(heard.expire_ms, 1);
        ck_assert_uint_eq(heard.strings, 2);
        ck_assert_uint_eq(heard.ends, 1);
        ck_assert_uint_eq(heard.text.size, to - from);
        ck_assert_mem_eq(heard.text.data, rdb.data + from, to - from);
        rdb_walk_free(walk);
    }
}
END_TEST

START_TEST(events_of_damaged_rdbs_stay_in_order_and_in_bounds)
{
    static struct rdb_build rdb;
    static struct heard heard;
    uint32_t state = 9;
    for (int round = 0; round < 5000; round++) {
        round % 2 ? rdb_build_old_types(&rdb, 9) : build_new_types(&rdb);
        for (int change = 0; change < 1 + round % 5; change++) {
            rdb.data[9 + next_random(&state) % (rdb.size - 9)] = (unsigned char)next_random(&state);
        }
        memset(&heard, 0, sizeof(heard));
        struct rdb_walk *walk = rdb_walk_new(&heard_events, &heard, 16, UINT64_MAX);
        walk_all(walk, rdb.data, rdb.size, 1 + next_random(&state) % 60);
        ck_assert_uint_le(heard.ends, heard.keys);
        ck_assert_uint_le(heard.text.size, rdb.size);
        rdb_walk_free(walk);
    }
}
END_TEST

START_TEST(an_expiry_counts_for_one_key_only)
{
    static struct rdb_build rdb;
    static struct heard heard;
    rdb_start(&rdb, 9);
    rdb_byte(&rdb, 252);
    rdb_bytes(&rdb, "\1\0\0\0\0\0\0\0", 8);
    rdb_key(&rdb, 0, "expires");
    rdb_string(&rdb, "v");
    rdb_key(&rdb, 0, "stays");
    rdb_string(&rdb, "v");
    struct rdb_walk *walk = rdb_walk_new(&heard_events, &heard, 128, UINT64_MAX);
    ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, 100), HANGAR_OK);
    ck_assert_str_eq(heard.name, "stays");
    ck_assert_int_eq(heard.expire_ms, -1);
    ck_assert_uint_eq(rdb_walk_counts(walk)->expiring, 1);
    rdb_walk_free(walk);
}
END_TEST

START_TEST(what_an_event_returns_ends_the_walk)
{
    static struct rdb_build rdb;
    static struct heard heard;
    rdb_build_old_types(&rdb, 9);
    heard.answer = HANGAR_NO_SPACE;
    struct rdb_walk *walk = rdb_walk_new(&heard_events, &heard, 128, UINT64_MAX);
    ck_assert_int_eq(walk_all(walk, rdb.data, rdb.size, 9), HANGAR_NO_SPACE);
    ck_assert_uint_eq(heard.keys, 1);
    ck_assert(!rdb_walk_done(walk));
    rdb_walk_free(walk);
}
END_TEST

START_TEST(lengths_that_do_not_fit_are_refused_before_they_are_believed)
{
    static const struct {
        unsigned type;
        const char *bytes;
        size_t size;
        const char *says;
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
        ck_assert_msg(strstr(rdb_walk_problem(walk), cases[i].says) != NULL, "case %zu: %s", i,
                      rdb_walk_problem(walk));
        rdb_walk_free(walk);
    }
}
END_TEST

/* ---- framing ---- */

#define MARK "0123456789abcdef0123456789abcdef01234567"

/* The RDB of old types with newlines before it, in either framing. */
static size_t framed(unsigned char *out, bool marked)
{
    static struct rdb_build rdb;
    rdb_build_old_types(&rdb, 9);
    size_t n = marked ? (size_t)sprintf((char *)out, "\n\n\n$EOF:" MARK "\r\n")
                      : (size_t)sprintf((char *)out, "\n\n\n$%zu\r\n", rdb.size);
    memcpy(out + n, rdb.data, rdb.size);
    n += rdb.size;
    if (marked) {
        memcpy(out + n, MARK, PSYNC_MARK);
        n += PSYNC_MARK;
    }
    return n;
}

/* Feeds a frame; the bytes of the RDB go to `out`. */
static enum hangar_rc feed_frame(const unsigned char *data, size_t size, size_t step, bool *done,
                                 struct text *out, char *problem)
{
    struct rdb_walk *walk = rdb_walk_new(NULL, NULL, 64, UINT64_MAX);
    struct psync_frame frame;
    psync_frame_init(&frame, walk);
    out->size = 0;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t at = 0; at < size && rc == HANGAR_OK && !psync_frame_done(&frame); at += step) {
        size_t from, count;
        rc =
            psync_frame_feed(&frame, data + at, size - at < step ? size - at : step, &from, &count);
        if (rc == HANGAR_OK) {
            keep_text(out, data + at + from, count);
        }
    }
    *done = psync_frame_done(&frame);
    strcpy(problem, frame.problem);
    rdb_walk_free(walk);
    return rc;
}

START_TEST(both_framings_give_the_rdb_in_pieces_of_any_size)
{
    static unsigned char data[70000];
    static struct text out;
    static struct rdb_build rdb;
    char problem[400];
    bool done;
    rdb_build_old_types(&rdb, 9);
    for (int marked = 0; marked < 2; marked++) {
        size_t size = framed(data, marked);
        for (size_t step = 1; step <= size; step++) {
            ck_assert_int_eq(feed_frame(data, size, step, &done, &out, problem), HANGAR_OK);
            ck_assert(done);
            ck_assert_uint_eq(out.size, rdb.size);
            ck_assert_mem_eq(out.data, rdb.data, rdb.size);
        }
    }
}
END_TEST

START_TEST(a_frame_cut_at_any_byte_is_never_complete)
{
    static unsigned char data[70000];
    static struct text out;
    char problem[400];
    bool done;
    for (int marked = 0; marked < 2; marked++) {
        size_t whole = framed(data, marked);
        for (size_t size = 0; size < whole; size++) {
            for (size_t step = 1; step < 100; step += 49) {
                feed_frame(data, size, step, &done, &out, problem);
                ck_assert_msg(!done, "%zu of %zu bytes, marked %d", size, whole, marked);
            }
        }
    }
}
END_TEST

START_TEST(a_frame_whose_parts_do_not_agree_is_refused)
{
    static unsigned char data[70000];
    static struct text out;
    static struct rdb_build rdb;
    char problem[400];
    bool done;
    rdb_build_old_types(&rdb, 9);
    /* one byte too many announced, one too few */
    for (int more = -1; more <= 1; more += 2) {
        size_t n = (size_t)sprintf((char *)data, "$%zu\r\n", rdb.size + (size_t)more);
        memcpy(data + n, rdb.data, rdb.size);
        data[n + rdb.size] = 'x';
        ck_assert_int_eq(feed_frame(data, n + rdb.size + 1, 1000, &done, &out, problem),
                         HANGAR_CORRUPT);
        ck_assert(!done);
        ck_assert_msg(strstr(problem, more > 0 ? "before its size" : "no end") != NULL, "%s",
                      problem);
    }
    size_t size = framed(data, true);
    for (size_t i = 0; i < PSYNC_MARK; i++) { /* each byte of the mark */
        data[size - 1 - i] ^= 1;
        ck_assert_int_eq(feed_frame(data, size, 13, &done, &out, problem), HANGAR_CORRUPT);
        ck_assert(!done);
        data[size - 1 - i] ^= 1;
    }
    data[size - PSYNC_MARK - 1] ^= 1; /* the checksum */
    ck_assert_int_eq(feed_frame(data, size, 13, &done, &out, problem), HANGAR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(problem, "checksum"));
}
END_TEST

START_TEST(what_is_no_rdb_is_refused_with_its_text)
{
    static const struct {
        const char *data;
        enum hangar_rc rc;
        const char *says;
    } cases[] = {
        {"-ERR no disk\r\n", HANGAR_IO, "ERR no disk"},
        {"\n\n-LOADING wait\r\n", HANGAR_IO, "LOADING wait"},
        {"+OK\r\n", HANGAR_CORRUPT, "does not begin with the size of an RDB"},
        {"$0\r\n", HANGAR_CORRUPT, "does not begin with the size of an RDB"},
        {"$-1\r\n", HANGAR_CORRUPT, "does not begin with the size of an RDB"},
        {"$12x\r\n", HANGAR_CORRUPT, "does not begin with the size of an RDB"},
        {"$99999999999999999999999\r\n", HANGAR_CORRUPT, "does not begin with the size of an RDB"},
        {"$EOF:short\r\n", HANGAR_CORRUPT, "does not begin with the size of an RDB"},
        {"$20\r\nnot an RDB at all...", HANGAR_CORRUPT, "does not begin"},
        {"$20\r\nVALKEY080...........", HANGAR_UNSUPPORTED, "Valkey"},
    };
    static struct text out;
    char problem[400];
    bool done;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned char *data = (const unsigned char *)cases[i].data;
        ck_assert_int_eq(feed_frame(data, strlen(cases[i].data), 1, &done, &out, problem),
                         cases[i].rc);
        ck_assert_msg(strstr(problem, cases[i].says) != NULL, "case %zu: %s", i, problem);
    }
    unsigned char endless[1000];
    memset(endless, '1', sizeof(endless));
    endless[0] = '$';
    ck_assert_int_eq(feed_frame(endless, sizeof(endless), 1000, &done, &out, problem),
                     HANGAR_CORRUPT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis format");
    TCase *tests = tcase_create("format");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, checksum_of_the_digits_is_the_known_one);
    tcase_add_test(tests, all_ways_of_the_checksum_are_equal_at_all_lengths);
    tcase_add_test(tests, checksum_in_pieces_is_that_of_the_whole);
    tcase_add_test(tests, runs_references_and_long_references_are_decompressed);
    tcase_add_test(tests, references_reach_as_far_back_as_the_format_allows_and_no_further);
    tcase_add_test(tests, wrong_sizes_of_compressed_text_are_refused);
    tcase_add_test(tests, random_compressed_text_never_writes_out_of_bounds);
    tcase_add_test(tests, types_of_old_servers_are_walked_and_counted);
    tcase_add_test(tests, old_versions_have_no_checksum_and_a_zero_one_is_none);
    tcase_add_test(tests, types_of_newer_servers_and_of_modules_are_walked);
    tcase_add_test(tests, empty_collections_are_told_apart);
    tcase_add_test(tests, unknown_and_prerelease_types_are_refused_by_name);
    tcase_add_test(tests, every_truncation_and_every_flipped_bit_is_found);
    tcase_add_test(tests, random_bytes_never_pass_for_an_rdb);
    tcase_add_test(tests, bodies_are_the_values_as_they_stand_in_the_rdb);
    tcase_add_test(tests, events_of_damaged_rdbs_stay_in_order_and_in_bounds);
    tcase_add_test(tests, an_expiry_counts_for_one_key_only);
    tcase_add_test(tests, what_an_event_returns_ends_the_walk);
    tcase_add_test(tests, lengths_that_do_not_fit_are_refused_before_they_are_believed);
    tcase_add_test(tests, both_framings_give_the_rdb_in_pieces_of_any_size);
    tcase_add_test(tests, a_frame_cut_at_any_byte_is_never_complete);
    tcase_add_test(tests, a_frame_whose_parts_do_not_agree_is_refused);
    tcase_add_test(tests, what_is_no_rdb_is_refused_with_its_text);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
