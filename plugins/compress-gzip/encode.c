/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * encode: makes gzip members from pieces of memory, and implements the stream form with them.  Each
 * member is independent of the others, so they can be made in any order, and their concatenation is
 * a gzip file.  Headers contain no time and no name: equal input gives equal output.
 */
#include "gzip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that the stream form collects for a member.  Fewer compress worse; more save 2 % and need
 * memory in every open stream. */
#define PIECE_SIZE ((size_t)512 << 10)

static const unsigned char header[GZ_HEADER_SIZE] = {
    0x1f, 0x8b, 8 /* deflate */, 0 /* no fields */, 0, 0, 0, 0 /* no time */, 0, 3 /* Unix */
};

/* The deflate data of an empty piece: an empty block of fixed codes. */
static const unsigned char empty_data[] = {3, 0};

/* Returns an idle state or a new one; NULL: out of memory. */
static void *encoder_take_state(struct gz *gz)
{
    void *state = NULL;
    pthread_mutex_lock(&gz->mutex);
    if (gz->idle_count > 0) {
        state = gz->idle[--gz->idle_count];
    }
    pthread_mutex_unlock(&gz->mutex);
    return state ? state : gz->codec->new(gz->library_level);
}

static void encoder_return_state(struct gz *gz, void *state)
{
    pthread_mutex_lock(&gz->mutex);
    if (gz->idle_count < GZ_IDLE_MAX) {
        gz->idle[gz->idle_count++] = state;
        state = NULL;
    }
    pthread_mutex_unlock(&gz->mutex);
    gz->codec->free(state);
}

static size_t encoder_member_bound(const struct gz *gz, size_t size)
{
    size_t data = gz->codec->bound(size);
    return GZ_HEADER_SIZE + (data > sizeof(empty_data) ? data : sizeof(empty_data)) +
           GZ_TRAILER_SIZE;
}

size_t gz_encode_bound(const struct gz *gz, size_t size)
{
    size_t whole = size / GZ_MEMBER_MAX, full = encoder_member_bound(gz, GZ_MEMBER_MAX);
    size_t rest = encoder_member_bound(gz, size % GZ_MEMBER_MAX);
    if (whole > (SIZE_MAX - rest) / full) {
        return SIZE_MAX; /* an allocation of this size fails */
    }
    return whole * full + rest;
}

static void encoder_write_le32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        out[i] = (unsigned char)(value >> 8 * i);
    }
}

/* Returns the size of the member; 0: the codec failed. */
static size_t encoder_write_member(struct gz *gz, void *state, const unsigned char *in, size_t size,
                                   unsigned char *out, size_t capacity)
{
    size_t data = sizeof(empty_data);
    unsigned char *at = out + GZ_HEADER_SIZE;
    if (capacity < GZ_HEADER_SIZE + sizeof(empty_data) + GZ_TRAILER_SIZE) {
        return 0;
    }
    memcpy(out, header, sizeof(header));
    if (size > 0) {
        data = gz->codec->deflate(state, in, size, at, capacity - GZ_HEADER_SIZE - GZ_TRAILER_SIZE);
    } else {
        memcpy(at, empty_data, sizeof(empty_data));
    }
    if (data == 0) {
        return 0;
    }
    encoder_write_le32(at + data, gz_crc32(0, in, size));
    encoder_write_le32(at + data + 4, (uint32_t)size);
    return GZ_HEADER_SIZE + data + GZ_TRAILER_SIZE;
}

enum hangar_rc gz_encode(struct gz *gz, const unsigned char *in, size_t size, unsigned char *out,
                         size_t capacity, size_t *out_size)
{
    size_t used = 0;
    void *state = encoder_take_state(gz);
    if (!state) {
        return failure_raise_no_memory(gz->host, gz->ctx, "compress");
    }
    do {
        size_t piece = size < GZ_MEMBER_MAX ? size : GZ_MEMBER_MAX;
        size_t member = encoder_write_member(gz, state, in, piece, out + used, capacity - used);
        if (member == 0) {
            encoder_return_state(gz, state);
            return gz->host->fail(gz->ctx, HANGAR_INTERNAL, 0,
                                  "cannot compress %zu bytes with %s into %zu bytes", piece,
                                  gz->codec->name, capacity - used);
        }
        used += member;
        in += piece;
        size -= piece;
    } while (size > 0);
    encoder_return_state(gz, state);
    *out_size = used;
    return HANGAR_OK;
}

/* ------------------------------------------------------------------------ *
 * The stream form
 * ------------------------------------------------------------------------ */

struct gz_encoder {
    struct gz *gz;
    size_t gathered;         /* bytes in `piece` */
    size_t encoded, written; /* bytes in `member`; bytes of them that were passed on */
    size_t capacity;         /* of `member` */
    bool began;              /* at least one member exists */
    unsigned char *member;   /* behind `piece`, in the same allocation */
    unsigned char piece[];   /* PIECE_SIZE */
};

enum hangar_rc gz_encoder_new(struct gz *gz, struct gz_encoder **out)
{
    size_t capacity = gz_encode_bound(gz, PIECE_SIZE);
    struct gz_encoder *encoder = malloc(sizeof(*encoder) + PIECE_SIZE + capacity);
    if (!encoder) {
        return failure_raise_no_memory(gz->host, gz->ctx, "compress");
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

/* Moves input to `piece`. */
static void encoder_fill_piece(struct gz_encoder *encoder, struct hangar_io *io)
{
    size_t room = PIECE_SIZE - encoder->gathered;
    size_t n = io->in_size < room ? io->in_size : room;
    if (n == 0) {
        return;
    }
    memcpy(encoder->piece + encoder->gathered, io->in, n);
    encoder->gathered += n;
    io->in += n;
    io->in_size -= n;
}

/* Moves bytes of `member` to the output. */
static void encoder_drain(struct gz_encoder *encoder, struct hangar_io *io)
{
    size_t left = encoder->encoded - encoder->written;
    size_t n = io->out_size < left ? io->out_size : left;
    if (n == 0) {
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
        encoder_drain(encoder, io);
        if (encoder->written < encoder->encoded) {
            return HANGAR_OK;
        }
        encoder_fill_piece(encoder, io);
        bool ending = last && io->in_size == 0;
        if (encoder->gathered < PIECE_SIZE && !ending) {
            return HANGAR_OK;
        }
        if (encoder->gathered == 0 && encoder->began) {
            return HANGAR_EOF;
        }
        enum hangar_rc rc = gz_encode(encoder->gz, encoder->piece, encoder->gathered,
                                      encoder->member, encoder->capacity, &encoder->encoded);
        if (rc != HANGAR_OK) {
            return rc;
        }
        encoder->began = true;
        encoder->gathered = encoder->written = 0;
    }
}
