/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pack: decodes the elements of the packed encodings in which an RDB stores small collections:
 * listpack, ziplist, intset and zipmap.  It reads pieces of any size and uses a fixed amount of
 * memory.  It is independent of keys and types.
 */
#ifndef RD_RDB_PACK_H
#define RD_RDB_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rdb_pack_kind { RDB_PACK_NONE, RDB_LISTPACK, RDB_ZIPLIST, RDB_INTSET, RDB_ZIPMAP };

/* They receive each element: its bytes piece by piece, then its end.  A number arrives as text. */
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
        RDB_PACK_PREVIOUS, /* ziplist: the length of the previous entry */
        RDB_PACK_ENTRY,
        RDB_PACK_VALUE, /* zipmap: the length of the value after its key */
        RDB_PACK_TEXT,
        RDB_PACK_SKIP,
        RDB_PACK_DONE,
        RDB_PACK_BAD
    } step,
        after; /* the step after TEXT or SKIP */
    unsigned char head[16];
    size_t have, want;
    uint64_t left;      /* bytes of TEXT or SKIP; intset: elements */
    uint64_t skip_next; /* bytes to skip after the text */
    unsigned width;     /* intset: bytes of an element */
};

/* Begins to decode; `kind` is not RDB_PACK_NONE. */
void rdb_pack_init(struct rdb_pack *pack, enum rdb_pack_kind kind,
                   const struct rdb_pack_events *events, void *arg);
void rdb_pack_feed(struct rdb_pack *pack, const unsigned char *data, size_t size);

/* True when all bytes were a valid pack that ends with the last of them. */
bool rdb_pack_whole(const struct rdb_pack *pack);

#endif
