/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * marks: how a database that a clean restore makes is named and marked, so that a later restore
 * finds what a killed one left.
 */
#ifndef PG_RESTORE_DATABASE_MARKS_H
#define PG_RESTORE_DATABASE_MARKS_H

#include "restore/target/target.h"
#include "server/connection/leftovers.h"

#define PG_CLEAN_NAME 64

/* One database that is replaced. */
struct pg_replacement {
    char into[PG_CLEAN_NAME];       /* loaded beside it, under this name */
    char retired[PG_CLEAN_NAME];    /* the old database's name once it is replaced */
    char oid[16], into_oid[16];     /* "": does not exist (yet) */
    struct text new_mark, old_mark; /* the comments of the two */
    struct text leftovers;          /* of a dead restore, for the plan */
    struct text sessions;           /* that are connected, for the plan; empty: none is */
};

/* Makes target->clean with its names and marks.  target->into becomes the new name. */
enum hangar_rc pg_clean_new(struct pg_target *target);
void pg_clean_free(struct pg_target *target);

/* The hash of the target's name, which is part of the names. */
uint32_t pg_clean_hash(const struct pg_target *target);

/* The oid of a database; "" when it does not exist. */
enum hangar_rc pg_clean_find_oid(struct pg_target *target, struct pg_conn *conn, const char *name,
                                 char oid[16]);

/* Marks the database that was just created. */
enum hangar_rc pg_clean_mark(struct pg_target *target, struct pg_conn *conn);

#endif
