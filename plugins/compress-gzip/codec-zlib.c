/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * codec-zlib: deflate by zlib, which every build has.
 */
#include "gzip.h"

#include <stdlib.h>
#include <zlib.h>

#define RAW_WINDOW (-15) /* deflate data without a header, 32 KiB window */

static void *zlib_new(int level)
{
    z_stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        return NULL;
    }
    if (deflateInit2(stream, level, Z_DEFLATED, RAW_WINDOW, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

static void zlib_free(void *state)
{
    if (!state) {
        return;
    }
    deflateEnd(state);
    free(state);
}

/* Without a state, deflateBound is valid for all parameters. */
static size_t zlib_bound(size_t size)
{
    return deflateBound(NULL, size);
}

static size_t zlib_deflate(void *state, const void *in, size_t size, void *out, size_t capacity)
{
    z_stream *stream = state;
    deflateReset(stream);
    stream->next_in = (Bytef *)in;
    stream->avail_in = (uInt)size;
    stream->next_out = out;
    stream->avail_out = (uInt)(capacity < UINT32_MAX ? capacity : UINT32_MAX);
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
        return 0;
    }
    return stream->total_out;
}

const struct gz_codec gz_codec_zlib = {
    .name = "zlib",
    .new = zlib_new,
    .free = zlib_free,
    .bound = zlib_bound,
    .deflate = zlib_deflate,
};
