/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * snapshot: one database at one moment.  Its lead session locks every table, then takes
 * and exports the snapshot; pg_dump and the workers read in it.
 *
 * The order matters.  If a table were locked only after the snapshot was taken, a TRUNCATE in
 * between would leave it empty in the snapshot, without an error.  LOCK TABLE takes no snapshot, so
 * the locks come first; and as a table may have been created in the meantime, the tables that the
 * snapshot shows are compared with those that were locked.
 */
#include "backup/snapshot/snapshot.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "backup/checks/unseen.h"
#include "server/instance/args.h"
#include "server/programs/child.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/sql/quote.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"
#include "server/programs/tools.h"

/* From this number of copied tables on, pg_dump does not get the name of each as an argument:
 * 60 000 names do not fit, and each costs a query. */
#define MANY_TABLES 2000
#define ATTEMPTS 5
#define LOCK_BATCH_BYTES 65536 /* bytes of one LOCK TABLE statement */

/* ---- locks ------------------------------------------------------------------------ */

/* Describes the first session that fulfils a condition, as ": session 123 of user app (ALTER
 * TABLE) ..."; "" when there is none.  Only the first words of its query are shown. */
static void describe_session(struct pg_conn *conn, const char *condition, const char *does,
                             char *out, size_t size)
{
    PGresult *res = NULL;
    out[0] = '\0';
    struct text sql = {0};
    text_addf(&sql,
              "SELECT a.pid, coalesce(a.usename, '?'),"
              " upper(substring(a.query from '^\\s*([A-Za-z]+(\\s+[A-Za-z]+)?)'))"
              " FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND %s LIMIT 1",
              condition);
    if (!sql.failed && pg_query(conn, text_str(&sql), NULL, NULL, &res) == HANGAR_OK &&
        PQntuples(res) == 1) {
        const char *words = PQgetvalue(res, 0, 2);
        snprintf(out, size, ": session %.20s of user %.64s%s%.40s%s %s", PQgetvalue(res, 0, 0),
                 PQgetvalue(res, 0, 1), *words ? " (" : "", words, *words ? ")" : "", does);
    }
    PQclear(res);
    text_free(&sql);
}

void pg_db_describe_waiter(struct pg_db *db, char *out, size_t size)
{
    describe_session(db->lead, "pg_backend_pid() = ANY (pg_blocking_pids(a.pid))",
                     "waits for a lock that this backup holds", out, size);
}

#define EXCLUSIVE_LOCKS                                                                            \
    " FROM pg_locks l WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL"             \
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"

/* A prepared transaction has no session; its locks belong to its number, which it has locked. */
static void describe_prepared_holder(struct pg_db *db, char *out, size_t size)
{
    PGresult *res = NULL;
    if (pg_query(db->lead,
                 "SELECT quote_literal(p.gid), p.owner, p.prepared FROM pg_prepared_xacts p"
                 " JOIN pg_locks x ON x.locktype = 'transactionid'"
                 " AND x.transactionid = p.transaction WHERE x.virtualtransaction IN"
                 " (SELECT l.virtualtransaction" EXCLUSIVE_LOCKS " AND l.pid IS NULL)"
                 " ORDER BY p.prepared LIMIT 1",
                 NULL, NULL, &res) == HANGAR_OK &&
        PQntuples(res) == 1) {
        snprintf(out, size,
                 ": the prepared transaction %.80s of user %.64s, of %.40s, holds an exclusive "
                 "lock until COMMIT PREPARED or ROLLBACK PREPARED",
                 PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1), PQgetvalue(res, 0, 2));
    }
    PQclear(res);
}

/* Other sessions also wait behind one that waits for such a lock. */
static void describe_lock_holder(struct pg_db *db, char *out, size_t size)
{
    describe_session(db->lead, "a.pid IN (SELECT l.pid" EXCLUSIVE_LOCKS " AND l.granted)",
                     "holds an exclusive lock", out, size);
    if (!out[0]) {
        describe_prepared_holder(db, out, size);
    }
    if (!out[0]) {
        describe_session(db->lead, "a.pid IN (SELECT l.pid" EXCLUSIVE_LOCKS " AND NOT l.granted)",
                         "waits for an exclusive lock", out, size);
    }
}

static enum hangar_rc raise_lock_error(struct pg_db *db)
{
    struct pg_error err = db->lead->err;
    char holder[400] = "";
    if (err.rc == HANGAR_RETRY && pg_command(db->lead, "ROLLBACK") == HANGAR_OK) {
        describe_lock_holder(db, holder, sizeof(holder));
    }
    return pg_raise(db->src, &err, "cannot lock the tables of database %s%s", db->name, holder);
}

/* Locks all tables of the list; *gone: one of them no longer exists. */
static enum hangar_rc lock_listed_tables(struct pg_db *db, const struct pg_list *list, bool *gone)
{
    enum hangar_rc rc = HANGAR_OK;
    struct text sql = {0};
    *gone = false;
    for (uint32_t i = 0; i < list->count && rc == HANGAR_OK;) {
        text_clear(&sql);
        text_add(&sql, "LOCK TABLE ");
        for (uint32_t first = i; i < list->count && sql.size < LOCK_BATCH_BYTES; i++) {
            text_addf(&sql, i > first ? ", ONLY " : "ONLY ");
            pg_add_table(&sql, list, i);
        }
        text_add(&sql, " IN ACCESS SHARE MODE");
        if (sql.failed) {
            rc = pg_no_memory(db->src);
            break;
        }
        rc = pg_command(db->lead, text_str(&sql));
        const char *state = db->lead->err.sqlstate;
        if (rc != HANGAR_OK &&
            (strcmp(state, PG_UNDEFINED_TABLE) == 0 || strcmp(state, PG_UNDEFINED_SCHEMA) == 0)) {
            *gone = true;
            break;
        }
        if (rc != HANGAR_OK) {
            rc = raise_lock_error(db);
        }
    }
    text_free(&sql);
    return *gone ? HANGAR_OK : rc;
}

static enum hangar_rc raise_unsteady(struct pg_db *db)
{
    return db->src->host->fail(
        db->src->ctx, HANGAR_RETRY, 0,
        "cannot lock all tables of database %s: tables were created or dropped during each of %d "
        "attempts",
        db->name, ATTEMPTS);
}

/* Lists the tables and locks them, in a new transaction, before that has a snapshot. */
static enum hangar_rc lock_all_tables(struct pg_db *db)
{
    for (int i = 0; i < ATTEMPTS; i++) {
        bool gone;
        pg_list_free(db->src, &db->tables);
        enum hangar_rc rc = pg_list_tables(db->lead, db->name, &db->tables);
        if (rc == HANGAR_OK &&
            pg_command(db->lead, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") != HANGAR_OK) {
            rc = pg_raise(db->src, &db->lead->err, "cannot begin a transaction in database %s",
                          db->name);
        }
        if (rc == HANGAR_OK) {
            rc = lock_listed_tables(db, &db->tables, &gone);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!gone) {
            return HANGAR_OK;
        }
        if (pg_command(db->lead, "ROLLBACK") != HANGAR_OK) {
            return pg_raise(db->src, &db->lead->err,
                            "cannot roll back the transaction in database %s", db->name);
        }
    }
    return raise_unsteady(db);
}

/* ---- preparing ---------------------------------------------------------------------- */

static enum hangar_rc open_reading_session(struct pg_db *db, struct pg_conn **out)
{
    enum hangar_rc rc = pg_connect(db->src, db->name, out);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if ((*out)->version < 100000) {
        return db->src->host->fail(db->src->ctx, HANGAR_UNSUPPORTED, 0,
                                   "cannot back up PostgreSQL %d.%d: version 10 or newer is needed",
                                   (*out)->version / 10000, (*out)->version / 100 % 100);
    }
    if (pg_set_up_reader(*out) != HANGAR_OK) {
        return pg_raise(db->src, &(*out)->err, "cannot set up a session in database %s", db->name);
    }
    db->src->restricts = (*out)->restricts;
    return HANGAR_OK;
}

enum hangar_rc pg_db_prepare(struct pg_db *db)
{
    enum hangar_rc rc = open_reading_session(db, &db->lead);
    if (rc != HANGAR_OK) {
        return rc;
    }
    const char *encoding = PQparameterStatus(db->lead->pq, "server_encoding");
    snprintf(db->encoding, sizeof(db->encoding), "%s", encoding ? encoding : "SQL_ASCII");
    /* in the others a byte of a character can be a quote or a backslash */
    if (!pg_valid_server_encoding_id(pg_char_to_encoding(db->encoding))) {
        return db->src->host->fail(db->src->ctx, HANGAR_CORRUPT, 0,
                                   "cannot back up database %s: the server reports an encoding "
                                   "that no database has",
                                   db->name);
    }
    db->lead->doing = "locking tables";
    db->workers = calloc(db->src->opt.jobs, sizeof(*db->workers));
    if (!db->workers) {
        return pg_no_memory(db->src);
    }
    while (rc == HANGAR_OK && db->worker_count < db->src->opt.jobs) {
        rc = open_reading_session(db, &db->workers[db->worker_count]);
        if (db->workers[db->worker_count]) {
            db->worker_free = ++db->worker_count;
        }
    }
    if (rc == HANGAR_OK) {
        rc = pg_add_unseen(db->lead, db->name, &db->unseen);
    }
    return rc == HANGAR_OK ? lock_all_tables(db) : rc;
}

/* ---- the snapshot --------------------------------------------------------------------- */

/* Takes the snapshot and records its time; *covered: all tables that it shows are locked. */
static enum hangar_rc take_snapshot(struct pg_db *db, bool *covered)
{
    PGresult *res;
    if (pg_query(db->lead,
                 "SELECT pg_export_snapshot(), CASE WHEN pg_is_in_recovery()"
                 " THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,"
                 " (extract(epoch FROM clock_timestamp()) * 1000)::bigint",
                 NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(db->src, &db->lead->err, "cannot export a snapshot of database %s",
                        db->name);
    }
    snprintf(db->snapshot, sizeof(db->snapshot), "%s", PQgetvalue(res, 0, 0));
    snprintf(db->lsn, sizeof(db->lsn), "%s", PQgetvalue(res, 0, 1));
    db->taken_ms = strtoll(PQgetvalue(res, 0, 2), NULL, 10);
    PQclear(res);
    struct pg_list now = {0};
    enum hangar_rc rc = pg_list_tables(db->lead, db->name, &now);
    *covered = rc == HANGAR_OK && pg_list_covered(&now, &db->tables);
    if (*covered) {
        pg_list_free(db->src, &db->tables);
        db->tables = now;
    } else {
        pg_list_free(db->src, &now);
    }
    return rc;
}

/* The lead session holds these locks already.  So pg_dump can only wait for a session that is
 * queued behind that lock, and which waits for the lead session.  It gives up soon, because all
 * other sessions queue behind it in the meantime.  pg_dump locks all tables by one statement. */
static int64_t dump_lock_timeout(const struct pg_db *db)
{
    int64_t enough_ms = 2000 + (int64_t)db->tables.count / 10;
    return enough_ms < db->src->opt.lock_timeout_ms ? enough_ms : db->src->opt.lock_timeout_ms;
}

static void add_dump_options(struct pg_db *db, struct pg_args *args)
{
    pg_arg(args, "pg_dump");
    pg_arg(args, "--no-password");
    pg_arg(args, "--format=custom");
    pg_arg(args, "--compress=0");
    /* the names in its arguments have this encoding, whatever the default of the server is */
    pg_arg(args, "--encoding=%s", db->encoding);
    pg_arg(args, "--snapshot=%s", db->snapshot);
    pg_arg(args, "--lock-wait-timeout=%lld", (long long)dump_lock_timeout(db));
    static const char *const options[][2] = {{"include_tables", "--table"},
                                             {"exclude_tables", "--exclude-table"}};
    for (size_t i = 0; i < 2; i++) {
        const char *pattern;
        for (size_t k = 0; (pattern = pg_selected(db->src, options[i][0], k)) != NULL; k++) {
            struct text quoted = {0};
            pg_add_dump_pattern(&quoted, pattern);
            pg_arg(args, "%s=%s", options[i][1], text_str(&quoted));
            args->failed |= quoted.failed;
            text_free(&quoted);
        }
    }
    if (pg_selected(db->src, "include_tables", 0)) {
        /* a pattern without a schema would also name the views and tables of the system */
        pg_arg(args, "--exclude-table=pg_*.*");
        pg_arg(args, "--exclude-table=information_schema.*");
    }
}

/* Starts pg_dump for everything but the rows, which the workers copy. */
static enum hangar_rc start_dump(struct pg_db *db)
{
    struct pg_args args = {0};
    add_dump_options(db, &args);
    pg_arg(&args, "--create");
    if (db->many) {
        pg_arg(&args, "--section=pre-data");
        pg_arg(&args, "--section=post-data");
    }
    for (uint32_t i = 0; i < db->tables.count && !db->many; i++) {
        struct text name = {0};
        pg_add_table(&name, &db->tables, i);
        pg_arg(&args, "--exclude-table-data=%s", text_str(&name));
        args.failed |= name.failed;
        text_free(&name);
    }
    enum hangar_rc rc = pg_spawn(db->src, "pg_dump", db->name, &args, true, &db->dump);
    pg_args_free(&args);
    return rc;
}

/* With very many tables, large objects have an archive of their own.  A backup of selected
 * tables has none. */
static enum hangar_rc start_large(struct pg_db *db)
{
    if (!db->many || pg_selected(db->src, "include_tables", 0)) {
        db->large_given = true;
        return HANGAR_OK;
    }
    struct pg_args args = {0};
    add_dump_options(db, &args);
    pg_arg(&args, "--section=data");
    pg_arg(&args, "--exclude-table-data=*.*");
    enum hangar_rc rc = pg_spawn(db->src, "pg_dump", db->name, &args, true, &db->large);
    pg_args_free(&args);
    return rc;
}

static enum hangar_rc join_workers(struct pg_db *db)
{
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < db->worker_count && rc == HANGAR_OK; i++) {
        struct pg_conn *worker = db->workers[i];
        struct text sql = {0};
        text_add(&sql, "SET TRANSACTION SNAPSHOT ");
        pg_add_literal(&sql, db->snapshot);
        if (pg_command(worker, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") != HANGAR_OK ||
            pg_command_text(worker, &sql) != HANGAR_OK ||
            pg_command(worker, "SAVEPOINT hangar") != HANGAR_OK) {
            rc = pg_raise(db->src, &worker->err,
                          "cannot use the snapshot of database %s in another session", db->name);
        }
        text_free(&sql);
    }
    return rc;
}

void pg_db_time(const struct pg_db *db, char out[CLOCK_ISO_SIZE])
{
    char seconds[CLOCK_ISO_SIZE - 8];
    clock_format(db->taken_ms, "%Y-%m-%dT%H:%M:%S", seconds, sizeof(seconds));
    snprintf(out, CLOCK_ISO_SIZE, "%s.%03dZ", seconds, (int)(db->taken_ms % 1000));
}

enum hangar_rc pg_db_begin(struct pg_db *db)
{
    bool covered = false;
    enum hangar_rc rc = HANGAR_OK;
    for (int i = 0; !covered; i++) {
        if (i == ATTEMPTS) {
            return raise_unsteady(db);
        }
        if (i && pg_command(db->lead, "ROLLBACK") != HANGAR_OK) {
            return pg_raise(db->src, &db->lead->err,
                            "cannot roll back the transaction in database %s", db->name);
        }
        if (i && (rc = lock_all_tables(db)) != HANGAR_OK) {
            return rc;
        }
        rc = take_snapshot(db, &covered);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    db->many = db->tables.copied >= MANY_TABLES;
    db->extras_given = !db->many;
    rc = start_dump(db);
    if (rc == HANGAR_OK) {
        rc = start_large(db);
    }
    if (rc == HANGAR_OK) {
        rc = join_workers(db);
    }
    db->lead->doing = "reading the catalog";
    return rc;
}

void pg_db_free(struct pg_db *db)
{
    pg_child_free(db->dump);
    pg_child_free(db->large);
    for (size_t i = 0; i < db->worker_free; i++) {
        pg_close(db->workers[i]);
    }
    free(db->workers);
    pg_close(db->lead);
    PQclear(db->props);
    pg_list_free(db->src, &db->tables);
    free(db->plan.order);
    free(db->folder);
    text_free(&db->unseen);
}
