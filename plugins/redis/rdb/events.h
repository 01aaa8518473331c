/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * events: what a walk over an RDB (walk.h) reports.
 *
 * For each key, and for each library of functions (a key of type RDB_OPCODE_FUNCTION without a
 * name), the events arrive in this order:
 *
 *     key ──► ( string | body )* ──► end
 *
 * All bodies together are the value exactly as the RDB stores it, which is the payload of DUMP and
 * RESTORE without its footer.  `string` announces a string of the value; then follow the body with
 * its head (`text` false) and the bodies with its bytes (`text` true).  A string that is encoded as
 * a number has a head only.
 */
#ifndef RD_RDB_EVENTS_H
#define RD_RDB_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>
#include "rdb/field.h"

struct rdb_key {
    uint64_t db;
    unsigned type;
    const unsigned char *name; /* the first name_size of name_full bytes */
    size_t name_size;
    uint64_t name_full;
    int64_t expire_ms; /* time of its expiry; -1: it does not expire */
    int64_t idle_s;    /* seconds since its last use; -1: unknown */
    int freq;          /* access frequency, 0 to 255; -1: unknown */
};

/* A result other than HANGAR_OK ends the walk with it.  `empty` is true for a list, set, sorted set
 * or hash without elements, which the server does not load as a key.  `aux` may be NULL. */
struct rdb_events {
    enum hangar_rc (*aux)(void *arg, const char *name, const unsigned char *value, size_t size);
    enum hangar_rc (*key)(void *arg, const struct rdb_key *key);
    enum hangar_rc (*string)(void *arg, const struct rdb_string *string);
    enum hangar_rc (*body)(void *arg, bool text, const unsigned char *data, size_t size);
    enum hangar_rc (*end)(void *arg, bool empty);
};

#endif
