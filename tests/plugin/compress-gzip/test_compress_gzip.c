/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_compress_gzip: the contract of transforms at every level, files of other programs, headers
 * with all fields, and members.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "fake_host.h"
#include "transform_suite.h"
#ifdef HAVE_SCARCE
#include "scarce.h"
#endif

static struct fake_host *fake;
static void *inst;

static void compress_gzip_setup(void)
{
    fake = transform_open("compress-gzip", "", &inst);
}

static void compress_gzip_teardown(void)
{
    fake_host_close(fake);
}

/* Appends a member made by zlib, with the given header or zlib's own. */
static size_t zlib_member(unsigned char *out, size_t room, const void *in, size_t size,
                          gz_header *head)
{
    z_stream z = {0};
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    if (head) {
        ck_assert_int_eq(deflateSetHeader(&z, head), Z_OK);
    }
    z.next_in = (Bytef *)in;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static enum hangar_rc compress_gzip_decode(const void *file, size_t size, size_t in_step,
                                           size_t out_step, unsigned char **out, size_t *out_size)
{
    fake_host_clear(fake);
    return transform_run(fake, inst, HANGAR_DECODE,
                         &(struct transform_input){file, size, in_step, out_step}, out, out_size);
}

static void assert_reads(const void *file, size_t size, const void *plain, size_t plain_size)
{
    static const size_t steps[] = {1, 1024, SIZE_MAX};
    for (size_t i = 0; i < 9; i++) {
        unsigned char *out;
        size_t out_size;
        testing_expect(
            fake, compress_gzip_decode(file, size, steps[i / 3], steps[i % 3], &out, &out_size),
            HANGAR_EOF, "decode");
        ck_assert_uint_eq(out_size, plain_size);
        ck_assert_mem_eq(out, plain, plain_size);
        free(out);
    }
}

static void assert_refuses(const void *file, size_t size, const char *text)
{
    unsigned char *out;
    size_t out_size;
    testing_expect(fake, compress_gzip_decode(file, size, SIZE_MAX, SIZE_MAX, &out, &out_size),
                   HANGAR_CORRUPT, "decode");
    free(out);
    ck_assert_msg(strstr(fake_host_error(fake), text) != NULL, "error: %s", fake_host_error(fake));
}

START_TEST(files_of_other_programs_are_decoded)
{
    static const char *const programs[] = {"gzip -1", "gzip -9",      "gzip -n",     "pigz -p 2",
                                           "pigz -0", "pigz -p 2 -i", "pigz -b 128", "pigz -11"};
    size_t plain_size = 300001, size;
    unsigned char *plain = testing_data(DATA_TEXT, plain_size);
    const char *dir = testing_dir(), *path = testing_path(dir, "some-name.txt");
    bool have_pigz = !testing_shell("command -v pigz > %s/which", dir);
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        if (!have_pigz && programs[i][0] == 'p') {
            continue; /* pigz is not installed, and nothing else needs it */
        }
        testing_write_file(path, plain, plain_size);
        ck_assert_int_eq(testing_shell("cd %s && rm -f *.gz && %s some-name.txt", dir, programs[i]),
                         0);
        unsigned char *file = testing_read_file(testing_path(dir, "some-name.txt.gz"), &size);
        assert_reads(file, size, plain, plain_size);
        free(file);
    }
    free(plain);
}
END_TEST

START_TEST(other_programs_decode_the_files)
{
    size_t plain_size = 3000001, size;
    unsigned char *plain = testing_data(DATA_TEXT, plain_size), *file;
    const char *dir = testing_dir(), *path = testing_path(dir, "file.gz");
    testing_write_file(testing_path(dir, "plain"), plain, plain_size);
    transform_blocks(fake, inst, &(struct transform_blocks){plain, plain_size, 1 << 20, true},
                     &file, &size);
    testing_write_file(path, file, size);
    ck_assert_int_eq(testing_shell("gzip -t %s && gunzip -c %s | cmp - %s/plain", path, path, dir),
                     0);
    ck_assert_int_eq(testing_shell("! command -v pigz || pigz -dc %s | cmp - %s/plain", path, dir),
                     0);
    ck_assert_int_eq(testing_shell("python3 -c 'import gzip,sys; "
                                   "sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())' %s | "
                                   "cmp - %s/plain",
                                   path, dir),
                     0);
    free(file);
    free(plain);
}
END_TEST

START_TEST(all_fields_of_a_header_are_decoded)
{
    unsigned char extra[2000], file[16384], *plain = testing_data(DATA_TEXT, 5000);
    memset(extra, 0, sizeof(extra));
    for (unsigned set = 0; set < 16; set++) {
        gz_header head = {.time = 1700000000, .os = 3, .text = 1};
        head.extra = set & 1 ? extra : NULL;
        head.extra_len = set & 1 ? (set & 2 ? 0 : sizeof(extra)) : 0;
        head.name = set & 2 ? (Bytef *)"a name" : NULL;
        head.comment = set & 4 ? (Bytef *)"a comment" : NULL;
        head.hcrc = set & 8 ? 1 : 0;
        size_t size = zlib_member(file, sizeof(file), plain, 5000, &head);
        assert_reads(file, size, plain, 5000);
        for (size_t cut = 1; cut < size; cut += cut < 2100 ? 1 : 100) {
            assert_refuses(file, cut, "truncated");
        }
    }
    free(plain);
}
END_TEST

START_TEST(a_wrong_checksum_of_a_header_is_detected)
{
    unsigned char file[4096];
    gz_header head = {.time = 1700000000, .os = 3, .name = (Bytef *)"a name", .hcrc = 1};
    size_t size = zlib_member(file, sizeof(file), "hello", 5, &head);
    file[4] ^= 1; /* the time */
    assert_refuses(file, size, "wrong checksum of a header");
}
END_TEST

START_TEST(several_members_are_one_file)
{
    size_t used = 0, plain_size = 5000, room = 4 << 20;
    unsigned char *file = malloc(room), *plain = testing_data(DATA_TEXT, plain_size);
    ck_assert_ptr_nonnull(file);
    for (size_t at = 0; at < 4000; at += 7) {
        used +=
            zlib_member(file + used, room - used, plain + at, 7 < 4000 - at ? 7 : 4000 - at, NULL);
        if (at % 70 == 0) {
            used += zlib_member(file + used, room - used, "", 0, NULL);
        }
    }
    unsigned char *ours;
    size_t size;
    transform_blocks(fake, inst, &(struct transform_blocks){plain + 4000, 1000, 100, true}, &ours,
                     &size);
    memcpy(file + used, ours, size);
    assert_reads(file, used + size, plain, plain_size);
    free(ours);
    free(file);
    free(plain);
}
END_TEST

START_TEST(data_that_is_not_gzip_is_refused)
{
    unsigned char file[64];
    size_t size = zlib_member(file, sizeof(file), "hello", 5, NULL);
    assert_refuses("", 0, "is empty");
    assert_refuses("hello, world", 12, "not a gzip header");
    assert_refuses("\0\0\0\0", 4, "not a gzip header");
    assert_refuses("\x1f\x8b\x07\0\0\0\0\0\0\0", 10, "not a gzip header");
    file[3] = 0x20;
    assert_refuses(file, size, "unknown flags");
    file[3] = 0;
    file[size - 1] ^= 1;
    assert_refuses(file, size, "wrong size");
    file[size - 1] ^= 1;
    file[size - 5] ^= 1;
    assert_refuses(file, size, "wrong checksum of the data");
    file[size - 5] ^= 1;
    memcpy(file + size, "\0", 1);
    assert_refuses(file, size + 1, "other data after the end");
}
END_TEST

START_TEST(a_failed_decoder_stays_failed)
{
    struct hangar_stream *stream;
    const struct hangar_transform *gzip = fake_host_plugin(fake)->transform;
    ck_assert_int_eq(gzip->open(inst, HANGAR_DECODE, NULL, &stream), HANGAR_OK);
    for (int i = 0; i < 2; i++) {
        unsigned char out[100];
        struct hangar_io io = {(const unsigned char *)"no", 2, out, sizeof(out)};
        ck_assert_int_eq(gzip->process(stream, &io, 1), HANGAR_CORRUPT);
    }
    gzip->close(stream, NULL);
}
END_TEST

/* Checks the header of each member. */
START_TEST(headers_contain_no_time_and_no_name)
{
    static const unsigned char header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    unsigned char *file;
    size_t size;
    transform_blocks(fake, inst, &(struct transform_blocks){"hello", 5, 5, false}, &file, &size);
    ck_assert_mem_eq(file, header, sizeof(header));
    free(file);
    transform_blocks(fake, inst, &(struct transform_blocks){"", 0, 5, false}, &file, &size);
    ck_assert_mem_eq(file, header, sizeof(header));
    ck_assert_uint_eq(size, 20);
    free(file);
}
END_TEST

START_TEST(a_huge_block_becomes_several_members)
{
    size_t plain_size = (size_t)9 << 20, size, out_size;
    unsigned char *plain = testing_data(DATA_TEXT, plain_size), *file, *out;
    transform_blocks(fake, inst, &(struct transform_blocks){plain, plain_size, plain_size, false},
                     &file, &size);
    testing_expect(fake, compress_gzip_decode(file, size, SIZE_MAX, SIZE_MAX, &out, &out_size),
                   HANGAR_EOF, "decode");
    ck_assert_uint_eq(out_size, plain_size);
    ck_assert(memcmp(out, plain, plain_size) == 0);
    ck_assert_mem_eq(file + size - 4, "\0\0\x10\0", 4); /* the last holds 1 MiB */
    free(out);
    free(file);
    free(plain);
}
END_TEST

START_TEST(higher_levels_make_smaller_files)
{
    static const char *const settings[] = {"level=1", "level=6", "level=9"};
    size_t plain_size = 1 << 20, last = plain_size, size;
    unsigned char *plain = testing_data(DATA_TEXT, plain_size), *file;
    for (size_t i = 0; i < 3; i++) {
        void *other;
        struct fake_host *host = transform_open("compress-gzip", settings[i], &other);
        transform_blocks(host, other,
                         &(struct transform_blocks){plain, plain_size, plain_size, false}, &file,
                         &size);
        ck_assert_uint_lt(size, last);
        last = size;
        free(file);
        fake_host_close(host);
    }
    free(plain);
}
END_TEST

START_TEST(the_plugin_describes_its_level_and_library)
{
    const struct hangar_plugin *plugin = fake_host_plugin(fake);
    ck_assert_ptr_nonnull(strstr(plugin->describe(inst), "gzip level 2 ("));
    ck_assert_str_eq(plugin->transform->suffix, ".gz");
    ck_assert_uint_eq(plugin->threads(inst), HANGAR_PARALLEL_HANDLES);
}
END_TEST

START_TEST(a_block_without_enough_room_fails_completely)
{
    const struct hangar_transform *gzip = fake_host_plugin(fake)->transform;
    size_t plain_size = 100000, size = 0, bound = gzip->encode_bound(inst, plain_size);
    unsigned char *plain = testing_data(DATA_RANDOM, plain_size), *out = malloc(bound);
    struct hangar_stream *stream;
    ck_assert_int_eq(gzip->block_open(inst, &stream), HANGAR_OK);
    ck_assert_int_eq(gzip->encode_block(stream, 0, 1, plain, plain_size, out, 10000, &size),
                     HANGAR_INTERNAL);
    ck_assert_msg(strstr(fake_host_error(fake), "cannot compress 100000 bytes with "), "%s",
                  fake_host_error(fake));
    ck_assert_uint_eq(size, 0);
    fake_host_clear(fake);
    ck_assert_int_eq(gzip->encode_block(stream, 0, 1, "", 0, out, 10, &size), HANGAR_INTERNAL);
    fake_host_clear(fake);
    ck_assert_int_eq(gzip->encode_block(stream, 0, 1, plain, plain_size, out, bound, &size),
                     HANGAR_OK);
    gzip->block_close(stream, NULL);
    ck_assert_uint_eq(gzip->encode_bound(inst, SIZE_MAX), SIZE_MAX);
    free(out);
    free(plain);
}
END_TEST

#ifdef HAVE_SCARCE
static enum hangar_rc rc;
static size_t failures;
static bool wrong; /* decoding returned other bytes */

/* Encodes or decodes with the stream form, into `out`. */
static enum hangar_rc compress_gzip_pass(void *gz, enum hangar_direction direction, const void *in,
                                         size_t in_size, unsigned char *out, size_t *size)
{
    const struct hangar_transform *gzip = fake_host_plugin(fake)->transform;
    struct hangar_io io = {.in = in, .in_size = in_size, .out = out, .out_size = 200};
    struct hangar_stream *stream;
    enum hangar_rc got = gzip->open(gz, direction, NULL, &stream);
    if (got) {
        return got;
    }
    got = gzip->process(stream, &io, 1);
    *size = 200 - io.out_size;
    gzip->close(stream, NULL);
    return got;
}

/* Encodes a block and a stream and decodes them, with a new instance. */
static void all_of_it(void *arg)
{
    const struct hangar_plugin *plugin = fake_host_plugin(fake);
    const struct hangar_transform *gzip = plugin->transform;
    struct hangar_stream *stream = NULL;
    unsigned char file[200], back[200];
    size_t size = 0, back_size = 0;
    (void)arg;
    fake_host_clear(fake);
    void *gz = NULL;
    rc = plugin->create(fake_host_table(fake), fake_host_ctx(fake), &gz);
    if (rc == HANGAR_OK) {
        rc = gzip->block_open(gz, &stream);
    }
    if (rc == HANGAR_OK) {
        rc = gzip->encode_block(stream, 0, 1, "hello", 5, file, sizeof(file), &size);
        gzip->block_close(stream, NULL);
    }
    if (rc == HANGAR_OK) {
        rc = compress_gzip_pass(gz, HANGAR_ENCODE, "hello", 5, file, &size);
    }
    if (rc == HANGAR_EOF) {
        rc = compress_gzip_pass(gz, HANGAR_DECODE, file, size, back, &back_size);
    }
    plugin->destroy(gz);
    wrong = rc == HANGAR_EOF && (back_size != 5 || memcmp(back, "hello", 5) != 0);
}

static void right_or_no_memory(void *arg)
{
    (void)arg;
    ck_assert_msg(rc == HANGAR_EOF || rc == HANGAR_NO_MEMORY, "%d %s", (int)rc,
                  fake_host_error(fake));
    ck_assert(!wrong);
    if (rc == HANGAR_NO_MEMORY) {
        failures++;
        ck_assert_msg(strstr(fake_host_error(fake), ": out of memory"), "%s",
                      fake_host_error(fake));
    }
}

START_TEST(without_memory_it_fails_and_never_returns_wrong_data)
{
    static const char *const levels[] = {"level=1", "level=6"};
    compress_gzip_teardown();
    fake = transform_open("compress-gzip", levels[_i], &inst);
    ck_assert_uint_ge(scarce_each(all_of_it, NULL, right_or_no_memory), 6);
    ck_assert_uint_ge(failures, 6);
}
END_TEST
#endif

/* Bits that no reader evaluates: "is text", the time, hints and the system in the
 * header, and what fills up the last byte of the compressed data. */
static bool compress_gzip_harmless(size_t offset, unsigned bit, size_t size)
{
    return (offset == 3 && bit == 0) || (offset >= 4 && offset <= 9) || offset == size - 9;
}

int main(void)
{
    static const char *const levels[] = {"",        "level=1", "level=2", "level=3", "level=4",
                                         "level=5", "level=6", "level=7", "level=8", "level=9"};
    static const struct transform_under_test gzip = {
        .plugin = "compress-gzip",
        .variants = levels,
        .variant_count = sizeof(levels) / sizeof(levels[0]),
        .harmless = compress_gzip_harmless,
    };
    Suite *suite = suite_create("compress-gzip");
    transform_suite_add(suite, &gzip);
    TCase *tcase = tcase_create("gzip");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, compress_gzip_setup, compress_gzip_teardown);
    tcase_add_test(tcase, files_of_other_programs_are_decoded);
    tcase_add_test(tcase, other_programs_decode_the_files);
    tcase_add_test(tcase, all_fields_of_a_header_are_decoded);
    tcase_add_test(tcase, a_wrong_checksum_of_a_header_is_detected);
    tcase_add_test(tcase, several_members_are_one_file);
    tcase_add_test(tcase, data_that_is_not_gzip_is_refused);
    tcase_add_test(tcase, a_failed_decoder_stays_failed);
    tcase_add_test(tcase, headers_contain_no_time_and_no_name);
    tcase_add_test(tcase, a_huge_block_becomes_several_members);
    tcase_add_test(tcase, higher_levels_make_smaller_files);
    tcase_add_test(tcase, the_plugin_describes_its_level_and_library);
    tcase_add_test(tcase, a_block_without_enough_room_fails_completely);
#ifdef HAVE_SCARCE
    tcase_add_loop_test(tcase, without_memory_it_fails_and_never_returns_wrong_data, 0, 2);
#endif
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
