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

enum rdb_pack_kind rdb_pack_of(unsigned type)
{
    switch (type) {
    case 9:
        return RDB_ZIPMAP;
    case 10:
    case 12:
    case 13:
    case 14:
        return RDB_ZIPLIST;
    case 11:
        return RDB_INTSET;
    case 16:
    case 17:
    case 18:
    case 20:
        return RDB_LISTPACK;
    default:
        return RDB_PACK_NONE;
    }
}

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

static void collect(struct rdb_pack *pack, enum rdb_pack_step step, size_t want)
{
    pack->step = step;
    pack->have = 0;
    pack->want = want;
}

/* The last `n` bytes that were collected, as a signed number. */
static int64_t number_of(const struct rdb_pack *pack, size_t n)
{
    uint64_t value = rdb_little_endian(pack->head + pack->have - n, n);
    unsigned unused = (unsigned)(64 - 8 * n);
    return (int64_t)(value << unused) >> unused;
}

static void give_number(struct rdb_pack *pack, int64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, number);
    pack->events->bytes(pack->arg, (const unsigned char *)text, (size_t)n);
    pack->events->end(pack->arg);
}

static void enter_skip(struct rdb_pack *pack, uint64_t bytes, enum rdb_pack_step after)
{
    pack->left = bytes;
    pack->step = RDB_PACK_SKIP;
    pack->after = after;
    if (bytes == 0) {
        collect(pack, after, 1);
    }
}

static void end_text(struct rdb_pack *pack)
{
    pack->events->end(pack->arg);
    enter_skip(pack, pack->skip_next, pack->after);
}

static void enter_text(struct rdb_pack *pack, uint64_t bytes, uint64_t skip,
                       enum rdb_pack_step after)
{
    pack->left = bytes;
    pack->skip_next = skip;
    pack->step = RDB_PACK_TEXT;
    pack->after = after;
    if (bytes == 0) {
        end_text(pack);
    }
}

/* ---- listpack: <header> ( <encoding> <text> <length of the two, backwards> )* 0xff ---- */

static uint64_t back_bytes(uint64_t entry)
{
    return entry <= 127 ? 1 : entry < 16383 ? 2 : entry < 2097151 ? 3 : entry < 268435455 ? 4 : 5;
}

static void listpack_entry(struct rdb_pack *pack)
{
    const unsigned char *head = pack->head;
    unsigned first = head[0];
    size_t want = first < 0xc0    ? 1
                  : first < 0xf0  ? 2
                  : first == 0xf0 ? 5
                  : first == 0xf1 ? 3
                  : first == 0xf2 ? 4
                  : first == 0xf3 ? 5
                  : first == 0xf4 ? 9
                                  : 1;
    pack->want = want;
    if (pack->have < want) {
        return;
    }
    if (first == 0xff) {
        pack->step = RDB_PACK_DONE;
    } else if (first > 0xf4) {
        pack->step = RDB_PACK_BAD;
    } else if ((first & 0xc0) == 0x80 || (first & 0xf0) == 0xe0 || first == 0xf0) {
        uint64_t size = first == 0xf0            ? rdb_little_endian(head + 1, 4)
                        : (first & 0xc0) == 0x80 ? (first & 0x3f)
                                                 : ((first & 0x0f) << 8 | head[1]);
        enter_text(pack, size, back_bytes(want + size), RDB_PACK_ENTRY);
    } else {
        int64_t number = first < 0x80 ? (int64_t)first
                         : first < 0xf0
                             ? (int64_t)(((first & 0x1f) << 8 | head[1]) ^ 0x1000) - 0x1000
                             : number_of(pack, want - 1);
        give_number(pack, number);
        enter_skip(pack, back_bytes(want), RDB_PACK_ENTRY);
    }
}

/* ---- ziplist: <header> ( <length of the one before> <encoding> <text> )* 0xff ---- */

static void ziplist_previous(struct rdb_pack *pack)
{
    unsigned first = pack->head[0];
    pack->want = first == 0xfe ? 5 : 1;
    if (pack->have < pack->want) {
        return;
    }
    if (first == 0xff) {
        pack->step = RDB_PACK_DONE;
    } else {
        collect(pack, RDB_PACK_ENTRY, 1);
    }
}

static void ziplist_entry(struct rdb_pack *pack)
{
    const unsigned char *head = pack->head;
    unsigned first = head[0];
    size_t want = first < 0x40    ? 1
                  : first < 0x80  ? 2
                  : first < 0xc0  ? 5
                  : first == 0xc0 ? 3
                  : first == 0xd0 ? 5
                  : first == 0xe0 ? 9
                  : first == 0xf0 ? 4
                  : first == 0xfe ? 2
                                  : 1;
    pack->want = want;
    if (pack->have < want) {
        return;
    }
    if (first < 0xc0) {
        uint64_t size = first < 0x40   ? first
                        : first < 0x80 ? ((first & 0x3f) << 8 | head[1])
                                       : ((uint64_t)head[1] << 24 | (uint64_t)head[2] << 16 |
                                          (uint64_t)head[3] << 8 | head[4]);
        enter_text(pack, size, 0, RDB_PACK_PREVIOUS);
        return;
    }
    if (want == 1 && (first <= 0xf0 || first > 0xfd)) {
        pack->step = RDB_PACK_BAD;
        return;
    }
    give_number(pack, want == 1 ? (int64_t)(first & 0x0f) - 1 : number_of(pack, want - 1));
    collect(pack, RDB_PACK_PREVIOUS, 1);
}

/* ---- zipmap: <count> ( <length> <key> <length> <free> <value> <free bytes> )* 0xff ---- */

static void zipmap_length(struct rdb_pack *pack, bool value)
{
    unsigned first = pack->head[0];
    size_t length = first == 0xfe ? 5 : 1;
    pack->want = length + value;
    if (first == 0xff && !value) {
        pack->step = RDB_PACK_DONE;
        return;
    }
    if (pack->have < pack->want) {
        return;
    }
    uint64_t size = length == 1 ? first : rdb_little_endian(pack->head + 1, 4);
    if (first == 0xff) {
        pack->step = RDB_PACK_BAD;
    } else if (value) {
        enter_text(pack, size, pack->head[length], RDB_PACK_ENTRY);
    } else {
        enter_text(pack, size, 0, RDB_PACK_VALUE);
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
        collect(pack, RDB_PACK_ENTRY, pack->width);
    }
}

static void intset_entry(struct rdb_pack *pack)
{
    give_number(pack, number_of(pack, pack->width));
    if (--pack->left == 0) {
        pack->step = RDB_PACK_DONE;
    } else {
        collect(pack, RDB_PACK_ENTRY, pack->width);
    }
}

/* `want` bytes are there: more may be wanted when they tell so. */
static void collected(struct rdb_pack *pack)
{
    switch (pack->kind) {
    case RDB_LISTPACK:
        if (pack->step == RDB_PACK_START) {
            collect(pack, RDB_PACK_ENTRY, 1);
        } else {
            listpack_entry(pack);
        }
        break;
    case RDB_ZIPLIST:
        if (pack->step == RDB_PACK_START) {
            collect(pack, RDB_PACK_PREVIOUS, 1);
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
            collect(pack, RDB_PACK_ENTRY, 1);
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
            pack->step = RDB_PACK_BAD; /* bytes behind the end */
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
                end_text(pack);
            } else if (pack->left == 0) {
                collect(pack, pack->after, 1);
            }
            continue;
        }
        pack->head[pack->have++] = *data++;
        size--;
        if (pack->have == pack->want) {
            collected(pack);
        }
    }
}

bool rdb_pack_whole(const struct rdb_pack *pack)
{
    return pack->step == RDB_PACK_DONE;
}
