/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_frame: the framing of the transfer of an RDB to a replica.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "wire/psync_frame.h"
#include "bytes.h"
#include "rdb_build.h"

#define MARK "0123456789abcdef0123456789abcdef01234567"

/* The RDB of old types with newlines before it, in either framing. */
static size_t redis_frame_framed(unsigned char *out, bool marked)
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
                                 struct bytes *out, char *problem)
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
            bytes_add(out, data + at + from, count);
        }
    }
    *done = psync_frame_done(&frame);
    strcpy(problem, frame.problem);
    rdb_walk_free(walk);
    return rc;
}

START_TEST(both_framings_yield_the_rdb_in_pieces_of_any_size)
{
    static unsigned char data[70000];
    static struct bytes out;
    static struct rdb_build rdb;
    rdb_build_old_types(&rdb, 9);
    for (int marked = 0; marked < 2; marked++) {
        size_t size = redis_frame_framed(data, marked);
        for (size_t step = 1; step <= size; step++) {
            char problem[400];
            bool done;
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
    static struct bytes out;
    for (int marked = 0; marked < 2; marked++) {
        size_t whole = redis_frame_framed(data, marked);
        for (size_t size = 0; size < whole; size++) {
            for (size_t step = 1; step < 100; step += 49) {
                char problem[400];
                bool done;
                feed_frame(data, size, step, &done, &out, problem);
                ck_assert_msg(!done, "%zu of %zu bytes, marked %d", size, whole, marked);
            }
        }
    }
}
END_TEST

START_TEST(a_frame_with_inconsistent_parts_is_refused)
{
    static unsigned char data[70000];
    static struct bytes out;
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
        ck_assert_msg(strstr(problem, more > 0 ? "before its size" : "no end"), "%s", problem);
    }
    size_t size = redis_frame_framed(data, true);
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

START_TEST(other_data_than_an_rdb_is_refused)
{
    static const struct {
        const char *data;
        enum hangar_rc rc;
        const char *error;
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
    static struct bytes out;
    char problem[400];
    bool done;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned char *data = (const unsigned char *)cases[i].data;
        ck_assert_int_eq(feed_frame(data, strlen(cases[i].data), 1, &done, &out, problem),
                         cases[i].rc);
        ck_assert_msg(strstr(problem, cases[i].error), "case %zu: %s", i, problem);
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
    Suite *suite = suite_create("redis frame");
    TCase *tests = tcase_create("frame");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, both_framings_yield_the_rdb_in_pieces_of_any_size);
    tcase_add_test(tests, a_frame_cut_at_any_byte_is_never_complete);
    tcase_add_test(tests, a_frame_with_inconsistent_parts_is_refused);
    tcase_add_test(tests, other_data_than_an_rdb_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
