/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target: one database of the backup, and the database that it is restored into.
 */
#ifndef PG_RESTORE_TARGET_TARGET_H
#define PG_RESTORE_TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "restore/target/tally.h"
#include "server/connection/connection.h"
#include "text.h"

#define PG_POOL 64 /* as many objects as the core may hold at once */

struct pg_replacement;
struct pg_last_rows;

struct pg_target {
    struct pg_source *src;
    size_t number;      /* from 1; in the names of its spooled files */
    char *folder;       /* first part of its objects' names */
    const char *source; /* its name in the backup */
    const char *name;   /* the name to restore it under */
    char *new_name;     /* what `name` points to when it is ours; else NULL */
    const char *into;   /* the database that is written to: name, or a new one beside it */
    const struct hangar_attrs *attrs; /* of its schema.dump */
    bool skipped;                     /* not among the option databases */
    bool exists, created, touched, finished;
    struct pg_replacement *clean; /* when live data is replaced; NULL: it is not */
    bool no_tablespaces;
    const char *locale; /* in place of one that the server lacks; NULL: none lacks */
    char *schema_path, *large_path, *tables_path; /* spooled; NULL: not there yet */
    struct pg_last_rows *last_rows; /* objects that are loaded after all others; spooled */
    size_t last_rows_count;
    struct pg_conn *idle[PG_POOL];
    size_t idle_count;
    struct pg_tally tally;
    uint64_t rows, tables;
    uint64_t compared_tables, compared_rows, compared_generated;
    uint64_t checked_indexes;
    struct text not_compared; /* what --compare leaves out of this database; empty: nothing */
};

/* An attribute of schema.dump, put together from its pieces, for the caller to free;
 * NULL: there is none. */
char *pg_target_attr(struct pg_target *target, const char *name);

/* Closes the idle sessions. */
void pg_target_close_idle(struct pg_target *target);

/* Lists what the database holds ("12 tables, 3 functions"); empty: nothing. */
enum hangar_rc pg_target_contents(struct pg_target *target, struct pg_conn *conn,
                                  struct text *what);

/* HANGAR_AUTH, reported to the host, when this role may not create databases. */
enum hangar_rc pg_target_check_create(struct pg_target *target, struct pg_conn *conn);

/* Finds out whether the database exists.  HANGAR_EXISTS, reported to the host, when it
 * holds something. */
enum hangar_rc pg_target_examine(struct pg_target *target, int *server_version);

#endif
