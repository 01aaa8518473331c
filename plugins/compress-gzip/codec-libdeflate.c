/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * codec-libdeflate: deflate by libdeflate.
 */
#include "gzip.h"

#include <libdeflate.h>

static void *ld_new(int level)
{
    return libdeflate_alloc_compressor(level);
}

static void ld_free(void *state)
{
    libdeflate_free_compressor(state);
}

static size_t ld_bound(size_t size)
{
    return libdeflate_deflate_compress_bound(NULL, size);
}

static size_t ld_deflate(void *state, const void *in, size_t size, void *out, size_t capacity)
{
    return libdeflate_deflate_compress(state, in, size, out, capacity);
}

const struct gz_codec gz_codec_libdeflate = {
    .name = "libdeflate",
    .new = ld_new,
    .free = ld_free,
    .bound = ld_bound,
    .deflate = ld_deflate,
};
