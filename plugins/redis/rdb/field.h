/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * field: decodes the heads of lengths and strings: the bytes with which they begin.
 */
#ifndef RD_RDB_FIELD_H
#define RD_RDB_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RDB_HEAD_MOST 19 /* bytes of the longest head, that of a compressed string */

struct rdb_string {
    enum { RDB_TEXT_RAW, RDB_TEXT_NUMBER, RDB_TEXT_LZF } encoding;
    size_t head;     /* bytes of the head */
    uint64_t stored; /* bytes after the head */
    uint64_t plain;  /* bytes of the decoded string; 0 for a number */
    int64_t number;
};

/* The number of bytes of the head that begins with the `have` bytes at `head`, or a larger number
 * than `have` when more bytes are needed to compute it; 0 when the bytes do not begin a head.  With
 * `string`, the encodings that only strings have are allowed. */
size_t rdb_head_bytes(const unsigned char *head, size_t have, bool string);

/* The number that a whole head of a length encodes. */
uint64_t rdb_decode_length(const unsigned char *head);

/* Decodes the head of a string, of `size` bytes. */
void rdb_decode_string(struct rdb_string *string, const unsigned char *head, size_t size);

uint64_t rdb_little_endian(const unsigned char *bytes, size_t n);

#endif
