/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transform_suite: one suite of tests for the contract of a transform in the ABI, which runs
 * with every transform.  Further tests of one transform are separate and may use the
 * functions below.
 */
#ifndef TEST_LIB_TRANSFORM_SUITE_H
#define TEST_LIB_TRANSFORM_SUITE_H

#include <stdbool.h>
#include "testing.h"

struct transform_under_test {
    const char *plugin;
    /* Settings to run everything with, "level=1 other=2" each; "": the defaults. */
    const char *const *variants;
    size_t variant_count;
    /* May this bit of a file of `size` bytes flip and the plain bytes still be the
     * same (a time in a header)?  NULL: none may. */
    bool (*harmless)(size_t offset, unsigned bit, size_t size);
};

/* Adds a test case with all of it.  `under_test` lives as long as the suite. */
void transform_suite_add(Suite *suite, const struct transform_under_test *under_test);

/* A plugin with settings as above. */
struct fake_host *transform_open(const char *plugin, const char *settings, void **inst);

/* The input of a stream, and the sizes of the buffers of a call. */
struct transform_input {
    const void *data;
    size_t size;
    size_t in_step, out_step;
};

/* Runs all of the input through a stream; the output is the caller's, also on failure. */
enum hangar_rc transform_run(struct fake_host *fake, void *inst, enum hangar_direction direction,
                             const struct transform_input *in, unsigned char **out,
                             size_t *out_size);

/* The input of the block form. */
struct transform_blocks {
    const void *data;
    size_t size;
    size_t block_size;
    bool empty_end; /* with an empty last block */
};

/* Encodes all blocks, one after the other. */
void transform_blocks(struct fake_host *fake, void *inst, const struct transform_blocks *in,
                      unsigned char **out, size_t *out_size);

#endif
