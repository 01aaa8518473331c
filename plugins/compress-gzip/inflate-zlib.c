/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * inflate-zlib: decompresses a stream of deflate data with zlib, in a build without ISA-L.
 */
#include "gzip.h"

#include <stdlib.h>
#include <zlib.h>

struct gz_inflater {
    z_stream stream;
};

struct gz_inflater *gz_inflater_new(void)
{
    struct gz_inflater *inflater = calloc(1, sizeof(*inflater));
    if (inflater && inflateInit2(&inflater->stream, -15) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void gz_inflater_free(struct gz_inflater *inflater)
{
    if (!inflater) {
        return;
    }
    inflateEnd(&inflater->stream);
    free(inflater);
}

void gz_inflater_reset(struct gz_inflater *inflater)
{
    inflateReset(&inflater->stream);
}

enum gz_inflate_rc gz_inflater_run(struct gz_inflater *inflater, struct hangar_io *io,
                                   unsigned char behind[8], size_t *behind_size)
{
    (void)behind;
    z_stream *stream = &inflater->stream;
    uint32_t in_size = gz_step(io->in_size), out_size = gz_step(io->out_size);
    stream->next_in = (Bytef *)io->in;
    stream->avail_in = in_size;
    stream->next_out = io->out;
    stream->avail_out = out_size;
    int rc = inflate(stream, Z_NO_FLUSH);
    gz_advance(io, in_size - stream->avail_in, out_size - stream->avail_out);
    *behind_size = 0;
    if (rc == Z_STREAM_END) {
        return GZ_INFLATE_END;
    }
    if (rc == Z_MEM_ERROR) { /* zlib allocates its window when it needs it */
        return GZ_INFLATE_NO_MEMORY;
    }
    return rc == Z_OK || rc == Z_BUF_ERROR ? GZ_INFLATE_MORE : GZ_INFLATE_BAD;
}
