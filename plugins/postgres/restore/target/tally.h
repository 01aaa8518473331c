/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tally: how many rows were loaded into each table, and their digest.
 */
#ifndef PG_RESTORE_TARGET_TALLY_H
#define PG_RESTORE_TARGET_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <hangar/plugin.h>
#include "server/sql/rows_format.h"

struct pg_tally_entry {
    char *table; /* "\"schema\".\"name\"" */
    uint64_t rows;
    struct pg_digest digest;
    bool seen; /* named in tables.jsonl */
};

/* A hash table; zero it before use. */
struct pg_tally {
    struct pg_tally_entry *items;
    size_t count, capacity;
};

/* Adds rows to a table's entry; HANGAR_NO_MEMORY is not reported to the host. */
enum hangar_rc pg_tally_add(struct pg_tally *tally, const char *table, uint64_t rows,
                            const struct pg_digest *digest);

/* The entry of a table, or NULL. */
struct pg_tally_entry *pg_tally_find(const struct pg_tally *tally, const char *table);

void pg_tally_free(struct pg_tally *tally);

#endif
