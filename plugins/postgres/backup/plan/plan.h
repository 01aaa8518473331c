/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * plan: which rows of which tables make up each object.  Of each level of
 * order.h: large tables first, cut into several objects; then small ones, several in one object.
 */
#ifndef PG_BACKUP_PLAN_PLAN_H
#define PG_BACKUP_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "backup/plan/tables.h"

/* A range of pages of one table. */
struct pg_slice {
    uint32_t table;              /* index in the list */
    bool whole;                  /* all of it */
    uint64_t from_page, to_page; /* to_page 0: up to the end */
};

struct pg_plan {
    uint32_t *order; /* indices of tables with rows, by level, largest first; owned */
    size_t order_count;
    uint64_t object_bytes; /* the size aimed at */
    size_t at;             /* in order */
    uint32_t piece;        /* of that table */
    uint32_t objects;      /* handed out so far */
    uint64_t block_size;
    uint64_t total_bytes;
};

/* Reads sizes and columns of the tables within the snapshot, and plans the objects. */
enum hangar_rc pg_plan_tables(struct pg_conn *conn, const char *database, struct pg_list *list,
                              struct pg_plan *plan);

/* The slices of the next object, for the caller to free; *count 0: there are no more.
 * *bytes is the approximate size of their text. */
enum hangar_rc pg_plan_next(struct pg_source *src, struct pg_list *list, struct pg_plan *plan,
                            struct pg_slice **slices, size_t *count, uint64_t *bytes);

#endif
