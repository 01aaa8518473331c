/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * counts: see counts.h.
 */
#include "rdb/counts.h"

#include <string.h>

static struct rdb_db *find_counted_db(struct rdb_counts *counts, uint64_t id)
{
    /* an RDB stores database after database: the match is nearly always the last one */
    for (size_t i = counts->db_count; i > 0; i--) {
        if (counts->dbs[i - 1].id == id) {
            return &counts->dbs[i - 1];
        }
    }
    if (counts->db_count == RDB_DBS_COUNTED) {
        return NULL;
    }
    counts->dbs[counts->db_count].id = id;
    return &counts->dbs[counts->db_count++];
}

void rdb_count_key(struct rdb_counts *counts, const struct rdb_key *key, enum rdb_class class,
                   uint64_t bytes)
{
    const bool expiring = key->expire_ms >= 0;
    counts->keys++;
    counts->expiring += expiring;
    counts->classes[class]++;
    if (key->db > counts->db_highest) {
        counts->db_highest = key->db;
    }
    struct rdb_db *of_db = find_counted_db(counts, key->db);
    if (of_db) {
        of_db->keys++;
        of_db->expiring += expiring;
        of_db->classes[class]++;
    }
    if (bytes > counts->biggest_bytes) {
        counts->biggest_bytes = bytes;
        counts->biggest_db = key->db;
        counts->biggest_name_size =
            key->name_size < RDB_NAME_SHOWN ? key->name_size : RDB_NAME_SHOWN;
        memcpy(counts->biggest_name, key->name, counts->biggest_name_size);
    }
}

/* The upper 54 bits of the id encode the nine letters of the name. */
void rdb_count_module(struct rdb_counts *counts, uint64_t id)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char name[10];
    for (unsigned i = 0; i < 9; i++) {
        name[i] = letters[id >> (58 - 6 * i) & 63];
    }
    name[9] = '\0';
    for (size_t i = 0; i < counts->module_count; i++) {
        if (strcmp(counts->modules[i], name) == 0) {
            return;
        }
    }
    if (counts->module_count < RDB_MODULES_COUNTED) {
        memcpy(counts->modules[counts->module_count++], name, sizeof(name));
    }
}
