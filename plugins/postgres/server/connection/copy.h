/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy: COPY in both directions.  Errors: as in connection.h.
 */
#ifndef PG_SERVER_CONNECTION_COPY_H
#define PG_SERVER_CONNECTION_COPY_H

#include "server/connection/connection.h"

/* Sends a COPY, and lets its rows be larger than the answers to other statements. */
enum hangar_rc pg_copy_send(struct pg_conn *conn, const char *sql);

/* The same, and returns when it has begun. */
enum hangar_rc pg_copy_start(struct pg_conn *conn, const char *sql, ExecStatusType direction);

/* The next row of a COPY TO, for the caller to PQfreemem; HANGAR_EOF after the last one.
 * Waits up to timeout_ms (-1: no limit); *row is NULL when no row arrived in that time. */
enum hangar_rc pg_copy_next(struct pg_conn *conn, int timeout_ms, char **row, size_t *len);

/* The result of a COPY whose data has ended: how many rows the server counted. */
enum hangar_rc pg_copy_finish(struct pg_conn *conn, uint64_t *rows);

#endif
