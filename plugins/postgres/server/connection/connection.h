/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * connection: one session with the server.  Each is used by one thread at a time.
 *
 * Every wait ends when the job is cancelled.  A call that fails stores the cause in
 * conn->err and reports nothing to the host.
 */
#ifndef PG_SERVER_CONNECTION_CONNECTION_H
#define PG_SERVER_CONNECTION_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <libpq-fe.h>
#include "server/instance/error.h"
#include "server/instance/instance.h"

struct pg_conn {
    struct pg_source *src;
    PGconn *pq;
    int version;         /* 150006 */
    bool busy;           /* a statement may be running in the server */
    bool restricts;      /* PG_RESTRICT_SETTING is set */
    bool ignores_cancel; /* for cleaning up: cancel is ignored, no wait is longer than 15 s */
    const char *doing;   /* reported to the host during a wait; NULL: nothing */
    char notice[6];      /* SQLSTATE of the last notice or warning */
    size_t heap_bytes;   /* of this process when the statement was sent */
    size_t heap_most;    /* how much it may have grown since; pg_copy_send raises it */
    unsigned consumed;   /* calls of pg_consume */
    struct pg_error err; /* why the last call failed */
};

/* Connects to a database, with the settings of startup.h.  On failure *err has the cause;
 * HANGAR_NOT_FOUND: the database does not exist. */
enum hangar_rc pg_open(struct pg_source *src, const char *database, bool ignores_cancel,
                       struct pg_conn **out, struct pg_error *err);

/* The same, for loading rows as this user: the settings of the database stay in force. */
enum hangar_rc pg_open_loader(struct pg_source *src, const char *database, const char *user,
                              struct pg_conn **out, struct pg_error *err);

/* pg_open, and reports a failure to the host. */
enum hangar_rc pg_connect(struct pg_source *src, const char *database, struct pg_conn **out);

/* Cancels a running statement, disconnects and frees.  NULL is fine. */
void pg_close(struct pg_conn *conn);

/* Reads what has arrived.  HANGAR_IO: the connection was lost, or the server has sent so much for
 * one statement that this process has grown by more than heap_most: 1 GiB, more for a COPY. */
enum hangar_rc pg_consume(struct pg_conn *conn);

/* Stores the error of libpq or of a failed result in conn->err; both return its rc. */
enum hangar_rc pg_conn_failed(struct pg_conn *conn);
enum hangar_rc pg_result_failed(struct pg_conn *conn, const PGresult *res);

/* Waits until the socket is ready, at most timeout_ms (-1: no limit).  *ready is false
 * when the time is over. */
enum hangar_rc pg_wait(struct pg_conn *conn, short events, int timeout_ms, bool *ready);

/* Sends what libpq holds, and waits until PQgetResult does not block. */
enum hangar_rc pg_await_result(struct pg_conn *conn);

/*
 * Sends one statement with up to 2 text parameters (NULL from the first unused one).  Every
 * statement of hangar goes through this function, by the extended protocol: a server accepts no
 * second statement in it, wherever its text comes from.
 */
enum hangar_rc pg_send(struct pg_conn *conn, const char *sql, const char *p1, const char *p2);

/* Reads all results of the running statement.  Returns rc when it is a failure, else
 * the first failure among the results. */
enum hangar_rc pg_drain(struct pg_conn *conn, enum hangar_rc rc);

/* Runs one statement with up to 2 text parameters (NULL from the first unused one).
 * The caller clears *out with PQclear. */
enum hangar_rc pg_query(struct pg_conn *conn, const char *sql, const char *p1, const char *p2,
                        PGresult **out);

/*
 * Reports to the host that a slow statement or tool still makes progress.  TCP detects
 * a host that is gone, but neither a server that has stopped nor a gateway that lost the
 * connection.  So 10 s after the wait began (*asked_ms is then 0) and every 10 s from then
 * on the server is asked: it must accept or refuse a session, and session `pid` (0: that
 * of a tool) must not wait for its client.  Otherwise nothing is reported, and the host's limit
 * for silence ends the job.
 */
void pg_alive(struct pg_source *src, int pid, const char *doing, int64_t *asked_ms);

#endif
