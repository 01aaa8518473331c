/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * decode: reads any gzip file: one member or many, with any optional fields in
 * their headers.  Everything must be there and be right: a cut, a wrong checksum
 * or size, and anything behind the last member, zeros too, are errors.  A cut
 * exactly between two members cannot be seen here; the size in the manifest
 * shows it.
 */
#include "gzip.h"

#include <stdlib.h>
#include <string.h>

enum { FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xe0 };

/* Where in a member the next byte belongs. */
enum state { FIXED, EXTRA_SIZE, EXTRA, NAME, COMMENT, HEADER_CRC, DATA, TRAILER };

struct gz_decoder {
    struct gz *gz;
    struct gz_inflater *inflater;
    enum state state;
    unsigned char field[GZ_HEADER_SIZE]; /* the fixed header, a number or the trailer, so far */
    size_t field_size;
    unsigned flags;
    size_t extra_left;
    uint32_t header_crc;
    uint32_t crc; /* of the member's plain bytes */
    uint64_t size;
    uint64_t members; /* whole ones */
    uint64_t offset;  /* of the next byte of the file */
    enum hangar_rc failed;
};

static enum hangar_rc no_memory(struct gz *gz)
{
    return gz->host->fail(gz->ctx, HANGAR_NO_MEMORY, 0, "cannot decompress: out of memory");
}

enum hangar_rc gz_decoder_new(struct gz *gz, struct gz_decoder **out)
{
    struct gz_decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder) {
        decoder->inflater = gz_inflater_new();
    }
    if (!decoder || !decoder->inflater) {
        free(decoder);
        return no_memory(gz);
    }
    decoder->gz = gz;
    *out = decoder;
    return HANGAR_OK;
}

void gz_decoder_free(struct gz_decoder *decoder)
{
    if (!decoder) {
        return;
    }
    gz_inflater_free(decoder->inflater);
    free(decoder);
}

static enum hangar_rc corrupt(struct gz_decoder *decoder, const char *cause)
{
    decoder->failed = HANGAR_CORRUPT;
    return decoder->gz->host->fail(decoder->gz->ctx, HANGAR_CORRUPT, 0,
                                   "cannot decompress gzip data: %s at byte %llu", cause,
                                   (unsigned long long)decoder->offset);
}

static uint32_t le(const unsigned char *bytes, int count)
{
    uint32_t value = 0;
    while (count--) {
        value = value << 8 | bytes[count];
    }
    return value;
}

/* The state that follows `state` in a header with these fields. */
static enum state next_state(const struct gz_decoder *decoder, enum state state)
{
    if (state < EXTRA_SIZE && decoder->flags & FLAG_EXTRA) {
        return EXTRA_SIZE;
    }
    if (state < NAME && decoder->flags & FLAG_NAME) {
        return NAME;
    }
    if (state < COMMENT && decoder->flags & FLAG_COMMENT) {
        return COMMENT;
    }
    if (state < HEADER_CRC && decoder->flags & FLAG_HCRC) {
        return HEADER_CRC;
    }
    return DATA;
}

static void enter(struct gz_decoder *decoder, enum state state)
{
    decoder->state = state;
    decoder->field_size = 0;
    if (state == DATA) {
        decoder->crc = 0;
        decoder->size = 0;
        gz_inflater_reset(decoder->inflater);
    }
}

static enum hangar_rc fixed_header_byte(struct gz_decoder *decoder, unsigned char byte)
{
    static const unsigned char begin[] = {0x1f, 0x8b, 8};
    size_t at = decoder->field_size;
    if (at < sizeof(begin) && byte != begin[at]) {
        return corrupt(decoder, decoder->members ? "something else follows the compressed data"
                                                 : "this is not a gzip header");
    }
    if (at == 3 && byte & FLAGS_RESERVED) {
        return corrupt(decoder, "unknown flags in a header");
    }
    decoder->field[decoder->field_size++] = byte;
    if (decoder->field_size == GZ_HEADER_SIZE) {
        decoder->flags = decoder->field[3];
        enter(decoder, next_state(decoder, FIXED));
    }
    return HANGAR_OK;
}

/* A little-endian number of `count` bytes in a header; true when it is there. */
static bool number_byte(struct gz_decoder *decoder, unsigned char byte, size_t count)
{
    decoder->field[decoder->field_size++] = byte;
    return decoder->field_size == count;
}

static enum hangar_rc trailer_byte(struct gz_decoder *decoder, unsigned char byte)
{
    if (!number_byte(decoder, byte, GZ_TRAILER_SIZE)) {
        return HANGAR_OK;
    }
    if (le(decoder->field, 4) != decoder->crc) {
        return corrupt(decoder, "wrong checksum of the data that ends");
    }
    if (le(decoder->field + 4, 4) != (uint32_t)decoder->size) {
        return corrupt(decoder, "wrong size of the data that ends");
    }
    decoder->members++;
    enter(decoder, FIXED);
    return HANGAR_OK;
}

/* Any byte but those of the data. */
static enum hangar_rc frame_byte(struct gz_decoder *decoder, unsigned char byte)
{
    enum state state = decoder->state;
    enum hangar_rc rc = HANGAR_OK;
    if (state == FIXED && !decoder->field_size) {
        decoder->header_crc = 0;
    }
    if (state == HEADER_CRC) {
        if (number_byte(decoder, byte, 2)) {
            if (le(decoder->field, 2) != (decoder->header_crc & 0xffff)) {
                return corrupt(decoder, "wrong checksum of a header");
            }
            enter(decoder, DATA);
        }
        decoder->offset++;
        return HANGAR_OK;
    }
    decoder->header_crc = gz_crc32(decoder->header_crc, &byte, 1);
    if (state == FIXED) {
        rc = fixed_header_byte(decoder, byte);
    } else if (state == TRAILER) {
        rc = trailer_byte(decoder, byte);
    } else if (state == EXTRA_SIZE) {
        if (number_byte(decoder, byte, 2)) {
            decoder->extra_left = le(decoder->field, 2);
            enter(decoder, decoder->extra_left ? EXTRA : next_state(decoder, EXTRA));
        }
    } else if (state == EXTRA) {
        if (!--decoder->extra_left) {
            enter(decoder, next_state(decoder, EXTRA));
        }
    } else if (!byte) { /* of NAME, COMMENT */
        enter(decoder, next_state(decoder, state));
    }
    decoder->offset++;
    return rc;
}

static enum hangar_rc data_bytes(struct gz_decoder *decoder, struct hangar_io *io)
{
    unsigned char behind[8];
    const unsigned char *out = io->out;
    size_t behind_size = 0, in_size = io->in_size;
    enum gz_inflate_rc inflated = gz_inflater_run(decoder->inflater, io, behind, &behind_size);
    size_t made = (size_t)(io->out - out);
    decoder->crc = gz_crc32(decoder->crc, out, made);
    decoder->size += made;
    decoder->offset += in_size - io->in_size;
    if (inflated == GZ_INFLATE_BAD) {
        return corrupt(decoder, "damaged compressed data");
    }
    if (inflated == GZ_INFLATE_NO_MEMORY) {
        return decoder->failed = no_memory(decoder->gz);
    }
    if (inflated == GZ_INFLATE_MORE) {
        return HANGAR_OK;
    }
    enter(decoder, TRAILER);
    decoder->offset -= behind_size;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < behind_size && !rc; i++) {
        rc = frame_byte(decoder, behind[i]);
    }
    return rc;
}

enum hangar_rc gz_decoder_process(struct gz_decoder *decoder, struct hangar_io *io, int last)
{
    enum hangar_rc rc = decoder->failed;
    while (!rc) {
        if (decoder->state != DATA) {
            if (!io->in_size) {
                break;
            }
            rc = frame_byte(decoder, *io->in);
            io->in++;
            io->in_size--;
            continue;
        }
        size_t in_size = io->in_size, out_size = io->out_size;
        rc = data_bytes(decoder, io);
        if (decoder->state == DATA && in_size == io->in_size && out_size == io->out_size) {
            break;
        }
    }
    if (rc || !last || io->in_size) {
        return rc;
    }
    if (decoder->state == FIXED && !decoder->field_size && decoder->members) {
        return HANGAR_EOF;
    }
    if (decoder->state == DATA && !io->out_size) {
        return HANGAR_OK; /* what is still inside needs room first */
    }
    return corrupt(decoder, decoder->offset ? "the data is cut off" : "the data is empty");
}
