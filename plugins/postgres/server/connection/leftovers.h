/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * leftovers: the databases that a restore with --mode clean makes beside its target, and that
 * one which is killed leaves: how they are recognised, and what to do about each.
 */
#ifndef PG_SERVER_CONNECTION_LEFTOVERS_H
#define PG_SERVER_CONNECTION_LEFTOVERS_H

#include "server/connection/connection.h"
#include "server/sql/catalog.h"

#define PG_LOCK_CLASS 1212370503 /* the class of hangar's advisory locks: "HCLG" */

/* A connection limit that no user sets.  It marks a database from its creation on, before
 * it can have a comment. */
#define PG_CLEAN_LIMIT 104740051
#define PG_NUMBER_TEXT(number) PG_DIGITS_TEXT(number)
#define PG_DIGITS_TEXT(digits) #digits

/* A condition on pg_database d whose comment is `mark`: one of any restore. */
#define PG_IS_LEFTOVER                                                                             \
    "(d.datname ~ '^hangar_(new|old)_[0-9a-f]{8}_[0-9a-f]{8}$' AND (mark LIKE 'hangar: %'"         \
    " OR (mark IS NULL AND d.datconnlimit = " PG_NUMBER_TEXT(PG_CLEAN_LIMIT) ")))"

/* A condition on pg_database d whose comment is `mark`, for a session in maintenance_db: one with
 * data of users.  maintenance_db counts only when it has tables. */
#define PG_IS_USER_DATABASE                                                                        \
    "NOT d.datistemplate AND NOT coalesce(" PG_IS_LEFTOVER ", false)"                              \
    " AND (d.datname <> pg_catalog.current_database() OR EXISTS (SELECT FROM pg_class c"           \
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " PG_IS_USER_RELATION                    \
    " AND " PG_IS_NOT_OF_EXTENSION "))"

/* Of two such databases, the one with the data from before the restore begins with the first
 * name. */
#define PG_OLD_PREFIX "hangar_old_"

/* Has this leftover the data from before its restore, and not that of the backup? */
bool pg_leftover_is_old(const char *name);

/* Warns of each database that a dead restore left on the server: whose data it holds, and what to
 * do about it.  `conn` is a session in maintenance_db, where a restore that lives holds its lock.
 * A failure is in conn->err. */
enum hangar_rc pg_warn_of_leftovers(struct pg_conn *conn);

#endif
