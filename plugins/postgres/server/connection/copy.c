/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy: COPY in both directions.
 */
#include "server/connection/copy.h"

#include <poll.h>
#include <stdlib.h>
#include "server/instance/error.h"

/* How much this process may grow: the largest row has 1 GiB, and libpq copies it. */
#define COPY_MOST ((size_t)4 << 30)

enum hangar_rc pg_copy_send(struct pg_conn *conn, const char *sql)
{
    enum hangar_rc rc = pg_send(conn, sql, NULL, NULL);
    conn->heap_most = COPY_MOST;
    return rc;
}

enum hangar_rc pg_copy_start(struct pg_conn *conn, const char *sql, ExecStatusType direction)
{
    enum hangar_rc rc = pg_copy_send(conn, sql);
    if (rc == HANGAR_OK) {
        rc = pg_await_result(conn);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    PGresult *res = PQgetResult(conn->pq);
    ExecStatusType status = res ? PQresultStatus(res) : PGRES_COMMAND_OK;
    if (status != direction) {
        rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                 ? pg_set_error(&conn->err, HANGAR_INTERNAL, NULL, "the COPY did not begin")
                 : pg_result_failed(conn, res);
        rc = pg_drain(conn, rc);
    }
    PQclear(res);
    return rc;
}

enum hangar_rc pg_copy_next(struct pg_conn *conn, int timeout_ms, char **row, size_t *len)
{
    for (;;) {
        int n = PQgetCopyData(conn->pq, row, 1);
        if (n > 0) {
            *len = (size_t)n;
            return HANGAR_OK;
        }
        *row = NULL;
        if (n == -1) {
            return HANGAR_EOF;
        }
        if (n < -1) {
            /* the result has the better error, with its SQLSTATE */
            uint64_t rows;
            struct pg_error first;
            pg_conn_failed(conn);
            first = conn->err;
            if (PQstatus(conn->pq) != CONNECTION_OK || pg_copy_finish(conn, &rows) == HANGAR_OK) {
                conn->err = first;
            }
            return conn->err.rc;
        }
        bool ready;
        enum hangar_rc rc = pg_wait(conn, POLLIN, timeout_ms, &ready);
        if (rc != HANGAR_OK || !ready) {
            return rc;
        }
        rc = pg_consume(conn);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

enum hangar_rc pg_copy_finish(struct pg_conn *conn, uint64_t *rows)
{
    enum hangar_rc rc = pg_await_result(conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    PGresult *res = PQgetResult(conn->pq);
    if (!res) {
        return pg_conn_failed(conn);
    }
    if (PQresultStatus(res) == PGRES_COMMAND_OK) {
        *rows = strtoull(PQcmdTuples(res), NULL, 10);
    } else {
        rc = pg_result_failed(conn, res);
    }
    PQclear(res);
    return pg_drain(conn, rc);
}
