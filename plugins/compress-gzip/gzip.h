/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * gzip: what the files of this plugin share.
 *
 *     codec-*.c     compress one piece of memory, with one library each
 *     codec.c       chooses the library
 *     encode.c      makes gzip members from the pieces
 *     inflate-*.c   decompress deflate data, with one library each
 *     decode.c      reads gzip files
 *
 * Headers and checksums are made and checked here.  The libraries see deflate data only, so that
 * the definition of a valid file does not depend on the library of a build.
 */
#ifndef COMPRESS_GZIP_GZIP_H
#define COMPRESS_GZIP_GZIP_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>

#include "failure.h"

#define GZ_HEADER_SIZE 10
#define GZ_TRAILER_SIZE 8 /* CRC-32 and size of the plain bytes, little-endian */

/* A larger block becomes several members: larger members are not smaller in total, and the
 * libraries count in 32 bits. */
#define GZ_MEMBER_MAX ((size_t)4 << 20)

/* One library.  `deflate` compresses a piece of 1 to GZ_MEMBER_MAX bytes into `out`, which has room
 * for bound(size) bytes, and returns the size; 0: it failed.  One thread at a time per state. */
struct gz_codec {
    const char *name;
    void *(*new)(int level); /* NULL when out of memory */
    void (*free)(void *state);
    size_t (*bound)(size_t size);
    size_t (*deflate)(void *state, const void *in, size_t size, void *out, size_t capacity);
};

extern const struct gz_codec gz_codec_zlib;
extern const struct gz_codec gz_codec_isal;       /* with HAVE_ISAL */
extern const struct gz_codec gz_codec_libdeflate; /* with HAVE_LIBDEFLATE */

/* Returns the fastest library for a level of the option, and that library's own level. */
const struct gz_codec *gz_choose(int level, int *library_level);

/* Continues a CRC-32 as in gzip; `crc` is 0 at the beginning. */
uint32_t gz_crc32(uint32_t crc, const void *data, size_t size);

/* Idle states are kept for the next block, up to this number: the most threads that compress at
 * once on a large machine. */
#define GZ_IDLE_MAX 64

struct gz {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const struct gz_codec *codec;
    int level, library_level;
    char description[64];

    pthread_mutex_t mutex; /* guards the two below */
    void *idle[GZ_IDLE_MAX];
    size_t idle_count;
};

/* encode.c: encodes `size` bytes as one or more members, and an empty piece as one empty member.
 * `capacity` is at least gz_encode_bound(size). */
size_t gz_encode_bound(const struct gz *gz, size_t size);
enum hangar_rc gz_encode(struct gz *gz, const unsigned char *in, size_t size, unsigned char *out,
                         size_t capacity, size_t *out_size);

struct gz_encoder;
enum hangar_rc gz_encoder_new(struct gz *gz, struct gz_encoder **out);
enum hangar_rc gz_encoder_process(struct gz_encoder *encoder, struct hangar_io *io, int last);
void gz_encoder_free(struct gz_encoder *encoder);

/* inflate-isal.c or inflate-zlib.c: decompresses a stream of deflate data. */
struct gz_inflater;
enum gz_inflate_rc { GZ_INFLATE_MORE, GZ_INFLATE_END, GZ_INFLATE_BAD, GZ_INFLATE_NO_MEMORY };
struct gz_inflater *gz_inflater_new(void); /* NULL when out of memory */
void gz_inflater_free(struct gz_inflater *inflater);
void gz_inflater_reset(struct gz_inflater *inflater); /* before each member */
/* Decompresses until input or room is used up.  At the end of the deflate data, `behind` receives
 * the bytes after it that were read already, at most 8. */
enum gz_inflate_rc gz_inflater_run(struct gz_inflater *inflater, struct hangar_io *io,
                                   unsigned char behind[8], size_t *behind_size);

/* For both: how much of `size` to process at a time, as the libraries count in 32 bits, and the
 * update of `io` by what was read and written. */
static inline uint32_t gz_step(size_t size)
{
    const uint32_t max = (uint32_t)1 << 30;
    return size < max ? (uint32_t)size : max;
}

static inline void gz_advance(struct hangar_io *io, size_t used, size_t made)
{
    io->in += used;
    io->in_size -= used;
    io->out += made;
    io->out_size -= made;
}

struct gz_decoder;
enum hangar_rc gz_decoder_new(struct gz *gz, struct gz_decoder **out);
enum hangar_rc gz_decoder_process(struct gz_decoder *decoder, struct hangar_io *io, int last);
void gz_decoder_free(struct gz_decoder *decoder);

#endif
