/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * properties.c: privileges, settings, comment and limits of a restored database.
 */
#include "restore/properties.h"

#include <stdlib.h>
#include <string.h>
#include "restore/marks.h"
#include "server/connection.h"
#include "server/error.h"
#include "server/quote.h"
#include "server/statement.h"

/* Makes the GRANTs for the privileges that aclexplode returns; before them, the privileges of
 * a new database are revoked. */
static const char acl_query[] =
    "SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $1::text,"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
    " CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
    " FROM aclexplode($2::aclitem[]) a";

static enum hangar_rc run_generated(struct pg_target *target, struct pg_conn *conn,
                                    const char *query, const char *value, const char *what)
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

static enum hangar_rc set_privileges(struct pg_target *target, struct pg_conn *conn)
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
            rc = run_generated(target, conn, acl_query, acl, "privileges");
        }
    }
    free(acl);
    free(owner);
    return rc;
}

/* Each setting is ["role or empty", "name=value"].  The server stores the value of a list of
 * names as SQL, which is used as it is; any other value becomes a literal. */
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
    /* a database that was loaded beside another has our marks */
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

static enum hangar_rc set_plain_properties(struct pg_target *target, struct pg_conn *conn)
{
    struct text sql = {0};
    if (target->clean) { /* set when it takes its place: until then it has our marks */
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
    enum hangar_rc rc = pg_connect(target->src, target->into, &conn);
    if (rc == HANGAR_OK) {
        conn->doing = "setting the properties of the database";
        if (pg_command(conn, "SET client_encoding = 'UTF8'; SET search_path = '';"
                             "SET standard_conforming_strings = on") != HANGAR_OK) {
            rc = pg_raise(target->src, &conn->err, "cannot set up a session in database %s",
                          target->into);
        }
        if (rc == HANGAR_OK && settings) {
            rc = run_generated(target, conn, settings_query, settings, "settings");
        }
        if (rc == HANGAR_OK) {
            rc = set_privileges(target, conn);
        }
        if (rc == HANGAR_OK) {
            rc = set_plain_properties(target, conn);
        }
        pg_close(conn);
    }
    free(settings);
    return rc;
}
