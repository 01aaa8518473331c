/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lzf: decodes the compressed strings of an RDB piece by piece, in memory that
 * does not depend on their size.  One thread at a time per decoder.
 */
#ifndef RD_LZF_H
#define RD_LZF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>

/* How far back a compressed string may refer. */
#define RD_LZF_WINDOW 8192

/* What decoding may make of one byte at most: 3 bytes stand for up to 264. */
#define RD_LZF_MOST 88

struct rd_lzf {
    enum { RD_LZF_CONTROL, RD_LZF_LITERAL, RD_LZF_LENGTH, RD_LZF_OFFSET } step;
    unsigned run;       /* bytes left of a literal, or of a reference less two */
    unsigned high;      /* the upper bits of a reference's distance */
    uint64_t plain;     /* bytes made so far */
    uint64_t limit;     /* bytes there shall be */
    size_t size, given; /* of out: bytes in it, bytes handed out already */
    unsigned char out[3 * RD_LZF_WINDOW];
};

/* Takes decoded bytes; what it returns, when not HANGAR_OK, ends the decoding. */
typedef enum hangar_rc (*rd_lzf_sink)(void *arg, const unsigned char *data, size_t size);

/* Begins a string of `limit` decoded bytes. */
void rd_lzf_init(struct rd_lzf *lzf, uint64_t limit);

/* Decodes `size` bytes.  HANGAR_CORRUPT when they are not such a string. */
enum hangar_rc rd_lzf_feed(struct rd_lzf *lzf, const unsigned char *data, size_t size,
                           rd_lzf_sink sink, void *arg);

/* Hands out what is left; HANGAR_CORRUPT when the string is not complete. */
enum hangar_rc rd_lzf_end(struct rd_lzf *lzf, rd_lzf_sink sink, void *arg);

#endif
