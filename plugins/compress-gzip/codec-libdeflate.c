/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * codec-libdeflate: deflate by libdeflate.
 */
#include "gzip.h"

#include <libdeflate.h>

static void *deflater_new(int level)
{
    return libdeflate_alloc_compressor(level);
}

static void deflater_free(void *state)
{
    libdeflate_free_compressor(state);
}

static size_t deflater_bound(size_t size)
{
    return libdeflate_deflate_compress_bound(NULL, size);
}

static size_t deflater_deflate(void *state, const void *in, size_t size, void *out, size_t capacity)
{
    return libdeflate_deflate_compress(state, in, size, out, capacity);
}

const struct gz_codec gz_codec_libdeflate = {
    .name = "libdeflate",
    .new = deflater_new,
    .free = deflater_free,
    .bound = deflater_bound,
    .deflate = deflater_deflate,
};
