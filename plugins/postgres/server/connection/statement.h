/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * statement: SQL statements whose rows do not matter or come one by one.  Errors: as in
 * connection.h.
 */
#ifndef PG_SERVER_CONNECTION_STATEMENT_H
#define PG_SERVER_CONNECTION_STATEMENT_H

#include "server/connection/connection.h"
#include "text.h"

/* Runs one statement and discards its rows. */
enum hangar_rc pg_command(struct pg_conn *conn, const char *sql);

/* The same with a text of the caller's, which is freed. */
enum hangar_rc pg_command_text(struct pg_conn *conn, struct text *sql);

/* The same, and calls `meanwhile` ten times a second until the statement has ended; it
 * may run for one minute. */
enum hangar_rc pg_command_while(struct pg_conn *conn, const char *sql, void (*meanwhile)(void *arg),
                                void *arg);

/* Calls `row` for each row as it arrives.  Once `row` fails it is not called again; a failure
 * other than HANGAR_NO_MEMORY is its to store in conn->err. */
enum hangar_rc pg_each_row(struct pg_conn *conn, const char *sql,
                           enum hangar_rc (*row)(void *arg, const PGresult *res), void *arg);

#endif
