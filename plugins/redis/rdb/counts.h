/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * counts: the numbers of keys in an RDB, by class and database, in a fixed amount of memory.
 */
#ifndef RD_RDB_COUNTS_H
#define RD_RDB_COUNTS_H

#include <stddef.h>
#include <stdint.h>
#include "rdb/events.h"
#include "rdb/types.h"

#define RDB_NAME_SHOWN 64 /* bytes of the name of the biggest key that are stored */
#define RDB_DBS_COUNTED 24
#define RDB_MODULES_COUNTED 8

struct rdb_counts {
    unsigned version;
    char redis_version[32];
    uint64_t used_memory; /* bytes, of the server that wrote the RDB; 0: unknown */
    uint64_t keys, expiring, functions, module_aux;
    uint64_t empty; /* collections without elements, which are not counted as keys */
    uint64_t classes[RDB_CLASSES];
    struct rdb_db {
        uint64_t id, keys, expiring, classes[RDB_CLASSES];
    } dbs[RDB_DBS_COUNTED]; /* the first databases with keys */
    size_t db_count;
    uint64_t db_highest;
    char modules[RDB_MODULES_COUNTED][10];
    size_t module_count;
    unsigned char biggest_name[RDB_NAME_SHOWN];
    size_t biggest_name_size;
    uint64_t biggest_bytes; /* of its value, as stored; 0: no keys */
    uint64_t biggest_db;
};

/* Counts a key whose value has `bytes` bytes in the RDB. */
void rdb_count_key(struct rdb_counts *counts, const struct rdb_key *key, enum rdb_class class,
                   uint64_t bytes);

/* Records the name of the module whose id is `id`. */
void rdb_count_module(struct rdb_counts *counts, uint64_t id);

#endif
