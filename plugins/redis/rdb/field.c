/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * field: see field.h.
 */
#include "rdb/field.h"

/* First bytes of heads: RDB_*BITLEN and, with RDB_ENCVAL in the upper two bits, RDB_ENC_* in
 * src/rdb.h of Redis 7.4.  Below 0x80 the upper two bits are RDB_6BITLEN or RDB_14BITLEN. */
enum {
    LENGTH_32_BITS = 0x80,
    LENGTH_64_BITS = 0x81,
    STRING_INT_8_BITS = 0xc0,
    STRING_INT_16_BITS = 0xc1,
    STRING_INT_32_BITS = 0xc2,
    STRING_LZF = 0xc3
};

/* Bytes of a length that begins with `first`; 0 when no length does. */
static size_t length_bytes(unsigned first)
{
    switch (first >> 6) {
    case 0:
        return 1;
    case 1:
        return 2;
    case 2:
        return first == LENGTH_32_BITS ? 5 : first == LENGTH_64_BITS ? 9 : 0;
    default:
        return 0;
    }
}

size_t rdb_head_bytes(const unsigned char *head, size_t have, bool string)
{
    if (have == 0) {
        return 1;
    }
    if (!string || head[0] < STRING_INT_8_BITS) {
        return length_bytes(head[0]);
    }
    if (head[0] < STRING_LZF) {
        return head[0] == STRING_INT_8_BITS ? 2 : head[0] == STRING_INT_16_BITS ? 3 : 5;
    }
    if (head[0] > STRING_LZF) {
        return 0;
    }
    if (have < 2) {
        return 2;
    }
    size_t stored = length_bytes(head[1]);
    if (stored == 0 || have < 2 + stored) {
        return stored == 0 ? 0 : 2 + stored;
    }
    size_t plain = length_bytes(head[1 + stored]);
    return plain == 0 ? 0 : 1 + stored + plain;
}

static uint64_t big_endian(const unsigned char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

uint64_t rdb_little_endian(const unsigned char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = n; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

uint64_t rdb_decode_length(const unsigned char *head)
{
    switch (length_bytes(head[0])) {
    case 1:
        return head[0];
    case 2:
        return big_endian(head, 2) & 0x3fff;
    case 5:
        return big_endian(head + 1, 4);
    default:
        return big_endian(head + 1, 8);
    }
}

void rdb_decode_string(struct rdb_string *string, const unsigned char *head, size_t size)
{
    *string = (struct rdb_string){.encoding = RDB_TEXT_RAW, .head = size};
    if (head[0] < STRING_INT_8_BITS) {
        string->stored = string->plain = rdb_decode_length(head);
    } else if (head[0] == STRING_LZF) {
        string->encoding = RDB_TEXT_LZF;
        string->stored = rdb_decode_length(head + 1);
        string->plain = rdb_decode_length(head + 1 + length_bytes(head[1]));
    } else {
        string->encoding = RDB_TEXT_NUMBER;
        uint64_t bits = rdb_little_endian(head + 1, size - 1);
        string->number = size == 2   ? (int8_t)bits
                         : size == 3 ? (int16_t)bits
                                     : (int32_t)(uint32_t)bits;
    }
}
