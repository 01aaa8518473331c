/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * statement: SQL statements.
 */
#include "server/connection/statement.h"

#include <poll.h>
#include "clock.h"
#include "server/instance/error.h"

#define WHILE_LIMIT_MS 60000 /* the longest statement of pg_command_while */

enum hangar_rc pg_command(struct pg_conn *conn, const char *sql)
{
    enum hangar_rc rc = pg_send(conn, sql, NULL, NULL);
    return rc == HANGAR_OK ? pg_drain(conn, HANGAR_OK) : rc;
}

enum hangar_rc pg_command_while(struct pg_conn *conn, const char *sql, void (*meanwhile)(void *arg),
                                void *arg)
{
    int64_t deadline = clock_monotonic_ms() + WHILE_LIMIT_MS;
    enum hangar_rc rc = pg_send(conn, sql, NULL, NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    while (clock_monotonic_ms() < deadline) {
        int unsent = PQflush(conn->pq);
        if (unsent < 0) {
            return pg_conn_failed(conn);
        }
        if (!unsent && !PQisBusy(conn->pq)) {
            return pg_drain(conn, HANGAR_OK);
        }
        bool ready;
        rc = pg_wait(conn, unsent ? POLLIN | POLLOUT : POLLIN, 100, &ready);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!ready) {
            meanwhile(arg);
        } else if ((rc = pg_consume(conn)) != HANGAR_OK) {
            return rc;
        }
    }
    return pg_set_error(&conn->err, HANGAR_IO, NULL, "the server did not answer in time");
}

enum hangar_rc pg_command_text(struct pg_conn *conn, struct text *sql)
{
    enum hangar_rc rc =
        sql->failed ? pg_set_no_memory(&conn->err) : pg_command(conn, text_str(sql));
    text_free(sql);
    return rc;
}

enum hangar_rc pg_each_row(struct pg_conn *conn, const char *sql,
                           enum hangar_rc (*row)(void *arg, const PGresult *res), void *arg)
{
    enum hangar_rc rc = pg_send(conn, sql, NULL, NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    PQsetSingleRowMode(conn->pq);
    for (;;) {
        enum hangar_rc waited = pg_await_result(conn);
        if (waited != HANGAR_OK) {
            return waited;
        }
        PGresult *res = PQgetResult(conn->pq);
        if (!res) {
            break;
        }
        ExecStatusType status = PQresultStatus(res);
        if (status == PGRES_SINGLE_TUPLE) {
            rc = rc == HANGAR_OK ? row(arg, res) : rc;
        } else if (status != PGRES_TUPLES_OK && rc == HANGAR_OK) {
            rc = pg_result_failed(conn, res);
        }
        PQclear(res);
        if (PQstatus(conn->pq) == CONNECTION_BAD) {
            return rc == HANGAR_OK ? pg_conn_failed(conn) : rc;
        }
    }
    conn->busy = false;
    if (rc == HANGAR_NO_MEMORY) {
        pg_set_no_memory(&conn->err);
    }
    return rc;
}
