/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pack: takes the elements out of the packed forms in which small collections
 * stand in an RDB: listpack, ziplist, intset and zipmap.  In pieces split anywhere
 * and in memory that does not depend on their size.  Knows nothing of keys.
 */
#ifndef RD_RDB_PACK_H
#define RD_RDB_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rdb_pack_kind { RDB_PACK_NONE, RDB_LISTPACK, RDB_ZIPLIST, RDB_INTSET, RDB_ZIPMAP };

/* The form of the strings of a type of value; RDB_PACK_NONE: they are elements
 * themselves.  Of type 18 only those whose container says so are packed. */
enum rdb_pack_kind rdb_pack_of(unsigned type);

/* Gets an element: its bytes piece by piece, then its end.  Numbers come as text. */
struct rdb_pack_events {
    void (*bytes)(void *arg, const unsigned char *data, size_t size);
    void (*end)(void *arg);
};

struct rdb_pack {
    enum rdb_pack_kind kind;
    const struct rdb_pack_events *events;
    void *arg;
    enum rdb_pack_step {
        RDB_PACK_START,
        RDB_PACK_PREVIOUS, /* ziplist: the length of the entry before */
        RDB_PACK_ENTRY,
        RDB_PACK_VALUE, /* zipmap: the length of the value that follows its key */
        RDB_PACK_TEXT,
        RDB_PACK_SKIP,
        RDB_PACK_DONE,
        RDB_PACK_BAD
    } step,
        after; /* after: what follows TEXT and SKIP */
    unsigned char head[16];
    size_t have, want;
    uint64_t left;      /* bytes of TEXT or SKIP */
    uint64_t skip_next; /* bytes to skip when the text is over */
    unsigned width;     /* intset */
};

void rdb_pack_init(struct rdb_pack *pack, enum rdb_pack_kind kind,
                   const struct rdb_pack_events *events, void *arg);
void rdb_pack_feed(struct rdb_pack *pack, const unsigned char *data, size_t size);

/* Was it such a pack, to its last byte? */
bool rdb_pack_whole(const struct rdb_pack *pack);

#endif
