/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * encode: gzip members from pieces of memory, and the stream form on top of it.
 * Each member is independent of all others, so their order of making does not
 * matter and their concatenation is a gzip file.  Headers hold neither time nor
 * name: equal bytes in give equal bytes out.
 */
#include "gzip.h"

#include <stdlib.h>
#include <string.h>

/* The stream form gathers this much for a member.  Less compresses worse; more
 * gains 2 % and costs every open stream memory. */
#define PIECE_SIZE ((size_t)512 << 10)

static const unsigned char header[GZ_HEADER_SIZE] = {
    0x1f, 0x8b, 8 /* deflate */, 0 /* no fields */, 0, 0, 0, 0 /* no time */, 0, 3 /* Unix */
};

/* What deflate makes of nothing: an empty block of fixed codes. */
static const unsigned char nothing[] = {3, 0};

static void *take_state(struct gz *gz)
{
    void *state = NULL;
    pthread_mutex_lock(&gz->mutex);
    if (gz->idle_count) {
        state = gz->idle[--gz->idle_count];
    }
    pthread_mutex_unlock(&gz->mutex);
    return state ? state : gz->codec->new(gz->library_level);
}

static void give_state(struct gz *gz, void *state)
{
    pthread_mutex_lock(&gz->mutex);
    if (gz->idle_count < GZ_IDLE_MAX) {
        gz->idle[gz->idle_count++] = state;
        state = NULL;
    }
    pthread_mutex_unlock(&gz->mutex);
    gz->codec->free(state);
}

static size_t member_bound(const struct gz *gz, size_t size)
{
    size_t data = gz->codec->bound(size);
    return GZ_HEADER_SIZE + (data > sizeof(nothing) ? data : sizeof(nothing)) + GZ_TRAILER_SIZE;
}

size_t gz_encode_bound(const struct gz *gz, size_t size)
{
    size_t whole = size / GZ_MEMBER_MAX, full = member_bound(gz, GZ_MEMBER_MAX);
    size_t rest = member_bound(gz, size % GZ_MEMBER_MAX);
    if (whole > (SIZE_MAX - rest) / full) {
        return SIZE_MAX; /* nobody can allocate that */
    }
    return whole * full + rest;
}

static void put_le32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (unsigned char)(value >> 8 * i);
    }
}

/* The size of the member, 0 when the codec failed. */
static size_t encode_member(struct gz *gz, void *state, const unsigned char *in, size_t size,
                            unsigned char *out, size_t capacity)
{
    size_t data = sizeof(nothing);
    unsigned char *at = out + GZ_HEADER_SIZE;
    if (capacity < GZ_HEADER_SIZE + sizeof(nothing) + GZ_TRAILER_SIZE) {
        return 0;
    }
    memcpy(out, header, sizeof(header));
    if (size) {
        data = gz->codec->deflate(state, in, size, at, capacity - GZ_HEADER_SIZE - GZ_TRAILER_SIZE);
    } else {
        memcpy(at, nothing, sizeof(nothing));
    }
    if (!data) {
        return 0;
    }
    put_le32(at + data, gz_crc32(0, in, size));
    put_le32(at + data + 4, (uint32_t)size);
    return GZ_HEADER_SIZE + data + GZ_TRAILER_SIZE;
}

enum hangar_rc gz_encode(struct gz *gz, const unsigned char *in, size_t size, unsigned char *out,
                         size_t capacity, size_t *out_size)
{
    size_t used = 0;
    void *state = take_state(gz);
    if (!state) {
        return gz->host->fail(gz->ctx, HANGAR_NO_MEMORY, 0, "cannot compress: out of memory");
    }
    do {
        size_t piece = size < GZ_MEMBER_MAX ? size : GZ_MEMBER_MAX;
        size_t member = encode_member(gz, state, in, piece, out + used, capacity - used);
        if (!member) {
            give_state(gz, state);
            return gz->host->fail(gz->ctx, HANGAR_INTERNAL, 0,
                                  "cannot compress %zu bytes with %s into %zu", piece,
                                  gz->codec->name, capacity - used);
        }
        used += member;
        in += piece;
        size -= piece;
    } while (size);
    give_state(gz, state);
    *out_size = used;
    return HANGAR_OK;
}

/* ------------------------------------------------------------------------ *
 * The stream form
 * ------------------------------------------------------------------------ */

struct gz_encoder {
    struct gz *gz;
    size_t gathered;         /* bytes in `piece` */
    size_t encoded, written; /* bytes in `member`, and how many of them are out */
    size_t capacity;         /* of `member` */
    bool began;              /* at least one member was made */
    unsigned char *member;   /* behind `piece`, in the same allocation */
    unsigned char piece[];   /* PIECE_SIZE */
};

enum hangar_rc gz_encoder_new(struct gz *gz, struct gz_encoder **out)
{
    size_t capacity = gz_encode_bound(gz, PIECE_SIZE);
    struct gz_encoder *encoder = malloc(sizeof(*encoder) + PIECE_SIZE + capacity);
    if (!encoder) {
        return gz->host->fail(gz->ctx, HANGAR_NO_MEMORY, 0, "cannot compress: out of memory");
    }
    *encoder = (struct gz_encoder){.gz = gz, .capacity = capacity};
    encoder->member = encoder->piece + PIECE_SIZE;
    *out = encoder;
    return HANGAR_OK;
}

void gz_encoder_free(struct gz_encoder *encoder)
{
    free(encoder);
}

static void gather(struct gz_encoder *encoder, struct hangar_io *io)
{
    size_t room = PIECE_SIZE - encoder->gathered;
    size_t n = io->in_size < room ? io->in_size : room;
    if (!n) {
        return;
    }
    memcpy(encoder->piece + encoder->gathered, io->in, n);
    encoder->gathered += n;
    io->in += n;
    io->in_size -= n;
}

static void drain(struct gz_encoder *encoder, struct hangar_io *io)
{
    size_t left = encoder->encoded - encoder->written;
    size_t n = io->out_size < left ? io->out_size : left;
    if (!n) {
        return;
    }
    memcpy(io->out, encoder->member + encoder->written, n);
    encoder->written += n;
    io->out += n;
    io->out_size -= n;
}

enum hangar_rc gz_encoder_process(struct gz_encoder *encoder, struct hangar_io *io, int last)
{
    for (;;) {
        drain(encoder, io);
        if (encoder->written < encoder->encoded) {
            return HANGAR_OK;
        }
        gather(encoder, io);
        bool ending = last && !io->in_size;
        if (encoder->gathered < PIECE_SIZE && !ending) {
            return HANGAR_OK;
        }
        if (!encoder->gathered && encoder->began) {
            return HANGAR_EOF;
        }
        enum hangar_rc rc = gz_encode(encoder->gz, encoder->piece, encoder->gathered,
                                      encoder->member, encoder->capacity, &encoder->encoded);
        if (rc) {
            return rc;
        }
        encoder->began = true;
        encoder->gathered = encoder->written = 0;
    }
}
