/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target.c: the database that a restore goes into: whether it is there and
 * empty, how it is made, what it gets at the end, and how it goes away again.
 */
#include <stdlib.h>
#include <string.h>
#include "restore/restore.h"

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

enum hangar_rc pg_target_open(struct pg_target *target, const char *database, bool heedless,
                              struct pg_conn **out)
{
    struct pg_error err;
    if (pg_open(target->src, database, heedless, out, &err) != HANGAR_OK) {
        return pg_raise(target->src, &err, "cannot connect to database %s on %s", database,
                        pg_where(target->src));
    }
    return HANGAR_OK;
}

/* ---- looking --------------------------------------------------------------------------- */

/* What a fresh database does not have, and extensions that template1 brings do not
 * count as: "12 tables, 3 functions". */
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
    conn->doing = "looking at the target";
    if (pg_query(conn, contents_query, NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot look into database %s", target->name);
    }
    if (!PQgetisnull(res, 0, 0)) {
        text_add(what, PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    return what->failed ? PG_NO_MEMORY(target->src) : HANGAR_OK;
}

static enum hangar_rc look_inside(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    struct text what = {0};
    enum hangar_rc rc = pg_target_contents(target, conn, &what);
    if (rc == HANGAR_OK && what.size) {
        rc = src->host->fail(
            src->ctx, HANGAR_EXISTS, 0,
            "cannot restore into database %s on %s: it is not empty, it has %s; hint: restore into "
            "another one with --set %s.database=NAME, or replace what it holds with --mode clean",
            target->name, pg_where(src), text_str(&what), src->host->instance_name(src->ctx));
    }
    text_free(&what);
    if (rc != HANGAR_OK) {
        return rc;
    }
    char *encoding = pg_target_attr(target, "encoding");
    const char *actual = PQparameterStatus(conn->pq, "server_encoding");
    if (encoding && actual && strcmp(encoding, actual) != 0) {
        src->host->log(src->ctx, HANGAR_LOG_WARN,
                       "database %s has the encoding %s, the backup %s: its text is converted",
                       target->name, actual, encoding);
    }
    free(encoding);
    return HANGAR_OK;
}

enum hangar_rc pg_target_may_create(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    enum hangar_rc rc = HANGAR_OK;
    PGresult *res;
    if (pg_query(conn, "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user",
                 NULL, NULL, &res) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot look at the rights of this role");
    } else {
        if (PQntuples(res) != 1 || PQgetvalue(res, 0, 0)[0] != 't') {
            rc = src->host->fail(
                src->ctx, HANGAR_AUTH, 0,
                "cannot create database %s on %s: user %s may not; hint: create it, "
                "empty, or ALTER ROLE %s CREATEDB",
                target->name, pg_where(src), PQuser(conn->pq), PQuser(conn->pq));
        }
        PQclear(res);
    }
    return rc;
}

static enum hangar_rc may_create(struct pg_target *target, int *server_version)
{
    struct pg_conn *conn;
    enum hangar_rc rc = pg_target_open(target, target->src->opt.maintenance_db, false, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    *server_version = conn->version;
    rc = pg_target_may_create(target, conn);
    pg_close(conn);
    return rc;
}

enum hangar_rc pg_target_look(struct pg_target *target, int *server_version)
{
    struct pg_source *src = target->src;
    struct pg_conn *conn;
    struct pg_error err;
    enum hangar_rc rc = pg_open(src, target->name, false, &conn, &err);
    if (rc == HANGAR_NOT_FOUND) {
        return may_create(target, server_version);
    }
    if (rc != HANGAR_OK) {
        return pg_raise(src, &err, "cannot connect to database %s on %s", target->name,
                        pg_where(src));
    }
    target->exists = true;
    *server_version = conn->version;
    rc = look_inside(target, conn);
    pg_close(conn);
    return rc;
}

/* ---- making ------------------------------------------------------------------------------ */

static void add_property(struct pg_target *target, struct text *sql, const char *keyword,
                         const char *attr)
{
    char *value = pg_target_attr(target, attr);
    if (value) {
        text_addf(sql, " %s ", keyword);
        pg_add_literal(sql, value);
    }
    free(value);
}

/* The locale as this server can be told it. */
static void add_locale(struct pg_target *target, struct text *sql, int version)
{
    char *provider = pg_target_attr(target, "locale_provider");
    if (target->locale) {
        text_addf(sql, " LC_COLLATE '%s' LC_CTYPE '%s'", target->locale, target->locale);
    } else {
        add_property(target, sql, "LC_COLLATE", "collate");
        add_property(target, sql, "LC_CTYPE", "ctype");
    }
    if (provider && version >= 150000) {
        text_addf(sql, " LOCALE_PROVIDER %s", provider);
        if (strcmp(provider, "icu") == 0) {
            add_property(target, sql, "ICU_LOCALE", "locale");
            if (version >= 160000) {
                add_property(target, sql, "ICU_RULES", "icu_rules");
            }
        } else if (strcmp(provider, "builtin") == 0) {
            add_property(target, sql, "BUILTIN_LOCALE", "locale");
        }
    }
    free(provider);
}

/* Does a query with one parameter give a row? */
static enum hangar_rc gives_row(struct pg_conn *conn, const char *sql, const char *value,
                                bool *found)
{
    PGresult *res;
    if (pg_query(conn, sql, value, NULL, &res) != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err, "cannot look at the server");
    }
    *found = PQntuples(res) > 0;
    PQclear(res);
    return HANGAR_OK;
}

static enum hangar_rc create_database(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    struct text sql = {0};
    bool space_there = false, owner_there = false;
    char *owner = pg_target_attr(target, "owner"), *space = pg_target_attr(target, "tablespace");
    enum hangar_rc rc = pg_locale_look(target, conn);
    if (rc == HANGAR_OK && owner) {
        rc = gives_row(conn, "SELECT FROM pg_roles WHERE rolname = $1", owner, &owner_there);
    }
    /* naming the default one would ask for a right that its use does not need */
    if (rc == HANGAR_OK && space && strcmp(space, "pg_default") != 0) {
        rc = gives_row(conn, "SELECT FROM pg_tablespace WHERE spcname = $1", space, &space_there);
    }
    if (rc == HANGAR_OK && owner && !owner_there) {
        rc = src->host->fail(src->ctx, HANGAR_NOT_FOUND, 0,
                             "cannot create database %s: its owner %s is not a role of %s; hint: "
                             "create the role, or set globals to missing",
                             target->name, owner, pg_where(src));
    }
    text_add(&sql, "CREATE DATABASE ");
    pg_add_ident(&sql, target->into);
    text_add(&sql, " TEMPLATE template0");
    add_property(target, &sql, "ENCODING", "encoding");
    add_locale(target, &sql, conn->version);
    if (owner) {
        text_add(&sql, " OWNER ");
        pg_add_ident(&sql, owner);
    }
    if (space_there) {
        text_add(&sql, " TABLESPACE ");
        pg_add_ident(&sql, space);
    }
    if (target->clean) {
        text_addf(&sql, " CONNECTION LIMIT %d", PG_CLEAN_LIMIT);
    }
    conn->doing = "creating the database";
    if (rc == HANGAR_OK && pg_command_text(conn, &sql) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot create database %s", target->name);
    }
    text_free(&sql);
    free(owner);
    free(space);
    return rc;
}

/* Tablespaces that the backup names and the server lacks: all goes to the default one. */
static enum hangar_rc look_for_tablespaces(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    char *names = pg_target_attr(target, "tablespaces");
    PGresult *res;
    if (!names) {
        return HANGAR_OK;
    }
    if (pg_query(conn,
                 "SELECT string_agg(x, ', ') FROM json_array_elements_text($1::json) x"
                 " WHERE x NOT IN (SELECT spcname FROM pg_tablespace)",
                 names, NULL, &res) != HANGAR_OK) {
        free(names);
        return pg_raise(src, &conn->err, "cannot look for tablespaces");
    }
    if (!PQgetisnull(res, 0, 0)) {
        target->no_tablespaces = true;
        src->host->log(src->ctx, HANGAR_LOG_WARN,
                       "%s has no tablespace %s: everything in database %s goes to the default one",
                       pg_where(src), PQgetvalue(res, 0, 0), target->name);
    }
    PQclear(res);
    free(names);
    return HANGAR_OK;
}

enum hangar_rc pg_target_create(struct pg_target *target)
{
    struct pg_conn *conn;
    bool create = target->clean || !target->exists;
    const char *database = create ? target->src->opt.maintenance_db : target->name;
    enum hangar_rc rc = pg_target_open(target, database, false, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = pg_command(conn, "SET client_encoding = 'UTF8'") == HANGAR_OK
             ? look_for_tablespaces(target, conn)
             : pg_raise(target->src, &conn->err, "cannot set up a session");
    if (rc == HANGAR_OK && create) {
        rc = create_database(target, conn);
        /* of one that was cancelled nobody knows; beside another, its name is ours alone */
        target->created = rc == HANGAR_OK || (target->clean && rc == HANGAR_CANCELLED);
    }
    if (rc == HANGAR_OK && target->clean) {
        rc = pg_clean_mark(target, conn);
    }
    pg_close(conn);
    return rc;
}

/* ---- finishing ----------------------------------------------------------------------------- */

/* GRANTs that make what aclexplode shows; first, what a new database has is taken away. */
static const char acl_query[] =
    "SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $1::text,"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
    " CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
    " FROM aclexplode($2::aclitem[]) a";

static enum hangar_rc run_each(struct pg_target *target, struct pg_conn *conn, const char *query,
                               const char *value, const char *what)
{
    PGresult *res;
    enum hangar_rc rc = pg_query(conn, query, target->into, value, &res);
    if (rc != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot read the %s of database %s", what,
                        target->name);
    }
    for (int i = 0; i < PQntuples(res) && rc == HANGAR_OK; i++) {
        if (pg_command(conn, PQgetvalue(res, i, 0)) != HANGAR_OK) {
            rc = pg_raise(target->src, &conn->err, "cannot set the %s of database %s", what,
                          target->name);
        }
    }
    PQclear(res);
    return rc;
}

static enum hangar_rc set_acl(struct pg_target *target, struct pg_conn *conn)
{
    char *acl = pg_target_attr(target, "acl"), *owner = pg_target_attr(target, "owner");
    struct text sql = {0};
    enum hangar_rc rc = HANGAR_OK;
    if (acl && owner) {
        text_add(&sql, "REVOKE ALL ON DATABASE ");
        pg_add_ident(&sql, target->into);
        text_add(&sql, " FROM PUBLIC, ");
        pg_add_ident(&sql, owner);
        if (pg_command_text(conn, &sql) != HANGAR_OK) {
            rc = pg_raise(target->src, &conn->err, "cannot set the privileges of database %s",
                          target->name);
        } else {
            rc = run_each(target, conn, acl_query, acl, "privileges");
        }
    }
    free(acl);
    free(owner);
    return rc;
}

/* Each setting is ["role or empty", "name=value"].  The server keeps the value of a
 * list of names as SQL that can be said again; any other is a literal. */
static const char settings_query[] =
    "SELECT format('ALTER %s SET %s TO %s',"
    " CASE WHEN s->>0 = '' THEN format('DATABASE %I', $1::text)"
    " ELSE format('ROLE %I IN DATABASE %I', s->>0, $1::text) END,"
    " (SELECT string_agg(quote_ident(p), '.') FROM unnest(string_to_array(x.name, '.')) p),"
    " CASE WHEN lower(x.name) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries',"
    " 'session_preload_libraries', 'shared_preload_libraries', 'unix_socket_directories')"
    " THEN CASE x.value WHEN '' THEN ''''''"
    " ELSE regexp_replace(x.value, '(^|, )\"\"(?=,|$)', '\\1''''', 'g') END"
    " ELSE quote_literal(x.value) END)"
    " FROM json_array_elements($2::json) s,"
    " LATERAL (SELECT substr(s->>1, 1, strpos(s->>1, '=') - 1) AS name,"
    " substr(s->>1, strpos(s->>1, '=') + 1) AS value) x";

void pg_target_add_plain(struct pg_target *target, struct text *sql, const char *name)
{
    char *limit = pg_target_attr(target, "connection_limit");
    char *template = pg_target_attr(target, "is_template");
    char *comment = pg_target_attr(target, "comment");
    bool is_template = template && strcmp(template, "t") == 0;
    /* one that was made beside another carries marks of ours */
    if (comment || target->clean) {
        text_add(sql, "COMMENT ON DATABASE ");
        pg_add_ident(sql, name);
        text_add(sql, " IS ");
        if (comment) {
            pg_add_literal(sql, comment);
        } else {
            text_add(sql, "NULL");
        }
        text_add(sql, ";");
    }
    if ((limit && strcmp(limit, "-1") != 0) || target->clean) {
        text_add(sql, "ALTER DATABASE ");
        pg_add_ident(sql, name);
        text_addf(sql, " CONNECTION LIMIT %ld;", limit ? strtol(limit, NULL, 10) : -1);
    }
    if (is_template) {
        text_add(sql, "ALTER DATABASE ");
        pg_add_ident(sql, name);
        text_add(sql, " IS_TEMPLATE true;");
    }
    free(limit);
    free(template);
    free(comment);
}

static enum hangar_rc set_plain(struct pg_target *target, struct pg_conn *conn)
{
    struct text sql = {0};
    if (target->clean) { /* when it takes its place: till then it is marked as ours */
        return HANGAR_OK;
    }
    pg_target_add_plain(target, &sql, target->name);
    if (pg_command_text(conn, &sql) != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot set the properties of database %s",
                        target->name);
    }
    return HANGAR_OK;
}

enum hangar_rc pg_target_properties(struct pg_target *target)
{
    struct pg_conn *conn;
    char *settings = pg_target_attr(target, "settings");
    enum hangar_rc rc = pg_target_open(target, target->into, false, &conn);
    if (rc == HANGAR_OK) {
        conn->doing = "setting the properties of the database";
        if (pg_command(conn, "SET client_encoding = 'UTF8'; SET search_path = '';"
                             "SET standard_conforming_strings = on") != HANGAR_OK) {
            rc = pg_raise(target->src, &conn->err, "cannot set up a session");
        }
        if (rc == HANGAR_OK && settings) {
            rc = run_each(target, conn, settings_query, settings, "settings");
        }
        if (rc == HANGAR_OK) {
            rc = set_acl(target, conn);
        }
        if (rc == HANGAR_OK) {
            rc = set_plain(target, conn);
        }
        pg_close(conn);
    }
    free(settings);
    return rc;
}

/* ---- undoing -------------------------------------------------------------------------------- */

/* A subscription keeps its database from being dropped, and drops its slot at the
 * publisher unless it is told to forget it.  Best effort: what fails shows when the
 * database is dropped. */
static void drop_subscriptions(struct pg_source *src, const char *database)
{
    static const char query[] =
        "SELECT format('ALTER SUBSCRIPTION %1$I DISABLE;ALTER SUBSCRIPTION %1$I SET (slot_name ="
        " NONE);DROP SUBSCRIPTION %1$I', s.subname) FROM pg_subscription s JOIN pg_database d"
        " ON d.oid = s.subdbid WHERE d.datname = current_database()";
    struct pg_conn *conn;
    struct pg_error err;
    PGresult *res;
    if (pg_open(src, database, true, &conn, &err) != HANGAR_OK) {
        return;
    }
    if (pg_query(conn, query, NULL, NULL, &res) == HANGAR_OK) {
        for (int i = 0; i < PQntuples(res); i++) {
            for (char *at = PQgetvalue(res, i, 0), *one; (one = strsep(&at, ";")) != NULL;) {
                pg_command(conn, one);
            }
        }
        PQclear(res);
    }
    pg_close(conn);
}

bool pg_drop_database(struct pg_source *src, const char *name, struct pg_error *err)
{
    struct pg_conn *conn = NULL;
    struct text sql = {0};
    drop_subscriptions(src, name);
    if (pg_open(src, src->opt.maintenance_db, true, &conn, err) != HANGAR_OK) {
        return false;
    }
    text_add(&sql, "ALTER DATABASE ");
    pg_add_ident(&sql, name);
    text_add(&sql, " IS_TEMPLATE false");
    pg_command_text(conn, &sql);
    text_add(&sql, "DROP DATABASE IF EXISTS ");
    pg_add_ident(&sql, name);
    /* workers of pg_restore may need a moment to end */
    if (conn->version >= 130000) {
        text_add(&sql, " WITH (FORCE)");
    }
    bool dropped = pg_command_text(conn, &sql) == HANGAR_OK;
    *err = conn->err;
    pg_close(conn);
    return dropped;
}

void pg_target_undo(struct pg_target *target)
{
    struct pg_source *src = target->src;
    struct pg_error err = {0};
    if (!target->created) {
        if (target->touched) {
            src->host->log(src->ctx, HANGAR_LOG_WARN,
                           "database %s was empty and now holds a part of the backup; hint: drop "
                           "and create it before the next attempt",
                           target->name);
        }
        return;
    }
    if (pg_drop_database(src, target->into, &err)) {
        src->host->log(src->ctx, HANGAR_LOG_INFO, "dropped database %s again", target->into);
    } else {
        src->host->log(
            src->ctx, HANGAR_LOG_WARN,
            "cannot drop database %s, which holds a part of the backup: %s; hint: drop it",
            target->into, err.text);
    }
}
