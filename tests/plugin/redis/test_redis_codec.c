/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_redis_codec: the checksum and the decompression of an RDB.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "rdb/crc64.h"
#include "rdb/lzf.h"
#include "bytes.h"

/* ---- checksum ---- */

START_TEST(checksum_of_123456789_is_the_published_one)
{
    ck_assert(rd_crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
    ck_assert(rd_crc64_bytes(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
}
END_TEST

START_TEST(all_implementations_of_the_checksum_agree)
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

START_TEST(checksum_does_not_depend_on_the_pieces)
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

static enum hangar_rc redis_codec_unpack(const unsigned char *in, size_t size, uint64_t plain,
                                         size_t step, struct bytes *out)
{
    struct rd_lzf lzf;
    rd_lzf_init(&lzf, plain);
    out->size = 0;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t at = 0; at < size && rc == HANGAR_OK; at += step) {
        rc = rd_lzf_feed(&lzf, in + at, size - at < step ? size - at : step, bytes_add, out);
    }
    return rc == HANGAR_OK ? rd_lzf_end(&lzf, bytes_add, out) : rc;
}

START_TEST(literals_and_references_are_decompressed)
{
    /* "abc", then 3 more of it, then 10 from 1 back, then 300 of "c" */
    static const unsigned char in[] = {2, 'a',    'b', 'c', 1 << 5, 2,  7 << 5, 1,
                                       0, 7 << 5, 255, 0,   7 << 5, 27, 0};
    char want[400] = "abcabc";
    memset(want + 6, 'c', 10 + 264 + 36);
    static const size_t steps[] = {1, 2, 3, 100};
    struct bytes *out = malloc(sizeof(*out));
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(redis_codec_unpack(in, sizeof(in), 6 + 310, steps[i], out), HANGAR_OK);
        ck_assert_uint_eq(out->size, 316);
        ck_assert_mem_eq(out->data, want, 316);
    }
    free(out);
}
END_TEST

START_TEST(references_reach_the_whole_window_and_no_further)
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
    struct bytes *out = malloc(sizeof(*out));
    ck_assert_int_eq(redis_codec_unpack(in, size, 8195, 5, out), HANGAR_OK);
    ck_assert_mem_eq(out->data + 8192, plain, 3);
    /* the same reference before there are so many bytes */
    ck_assert_int_eq(redis_codec_unpack(in + 33, size - 33, 8195 - 32, 5, out), HANGAR_CORRUPT);
    free(out);
}
END_TEST

START_TEST(wrong_sizes_of_compressed_text_are_refused)
{
    static const unsigned char in[] = {2, 'a', 'b', 'c', 1 << 5, 2};
    struct bytes *out = malloc(sizeof(*out));
    ck_assert_int_eq(redis_codec_unpack(in, 6, 6, 1, out), HANGAR_OK);
    ck_assert_int_eq(redis_codec_unpack(in, 6, 5, 1, out), HANGAR_CORRUPT);
    ck_assert_int_eq(redis_codec_unpack(in, 6, 7, 1, out), HANGAR_CORRUPT);
    ck_assert_int_eq(redis_codec_unpack(in, 5, 6, 1, out), HANGAR_CORRUPT);
    ck_assert_int_eq(redis_codec_unpack(in, 3, 3, 1, out), HANGAR_CORRUPT);
    free(out);
}
END_TEST

START_TEST(random_compressed_text_never_writes_out_of_bounds)
{
    struct bytes *out = malloc(sizeof(*out));
    uint32_t state = 11;
    for (int round = 0; round < 2000; round++) {
        unsigned char in[512];
        for (size_t i = 0; i < sizeof(in); i++) {
            in[i] = (unsigned char)next_random(&state);
        }
        redis_codec_unpack(in, sizeof(in), 1 + next_random(&state) % 60000, 1 + (size_t)round % 40,
                           out);
        ck_assert_uint_le(out->size, 60000);
    }
    free(out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redis codec");
    TCase *tests = tcase_create("codec");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, checksum_of_123456789_is_the_published_one);
    tcase_add_test(tests, all_implementations_of_the_checksum_agree);
    tcase_add_test(tests, checksum_does_not_depend_on_the_pieces);
    tcase_add_test(tests, literals_and_references_are_decompressed);
    tcase_add_test(tests, references_reach_the_whole_window_and_no_further);
    tcase_add_test(tests, wrong_sizes_of_compressed_text_are_refused);
    tcase_add_test(tests, random_compressed_text_never_writes_out_of_bounds);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
