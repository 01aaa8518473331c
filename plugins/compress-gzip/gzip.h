/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * gzip.h: what the files of this plugin share.  codec-*.c compress one piece of
 * memory with one library each, codec.c chooses among them, encode.c makes gzip
 * members of the pieces, inflate-*.c and decode.c read any gzip file.
 *
 * Headers and checksums are ours alone: a library sees bare deflate data, so
 * what counts as a valid file does not depend on the libraries at hand.
 */
#ifndef GZIP_H
#define GZIP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>

#define GZ_HEADER_SIZE 10
#define GZ_TRAILER_SIZE 8 /* CRC-32 and size of the plain bytes, little-endian */

/* A block larger than this becomes several members: larger ones gain nothing,
 * and the libraries count in 32 bits. */
#define GZ_MEMBER_MAX ((size_t)4 << 20)

/* One library.  `deflate` compresses a piece of at most GZ_MEMBER_MAX bytes, not
 * empty, wholly into `out` and gives the size, 0 when it failed; `out` has room
 * for bound(size).  One thread at a time per state. */
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

/* The fastest library for one of our levels, and that library's own level. */
const struct gz_codec *gz_choose(int level, int *library_level);

/* CRC-32 as in gzip; 0 to begin with. */
uint32_t gz_crc32(uint32_t crc, const void *data, size_t size);

/* States that are idle, so that a block need not make its own; as many as can
 * be busy at once on any machine in sight. */
#define GZ_IDLE_MAX 64

struct gz {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const struct gz_codec *codec;
    int level, library_level;
    char description[64];

    pthread_mutex_t mutex; /* of the two below */
    void *idle[GZ_IDLE_MAX];
    size_t idle_count;
};

/* encode.c: `size` bytes as one or more members, for an empty piece one empty
 * member; `capacity` is at least gz_encode_bound(size). */
size_t gz_encode_bound(const struct gz *gz, size_t size);
enum hangar_rc gz_encode(struct gz *gz, const unsigned char *in, size_t size, unsigned char *out,
                         size_t capacity, size_t *out_size);

struct gz_encoder;
enum hangar_rc gz_encoder_new(struct gz *gz, struct gz_encoder **out);
enum hangar_rc gz_encoder_process(struct gz_encoder *encoder, struct hangar_io *io, int last);
void gz_encoder_free(struct gz_encoder *encoder);

/* inflate-isal.c or inflate-zlib.c: deflate data, as it streams in. */
struct gz_inflater;
enum gz_inflate_rc { GZ_INFLATE_MORE, GZ_INFLATE_END, GZ_INFLATE_BAD, GZ_INFLATE_NO_MEMORY };
struct gz_inflater *gz_inflater_new(void); /* NULL when out of memory */
void gz_inflater_free(struct gz_inflater *inflater);
void gz_inflater_reset(struct gz_inflater *inflater); /* before each member */
/* Works until input or room is used up.  At the end, input that was taken but
 * lies behind the deflate data is given back in `behind`, at most 8 bytes. */
enum gz_inflate_rc gz_inflater_run(struct gz_inflater *inflater, struct hangar_io *io,
                                   unsigned char behind[8], size_t *behind_size);

/* For both: so much of `size` at a time, since the libraries count in 32 bits; and what
 * one of them has used and made. */
static inline uint32_t gz_step(size_t size)
{
    const uint32_t most = (uint32_t)1 << 30;
    return size < most ? (uint32_t)size : most;
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
