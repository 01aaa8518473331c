/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target: the database of a target: whether it exists, and what it holds.
 */
#include "restore/target/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "restore/target/maintenance.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"

char *pg_target_attr(struct pg_target *target, const char *name)
{
    const struct hangar_host *host = target->src->host;
    struct text value = {0};
    const char *piece = host->attr_get(target->attrs, name);
    if (!piece) {
        return NULL;
    }
    for (int i = 1; piece; i++) {
        char numbered[64];
        text_add(&value, piece);
        snprintf(numbered, sizeof(numbered), "%s.%d", name, i);
        piece = host->attr_get(target->attrs, numbered);
    }
    if (value.failed) {
        text_free(&value);
        return NULL;
    }
    return value.data;
}

void pg_target_close_idle(struct pg_target *target)
{
    while (target->idle_count) {
        pg_close(target->idle[--target->idle_count]);
    }
}

/* What a new database does not have: "12 tables, 3 functions".  Extensions, which template1
 * may bring, do not count. */
static const char contents_query[] =
    "WITH own AS (SELECT n.oid FROM pg_namespace n"
    " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),"
    " ext AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),"
    " found(what, many) AS ("
    " SELECT CASE WHEN c.relkind IN ('r', 'p', 'f') THEN 'tables' WHEN c.relkind = 'S'"
    " THEN 'sequences' ELSE 'views' END, count(*) FROM pg_class c"
    " WHERE c.relnamespace IN (SELECT oid FROM own) AND c.relkind IN ('r','p','f','S','v','m')"
    " AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_class'::regclass AND objid = c.oid)"
    " GROUP BY 1"
    " UNION ALL SELECT 'functions', count(*) FROM pg_proc p"
    " WHERE p.pronamespace IN (SELECT oid FROM own)"
    " AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_proc'::regclass AND objid = p.oid)"
    " UNION ALL SELECT 'types', count(*) FROM pg_type t"
    " WHERE t.typnamespace IN (SELECT oid FROM own) AND t.typtype IN ('d', 'e', 'r')"
    " AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_type'::regclass AND objid = t.oid)"
    " UNION ALL SELECT 'schemas', count(*) FROM pg_namespace n"
    " WHERE n.oid IN (SELECT oid FROM own) AND n.nspname <> 'public'"
    " AND NOT EXISTS (SELECT FROM ext WHERE classid = 'pg_namespace'::regclass AND objid = n.oid)"
    " UNION ALL SELECT 'large objects', count(*) FROM pg_largeobject_metadata"
    " UNION ALL SELECT 'publications', count(*) FROM pg_publication"
    " UNION ALL SELECT 'event triggers', count(*) FROM pg_event_trigger)"
    " SELECT string_agg(many || ' ' || what, ', ') FROM found WHERE many > 0";

enum hangar_rc pg_target_contents(struct pg_target *target, struct pg_conn *conn, struct text *what)
{
    PGresult *res;
    conn->doing = "examining the target database";
    if (pg_query(conn, contents_query, NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot list the content of database %s",
                        target->name);
    }
    if (!PQgetisnull(res, 0, 0)) {
        text_add(what, PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    return what->failed ? pg_no_memory(target->src) : HANGAR_OK;
}

static enum hangar_rc refuse_content(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    struct text what = {0};
    enum hangar_rc rc = pg_target_contents(target, conn, &what);
    if (rc == HANGAR_OK && what.size) {
        rc = src->host->fail(
            src->ctx, HANGAR_EXISTS, 0,
            "cannot restore into database %s on %s: it is not empty, it has %s; hint: restore "
            "into another database with --set %s.database=NAME, or replace this one with --mode "
            "clean",
            target->name, pg_where(src), text_str(&what), src->host->instance_name(src->ctx));
    }
    text_free(&what);
    if (rc != HANGAR_OK) {
        return rc;
    }
    char *encoding = pg_target_attr(target, "encoding");
    const char *actual = PQparameterStatus(conn->pq, "server_encoding");
    if (encoding && actual && strcmp(encoding, actual) != 0) {
        src->host->log(
            src->ctx, HANGAR_LOG_WARN,
            "database %s has the encoding %s, the backup has %s: the server converts its texts",
            target->name, actual, encoding);
    }
    free(encoding);
    return HANGAR_OK;
}

enum hangar_rc pg_target_check_create(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    enum hangar_rc rc = HANGAR_OK;
    PGresult *res;
    if (pg_query(conn, "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user",
                 NULL, NULL, &res) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot read the privileges of this role");
    } else {
        if (PQntuples(res) != 1 || PQgetvalue(res, 0, 0)[0] != 't') {
            rc = src->host->fail(
                src->ctx, HANGAR_AUTH, 0,
                "cannot create database %s on %s: user %s may not create databases; hint: create "
                "an empty database %s yourself, or run ALTER ROLE %s CREATEDB",
                target->name, pg_where(src), PQuser(conn->pq), target->name, PQuser(conn->pq));
        }
        PQclear(res);
    }
    return rc;
}

static enum hangar_rc check_may_create(struct pg_target *target, int *server_version)
{
    struct pg_conn *conn;
    enum hangar_rc rc = pg_maintenance_connect(target->src, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    *server_version = conn->version;
    rc = pg_target_check_create(target, conn);
    pg_close(conn);
    return rc;
}

enum hangar_rc pg_target_examine(struct pg_target *target, int *server_version)
{
    struct pg_source *src = target->src;
    struct pg_conn *conn;
    struct pg_error err;
    enum hangar_rc rc = pg_open(src, target->name, false, &conn, &err);
    if (rc == HANGAR_NOT_FOUND) {
        return check_may_create(target, server_version);
    }
    if (rc != HANGAR_OK) {
        return pg_raise(src, &err, "cannot connect to database %s on %s", target->name,
                        pg_where(src));
    }
    target->exists = true;
    *server_version = conn->version;
    rc = refuse_content(target, conn);
    pg_close(conn);
    return rc;
}
