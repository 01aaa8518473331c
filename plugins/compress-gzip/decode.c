/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * decode: reads any gzip file: one member or several, with all optional fields of headers.  A
 * truncated file, a wrong checksum or size, and bytes after the last member, also zeros, are
 * errors.  A file that was cut exactly between two members cannot be detected here; the size in the
 * manifest shows it.
 */
#include "gzip.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xe0 };

/* The part of a member to which the next byte belongs. */
enum gz_state {
    STATE_FIXED,
    STATE_EXTRA_SIZE,
    STATE_EXTRA,
    STATE_NAME,
    STATE_COMMENT,
    STATE_HEADER_CRC,
    STATE_DATA,
    STATE_TRAILER
};

struct gz_decoder {
    struct gz *gz;
    struct gz_inflater *inflater;
    enum gz_state state;
    unsigned char
        field[GZ_HEADER_SIZE]; /* the bytes so far of the fixed header, a number or the trailer */
    size_t field_size;
    unsigned flags;
    size_t extra_left;
    uint32_t header_crc;
    uint32_t crc; /* of the member's plain bytes */
    uint64_t size;
    uint64_t members; /* complete ones */
    uint64_t offset;  /* of the next byte of the file */
    enum hangar_rc failed;
};

static enum hangar_rc decoder_no_memory(struct gz *gz)
{
    return failure_raise_no_memory(gz->host, gz->ctx, "decompress");
}

enum hangar_rc gz_decoder_new(struct gz *gz, struct gz_decoder **out)
{
    struct gz_decoder *decoder = calloc(1, sizeof(*decoder));
    if (decoder) {
        decoder->inflater = gz_inflater_new();
    }
    if (!decoder || !decoder->inflater) {
        free(decoder);
        return decoder_no_memory(gz);
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

static enum hangar_rc decoder_fail(struct gz_decoder *decoder, const char *cause)
{
    decoder->failed = HANGAR_CORRUPT;
    return decoder->gz->host->fail(decoder->gz->ctx, HANGAR_CORRUPT, 0,
                                   "cannot decompress gzip data: %s at byte %llu", cause,
                                   (unsigned long long)decoder->offset);
}

static uint32_t decoder_read_le(const unsigned char *bytes, int count)
{
    uint32_t value = 0;
    while (count--) {
        value = value << 8 | bytes[count];
    }
    return value;
}

/* The state that follows `state` in a header with these fields. */
static enum gz_state decoder_next_state(const struct gz_decoder *decoder, enum gz_state state)
{
    if (state < STATE_EXTRA_SIZE && decoder->flags & FLAG_EXTRA) {
        return STATE_EXTRA_SIZE;
    }
    if (state < STATE_NAME && decoder->flags & FLAG_NAME) {
        return STATE_NAME;
    }
    if (state < STATE_COMMENT && decoder->flags & FLAG_COMMENT) {
        return STATE_COMMENT;
    }
    if (state < STATE_HEADER_CRC && decoder->flags & FLAG_HCRC) {
        return STATE_HEADER_CRC;
    }
    return STATE_DATA;
}

static void decoder_enter(struct gz_decoder *decoder, enum gz_state state)
{
    decoder->state = state;
    decoder->field_size = 0;
    if (state == STATE_DATA) {
        decoder->crc = 0;
        decoder->size = 0;
        gz_inflater_reset(decoder->inflater);
    }
}

static enum hangar_rc decoder_header_byte(struct gz_decoder *decoder, unsigned char byte)
{
    static const unsigned char begin[] = {0x1f, 0x8b, 8};
    size_t at = decoder->field_size;
    if (at < sizeof(begin) && byte != begin[at]) {
        return decoder_fail(decoder, decoder->members
                                         ? "other data after the end of the compressed data"
                                         : "not a gzip header");
    }
    if (at == 3 && byte & FLAGS_RESERVED) {
        return decoder_fail(decoder, "unknown flags in a header");
    }
    decoder->field[decoder->field_size++] = byte;
    if (decoder->field_size == GZ_HEADER_SIZE) {
        decoder->flags = decoder->field[3];
        decoder_enter(decoder, decoder_next_state(decoder, STATE_FIXED));
    }
    return HANGAR_OK;
}

/* Adds a byte to a field of `count` bytes; true: the field is complete. */
static bool decoder_field_byte(struct gz_decoder *decoder, unsigned char byte, size_t count)
{
    decoder->field[decoder->field_size++] = byte;
    return decoder->field_size == count;
}

static enum hangar_rc decoder_trailer_byte(struct gz_decoder *decoder, unsigned char byte)
{
    if (!decoder_field_byte(decoder, byte, GZ_TRAILER_SIZE)) {
        return HANGAR_OK;
    }
    if (decoder_read_le(decoder->field, 4) != decoder->crc) {
        return decoder_fail(decoder, "wrong checksum of the data that ends");
    }
    if (decoder_read_le(decoder->field + 4, 4) != (uint32_t)decoder->size) {
        return decoder_fail(decoder, "wrong size of the data that ends");
    }
    decoder->members++;
    decoder_enter(decoder, STATE_FIXED);
    return HANGAR_OK;
}

/* Decodes a byte of a header or a trailer. */
static enum hangar_rc decoder_frame_byte(struct gz_decoder *decoder, unsigned char byte)
{
    enum gz_state state = decoder->state;
    enum hangar_rc rc = HANGAR_OK;
    if (state == STATE_FIXED && !decoder->field_size) {
        decoder->header_crc = 0;
    }
    if (state == STATE_HEADER_CRC) {
        if (decoder_field_byte(decoder, byte, 2)) {
            if (decoder_read_le(decoder->field, 2) != (decoder->header_crc & 0xffff)) {
                return decoder_fail(decoder, "wrong checksum of a header");
            }
            decoder_enter(decoder, STATE_DATA);
        }
        decoder->offset++;
        return HANGAR_OK;
    }
    decoder->header_crc = gz_crc32(decoder->header_crc, &byte, 1);
    if (state == STATE_FIXED) {
        rc = decoder_header_byte(decoder, byte);
    } else if (state == STATE_TRAILER) {
        rc = decoder_trailer_byte(decoder, byte);
    } else if (state == STATE_EXTRA_SIZE) {
        if (decoder_field_byte(decoder, byte, 2)) {
            decoder->extra_left = decoder_read_le(decoder->field, 2);
            decoder_enter(decoder, decoder->extra_left ? STATE_EXTRA
                                                       : decoder_next_state(decoder, STATE_EXTRA));
        }
    } else if (state == STATE_EXTRA) {
        if (!--decoder->extra_left) {
            decoder_enter(decoder, decoder_next_state(decoder, STATE_EXTRA));
        }
    } else if (!byte) { /* the end of STATE_NAME or STATE_COMMENT */
        decoder_enter(decoder, decoder_next_state(decoder, state));
    }
    decoder->offset++;
    return rc;
}

static enum hangar_rc decoder_data(struct gz_decoder *decoder, struct hangar_io *io)
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
        return decoder_fail(decoder, "damaged compressed data");
    }
    if (inflated == GZ_INFLATE_NO_MEMORY) {
        return decoder->failed = decoder_no_memory(decoder->gz);
    }
    if (inflated == GZ_INFLATE_MORE) {
        return HANGAR_OK;
    }
    decoder_enter(decoder, STATE_TRAILER);
    decoder->offset -= behind_size;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < behind_size && rc == HANGAR_OK; i++) {
        rc = decoder_frame_byte(decoder, behind[i]);
    }
    return rc;
}

enum hangar_rc gz_decoder_process(struct gz_decoder *decoder, struct hangar_io *io, int last)
{
    enum hangar_rc rc = decoder->failed;
    while (rc == HANGAR_OK) {
        if (decoder->state != STATE_DATA) {
            if (!io->in_size) {
                break;
            }
            rc = decoder_frame_byte(decoder, *io->in);
            io->in++;
            io->in_size--;
            continue;
        }
        size_t in_size = io->in_size, out_size = io->out_size;
        rc = decoder_data(decoder, io);
        if (decoder->state == STATE_DATA && in_size == io->in_size && out_size == io->out_size) {
            break;
        }
    }
    if (rc != HANGAR_OK || !last || io->in_size) {
        return rc;
    }
    if (decoder->state == STATE_FIXED && !decoder->field_size && decoder->members) {
        return HANGAR_EOF;
    }
    if (decoder->state == STATE_DATA && !io->out_size) {
        return HANGAR_OK; /* there may be more output, and no room for it */
    }
    return decoder_fail(decoder, decoder->offset ? "the data is truncated" : "the data is empty");
}
