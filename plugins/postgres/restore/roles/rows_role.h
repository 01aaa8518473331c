/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_role: the role that reads and writes rows in a drill (option rows_role).
 *
 * Rows run code of the database: functions in checks, domains and generated columns.  As a
 * superuser it could do anything that the server can do, and SET ROLE would not help, because the
 * code can reset it.  So the session itself belongs to a role without rights, which becomes the
 * owner of each table in turn.
 */
#ifndef PG_RESTORE_ROLES_ROWS_ROLE_H
#define PG_RESTORE_ROLES_ROWS_ROLE_H

#include "restore/target/target.h"

/* Lets the role load what pg_restore has created.  Nothing to do when there is no such role. */
enum hangar_rc pg_rows_role_prepare(struct pg_target *target);

/* Connects to the database of a target as this role, or as the user when there is none. */
enum hangar_rc pg_rows_role_connect(struct pg_target *target, struct pg_conn **out);

/* Becomes the owner of a table, given as SQL.  A failure is in conn->err. */
enum hangar_rc pg_rows_role_become_owner(struct pg_conn *conn, const char *table);

#endif
