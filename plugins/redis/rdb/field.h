/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * field: how lengths and strings begin in an RDB.
 */
#ifndef RD_RDB_FIELD_H
#define RD_RDB_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RDB_HEAD_MOST 19 /* bytes of the longest head: of a compressed string */

struct rdb_string {
    enum { RDB_TEXT_RAW, RDB_TEXT_NUMBER, RDB_TEXT_LZF } encoding;
    size_t head;     /* bytes of its head */
    uint64_t stored; /* bytes that follow the head */
    uint64_t plain;  /* bytes when decoded; 0 for a number */
    int64_t number;
};

/* Bytes of the head that begins with the `have` bytes at `head`, as far as they
 * tell; 0: none.  With `string` it may be one of those that only strings have. */
size_t rdb_head_bytes(const unsigned char *head, size_t have, bool string);

/* The number that the head of a length stands for. */
uint64_t rdb_decode_length(const unsigned char *head);

/* The string that a head of `size` bytes begins. */
void rdb_decode_string(struct rdb_string *string, const unsigned char *head, size_t size);

uint64_t rdb_little_endian(const unsigned char *bytes, size_t n);

#endif
