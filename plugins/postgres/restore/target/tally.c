/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tally: a hash table of what was loaded into each table.
 */
#include "restore/target/tally.h"

#include <stdlib.h>
#include <string.h>

static struct pg_tally_entry *tally_slot(const struct pg_tally *tally, const char *table)
{
    size_t at = (size_t)XXH3_64bits(table, strlen(table)) & (tally->capacity - 1);
    while (tally->items[at].table && strcmp(tally->items[at].table, table) != 0) {
        at = (at + 1) & (tally->capacity - 1);
    }
    return &tally->items[at];
}

static bool tally_grow(struct pg_tally *tally)
{
    struct pg_tally bigger = {.count = tally->count,
                              .capacity = tally->capacity ? tally->capacity * 2 : 256};
    bigger.items = calloc(bigger.capacity, sizeof(*bigger.items));
    if (!bigger.items) {
        return false;
    }
    for (size_t i = 0; i < tally->capacity; i++) {
        if (tally->items[i].table) {
            *tally_slot(&bigger, tally->items[i].table) = tally->items[i];
        }
    }
    free(tally->items);
    *tally = bigger;
    return true;
}

enum hangar_rc pg_tally_add(struct pg_tally *tally, const char *table, uint64_t rows,
                            const struct pg_digest *digest)
{
    if (tally->count * 4 >= tally->capacity * 3 && !tally_grow(tally)) {
        return HANGAR_NO_MEMORY;
    }
    struct pg_tally_entry *entry = tally_slot(tally, table);
    if (!entry->table) {
        entry->table = strdup(table);
        if (!entry->table) {
            return HANGAR_NO_MEMORY;
        }
        tally->count++;
    }
    entry->rows += rows;
    pg_digest_add(&entry->digest, digest->high, digest->low);
    return HANGAR_OK;
}

struct pg_tally_entry *pg_tally_find(const struct pg_tally *tally, const char *table)
{
    if (!tally->capacity) {
        return NULL;
    }
    struct pg_tally_entry *entry = tally_slot(tally, table);
    return entry->table ? entry : NULL;
}

void pg_tally_free(struct pg_tally *tally)
{
    for (size_t i = 0; i < tally->capacity; i++) {
        free(tally->items[i].table);
    }
    free(tally->items);
    *tally = (struct pg_tally){0};
}
