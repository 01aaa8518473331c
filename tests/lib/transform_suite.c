/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transform_suite: the contract of a transform, tested.
 */
#include "transform_suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fake_host.h"

#define BLOCK ((size_t)64 << 10)
#define WHOLE SIZE_MAX /* buffers as large as they need to be */

static const struct transform_under_test *under_test;

struct fake_host *transform_open(const char *plugin, const char *settings, void **inst)
{
    char copy[256], *rest = copy, *pair;
    struct fake_host *fake = fake_host_open(plugin);
    snprintf(copy, sizeof(copy), "%s", settings);
    while ((pair = strsep(&rest, " "))) {
        char *value = strchr(pair, '=');
        if (!value) {
            continue;
        }
        *value++ = '\0';
        fake_host_set(fake, pair, value);
    }
    testing_expect(fake, fake_host_create(fake, inst), HANGAR_OK, "create");
    return fake;
}

static const struct hangar_transform *transform_suite_table(struct fake_host *fake)
{
    return fake_host_plugin(fake)->transform;
}

enum hangar_rc transform_run(struct fake_host *fake, void *inst, enum hangar_direction direction,
                             const struct transform_input *in, unsigned char **out,
                             size_t *out_size)
{
    struct hangar_stream *stream = NULL;
    struct hangar_attrs *attrs = fake_attrs_new();
    size_t capacity = 0, used = 0, at = 0;
    unsigned char *buffer = NULL;
    enum hangar_rc rc = transform_suite_table(fake)->open(
        inst, direction, direction == HANGAR_DECODE ? attrs : NULL, &stream);
    testing_expect(fake, rc, HANGAR_OK, "open");
    while (rc == HANGAR_OK) {
        size_t room = in->out_step < (size_t)1 << 20 ? in->out_step : (size_t)1 << 20;
        const unsigned char *next = (const unsigned char *)in->data + at;
        size_t piece = in->in_step < in->size - at ? in->in_step : in->size - at;
        int last = at + piece == in->size;
        if (capacity - used < room) {
            capacity = 2 * capacity + room;
            buffer = realloc(buffer, capacity);
            REQUIRE(buffer, "out of memory");
        }
        struct hangar_io io = {next, piece, buffer + used, room};
        rc = transform_suite_table(fake)->process(stream, &io, last);
        bool progress = io.in_size < piece || io.out_size < room;
        REQUIRE(io.in_size <= piece && io.out_size <= room, "process takes more than there is");
        REQUIRE(io.in == next + piece - io.in_size, "in is not moved");
        REQUIRE(io.out == buffer + used + room - io.out_size, "out is not moved");
        REQUIRE(rc || progress, "process does nothing with input and room");
        REQUIRE(rc != HANGAR_EOF || (last && !io.in_size), "it ends before the input");
        at += piece - io.in_size;
        used += room - io.out_size;
    }
    bool done = direction == HANGAR_ENCODE && rc == HANGAR_EOF;
    enum hangar_rc closed = transform_suite_table(fake)->close(stream, done ? attrs : NULL);
    if (rc == HANGAR_EOF) {
        testing_expect(fake, closed, HANGAR_OK, "close");
    }
    fake_attrs_free(attrs);
    *out = buffer;
    *out_size = used;
    return rc;
}

/* What encode_block gets. */
struct suite_block {
    uint64_t index;
    int last;
    const void *data;
    size_t size;
};

static size_t encode_one(struct fake_host *fake, void *inst, struct hangar_stream *stream,
                         const struct suite_block *block, unsigned char **out)
{
    size_t bound = transform_suite_table(fake)->encode_bound(inst, block->size), made = 0;
    *out = malloc(bound + 1);
    REQUIRE(*out, "out of memory");
    (*out)[bound] = 0xa5; /* to detect a write behind the buffer */
    testing_expect(fake,
                   transform_suite_table(fake)->encode_block(stream, block->index, block->last,
                                                             block->data, block->size, *out, bound,
                                                             &made),
                   HANGAR_OK, "encode_block");
    REQUIRE(made <= bound && (*out)[bound] == 0xa5, "encode_block makes more than encode_bound");
    return made;
}

void transform_blocks(struct fake_host *fake, void *inst, const struct transform_blocks *in,
                      unsigned char **out, size_t *out_size)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    size_t at = 0, used = 0;
    *out = NULL;
    struct hangar_stream *stream = NULL;
    testing_expect(fake, transform_suite_table(fake)->block_open(inst, &stream), HANGAR_OK,
                   "block_open");
    bool last = false;
    for (uint64_t index = 0; !last; index++) {
        unsigned char *block;
        size_t piece = in->size - at < in->block_size ? in->size - at : in->block_size;
        last = at + piece == in->size && !(in->empty_end && piece);
        size_t made = encode_one(
            fake, inst, stream,
            &(struct suite_block){index, last, (const char *)in->data + at, piece}, &block);
        *out = realloc(*out, used + made + 1);
        ck_assert_ptr_nonnull(*out);
        memcpy(*out + used, block, made);
        free(block);
        used += made;
        at += piece;
    }
    testing_expect(fake, transform_suite_table(fake)->block_close(stream, attrs), HANGAR_OK,
                   "block_close");
    fake_attrs_free(attrs);
    *out_size = used;
}

/* ------------------------------------------------------------------------ */

static struct fake_host *open_variant(int i, void **inst)
{
    return transform_open(under_test->plugin, under_test->variants[i], inst);
}

/* Destroys the instance, which must have returned all its budget. */
static void close_host(struct fake_host *fake)
{
    ck_assert_uint_eq(fake_host_budget_used(fake), 0);
    fake_host_close(fake);
}

static void assert_decodes(struct fake_host *fake, void *inst,
                           const struct transform_input *encoded, const void *plain,
                           size_t plain_size)
{
    unsigned char *out;
    size_t out_size;
    enum hangar_rc rc = transform_run(fake, inst, HANGAR_DECODE, encoded, &out, &out_size);
    testing_expect(fake, rc, HANGAR_EOF, "decode");
    REQUIRE(out_size == plain_size && (!plain_size || memcmp(out, plain, plain_size) == 0),
            "what is decoded is not what was encoded");
    free(out);
}

static const size_t sizes[] = {
    0, 1, 2, 100, 4095, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 17, (size_t)1200 << 10};
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

START_TEST(encoded_bytes_are_decoded_unchanged)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    for (int kind = 0; kind < DATA_KINDS; kind++) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            unsigned char *plain = testing_data((enum testing_data)kind, sizes[i]), *out;
            size_t size;
            enum hangar_rc rc = transform_run(
                fake, inst, HANGAR_ENCODE, &(struct transform_input){plain, sizes[i], WHOLE, WHOLE},
                &out, &size);
            testing_expect(fake, rc, HANGAR_EOF, "encode");
            assert_decodes(fake, inst, &(struct transform_input){out, size, WHOLE, WHOLE}, plain,
                           sizes[i]);
            free(out);
            free(plain);
        }
    }
    close_host(fake);
}
END_TEST

START_TEST(concatenated_blocks_are_one_stream)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    for (int kind = 0; kind < DATA_KINDS && transform_suite_table(fake)->block_open; kind++) {
        for (size_t i = 0; i < 2 * SIZE_COUNT; i++) {
            size_t plain_size = sizes[i / 2], size;
            unsigned char *plain = testing_data((enum testing_data)kind, plain_size), *out;
            transform_blocks(fake, inst,
                             &(struct transform_blocks){plain, plain_size, BLOCK, i % 2}, &out,
                             &size);
            assert_decodes(fake, inst, &(struct transform_input){out, size, WHOLE, WHOLE}, plain,
                           plain_size);
            free(out);
            free(plain);
        }
    }
    close_host(fake);
}
END_TEST

static void assert_stock_tool_decodes(struct fake_host *fake, const void *encoded, size_t size,
                                      const void *plain, size_t plain_size)
{
    const char *dir = testing_dir();
    const char *file = testing_path(dir, "encoded"), *out = testing_path(dir, "plain");
    testing_write_file(file, encoded, size);
    int status =
        testing_shell("%s < %s > %s", transform_suite_table(fake)->decode_command, file, out);
    ck_assert_int_eq(status, 0);
    size_t out_size;
    unsigned char *decoded = testing_read_file(out, &out_size);
    ck_assert_uint_eq(out_size, plain_size);
    ck_assert_mem_eq(decoded, plain, plain_size);
    free(decoded);
}

START_TEST(the_stock_tool_decodes_both_forms)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    for (int kind = 0; kind < DATA_KINDS; kind++) {
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            unsigned char *plain = testing_data((enum testing_data)kind, sizes[i]), *out;
            size_t size;
            transform_run(fake, inst, HANGAR_ENCODE,
                          &(struct transform_input){plain, sizes[i], WHOLE, WHOLE}, &out, &size);
            assert_stock_tool_decodes(fake, out, size, plain, sizes[i]);
            free(out);
            if (transform_suite_table(fake)->block_open) {
                transform_blocks(fake, inst,
                                 &(struct transform_blocks){plain, sizes[i], BLOCK, false}, &out,
                                 &size);
                assert_stock_tool_decodes(fake, out, size, plain, sizes[i]);
                free(out);
            }
            free(plain);
        }
    }
    close_host(fake);
}
END_TEST

START_TEST(buffers_may_have_any_size)
{
    static const size_t steps[] = {1, 7, 1024, WHOLE};
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    size_t plain_size = BLOCK + 333, whole_size, size;
    for (int kind = 0; kind < DATA_KINDS; kind++) {
        unsigned char *plain = testing_data((enum testing_data)kind, plain_size), *whole, *out;
        transform_run(fake, inst, HANGAR_ENCODE,
                      &(struct transform_input){plain, plain_size, WHOLE, WHOLE}, &whole,
                      &whole_size);
        for (size_t i = 0; i < 16; i++) {
            size_t in_step = steps[i / 4], out_step = steps[i % 4];
            transform_run(fake, inst, HANGAR_ENCODE,
                          &(struct transform_input){plain, plain_size, in_step, out_step}, &out,
                          &size);
            assert_decodes(fake, inst, &(struct transform_input){out, size, WHOLE, WHOLE}, plain,
                           plain_size);
            free(out);
            assert_decodes(fake, inst,
                           &(struct transform_input){whole, whole_size, in_step, out_step}, plain,
                           plain_size);
        }
        free(whole);
        free(plain);
    }
    close_host(fake);
}
END_TEST

#define JOB_BLOCKS 24
#define JOB_THREADS 4

struct job {
    struct fake_host *fake;
    void *inst;
    struct hangar_stream *stream;
    const unsigned char *plain;
    size_t first; /* of the blocks JOB_BLOCKS - 1 - first, - JOB_THREADS ... */
    unsigned char *out[JOB_BLOCKS];
    size_t size[JOB_BLOCKS];
};

static void *encode_some(void *arg)
{
    struct job *job = arg;
    for (size_t i = job->first; i < JOB_BLOCKS; i += JOB_THREADS) {
        size_t index = JOB_BLOCKS - 1 - i;
        job->size[index] = encode_one(job->fake, job->inst, job->stream,
                                      &(struct suite_block){index, index == JOB_BLOCKS - 1,
                                                            job->plain + index * BLOCK, BLOCK},
                                      &job->out[index]);
    }
    return NULL;
}

START_TEST(the_bytes_do_not_depend_on_threads_and_order)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    pthread_t threads[JOB_THREADS];
    struct job jobs[JOB_THREADS];
    unsigned char *plain = testing_data(DATA_TEXT, JOB_BLOCKS * BLOCK), *expected;
    size_t expected_size, at = 0;
    if (!transform_suite_table(fake)->block_open) {
        free(plain);
        close_host(fake);
        return;
    }
    transform_blocks(fake, inst,
                     &(struct transform_blocks){plain, JOB_BLOCKS * BLOCK, BLOCK, false}, &expected,
                     &expected_size);
    struct hangar_stream *stream = NULL;
    transform_suite_table(fake)->block_open(inst, &stream);
    for (size_t i = 0; i < JOB_THREADS; i++) {
        jobs[i] = (struct job){.fake = fake, .inst = inst, .stream = stream, .plain = plain};
        jobs[i].first = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, encode_some, &jobs[i]), 0);
    }
    for (size_t i = 0; i < JOB_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < JOB_BLOCKS; i++) {
        struct job *job = &jobs[(JOB_BLOCKS - 1 - i) % JOB_THREADS];
        ck_assert_uint_le(at + job->size[i], expected_size);
        ck_assert_mem_eq(expected + at, job->out[i], job->size[i]);
        at += job->size[i];
        free(job->out[i]);
    }
    ck_assert_uint_eq(at, expected_size);
    transform_suite_table(fake)->block_close(stream, NULL);
    free(expected);
    free(plain);
    close_host(fake);
}
END_TEST

static void *round_trip(void *arg)
{
    struct job *job = arg;
    unsigned char *out;
    size_t size;
    for (size_t i = 0; i < 8; i++) {
        size_t plain_size = i * 50000 + job->first;
        transform_run(job->fake, job->inst, HANGAR_ENCODE,
                      &(struct transform_input){job->plain, plain_size, WHOLE, 1024}, &out, &size);
        assert_decodes(job->fake, job->inst, &(struct transform_input){out, size, 1000, WHOLE},
                       job->plain, plain_size);
        free(out);
    }
    return NULL;
}

START_TEST(many_objects_are_encoded_in_parallel)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    pthread_t threads[JOB_THREADS];
    unsigned char *plain = testing_data(DATA_TEXT, 500000);
    size_t count = JOB_THREADS;
    if (!fake_host_plugin(fake)->threads ||
        fake_host_plugin(fake)->threads(inst) != HANGAR_PARALLEL_HANDLES) {
        count = 1;
    }
    struct job jobs[JOB_THREADS]; /* until the threads have ended */
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct job){.fake = fake, .inst = inst, .plain = plain, .first = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, round_trip, &jobs[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    free(plain);
    close_host(fake);
}
END_TEST

/* A file that is small enough to flip each of its bits. */
static void small_file(struct fake_host *fake, void *inst, unsigned char **plain,
                       size_t *plain_size, unsigned char **file, size_t *size)
{
    *plain_size = 300;
    *plain = testing_data(DATA_TEXT, *plain_size);
    transform_run(fake, inst, HANGAR_ENCODE,
                  &(struct transform_input){*plain, *plain_size, WHOLE, WHOLE}, file, size);
    ck_assert_uint_gt(*size, 0);
}

static void assert_corrupt(struct fake_host *fake, void *inst, const void *file, size_t size,
                           size_t in_step, size_t out_step)
{
    unsigned char *out;
    size_t out_size;
    fake_host_clear(fake);
    enum hangar_rc rc =
        transform_run(fake, inst, HANGAR_DECODE,
                      &(struct transform_input){file, size, in_step, out_step}, &out, &out_size);
    testing_expect(fake, rc, HANGAR_CORRUPT, "decode damaged data");
    free(out);
}

START_TEST(a_truncation_anywhere_is_detected)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    unsigned char *plain, *file;
    size_t plain_size, size;
    small_file(fake, inst, &plain, &plain_size, &file, &size);
    for (size_t cut = 0; cut < size; cut++) {
        assert_corrupt(fake, inst, file, cut, WHOLE, WHOLE);
        assert_corrupt(fake, inst, file, cut, 1, 1);
        assert_corrupt(fake, inst, file, cut, 13, 1024);
    }
    free(plain);
    free(file);
    close_host(fake);
}
END_TEST

START_TEST(bytes_behind_the_end_are_detected)
{
    static const char *const tails[] = {"\0", "x", "\0\0\0\0\0\0\0\0\0\0\0\0", "\x1f\x8b", "\n"};
    static const size_t tail_sizes[] = {1, 1, 12, 2, 1};
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    unsigned char *plain, *file;
    size_t plain_size, size;
    small_file(fake, inst, &plain, &plain_size, &file, &size);
    file = realloc(file, size + 16);
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        memcpy(file + size, tails[i], tail_sizes[i]);
        assert_corrupt(fake, inst, file, size + tail_sizes[i], WHOLE, WHOLE);
        assert_corrupt(fake, inst, file, size + tail_sizes[i], 1, 1);
    }
    free(plain);
    free(file);
    close_host(fake);
}
END_TEST

START_TEST(a_flipped_bit_anywhere_is_detected)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    unsigned char *plain, *file, *out;
    size_t plain_size, size, out_size;
    small_file(fake, inst, &plain, &plain_size, &file, &size);
    for (size_t i = 0; i < 8 * size; i++) {
        unsigned bit = (unsigned)(i % 8);
        file[i / 8] = (unsigned char)(file[i / 8] ^ 1u << bit);
        fake_host_clear(fake);
        enum hangar_rc rc =
            transform_run(fake, inst, HANGAR_DECODE,
                          &(struct transform_input){file, size, WHOLE, WHOLE}, &out, &out_size);
        bool harmless = rc == HANGAR_EOF && under_test->harmless &&
                        under_test->harmless(i / 8, bit, size) && out_size == plain_size &&
                        memcmp(out, plain, plain_size) == 0;
        REQUIRE(rc == HANGAR_CORRUPT || harmless, "bit %u of byte %zu of %zu flips unseen", bit,
                i / 8, size);
        free(out);
        file[i / 8] = (unsigned char)(file[i / 8] ^ 1u << bit);
    }
    free(plain);
    free(file);
    close_host(fake);
}
END_TEST

START_TEST(an_abandoned_stream_leaves_nothing)
{
    void *inst;
    struct fake_host *fake = open_variant(_i, &inst);
    unsigned char *plain = testing_data(DATA_RANDOM, 10000), out[100];
    for (int direction = HANGAR_ENCODE; direction <= HANGAR_DECODE; direction++) {
        struct hangar_attrs *attrs = fake_attrs_new();
        struct hangar_io io = {plain, 1, out, sizeof(out)};
        plain[0] = 0x1f;
        struct hangar_stream *stream = NULL;
        testing_expect(fake,
                       transform_suite_table(fake)->open(inst, (enum hangar_direction)direction,
                                                         direction == HANGAR_DECODE ? attrs : NULL,
                                                         &stream),
                       HANGAR_OK, "open");
        transform_suite_table(fake)->process(stream, &io, 0);
        transform_suite_table(fake)->close(stream, NULL);
        fake_attrs_free(attrs);
    }
    free(plain);
    close_host(fake); /* the leak checker of the sanitizers reports leaks */
}
END_TEST

void transform_suite_add(Suite *suite, const struct transform_under_test *which)
{
    under_test = which;
    int count = (int)which->variant_count;
    TCase *tcase = tcase_create("every transform");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, encoded_bytes_are_decoded_unchanged, 0, count);
    tcase_add_loop_test(tcase, concatenated_blocks_are_one_stream, 0, count);
    tcase_add_loop_test(tcase, the_stock_tool_decodes_both_forms, 0, count);
    tcase_add_loop_test(tcase, buffers_may_have_any_size, 0, count);
    tcase_add_loop_test(tcase, the_bytes_do_not_depend_on_threads_and_order, 0, count);
    tcase_add_loop_test(tcase, many_objects_are_encoded_in_parallel, 0, count);
    tcase_add_loop_test(tcase, a_truncation_anywhere_is_detected, 0, count);
    tcase_add_loop_test(tcase, bytes_behind_the_end_are_detected, 0, count);
    tcase_add_loop_test(tcase, a_flipped_bit_anywhere_is_detected, 0, count);
    tcase_add_loop_test(tcase, an_abandoned_stream_leaves_nothing, 0, count);
    suite_add_tcase(suite, tcase);
}
