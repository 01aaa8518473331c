/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * database: creates the database of a target, and drops it when the restore fails.
 */
#include "restore/database/database.h"

#include <stdlib.h>
#include <string.h>
#include "restore/database/locale.h"
#include "restore/target/maintenance.h"
#include "restore/database/marks.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/sql/quote.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"

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

/* Appends the locale in the form that this version of the server accepts. */
static void add_locale_clauses(struct pg_target *target, struct text *sql, int version)
{
    char *provider = pg_target_attr(target, "locale_provider");
    if (target->locale) {
        text_add(sql, " LC_COLLATE ");
        pg_add_literal(sql, target->locale);
        text_add(sql, " LC_CTYPE ");
        pg_add_literal(sql, target->locale);
    } else {
        add_property(target, sql, "LC_COLLATE", "collate");
        add_property(target, sql, "LC_CTYPE", "ctype");
    }
    if (provider && version >= 150000) {
        text_add(sql, " LOCALE_PROVIDER ");
        pg_add_ident(sql, provider);
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

/* Runs a query with one parameter; *found: it returned a row. */
static enum hangar_rc query_gives_row(struct pg_conn *conn, const char *sql, const char *value,
                                      bool *found)
{
    PGresult *res;
    if (pg_query(conn, sql, value, NULL, &res) != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err, "cannot query the server");
    }
    *found = PQntuples(res) > 0;
    PQclear(res);
    return HANGAR_OK;
}

static enum hangar_rc create_database(struct pg_target *target, struct pg_conn *conn)
{
    struct pg_source *src = target->src;
    bool space_there = false, owner_there = false;
    char *owner = src->opt.no_owner ? NULL : pg_target_attr(target, "owner"),
         *space = pg_target_attr(target, "tablespace");
    enum hangar_rc rc = pg_locale_choose(target, conn);
    if (rc == HANGAR_OK && owner) {
        rc = query_gives_row(conn, "SELECT FROM pg_roles WHERE rolname = $1", owner, &owner_there);
    }
    /* naming the default tablespace would require a privilege that its use does not */
    if (rc == HANGAR_OK && space && strcmp(space, "pg_default") != 0) {
        rc = query_gives_row(conn, "SELECT FROM pg_tablespace WHERE spcname = $1", space,
                             &space_there);
    }
    if (rc == HANGAR_OK && owner && !owner_there) {
        rc = src->host->fail(
            src->ctx, HANGAR_NOT_FOUND, 0,
            "cannot create database %s: role %s, its owner, does not exist on %s; hint: create "
            "the role, or set no_owner to true%s",
            target->name, owner, pg_where(src),
            src->opt.globals == PG_GLOBALS_NONE ? ", or set globals to missing" : "");
    }
    struct text sql = {0};
    text_add(&sql, "CREATE DATABASE ");
    pg_add_ident(&sql, target->into);
    text_add(&sql, " TEMPLATE template0");
    add_property(target, &sql, "ENCODING", "encoding");
    add_locale_clauses(target, &sql, conn->version);
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

/* When the server lacks a tablespace of the backup, everything goes to the default one. */
static enum hangar_rc check_tablespaces(struct pg_target *target, struct pg_conn *conn)
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
        return pg_raise(src, &conn->err, "cannot list the tablespaces");
    }
    if (!PQgetisnull(res, 0, 0)) {
        target->no_tablespaces = true;
        src->host->log(
            src->ctx, HANGAR_LOG_WARN,
            "%s has no tablespace %s: everything in database %s goes to the default tablespace",
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
    enum hangar_rc rc = create ? pg_maintenance_connect(target->src, &conn)
                               : pg_connect(target->src, database, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc =
        pg_set(conn, "client_encoding", "UTF8") == HANGAR_OK
            ? check_tablespaces(target, conn)
            : pg_raise(target->src, &conn->err, "cannot set up a session in database %s", database);
    if (rc == HANGAR_OK && create) {
        rc = create_database(target, conn);
        /* after a cancel the result is unknown; beside another database, only hangar uses such a
         * name */
        target->created = rc == HANGAR_OK || (target->clean && rc == HANGAR_CANCELLED);
    }
    if (rc == HANGAR_OK && target->clean) {
        rc = pg_clean_mark(target, conn);
    }
    pg_close(conn);
    return rc;
}

/* ---- dropping ---------------------------------------------------------------- */

/* A subscription prevents that its database is dropped, and when dropped itself it drops its
 * slot at the publisher, unless the slot is removed from it first.  A failure here is not
 * reported: it shows when the database is dropped. */
static void drop_subscriptions(struct pg_source *src, const char *database)
{
    static const char query[] =
        "SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d"
        " ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()";
    static const char *const steps[][2] = {
        {"ALTER", " DISABLE"}, {"ALTER", " SET (slot_name = NONE)"}, {"DROP", ""}};
    struct pg_conn *conn;
    struct pg_error err;
    PGresult *res;
    if (pg_open(src, database, true, &conn, &err) != HANGAR_OK) {
        return;
    }
    if (pg_query(conn, query, NULL, NULL, &res) == HANGAR_OK) {
        for (int i = 0; i < PQntuples(res); i++) {
            for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
                struct text sql = {0};
                text_addf(&sql, "%s SUBSCRIPTION ", steps[k][0]);
                pg_add_ident(&sql, PQgetvalue(res, i, 0));
                text_add(&sql, steps[k][1]);
                pg_command_text(conn, &sql);
            }
        }
        PQclear(res);
    }
    pg_close(conn);
}

bool pg_drop_database(struct pg_source *src, const char *name, struct pg_error *err)
{
    struct pg_conn *conn = NULL;
    drop_subscriptions(src, name);
    if (pg_open(src, src->opt.maintenance_db, true, &conn, err) != HANGAR_OK) {
        return false;
    }
    struct text sql = {0};
    text_add(&sql, "ALTER DATABASE ");
    pg_add_ident(&sql, name);
    text_add(&sql, " IS_TEMPLATE false");
    pg_command_text(conn, &sql);
    text_add(&sql, "DROP DATABASE IF EXISTS ");
    pg_add_ident(&sql, name);
    /* workers of pg_restore may still be connected for a moment */
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
    if (!target->created) {
        if (target->touched) {
            src->host->log(
                src->ctx, HANGAR_LOG_WARN,
                "database %s was empty and now holds a part of the backup; hint: drop and create "
                "it before the next attempt",
                target->name);
        }
        return;
    }
    struct pg_error err = {0};
    if (pg_drop_database(src, target->into, &err)) {
        src->host->log(src->ctx, HANGAR_LOG_INFO,
                       "dropped database %s, which this restore had created", target->into);
    } else {
        src->host->log(
            src->ctx, HANGAR_LOG_WARN,
            "cannot drop database %s, which holds a part of the backup: %s; hint: drop it",
            target->into, err.text);
    }
}
