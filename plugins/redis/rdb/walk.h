/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * walk: reads the structure of an RDB that passes through in chunks of any size, counts its keys,
 * and verifies its checksum.  It changes no bytes and uses a fixed amount of memory.  It is
 * independent of servers and networks.  One thread at a time may use a walk.
 *
 *     rdb_walk_new ──► rdb_walk_feed* (until done) ──► rdb_walk_free
 */
#ifndef RD_RDB_WALK_H
#define RD_RDB_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>
#include "rdb/counts.h"
#include "rdb/events.h"

#define RDB_AUX_MOST ((size_t)1 << 20)  /* bytes of an aux field that the events receive */
#define RDB_NAME_MOST ((size_t)1 << 20) /* enough for the names of keys that RESTORE can send */

struct rdb_walk;

/* `events` may be NULL.  They receive at most `name_most` bytes of the name of a key.  `size` is
 * the size of the RDB, UINT64_MAX when it is unknown.  Returns NULL when out of memory. */
struct rdb_walk *rdb_walk_new(const struct rdb_events *events, void *arg, size_t name_most,
                              uint64_t size);
void rdb_walk_free(struct rdb_walk *walk);

/* Sets the size of the RDB, before the first feed. */
void rdb_walk_size(struct rdb_walk *walk, uint64_t size);

/* Reads `size` bytes; *used is smaller only when the RDB ends before the last of them.  On
 * HANGAR_CORRUPT and HANGAR_UNSUPPORTED rdb_walk_problem describes the cause.  After a failure
 * every further call fails with the same rc. */
enum hangar_rc rdb_walk_feed(struct rdb_walk *walk, const void *data, size_t size, size_t *used);

/* True when the whole RDB was read, and its checksum, if it has one, is right. */
bool rdb_walk_done(const struct rdb_walk *walk);

/* After the end: true when the RDB has a checksum.  It has none before RDB version 5, and with
 * rdbchecksum no. */
bool rdb_walk_verified(const struct rdb_walk *walk);

const char *rdb_walk_problem(const struct rdb_walk *walk);
const struct rdb_counts *rdb_walk_counts(const struct rdb_walk *walk);

#endif
