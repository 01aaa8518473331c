/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lzf: decodes the compressed strings of an RDB piece by piece, in a fixed amount of memory.  One
 * thread at a time may use a decoder.
 */
#ifndef RD_RDB_LZF_H
#define RD_RDB_LZF_H

#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>

/* The longest distance of a back reference, in bytes. */
#define RD_LZF_WINDOW 8192

/* The most bytes that one byte can decode to: 3 bytes encode up to 264. */
#define RD_LZF_MOST 88

struct rd_lzf {
    enum { RD_LZF_CONTROL, RD_LZF_LITERAL, RD_LZF_LENGTH, RD_LZF_OFFSET } step;
    unsigned run;         /* bytes left of a literal; of a reference, its length minus 2 */
    unsigned high;        /* the upper bits of the distance of a reference */
    uint64_t plain;       /* bytes decoded so far */
    uint64_t limit;       /* bytes of the decoded string */
    size_t size, flushed; /* of out: bytes in it, bytes passed to the sink */
    unsigned char out[3 * RD_LZF_WINDOW];
};

/* Receives decoded bytes.  A result other than HANGAR_OK ends the decoding with it. */
typedef enum hangar_rc (*rd_lzf_sink)(void *arg, const unsigned char *data, size_t size);

/* Begins a string that decodes to `limit` bytes. */
void rd_lzf_init(struct rd_lzf *lzf, uint64_t limit);

/* Decodes `size` bytes.  HANGAR_CORRUPT when they are not part of such a string. */
enum hangar_rc rd_lzf_feed(struct rd_lzf *lzf, const unsigned char *data, size_t size,
                           rd_lzf_sink sink, void *arg);

/* Passes the remaining bytes to the sink; HANGAR_CORRUPT when the string is not complete. */
enum hangar_rc rd_lzf_end(struct rd_lzf *lzf, rd_lzf_sink sink, void *arg);

#endif
