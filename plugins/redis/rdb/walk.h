/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * walk: reads the structure of an RDB as it passes by, in chunks split
 * anywhere, counts what is in it, and checks it against its checksum.  It
 * changes nothing and knows neither server nor network; memory does not depend
 * on what it reads.  One thread at a time per walk.
 *
 *     rdb_walk_new ──► rdb_walk_feed* (until done) ──► rdb_walk_free
 *
 * For each key, and for each library of functions (as a key of type
 * RDB_FUNCTION without a name), the events come in this order:
 *
 *     key ──► ( string | body )* ──► end
 *
 * The bodies together are the value exactly as it stands in the RDB, which is
 * what DUMP gives and RESTORE takes.  `string` announces a string in it, before
 * the body that is its head (text false) and those that are its bytes (text
 * true); a string that is a number has no such bytes.
 */
#ifndef RD_RDB_WALK_H
#define RD_RDB_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>
#include "rdb/counts.h"
#include "rdb/field.h"
#include "rdb/types.h"

#define RDB_AUX_MOST ((size_t)1 << 20)

struct rdb_key {
    uint64_t db;
    unsigned type;
    const unsigned char *name; /* the first name_size bytes of name_full */
    size_t name_size;
    uint64_t name_full;
    int64_t expire_ms; /* time at which it expires, -1: never */
    int64_t idle_s;    /* seconds since its last use, -1: not told */
    int freq;          /* 0 to 255, -1: not told */
};

/* What a function returns, when not HANGAR_OK, ends the walk with it.  `end`
 * gets `empty` for a list, set, sorted set or hash without elements, which is
 * not a key for the server.  `aux` may be NULL. */
struct rdb_events {
    enum hangar_rc (*aux)(void *arg, const char *name, const unsigned char *value, size_t size);
    enum hangar_rc (*key)(void *arg, const struct rdb_key *key);
    enum hangar_rc (*string)(void *arg, const struct rdb_string *string);
    enum hangar_rc (*body)(void *arg, bool text, const unsigned char *data, size_t size);
    enum hangar_rc (*end)(void *arg, bool empty);
};

struct rdb_walk;

/* `events` may be NULL.  `name_most` is how many bytes of a key's name the events
 * are given.  `size` is the size of the RDB, UINT64_MAX when nobody knows.
 * NULL when out of memory. */
struct rdb_walk *rdb_walk_new(const struct rdb_events *events, void *arg, size_t name_most,
                              uint64_t size);
void rdb_walk_free(struct rdb_walk *walk);

/* Says the size when it becomes known, before the first feed. */
void rdb_walk_size(struct rdb_walk *walk, uint64_t size);

/* Reads `size` bytes; *used is less only when the RDB ends among them.  On
 * HANGAR_CORRUPT and HANGAR_UNSUPPORTED rdb_walk_problem says why.  After a
 * failure every further call fails. */
enum hangar_rc rdb_walk_feed(struct rdb_walk *walk, const void *data, size_t size, size_t *used);

/* The end was seen, and the checksum, where there is one, was right. */
bool rdb_walk_done(const struct rdb_walk *walk);

/* How far the walk has come. */
uint64_t rdb_walk_offset(const struct rdb_walk *walk);

/* Is there a checksum?  The server may be told to write none (0), and writes
 * none before version 5.  After the end only. */
bool rdb_walk_verified(const struct rdb_walk *walk);

const char *rdb_walk_problem(const struct rdb_walk *walk);
const struct rdb_counts *rdb_walk_counts(const struct rdb_walk *walk);

#endif
