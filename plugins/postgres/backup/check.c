/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check: whether a backup would work.  It examines the server, the client tools and the
 * rights of the role, and reads no data.
 */
#include "backup/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backup/plan/globals.h"
#include "backup/checks/others.h"
#include "backup/checks/patterns.h"
#include "backup/plan/tables.h"
#include "backup/checks/tools_suit.h"
#include "backup/checks/unseen.h"
#include "server/sql/catalog.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/programs/scratch.h"
#include "server/connection/settings.h"
#include "server/programs/tools.h"
#include "clock.h"
#include "server/connection/databases.h"

/* How long a server may take to end sessions that were closed. */
#define SESSIONS_WAIT_MS 2000

struct check_totals {
    struct pg_patterns patterns;
    struct text unseen;
    uint64_t bytes, tables, locks;
    char version[128];
    int version_num;
    int least_server; /* see tools_suit.h */
};

/* Appends a query for the tables and sequences that would be backed up and that fulfil a
 * condition. */
static void add_relations_query(struct pg_source *src, struct text *sql, const char *what,
                                const char *kinds, const char *condition)
{
    text_addf(sql,
              "SELECT %s FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
              " WHERE c.relkind IN (%s) AND " PG_IS_USER_RELATION " AND " PG_IS_NOT_OF_EXTENSION
              " AND ",
              what, kinds);
    pg_add_selection(src, sql, "n.nspname", "c.relname");
    text_addf(sql, " AND %s", condition);
}

/* Fails when any relation fulfils the condition, and names the first one. */
static enum hangar_rc refuse_relations(struct pg_conn *conn, const char *database,
                                       const char *kinds, const char *condition,
                                       const char *problem, const char *hint)
{
    struct pg_source *src = conn->src;
    struct text sql = {0};
    PGresult *res;
    text_add(&sql, "SELECT count(*), (array_agg(x))[1], current_user FROM (");
    add_relations_query(src, &sql, "format('%I.%I', n.nspname, c.relname) AS x", kinds, condition);
    text_add(&sql, " ORDER BY 1) t");
    enum hangar_rc rc = sql.failed ? pg_no_memory(src) : HANGAR_OK;
    if (rc == HANGAR_OK && pg_query(conn, text_str(&sql), NULL, NULL, &res) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot read the privileges on the tables of database %s",
                      database);
    }
    text_free(&sql);
    if (rc != HANGAR_OK) {
        return rc;
    }
    unsigned long count = strtoul(PQgetvalue(res, 0, 0), NULL, 10);
    if (count) {
        char others[48] = "";
        if (count > 1) {
            snprintf(others, sizeof(others), " and %lu more", count - 1);
        }
        rc = src->host->fail(src->ctx, HANGAR_AUTH, 0,
                             "cannot back up database %s: user %s %s %s%s; hint: %s", database,
                             PQgetvalue(res, 0, 2), problem, PQgetvalue(res, 0, 1), others, hint);
    }
    PQclear(res);
    return rc;
}

static enum hangar_rc check_table_rights(struct pg_conn *conn, const char *database)
{
    enum hangar_rc rc = refuse_relations(
        conn, database, "'r', 'p', 'S'",
        "NOT (CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')"
        " ELSE has_table_privilege(c.oid, 'SELECT') END"
        " AND has_schema_privilege(n.oid, 'USAGE'))",
        "may not read",
        conn->version >= 140000 ? "GRANT pg_read_all_data to that role"
                                : "GRANT SELECT on it, and USAGE on its schema, to that role");
    if (rc != HANGAR_OK) {
        return rc;
    }
    return refuse_relations(conn, database, "'r', 'p'", "row_security_active(c.oid)",
                            "would see only the rows that policies show of",
                            "ALTER ROLE ... BYPASSRLS");
}

/* pg_read_all_data gives no right to large objects, and pg_dump stops at the first one that it
 * may not read. */
static enum hangar_rc check_large_objects(struct pg_conn *conn, const char *database)
{
    struct pg_source *src = conn->src;
    PGresult *res;
    if (pg_selected(src, "include_tables", 0)) {
        return HANGAR_OK; /* a backup of selected tables has none */
    }
    if (pg_query(conn,
                 "SELECT count(*), min(m.oid), current_user FROM pg_largeobject_metadata m"
                 " WHERE current_setting('lo_compat_privileges') = 'off'"
                 " AND NOT pg_has_role(m.lomowner, 'USAGE')"
                 " AND NOT EXISTS (SELECT FROM aclexplode(m.lomacl) a"
                 " WHERE a.privilege_type = 'SELECT'"
                 " AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))",
                 NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(src, &conn->err,
                        "cannot read the privileges on the large objects of database %s", database);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (strcmp(PQgetvalue(res, 0, 0), "0") != 0) {
        rc = src->host->fail(
            src->ctx, HANGAR_AUTH, 0,
            "cannot back up database %s: user %s may not read %s large objects, the first is %s; "
            "hint: ALTER ROLE ... SET lo_compat_privileges = on",
            database, PQgetvalue(res, 0, 2), PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
    }
    PQclear(res);
    return rc;
}

static enum hangar_rc count_tables(struct pg_conn *conn, const char *database,
                                   struct check_totals *totals)
{
    struct pg_source *src = conn->src;
    struct text sql = {0};
    PGresult *res;
    text_add(&sql, "SELECT (SELECT count(*) FROM (");
    add_relations_query(src, &sql, "1", "'r', 'p'", "true");
    text_add(&sql, ") t), pg_database_size(current_database()),"
                   " current_setting('max_locks_per_transaction')::bigint *"
                   " (current_setting('max_connections')::bigint +"
                   " current_setting('max_prepared_transactions')::bigint)");
    enum hangar_rc rc = sql.failed ? pg_no_memory(src) : HANGAR_OK;
    if (rc == HANGAR_OK && pg_query(conn, text_str(&sql), NULL, NULL, &res) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot determine the size of database %s", database);
    }
    text_free(&sql);
    if (rc != HANGAR_OK) {
        return rc;
    }
    totals->tables += strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    totals->bytes += strtoull(PQgetvalue(res, 0, 1), NULL, 10);
    totals->locks = strtoull(PQgetvalue(res, 0, 2), NULL, 10);
    PQclear(res);
    return HANGAR_OK;
}

static enum hangar_rc check_database(struct pg_source *src, const char *database,
                                     struct check_totals *totals)
{
    struct pg_conn *conn;
    enum hangar_rc rc = pg_connect(src, database, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    const char *version = PQparameterStatus(conn->pq, "server_version");
    snprintf(totals->version, sizeof(totals->version), "%s", version ? version : "?");
    totals->version_num = conn->version;
    conn->doing = "checking";
    if (conn->version < 100000) {
        rc = src->host->fail(src->ctx, HANGAR_UNSUPPORTED, 0,
                             "cannot back up PostgreSQL %s: version 10 or newer is needed",
                             totals->version);
    } else if (pg_set_up_reader(conn) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot set up a session in database %s", database);
    }
    if (rc == HANGAR_OK) {
        rc = check_table_rights(conn, database);
    }
    if (rc == HANGAR_OK) {
        rc = check_large_objects(conn, database);
    }
    if (rc == HANGAR_OK) {
        rc = pg_patterns_match(conn, database, &totals->patterns);
    }
    if (rc == HANGAR_OK) {
        rc = count_tables(conn, database, totals);
    }
    if (rc == HANGAR_OK) {
        rc = pg_add_unseen(conn, database, &totals->unseen);
    }
    if (rc == HANGAR_OK && database == src->databases[src->database_count - 1]) {
        struct pg_globals_plan plan;
        rc = pg_globals_prepare(src, conn, &plan);
        if (rc == HANGAR_OK && src->opt.globals != PG_GLOBALS_NONE && !plan.passwords) {
            pg_add_unseen_passwords(&totals->unseen);
        }
    }
    if (rc == HANGAR_OK && !src->tools.major) {
        rc = pg_find_tools(src, conn->version / 10000, "the server");
    }
    if (rc == HANGAR_OK) {
        rc = pg_require_suitable_tools(conn, database, &totals->least_server);
    }
    pg_close(conn);
    return rc;
}

/* Opens a session.  The server may still end those that were just closed, so it is asked for a
 * while. */
static enum hangar_rc check_open_session(struct pg_source *src, const char *database,
                                         struct pg_conn **out)
{
    const int64_t until_ms = clock_monotonic_ms() + SESSIONS_WAIT_MS;
    struct pg_error err;
    enum hangar_rc rc;
    while ((rc = pg_open(src, database, false, out, &err)) == HANGAR_RETRY &&
           clock_monotonic_ms() < until_ms && src->host->sleep(src->ctx, 100) == HANGAR_OK) {
    }
    return rc == HANGAR_OK ? rc
                           : pg_raise(src, &err, "cannot connect to database %s on %s", database,
                                      pg_where(src));
}

/* Opens as many sessions at once as a backup does: of each database one that leads, its workers,
 * and pg_dump.  Limits of the role, of the database or of the server refuse them here, and not at
 * night. */
static enum hangar_rc check_open_sessions(struct pg_source *src)
{
    const size_t each = src->opt.jobs + 2, total = src->database_count * each;
    struct pg_conn **sessions = calloc(total, sizeof(struct pg_conn *));
    enum hangar_rc rc = sessions ? HANGAR_OK : pg_no_memory(src);
    for (size_t i = 0; i < total && rc == HANGAR_OK; i++) {
        rc = check_open_session(src, src->databases[i / each], &sessions[i]);
    }
    for (size_t i = 0; sessions && i < total; i++) {
        pg_close(sessions[i]);
    }
    free(sessions);
    return rc;
}

enum hangar_rc pg_check(void *inst, struct hangar_attrs *facts)
{
    struct pg_source *src = inst;
    const struct hangar_host *host = src->host;
    struct check_totals totals = {0};
    enum hangar_rc rc = pg_databases_find(src);
    for (size_t i = 0; i < src->database_count && rc == HANGAR_OK; i++) {
        rc = check_database(src, src->databases[i], &totals);
    }
    if (rc == HANGAR_OK) {
        rc = pg_patterns_refuse_unmatched(src, &totals.patterns);
    }
    if (rc == HANGAR_OK) {
        rc = check_open_sessions(src);
    }
    pg_patterns_free(&totals.patterns);
    if (rc != HANGAR_OK) {
        text_free(&totals.unseen);
        return rc;
    }
    pg_warn_of_newer_tools(src, totals.version_num, totals.least_server);
    pg_report_unseen(src, &totals.unseen, facts);
    text_free(&totals.unseen);
    /* this session and pg_dump each lock every table */
    if (totals.tables * 2 > totals.locks) {
        host->log(
            src->ctx, HANGAR_LOG_WARN,
            "a backup of %llu tables needs about %llu locks, but the server has room for %llu; "
            "hint: raise max_locks_per_transaction",
            (unsigned long long)totals.tables, (unsigned long long)totals.tables * 2,
            (unsigned long long)totals.locks);
    }
    host->attr_setf(facts, "server", "PostgreSQL %s", totals.version);
    host->attr_setf(facts, "tools", "%s in %s", src->tools.version, src->tools.dir);
    host->attr_setf(facts, "tables", "%llu", (unsigned long long)totals.tables);
    host->attr_setf(facts, "size", "%llu", (unsigned long long)totals.bytes);
    pg_add_others(src, facts);
    pg_scratch_check(src, facts);
    return HANGAR_OK;
}
