/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pack: see pack.h.
 */
#include "rdb/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "rdb/field.h"

/* The first byte of an entry of a listpack: LP_ENCODING_* in src/listpack.c of Redis 7. */
enum {
    LISTPACK_TEXT_6_BITS = 0x80, /* the sizes of the texts have so many bits */
    LISTPACK_INT_13_BITS = 0xc0,
    LISTPACK_TEXT_12_BITS = 0xe0,
    LISTPACK_TEXT_32_BITS = 0xf0,
    LISTPACK_INT_16_BITS = 0xf1,
    LISTPACK_INT_24_BITS = 0xf2,
    LISTPACK_INT_32_BITS = 0xf3,
    LISTPACK_INT_64_BITS = 0xf4,
    LISTPACK_END = 0xff
};

/* The same for a ziplist: ZIP_STR_* and ZIP_INT_* in src/ziplist.c. */
enum {
    ZIPLIST_TEXT_14_BITS = 0x40, /* below it: a text whose size has 6 bits */
    ZIPLIST_TEXT_32_BITS = 0x80,
    ZIPLIST_INT_16_BITS = 0xc0,
    ZIPLIST_INT_32_BITS = 0xd0,
    ZIPLIST_INT_64_BITS = 0xe0,
    ZIPLIST_INT_24_BITS = 0xf0,
    ZIPLIST_INT_0 = 0xf1, /* to 0xfd: the numbers 0 to 12 */
    ZIPLIST_INT_12 = 0xfd,
    ZIPLIST_INT_8_BITS = 0xfe,
    ZIPLIST_LONG_PREVIOUS = 0xfe, /* instead of a length: it follows in 4 bytes */
    ZIPLIST_END = 0xff
};

/* Instead of a length in a zipmap: ZIPMAP_* in src/zipmap.c. */
enum {
    ZIPMAP_LONG_LENGTH = 0xfe, /* it follows in 4 bytes */
    ZIPMAP_END = 0xff
};

void rdb_pack_init(struct rdb_pack *pack, enum rdb_pack_kind kind,
                   const struct rdb_pack_events *events, void *arg)
{
    static const size_t headers[] = {
        [RDB_LISTPACK] = 6, [RDB_ZIPLIST] = 10, [RDB_INTSET] = 8, [RDB_ZIPMAP] = 1};
    memset(pack, 0, sizeof(*pack));
    pack->kind = kind;
    pack->events = events;
    pack->arg = arg;
    pack->step = RDB_PACK_START;
    pack->want = headers[kind];
}

static void await_head(struct rdb_pack *pack, enum rdb_pack_step step, size_t want)
{
    pack->step = step;
    pack->have = 0;
    pack->want = want;
}

/* The last `n` collected bytes as a signed number. */
static int64_t collected_number(const struct rdb_pack *pack, size_t n)
{
    uint64_t value = rdb_little_endian(pack->head + pack->have - n, n);
    unsigned unused = (unsigned)(64 - 8 * n);
    return (int64_t)(value << unused) >> unused;
}

static void emit_number(struct rdb_pack *pack, int64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, number);
    pack->events->bytes(pack->arg, (const unsigned char *)text, (size_t)n);
    pack->events->end(pack->arg);
}

static void pack_skip_bytes(struct rdb_pack *pack, uint64_t bytes, enum rdb_pack_step after)
{
    pack->left = bytes;
    pack->step = RDB_PACK_SKIP;
    pack->after = after;
    if (bytes == 0) {
        await_head(pack, after, 1);
    }
}

static void end_pack_text(struct rdb_pack *pack)
{
    pack->events->end(pack->arg);
    pack_skip_bytes(pack, pack->skip_next, pack->after);
}

static void begin_text(struct rdb_pack *pack, uint64_t bytes, uint64_t skip,
                       enum rdb_pack_step after)
{
    pack->left = bytes;
    pack->skip_next = skip;
    pack->step = RDB_PACK_TEXT;
    pack->after = after;
    if (bytes == 0) {
        end_pack_text(pack);
    }
}

/* ---- listpack: <header> ( <encoding> <text> <length of both, backwards> )* <end> ---- */

static uint64_t back_length_bytes(uint64_t entry)
{
    return entry <= 127 ? 1 : entry < 16383 ? 2 : entry < 2097151 ? 3 : entry < 268435455 ? 4 : 5;
}

static void listpack_entry(struct rdb_pack *pack)
{
    const unsigned char *head = pack->head;
    unsigned first = head[0];
    size_t want = first < LISTPACK_INT_13_BITS     ? 1
                  : first < LISTPACK_TEXT_32_BITS  ? 2
                  : first == LISTPACK_TEXT_32_BITS ? 5
                  : first == LISTPACK_INT_16_BITS  ? 3
                  : first == LISTPACK_INT_24_BITS  ? 4
                  : first == LISTPACK_INT_32_BITS  ? 5
                  : first == LISTPACK_INT_64_BITS  ? 9
                                                   : 1;
    pack->want = want;
    if (pack->have < want) {
        return;
    }
    bool short_text = (first & 0xc0) == LISTPACK_TEXT_6_BITS;
    bool medium_text = (first & 0xf0) == LISTPACK_TEXT_12_BITS;
    if (first == LISTPACK_END) {
        pack->step = RDB_PACK_DONE;
    } else if (first > LISTPACK_INT_64_BITS) {
        pack->step = RDB_PACK_BAD;
    } else if (short_text || medium_text || first == LISTPACK_TEXT_32_BITS) {
        uint64_t size = short_text    ? (first & 0x3f)
                        : medium_text ? ((first & 0x0f) << 8 | head[1])
                                      : rdb_little_endian(head + 1, 4);
        begin_text(pack, size, back_length_bytes(want + size), RDB_PACK_ENTRY);
    } else {
        int64_t number = first < LISTPACK_TEXT_6_BITS ? (int64_t)first
                         : first < LISTPACK_TEXT_32_BITS
                             ? (int64_t)(((first & 0x1f) << 8 | head[1]) ^ 0x1000) - 0x1000
                             : collected_number(pack, want - 1);
        emit_number(pack, number);
        pack_skip_bytes(pack, back_length_bytes(want), RDB_PACK_ENTRY);
    }
}

/* ---- ziplist: <header> ( <length of the previous entry> <encoding> <text> )* <end> ---- */

static void ziplist_previous(struct rdb_pack *pack)
{
    unsigned first = pack->head[0];
    pack->want = first == ZIPLIST_LONG_PREVIOUS ? 5 : 1;
    if (pack->have < pack->want) {
        return;
    }
    if (first == ZIPLIST_END) {
        pack->step = RDB_PACK_DONE;
    } else {
        await_head(pack, RDB_PACK_ENTRY, 1);
    }
}

static void ziplist_entry(struct rdb_pack *pack)
{
    const unsigned char *head = pack->head;
    unsigned first = head[0];
    size_t want = first < ZIPLIST_TEXT_14_BITS   ? 1
                  : first < ZIPLIST_TEXT_32_BITS ? 2
                  : first < ZIPLIST_INT_16_BITS  ? 5
                  : first == ZIPLIST_INT_16_BITS ? 3
                  : first == ZIPLIST_INT_32_BITS ? 5
                  : first == ZIPLIST_INT_64_BITS ? 9
                  : first == ZIPLIST_INT_24_BITS ? 4
                  : first == ZIPLIST_INT_8_BITS  ? 2
                                                 : 1;
    pack->want = want;
    if (pack->have < want) {
        return;
    }
    if (first < ZIPLIST_INT_16_BITS) {
        uint64_t size = first < ZIPLIST_TEXT_14_BITS ? first
                        : first < ZIPLIST_TEXT_32_BITS
                            ? ((first & 0x3f) << 8 | head[1])
                            : ((uint64_t)head[1] << 24 | (uint64_t)head[2] << 16 |
                               (uint64_t)head[3] << 8 | head[4]);
        begin_text(pack, size, 0, RDB_PACK_PREVIOUS);
        return;
    }
    if (want == 1 && (first < ZIPLIST_INT_0 || first > ZIPLIST_INT_12)) {
        pack->step = RDB_PACK_BAD;
        return;
    }
    emit_number(pack,
                want == 1 ? (int64_t)(first - ZIPLIST_INT_0) : collected_number(pack, want - 1));
    await_head(pack, RDB_PACK_PREVIOUS, 1);
}

/* ---- zipmap: <count> ( <length> <key> <length> <free> <value> <free bytes> )* <end> ---- */

static void zipmap_length(struct rdb_pack *pack, bool value)
{
    unsigned first = pack->head[0];
    size_t length = first == ZIPMAP_LONG_LENGTH ? 5 : 1;
    pack->want = length + value;
    if (first == ZIPMAP_END && !value) {
        pack->step = RDB_PACK_DONE;
        return;
    }
    if (pack->have < pack->want) {
        return;
    }
    uint64_t size = length == 1 ? first : rdb_little_endian(pack->head + 1, 4);
    if (first == ZIPMAP_END) {
        pack->step = RDB_PACK_BAD;
    } else if (value) {
        begin_text(pack, size, pack->head[length], RDB_PACK_ENTRY);
    } else {
        begin_text(pack, size, 0, RDB_PACK_VALUE);
    }
}

/* ---- intset: <width> <count> <number>* ---- */

static void intset_start(struct rdb_pack *pack)
{
    uint64_t width = rdb_little_endian(pack->head, 4);
    pack->width = (unsigned)width;
    pack->left = rdb_little_endian(pack->head + 4, 4);
    if (width != 2 && width != 4 && width != 8) {
        pack->step = RDB_PACK_BAD;
    } else if (pack->left == 0) {
        pack->step = RDB_PACK_DONE;
    } else {
        await_head(pack, RDB_PACK_ENTRY, pack->width);
    }
}

static void intset_entry(struct rdb_pack *pack)
{
    emit_number(pack, collected_number(pack, pack->width));
    if (--pack->left == 0) {
        pack->step = RDB_PACK_DONE;
    } else {
        await_head(pack, RDB_PACK_ENTRY, pack->width);
    }
}

/* `want` bytes are collected.  A head that is longer than expected increases `want`. */
static void decode_head(struct rdb_pack *pack)
{
    switch (pack->kind) {
    case RDB_LISTPACK:
        if (pack->step == RDB_PACK_START) {
            await_head(pack, RDB_PACK_ENTRY, 1);
        } else {
            listpack_entry(pack);
        }
        break;
    case RDB_ZIPLIST:
        if (pack->step == RDB_PACK_START) {
            await_head(pack, RDB_PACK_PREVIOUS, 1);
        } else if (pack->step == RDB_PACK_PREVIOUS) {
            ziplist_previous(pack);
        } else {
            ziplist_entry(pack);
        }
        break;
    case RDB_INTSET:
        if (pack->step == RDB_PACK_START) {
            intset_start(pack);
        } else {
            intset_entry(pack);
        }
        break;
    default:
        if (pack->step == RDB_PACK_START) {
            await_head(pack, RDB_PACK_ENTRY, 1);
        } else {
            zipmap_length(pack, pack->step == RDB_PACK_VALUE);
        }
        break;
    }
}

void rdb_pack_feed(struct rdb_pack *pack, const unsigned char *data, size_t size)
{
    while (size > 0) {
        if (pack->step == RDB_PACK_DONE) {
            pack->step = RDB_PACK_BAD; /* bytes after the end */
        }
        if (pack->step == RDB_PACK_BAD) {
            return;
        }
        if (pack->step == RDB_PACK_TEXT || pack->step == RDB_PACK_SKIP) {
            size_t n = size < pack->left ? size : (size_t)pack->left;
            if (pack->step == RDB_PACK_TEXT) {
                pack->events->bytes(pack->arg, data, n);
            }
            data += n;
            size -= n;
            pack->left -= n;
            if (pack->left == 0 && pack->step == RDB_PACK_TEXT) {
                end_pack_text(pack);
            } else if (pack->left == 0) {
                await_head(pack, pack->after, 1);
            }
            continue;
        }
        pack->head[pack->have++] = *data++;
        size--;
        if (pack->have == pack->want) {
            decode_head(pack);
        }
    }
}

bool rdb_pack_whole(const struct rdb_pack *pack)
{
    return pack->step == RDB_PACK_DONE;
}
