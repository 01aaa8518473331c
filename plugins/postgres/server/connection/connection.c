/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * connection: sessions.  Every wait also polls the wake_fd of the instance, and so ends when
 * the job is cancelled; TCP keepalives detect a host that is gone.  It does not depend on
 * backups and restores.
 */
#include "server/connection/connection.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "server/instance/advice.h"
#include "server/connection/startup.h"

#define WAIT_SLICE_MS 500 /* how often a wait examines the connection and the limits */
#define FIRST_ASK_MS 1000 /* a silent server is asked for the first time after this time, */
#define ASK_MS 10000      /* and then again each time after this one */
#define ANSWER_MOST ((size_t)1 << 30) /* growth of this process, see pg_consume */
#define CONSUMED_PER_LOOK 256         /* calls of pg_consume between two readings of the memory */
#define UNCANCELLED_LIMIT_MS 15000    /* the longest wait while cleaning up */

enum hangar_rc pg_conn_failed(struct pg_conn *conn)
{
    char line[sizeof(conn->err.text)];
    pg_one_line(PQerrorMessage(conn->pq), line, sizeof(line));
    return pg_set_error(&conn->err, HANGAR_IO, NULL, "%s",
                        line[0] ? line : "the connection was lost");
}

static bool is_missing_object(const char *sqlstate)
{
    static const char *const codes[] = {PG_UNDEFINED_FUNCTION, PG_UNDEFINED_TABLE,
                                        PG_UNDEFINED_OBJECT, PG_UNDEFINED_SCHEMA};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(sqlstate, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum hangar_rc pg_result_failed(struct pg_conn *conn, const PGresult *res)
{
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
    const char *context = PQresultErrorField(res, PG_DIAG_CONTEXT);
    if (!sqlstate || !message) {
        return pg_conn_failed(conn);
    }
    char line[1800], more[1700];
    snprintf(more, sizeof(more), "%s%s%.600s%s%s%.300s%s", message, detail ? " (" : "",
             detail ? detail : "", detail ? ")" : "", hint ? " (server hint: " : "",
             hint ? hint : "", hint ? ")" : "");
    pg_one_line(more, line, sizeof(line));
    /* the context of a COPY names the line and the table; functions that it calls stand before */
    const char *copy = context ? strstr(context, "COPY ") : NULL;
    enum hangar_rc rc = pg_sqlstate_rc(sqlstate);
    if (copy && (copy == context || copy[-1] == '\n')) {
        pg_one_line(copy, more, 200);
        pg_set_error(&conn->err, rc, sqlstate, "%s [%.190s]", line, more);
    } else {
        pg_set_error(&conn->err, rc, sqlstate, "%s", line);
    }
    if (is_missing_object(sqlstate)) {
        pg_explain_missing(&conn->err, context);
    }
    return rc;
}

/* ---- waiting ----------------------------------------------------------------- */

/* Whether the awaited session waits for this client: then a message was lost on the way. */
static bool session_waits_for_us(struct pg_conn *conn, int pid)
{
    char text[16];
    PGresult *res = NULL;
    snprintf(text, sizeof(text), "%d", pid);
    enum hangar_rc rc = pg_query(
        conn,
        "SELECT wait_event IN ('ClientRead', 'ClientWrite') FROM pg_catalog.pg_stat_activity "
        "WHERE pid = $1::int",
        text, NULL, &res);
    bool waits = rc == HANGAR_OK && PQntuples(res) == 1 && PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return waits;
}

/* Whether the server still works on the statement.  A refused connection is an answer, too. */
static bool server_answers(struct pg_source *src, int pid)
{
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    enum hangar_rc rc = pg_open(src, "postgres", false, &conn, &err);
    if (rc != HANGAR_OK) {
        return err.sqlstate[0];
    }
    bool lost = pid && session_waits_for_us(conn, pid);
    pg_close(conn);
    return !lost;
}

void pg_alive(struct pg_source *src, int pid, const char *doing, int64_t *asked_ms)
{
    int64_t now = clock_monotonic_ms();
    if (!*asked_ms) {
        *asked_ms = now - ASK_MS + FIRST_ASK_MS;
    }
    if (now - *asked_ms >= ASK_MS) {
        if (!server_answers(src, pid)) {
            return;
        }
        *asked_ms = clock_monotonic_ms();
    }
    src->host->alive(src->ctx, doing);
}

enum hangar_rc pg_wait(struct pg_conn *conn, short events, int timeout_ms, bool *ready)
{
    int64_t start = clock_monotonic_ms(), asked_ms = 0;
    if (conn->ignores_cancel && (timeout_ms < 0 || timeout_ms > UNCANCELLED_LIMIT_MS)) {
        timeout_ms = UNCANCELLED_LIMIT_MS;
    }
    *ready = false;
    for (;;) {
        int64_t left = timeout_ms < 0 ? WAIT_SLICE_MS : start + timeout_ms - clock_monotonic_ms();
        int slice = left < 0 ? 0 : left > WAIT_SLICE_MS ? WAIT_SLICE_MS : (int)left;
        struct pollfd fds[2] = {{.fd = PQsocket(conn->pq), .events = events},
                                {.fd = conn->src->wake_fd, .events = POLLIN}};
        if (fds[0].fd < 0) {
            return pg_conn_failed(conn);
        }
        int n = poll(fds, conn->ignores_cancel ? 1 : 2, slice);
        if (!conn->ignores_cancel &&
            (fds[1].revents || conn->src->host->cancelled(conn->src->ctx))) {
            return pg_set_error(&conn->err, HANGAR_CANCELLED, NULL, "cancelled");
        }
        if (n > 0 && fds[0].revents) {
            *ready = true;
            return HANGAR_OK;
        }
        if (timeout_ms >= 0 && clock_monotonic_ms() - start >= timeout_ms) {
            return HANGAR_OK;
        }
        if (conn->doing) {
            pg_alive(conn->src, PQbackendPID(conn->pq), conn->doing, &asked_ms);
        }
    }
}

/* libpq stores what arrives, whatever the length that the server announced, until the message or
 * the result is whole.  It has no limit and does not report how much that is. */
static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void limit_growth(struct pg_conn *conn, size_t most)
{
    conn->heap_bytes = heap_bytes();
    conn->heap_most = most;
    conn->consumed = 0;
}

static enum hangar_rc check_growth(struct pg_conn *conn)
{
    if (++conn->consumed % CONSUMED_PER_LOOK == 0 &&
        heap_bytes() > conn->heap_bytes + conn->heap_most) {
        return pg_set_error(&conn->err, HANGAR_IO, NULL,
                            "the answer of the server is larger than any valid one (limit %zu MiB)",
                            conn->heap_most >> 20);
    }
    return HANGAR_OK;
}

enum hangar_rc pg_consume(struct pg_conn *conn)
{
    if (!PQconsumeInput(conn->pq)) {
        return pg_conn_failed(conn);
    }
    /* hangar listens to no channel, but a server can notify it without end */
    for (PGnotify *notify; (notify = PQnotifies(conn->pq)) != NULL;) {
        PQfreemem(notify);
    }
    return check_growth(conn);
}

enum hangar_rc pg_await_result(struct pg_conn *conn)
{
    for (;;) {
        int unsent = PQflush(conn->pq);
        if (unsent < 0) {
            return pg_conn_failed(conn);
        }
        if (!unsent && !PQisBusy(conn->pq)) {
            return HANGAR_OK;
        }
        bool ready;
        enum hangar_rc rc = pg_wait(conn, unsent ? POLLIN | POLLOUT : POLLIN, -1, &ready);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!ready) {
            return pg_set_error(&conn->err, HANGAR_IO, NULL, "the server did not answer in time");
        }
        rc = pg_consume(conn);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

/* ---- connecting -------------------------------------------------------------- */

static void log_notice(void *arg, const PGresult *res)
{
    struct pg_conn *conn = arg;
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *code = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    snprintf(conn->notice, sizeof(conn->notice), "%s", code ? code : "");
    if (message) {
        conn->src->host->log(conn->src->ctx, HANGAR_LOG_DEBUG, "server: %s", message);
    }
}

/* NULL: out of memory. */
static PGconn *start_connecting(struct pg_source *src, const char *database, const char *user,
                                enum pg_session session)
{
    const struct pg_options *opt = &src->opt;
    char *options = pg_startup_options(session, atomic_load(&src->server_version));
    if (!options) {
        return NULL;
    }
    const char *keys[] = {"host",
                          "port",
                          "dbname",
                          "user",
                          "password",
                          "passfile",
                          "sslmode",
                          "sslrootcert",
                          "sslcert",
                          "sslkey",
                          "application_name",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "tcp_user_timeout",
                          "options",
                          NULL};
    const char *values[] = {opt->host,     opt->port,     database,     user,
                            opt->password, opt->passfile, opt->sslmode, opt->sslrootcert,
                            opt->sslcert,  opt->sslkey,   "hangar",     "30",
                            "10",          "3",           "60000",      options,
                            NULL};
    _Static_assert(sizeof(keys) == sizeof(values), "a value for each key");
    PGconn *pq = PQconnectStartParams(keys, values, 0);
    free(options);
    return pq;
}

static enum hangar_rc finish_connecting(struct pg_conn *conn)
{
    int64_t deadline = clock_monotonic_ms() + conn->src->opt.connect_timeout_ms;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    limit_growth(conn, ANSWER_MOST);
    while (state != PGRES_POLLING_OK) {
        if (check_growth(conn) != HANGAR_OK) {
            return conn->err.rc;
        }
        if (state == PGRES_POLLING_FAILED) {
            return pg_set_connect_error(&conn->err, conn->pq);
        }
        int64_t left = deadline - clock_monotonic_ms();
        bool ready = false;
        if (left > 0) {
            enum hangar_rc rc = pg_wait(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                                        (int)(left < 1000000 ? left : 1000000), &ready);
            if (rc != HANGAR_OK) {
                return rc;
            }
        }
        if (!ready) {
            return pg_set_error(&conn->err, HANGAR_IO, NULL, "no answer within %lld s",
                                (long long)(conn->src->opt.connect_timeout_ms / 1000));
        }
        state = PQconnectPoll(conn->pq);
    }
    return HANGAR_OK;
}

/* `settings` has the source, and how the session waits. */
static enum hangar_rc open_once(const struct pg_conn *settings, const char *database,
                                const char *user, enum pg_session session, struct pg_conn **out,
                                struct pg_error *err)
{
    struct pg_conn *conn = malloc(sizeof(*conn));
    if (!conn) {
        return pg_set_no_memory(err);
    }
    *conn = *settings;
    conn->pq = start_connecting(conn->src, database, user, session);
    if (!conn->pq) {
        free(conn);
        return pg_set_no_memory(err);
    }
    /* the earliest moment; the first message of the server must already have its SQLSTATE */
    PQsetErrorVerbosity(conn->pq, PQERRORS_VERBOSE);
    enum hangar_rc rc = PQstatus(conn->pq) == CONNECTION_BAD
                            ? pg_set_connect_error(&conn->err, conn->pq)
                            : finish_connecting(conn);
    if (rc == HANGAR_OK) {
        PQsetErrorVerbosity(conn->pq, PQERRORS_DEFAULT);
        PQsetNoticeReceiver(conn->pq, log_notice, conn);
        PQsetnonblocking(conn->pq, 1);
        conn->version = PQserverVersion(conn->pq);
        *out = conn;
        return HANGAR_OK;
    }
    *err = conn->err;
    pg_advise(conn->src, conn->pq, err);
    pg_close(conn);
    return rc;
}

/* The first session shows the version of the server, and so which limits of time a database may set
 * that end it before its first statement: then it is opened again, without them. */
static enum hangar_rc open_session(const struct pg_conn *settings, const char *database,
                                   const char *user, enum pg_session session, struct pg_conn **out,
                                   struct pg_error *err)
{
    struct pg_source *src = settings->src;
    const bool first = atomic_load(&src->server_version) == 0;
    enum hangar_rc rc = open_once(settings, database, user, session, out, err);
    if (rc != HANGAR_OK || !first) {
        return rc;
    }
    const char *lift = pg_startup_limits((*out)->version);
    atomic_store(&src->server_version, (*out)->version);
    PGresult *res = NULL;
    bool lifted = !lift || pg_query(*out, lift, NULL, NULL, &res) == HANGAR_OK;
    PQclear(res);
    if (!lifted) {
        pg_close(*out);
        *out = NULL;
        rc = open_once(settings, database, user, session, out, err);
    }
    return rc;
}

enum hangar_rc pg_open(struct pg_source *src, const char *database, bool ignores_cancel,
                       struct pg_conn **out, struct pg_error *err)
{
    return open_session(&(struct pg_conn){.src = src, .ignores_cancel = ignores_cancel}, database,
                        src->opt.user, PG_SESSION_PLAIN, out, err);
}

enum hangar_rc pg_open_loader(struct pg_source *src, const char *database, const char *user,
                              struct pg_conn **out, struct pg_error *err)
{
    return open_session(&(struct pg_conn){.src = src}, database, user, PG_SESSION_LOADS, out, err);
}

enum hangar_rc pg_connect(struct pg_source *src, const char *database, struct pg_conn **out)
{
    struct pg_error err;
    if (pg_open(src, database, false, out, &err) != HANGAR_OK) {
        /* it may be in no list of databases that the operator has made */
        const bool maintenance =
            strcmp(database, src->opt.maintenance_db) == 0 && !pg_names_database(src, database);
        return pg_raise(src, &err, "cannot connect to database %s%s on %s", database,
                        maintenance ? " (maintenance_db)" : "", pg_where(src));
    }
    return HANGAR_OK;
}

/* PQcancel opens a second connection and blocks; in a child process it can have a time limit.
 * Its documentation allows it in signal handlers, and so it is safe after fork. */
static void cancel_query(PGconn *pq)
{
    PGcancel *cancel = PQgetCancel(pq);
    if (!cancel) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        signal(SIGALRM, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        alarm(1);
        char problem[256];
        PQcancel(cancel, problem, sizeof(problem));
        _exit(0);
    }
    if (pid > 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    PQfreeCancel(cancel);
}

void pg_close(struct pg_conn *conn)
{
    if (!conn) {
        return;
    }
    if (conn->busy && PQstatus(conn->pq) == CONNECTION_OK) {
        cancel_query(conn->pq);
    }
    PQfinish(conn->pq);
    free(conn);
}

/* ---- statements ----------------------------------------------------------------- */

enum hangar_rc pg_send(struct pg_conn *conn, const char *sql, const char *p1, const char *p2)
{
    const char *params[] = {p1, p2};
    int count = p2 ? 2 : p1 ? 1 : 0;
    if (!PQsendQueryParams(conn->pq, sql, count, NULL, params, NULL, NULL, 0)) {
        return pg_conn_failed(conn);
    }
    conn->busy = true;
    limit_growth(conn, ANSWER_MOST);
    return HANGAR_OK;
}

enum hangar_rc pg_drain(struct pg_conn *conn, enum hangar_rc rc)
{
    for (;;) {
        enum hangar_rc waited = pg_await_result(conn);
        if (waited != HANGAR_OK) {
            return rc == HANGAR_OK ? waited : rc;
        }
        PGresult *res = PQgetResult(conn->pq);
        if (!res) {
            conn->busy = false;
            return rc;
        }
        ExecStatusType status = PQresultStatus(res);
        /* a text without a statement is not an error: there was nothing to do */
        if (rc == HANGAR_OK && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
            status != PGRES_SINGLE_TUPLE && status != PGRES_EMPTY_QUERY) {
            rc = pg_result_failed(conn, res);
        }
        PQclear(res);
        /* libpq returns a COPY that it gave up, for lack of memory, again and again */
        bool copying = status == PGRES_COPY_OUT || status == PGRES_COPY_IN;
        if (copying || PQstatus(conn->pq) == CONNECTION_BAD) {
            return rc == HANGAR_OK ? pg_conn_failed(conn) : rc;
        }
    }
}

enum hangar_rc pg_query(struct pg_conn *conn, const char *sql, const char *p1, const char *p2,
                        PGresult **out)
{
    enum hangar_rc rc = pg_send(conn, sql, p1, p2);
    if (rc == HANGAR_OK) {
        rc = pg_await_result(conn);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    PGresult *res = PQgetResult(conn->pq);
    if (!res) {
        return pg_conn_failed(conn);
    }
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        rc = pg_result_failed(conn, res);
    }
    rc = pg_drain(conn, rc);
    if (rc == HANGAR_OK) {
        *out = res;
    } else {
        PQclear(res);
    }
    return rc;
}
