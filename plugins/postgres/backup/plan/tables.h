/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tables: the tables of a database, and which of them the options select.
 */
#ifndef PG_BACKUP_PLAN_TABLES_H
#define PG_BACKUP_PLAN_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "server/connection/connection.h"
#include "server/sql/rows_format.h"
#include "text.h"

#define PG_NONE UINT32_MAX

/* A table, compact, because there may be 100 000.  Texts are offsets into the list's
 * pool, references to other tables are indices in the list. */
struct pg_table {
    uint32_t oid;
    uint32_t schema, name;
    uint32_t columns;        /* "\"a\", \"b\"": of the rows; PG_NONE: no list, all columns */
    uint32_t computed;       /* the same of its generated columns; PG_NONE: it has none */
    uint32_t computed_count; /* how many these are */
    uint32_t root_oid;       /* below a hash-partitioned ancestor: the topmost root; else 0 */
    uint32_t target;         /* the table that the rows are loaded into: itself or its root */
    uint32_t sibling;        /* the next table with the same target, in the order of objects */
    uint32_t level;          /* tables of a level are loaded after those of lower ones, by level */
    uint32_t rank;           /* in the last level, which is loaded one table after the other */
    uint32_t first_object, last_object; /* the objects that hold its rows; 0: none yet */
    uint64_t heap_bytes, toast_bytes;
    uint64_t rows; /* of a target: read so far */
    struct pg_digest digest;
    struct pg_digest computed_digest; /* of the rows with their generated columns */
    bool has_rows;                    /* a table whose rows are copied; others are only locked */
    bool is_heap;                     /* its rows are distinguished by ctid */
    bool is_target;                   /* rows are loaded into it */
    bool entire;                      /* all its rows are loaded by one statement */
};

struct pg_list {
    struct pg_table *items; /* by oid */
    size_t count, capacity;
    struct text pool;
    size_t budget; /* bytes that the host has granted for it */
    size_t copied; /* how many have rows */
};

/* Lists the tables that are to be locked and copied. */
enum hangar_rc pg_list_tables(struct pg_conn *conn, const char *database, struct pg_list *list);

/* Adds sizes and columns to the tables of a list. */
enum hangar_rc pg_list_details(struct pg_conn *conn, const char *database, struct pg_list *list);

void pg_list_free(struct pg_source *src, struct pg_list *list);

/* The table with this oid, or NULL. */
struct pg_table *pg_list_find(const struct pg_list *list, uint32_t oid);

/* Whether every table of `now` is in `locked`, under the same name. */
bool pg_list_covered(const struct pg_list *now, const struct pg_list *locked);

/* Appends "schema"."name". */
void pg_add_table(struct text *text, const struct pg_list *list, uint32_t table);

/* A text of the pool. */
const char *pg_pool(const struct pg_list *list, uint32_t offset);

/* Appends the conditions of include_tables and exclude_tables, as "(...)". */
void pg_add_selection(struct pg_source *src, struct text *sql, const char *schema,
                      const char *table);

#endif
