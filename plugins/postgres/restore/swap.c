/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * swap.c: a database that was loaded beside another takes its place: two renames in one
 * transaction, for all databases of the source.
 *
 * What makes it safe is how RENAME works.  It takes the lock on the database that every
 * new session needs for a moment too, and then waits up to 5 s until no session is left.
 * So from then on nobody comes in: who tries waits, and is refused once the transaction has
 * ended, as the database of that name has become another meanwhile.  Until COMMIT nothing
 * of it is visible or lasts: whatever ends us, the names are as they were.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "restore/restore.h"

/* Sessions that RENAME would wait for.  Who may not look at others sees no kind of
 * backend; workers of autovacuum, which give way, then have no user either. */
#define SESSIONS                                                                                   \
    " FROM pg_catalog.pg_stat_activity a WHERE a.pid <> pg_catalog.pg_backend_pid()"               \
    " AND CASE WHEN a.backend_type IS NULL THEN a.usesysid IS NOT NULL"                            \
    " ELSE a.backend_type NOT IN ('autovacuum worker', 'parallel worker') END"

/* ---- sessions ---------------------------------------------------------------------------- */

enum hangar_rc pg_sessions(struct pg_conn *conn, const char *oid, struct text *who,
                           unsigned long *count, unsigned long *beyond)
{
    static const char query[] =
        "SELECT count(*), string_agg(s.line, ', ') FILTER (WHERE s.n <= 5),"
        " count(*) FILTER (WHERE NOT s.may) FROM (SELECT pg_catalog.format('%s%s%s',"
        " coalesce(s.usename, s.backend_type, 'a background worker'),"
        " coalesce(' from ' || pg_catalog.host(s.client_addr), ''),"
        " ' (' || nullif(s.application_name, '') || ')') AS line,"
        " row_number() OVER (ORDER BY s.pid) AS n,"
        " coalesce(me.rolsuper OR (NOT r.rolsuper AND (pg_catalog.pg_has_role(s.usesysid, 'MEMBER')"
        " OR pg_catalog.pg_has_role('pg_signal_backend', 'MEMBER'))), false) AS may"
        " FROM (SELECT a.*" SESSIONS " AND a.datid = $1::oid) s"
        " JOIN pg_catalog.pg_roles me ON me.rolname = current_user"
        " LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.usesysid) s";
    PGresult *res;
    if (pg_query(conn, query, oid, NULL, &res) != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err, "cannot list the sessions");
    }
    *count = strtoul(PQgetvalue(res, 0, 0), NULL, 10);
    *beyond = strtoul(PQgetvalue(res, 0, 2), NULL, 10);
    text_clear(who);
    if (*count) {
        text_add(who, PQgetvalue(res, 0, 1));
    }
    if (*count > 5) {
        text_addf(who, " and %lu more", *count - 5);
    }
    PQclear(res);
    return who->failed ? PG_NO_MEMORY(conn->src) : HANGAR_OK;
}

enum hangar_rc pg_sessions_gone(struct pg_target *target, struct pg_conn *conn, int64_t ms)
{
    struct pg_source *src = target->src;
    struct text who = {0};
    unsigned long count = 0, beyond;
    int64_t deadline = pg_mono_ms() + ms;
    enum hangar_rc rc;
    while ((rc = pg_sessions(conn, target->clean->oid, &who, &count, &beyond)) == HANGAR_OK &&
           count && pg_mono_ms() < deadline && rc == HANGAR_OK) {
        src->host->alive(src->ctx, "waiting for sessions to leave");
        if (src->host->sleep(src->ctx, 100) != HANGAR_OK) {
            rc = src->host->fail(src->ctx, HANGAR_CANCELLED, 0, "cancelled");
            break;
        }
    }
    if (rc == HANGAR_OK && count) {
        rc = src->host->fail(src->ctx, HANGAR_EXISTS, 0,
                             "cannot replace database %s on %s: %lu session%s connected to it: %s; "
                             "hint: stop what uses it, or end the session%s with --disconnect",
                             target->name, pg_where(src), count, count == 1 ? " is" : "s are",
                             text_str(&who), count == 1 ? "" : "s");
    }
    text_free(&who);
    return rc;
}

/* ---- other obstacles ---------------------------------------------------------------------- */

enum hangar_rc pg_clean_obstacles(struct pg_target *target, struct pg_conn *conn)
{
    static const char query[] =
        "SELECT 'it has the replication slot ' || slot_name, 'have its consumer set up anew, and"
        " drop it with SELECT pg_drop_replication_slot(' || quote_literal(slot_name) || ')'"
        " FROM pg_catalog.pg_replication_slots WHERE datoid = $1::oid UNION ALL"
        " SELECT 'it has the subscription ' || subname, 'DROP SUBSCRIPTION ' || quote_ident(subname)"
        " || ' in it first' FROM pg_catalog.pg_subscription WHERE subdbid = $1::oid UNION ALL"
        " SELECT 'the prepared transaction ' || quote_literal(gid) || ' is open in it', 'COMMIT"
        " PREPARED or ROLLBACK PREPARED ' || quote_literal(gid) || ' in it first'"
        " FROM pg_catalog.pg_prepared_xacts x JOIN pg_catalog.pg_database d ON"
        " d.datname = x.database WHERE d.oid = $1::oid ORDER BY 1 LIMIT 1";
    struct pg_source *src = target->src;
    PGresult *res;
    if (pg_query(conn, query, target->clean->oid, NULL, &res) != HANGAR_OK) {
        return pg_raise(src, &conn->err, "cannot look for what is in the way of replacing %s",
                        target->name);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (PQntuples(res) > 0) {
        rc = src->host->fail(src->ctx, HANGAR_EXISTS, 0,
                             "cannot replace database %s on %s: %s; hint: %s", target->name,
                             pg_where(src), PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
    }
    PQclear(res);
    return rc;
}

/* ---- the transaction ------------------------------------------------------------------------ */

/* What is done while a RENAME waits: it bars the door, and here those inside are ended. */
struct ending {
    struct pg_conn *conn; /* another session than that of the RENAME */
    struct text sql;
};

static void end_sessions(void *arg)
{
    struct ending *ending = arg;
    pg_command(ending->conn, text_str(&ending->sql)); /* what it cannot end shows in the RENAME */
}

/* Sessions in a database that is ours are always in the wrong place. */
static enum hangar_rc prepare_ending(struct pg_target *target, struct ending *ending)
{
    const struct pg_clean *clean = target->clean;
    text_clear(&ending->sql);
    text_addf(&ending->sql,
              "SELECT pg_catalog.pg_terminate_backend(a.pid)" SESSIONS " AND a.datid IN (%s",
              clean->into_oid);
    if (target->exists && target->src->restore->disconnect) {
        text_addf(&ending->sql, ", %s", clean->oid);
    }
    text_add(&ending->sql, ")");
    return ending->sql.failed ? PG_NO_MEMORY(target->src) : HANGAR_OK;
}

static enum hangar_rc rename_database(struct pg_target *target, struct pg_conn *conn,
                                      struct ending *ending, const char *from, const char *to)
{
    struct pg_source *src = target->src;
    struct text sql = {0};
    text_add(&sql, "ALTER DATABASE ");
    pg_add_ident(&sql, from);
    text_add(&sql, " RENAME TO ");
    pg_add_ident(&sql, to);
    if (sql.failed) {
        return text_free(&sql), PG_NO_MEMORY(src);
    }
    enum hangar_rc rc = pg_command_while(conn, text_str(&sql), end_sessions, ending);
    text_free(&sql);
    return rc == HANGAR_OK ? rc
                           : pg_raise(src, &conn->err, "cannot rename database %s to %s", from, to);
}

/* Within the transaction: the renames, and what the two are from then on. */
static enum hangar_rc exchange(struct pg_target *target, struct pg_conn *conn,
                               struct ending *ending)
{
    struct pg_clean *clean = target->clean;
    struct text sql = {0};
    enum hangar_rc rc = prepare_ending(target, ending);
    if (rc == HANGAR_OK && target->exists) {
        rc = rename_database(target, conn, ending, target->name, clean->retired);
    }
    if (rc == HANGAR_OK && target->exists) { /* nobody can have made one since the door is barred */
        rc = pg_clean_obstacles(target, conn);
    }
    if (rc == HANGAR_OK) {
        rc = rename_database(target, conn, ending, clean->into, target->name);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (target->exists) {
        text_add(&sql, "COMMENT ON DATABASE ");
        pg_add_ident(&sql, clean->retired);
        text_add(&sql, " IS ");
        pg_add_literal(&sql, text_str(&clean->old_mark));
        text_add(&sql, "; ALTER DATABASE ");
        pg_add_ident(&sql, clean->retired);
        text_add(&sql, " ALLOW_CONNECTIONS false IS_TEMPLATE false;");
    }
    pg_target_add_plain(target, &sql, target->name);
    if (pg_command_text(conn, &sql) != HANGAR_OK) {
        rc = pg_raise(target->src, &conn->err, "cannot set the properties of database %s",
                      target->name);
    }
    return rc;
}

/* Has the session ended?  Not known is no. */
static bool is_gone(struct pg_conn *conn, int pid)
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

/* COMMIT was sent, and no answer came: what became of it?  Until the session is gone that
 * was to do it, what is not so may yet come. */
static enum hangar_rc find_out(struct pg_source *src, const struct pg_target *target, int pid,
                               const struct pg_error *why)
{
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    PGresult *res = NULL;
    bool done = false, known = false;
    for (int tries = 0; tries < 10 && !known; tries++) { /* the server may be starting again */
        bool open = pg_open(src, src->opt.maintenance_db, true, &conn, &err) == HANGAR_OK;
        bool gone = open && is_gone(conn, pid);
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
    return known ? pg_raise(src, why, "cannot put database %s in its place", target->name)
                 : pg_raise(src, why,
                            "cannot tell whether database %s was replaced (it was if there is no "
                            "database %s any more)",
                            target->name, target->clean->into);
}

static enum hangar_rc exchange_all(struct pg_source *src, struct ending *ending)
{
    struct pg_restore *restore = src->restore;
    struct pg_conn *keeper = restore->keeper;
    struct pg_target *last = NULL;
    enum hangar_rc rc = HANGAR_OK;
    if (pg_cancelled(src)) {
        return src->host->fail(src->ctx, HANGAR_CANCELLED, 0, "cancelled");
    }
    keeper->heedless = ending->conn->heedless = true; /* what is begun now is brought to an end */
    if (pg_command(keeper, "BEGIN") != HANGAR_OK) {
        return pg_raise(src, &keeper->err, "cannot begin to replace anything");
    }
    for (size_t i = 0; i < restore->target_count && rc == HANGAR_OK; i++) {
        if (restore->targets[i].skipped) {
            continue;
        }
        last = &restore->targets[i];
        rc = exchange(last, keeper, ending);
    }
    if (rc == HANGAR_OK && last) {
        int pid = PQbackendPID(keeper->pq);
        if (pg_command(keeper, "COMMIT") != HANGAR_OK) {
            struct pg_error why = keeper->err;
            rc = find_out(src, last, pid, &why);
        }
    } else {
        pg_command(keeper, "ROLLBACK");
    }
    return rc;
}

/* ---- and after it ------------------------------------------------------------------------------ */

/* The safety backup has what was in it. */
static void drop_retired(struct pg_source *src, struct pg_conn *conn, struct hangar_attrs *report)
{
    struct pg_restore *restore = src->restore;
    struct text left = {0};
    for (size_t i = 0; i < restore->target_count; i++) {
        struct pg_target *target = &restore->targets[i];
        struct text sql = {0};
        target->created = false; /* it is what was asked for, and stays */
        if (target->skipped || !target->exists) {
            continue;
        }
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
                             "%s; hint: drop it, or leave it to the next "
                             "restore of this kind",
                             text_str(&left));
    }
    text_free(&left);
}

enum hangar_rc pg_clean_swap(struct pg_source *src, struct hangar_attrs *report)
{
    struct pg_restore *restore = src->restore;
    struct ending ending = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < restore->target_count && !restore->disconnect; i++) {
        struct pg_target *target = &restore->targets[i];
        if (rc == HANGAR_OK && !target->skipped && target->exists) {
            rc = pg_sessions_gone(target, restore->keeper, src->opt.lock_timeout_ms);
        }
    }
    if (rc == HANGAR_OK) {
        rc = pg_clean_open(src, &ending.conn);
    }
    if (rc == HANGAR_OK) {
        rc = exchange_all(src, &ending);
    }
    if (rc == HANGAR_OK) {
        ending.conn->heedless = false;
        drop_retired(src, ending.conn, report);
    }
    pg_close(ending.conn);
    text_free(&ending.sql);
    return rc;
}
