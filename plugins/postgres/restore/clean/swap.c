/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * swap: replaces databases by those that were loaded beside them: two renames in one
 * transaction, for all databases of the source.
 *
 * What makes this safe is how RENAME works.  For a moment it takes the lock on the database that
 * every new session also needs, and then waits up to 5 s until no session is left.  From then
 * on no session can begin: a client that connects waits, and is refused once the transaction has
 * ended, because the database of that name is another one by then.  Until COMMIT nothing of it is
 * visible or durable: whatever ends this process, the names stay as they were.
 */
#include "restore/clean/swap.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "restore/target/maintenance.h"
#include "restore/database/marks.h"
#include "restore/clean/obstacles.h"
#include "restore/database/target_properties.h"
#include "restore/target/restore_state.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/sql/quote.h"
#include "server/connection/statement.h"

/* While a RENAME waits, no session can begin; this ends those that are connected. */
struct pg_termination {
    struct pg_conn *conn; /* not the session of the RENAME */
    struct text sql;
};

static void terminate_sessions(void *arg)
{
    struct pg_termination *termination = arg;
    /* a session that cannot be ended makes the RENAME fail */
    pg_command(termination->conn, text_str(&termination->sql));
}

/* A session in the new database is never wanted; those in the old one end with --disconnect. */
static enum hangar_rc prepare_termination(struct pg_target *target,
                                          struct pg_termination *termination)
{
    const struct pg_replacement *clean = target->clean;
    text_clear(&termination->sql);
    text_addf(&termination->sql,
              "SELECT pg_catalog.pg_terminate_backend(a.pid)" PG_FROM_SESSIONS
              " AND a.datid IN (%s",
              clean->into_oid);
    if (target->exists && target->src->restore->disconnect) {
        text_addf(&termination->sql, ", %s", clean->oid);
    }
    text_add(&termination->sql, ")");
    return termination->sql.failed ? pg_no_memory(target->src) : HANGAR_OK;
}

static enum hangar_rc rename_database(struct pg_target *target, struct pg_conn *conn,
                                      struct pg_termination *termination, const char *from,
                                      const char *to)
{
    struct pg_source *src = target->src;
    struct text sql = {0};
    text_add(&sql, "ALTER DATABASE ");
    pg_add_ident(&sql, from);
    text_add(&sql, " RENAME TO ");
    pg_add_ident(&sql, to);
    if (sql.failed) {
        text_free(&sql);
        return pg_no_memory(src);
    }
    enum hangar_rc rc = pg_command_while(conn, text_str(&sql), terminate_sessions, termination);
    text_free(&sql);
    return rc == HANGAR_OK ? rc
                           : pg_raise(src, &conn->err, "cannot rename database %s to %s", from, to);
}

static enum hangar_rc mark_retired(const struct pg_replacement *clean, struct pg_conn *conn)
{
    struct text sql = {0};
    text_add(&sql, "COMMENT ON DATABASE ");
    pg_add_ident(&sql, clean->retired);
    text_add(&sql, " IS ");
    pg_add_literal(&sql, text_str(&clean->old_mark));
    enum hangar_rc rc = pg_command_text(conn, &sql);
    if (rc != HANGAR_OK) {
        return rc;
    }
    text_add(&sql, "ALTER DATABASE ");
    pg_add_ident(&sql, clean->retired);
    text_add(&sql, " ALLOW_CONNECTIONS false IS_TEMPLATE false");
    return pg_command_text(conn, &sql);
}

/* Within the transaction: renames both databases, and sets their properties. */
static enum hangar_rc exchange_names(struct pg_target *target, struct pg_conn *conn,
                                     struct pg_termination *termination)
{
    struct pg_replacement *clean = target->clean;
    enum hangar_rc rc = prepare_termination(target, termination);
    if (rc == HANGAR_OK && target->exists) {
        rc = rename_database(target, conn, termination, target->name, clean->retired);
    }
    /* once it is renamed, no client can create an obstacle in it */
    if (rc == HANGAR_OK && target->exists) {
        rc = pg_clean_obstacles(target, conn);
    }
    if (rc == HANGAR_OK) {
        rc = rename_database(target, conn, termination, clean->into, target->name);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (target->exists && mark_retired(clean, conn) != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot set the properties of database %s",
                        target->name);
    }
    return pg_target_set_plain(target, conn, target->name);
}

/* Whether the session has ended; false when that is unknown. */
static bool has_session_ended(struct pg_conn *conn, int pid)
{
    char text[16];
    PGresult *res = NULL;
    snprintf(text, sizeof(text), "%d", pid);
    bool gone = pg_query(conn, "SELECT FROM pg_catalog.pg_stat_activity WHERE pid = $1::int", text,
                         NULL, &res) == HANGAR_OK &&
                PQntuples(res) == 0;
    PQclear(res);
    return gone;
}

/* COMMIT was sent, but its answer was lost: finds out its result.  While the session that ran
 * it exists, a COMMIT that is not visible may still become so. */
static enum hangar_rc resolve_commit(struct pg_source *src, const struct pg_target *target, int pid,
                                     const struct pg_error *why)
{
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    PGresult *res = NULL;
    bool done = false, known = false;
    for (int tries = 0; tries < 10 && !known; tries++) { /* the server may be restarting */
        bool open = pg_open(src, src->opt.maintenance_db, true, &conn, &err) == HANGAR_OK;
        bool gone = open && has_session_ended(conn, pid);
        if (open && pg_query(conn, "SELECT datname FROM pg_catalog.pg_database WHERE oid = $1::oid",
                             target->clean->into_oid, NULL, &res) == HANGAR_OK) {
            done = PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), target->name) == 0;
            known = done || gone;
            PQclear(res);
        }
        pg_close(conn);
        conn = NULL;
        if (!known) {
            poll(NULL, 0, 500);
        }
    }
    if (done) {
        return HANGAR_OK;
    }
    return known
               ? pg_raise(src, why, "cannot replace database %s: the transaction was not committed",
                          target->name)
               : pg_raise(
                     src, why,
                     "cannot determine whether database %s was replaced (it was if database %s "
                     "no longer exists)",
                     target->name, target->clean->into);
}

static enum hangar_rc exchange_all_names(struct pg_source *src, struct pg_termination *termination)
{
    struct pg_restore *restore = src->restore;
    struct pg_conn *keeper = restore->keeper;
    struct pg_target *last = NULL;
    if (pg_cancelled(src)) {
        return pg_raise_cancelled(src);
    }
    /* from here on the swap is finished, whether cancelled or not */
    keeper->ignores_cancel = termination->conn->ignores_cancel = true;
    if (pg_command(keeper, "BEGIN") != HANGAR_OK) {
        return pg_raise(src, &keeper->err,
                        "cannot begin the transaction that replaces the databases");
    }
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < restore->target_count && rc == HANGAR_OK; i++) {
        if (restore->targets[i].skipped) {
            continue;
        }
        last = &restore->targets[i];
        rc = exchange_names(last, keeper, termination);
    }
    if (rc == HANGAR_OK && last) {
        int pid = PQbackendPID(keeper->pq);
        if (pg_command(keeper, "COMMIT") != HANGAR_OK) {
            struct pg_error why = keeper->err;
            rc = resolve_commit(src, last, pid, &why);
        }
    } else {
        pg_command(keeper, "ROLLBACK");
    }
    return rc;
}

/* ---- the old databases ------------------------------------------------------- */

/* Drops the databases that were replaced; the safety backup has their content. */
static void drop_retired(struct pg_source *src, struct pg_conn *conn, struct hangar_attrs *report)
{
    struct pg_restore *restore = src->restore;
    struct text left = {0};
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        target->created = false; /* the restore succeeded: its database stays */
        if (target->skipped || !target->exists) {
            continue;
        }
        struct text sql = {0};
        text_add(&sql, "DROP DATABASE ");
        pg_add_ident(&sql, target->clean->retired);
        conn->doing = "dropping the old database";
        if (pg_command_text(conn, &sql) == HANGAR_OK) {
            continue;
        }
        text_addf(&left, "%sthe old database %s, now called %s: %s", left.size ? "; " : "",
                  target->name, target->clean->retired, conn->err.text);
    }
    if (left.size || left.failed) {
        src->host->attr_setf(report, "left_behind",
                             "%s; hint: drop it, or leave it to the next restore with --mode clean",
                             text_str(&left));
    }
    text_free(&left);
}

enum hangar_rc pg_clean_swap(struct pg_source *src, struct hangar_attrs *report)
{
    struct pg_restore *restore = src->restore;
    struct pg_termination termination = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < restore->target_count && !restore->disconnect; i++) {
        struct pg_target *target = &restore->targets[i];
        if (rc == HANGAR_OK && !target->skipped && target->exists) {
            rc = pg_await_disconnect(target, restore->keeper, src->opt.lock_timeout_ms);
        }
    }
    if (rc == HANGAR_OK) {
        rc = pg_maintenance_open(src, &termination.conn);
    }
    if (rc == HANGAR_OK) {
        rc = exchange_all_names(src, &termination);
    }
    if (rc == HANGAR_OK) {
        termination.conn->ignores_cancel = false;
        drop_retired(src, termination.conn, report);
    }
    pg_close(termination.conn);
    text_free(&termination.sql);
    return rc;
}
