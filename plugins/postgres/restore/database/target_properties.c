/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target_properties: privileges, settings, comment and limits of a restored database.
 */
#include "restore/database/target_properties.h"

#include <stdlib.h>
#include <string.h>
#include "restore/database/marks.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/sql/quote.h"
#include "server/connection/settings.h"
#include "server/connection/statement.h"

/* Makes the GRANTs for the privileges that aclexplode returns, with the role that grants where it
 * is not the owner; before them, the privileges of a new database are revoked. */
static const char acl_query[] =
    "SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $1::text,"
    " CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,"
    " CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END),"
    " CASE WHEN a.grantor <> d.datdba THEN format('SET ROLE %I', pg_get_userbyid(a.grantor)) END"
    " FROM pg_database d, aclexplode($2::aclitem[]) WITH ORDINALITY"
    " a(grantor, grantee, privilege_type, is_grantable, n) WHERE d.datname = $1::text"
    " ORDER BY a.n";

static enum hangar_rc raise_privileges(struct pg_target *target, struct pg_conn *conn)
{
    return pg_raise(target->src, &conn->err, "cannot set the privileges of database %s",
                    target->name);
}

static enum hangar_rc grant_privileges(struct pg_target *target, struct pg_conn *conn,
                                       const char *acl)
{
    PGresult *res;
    enum hangar_rc rc = pg_query(conn, acl_query, target->into, acl, &res);
    if (rc != HANGAR_OK) {
        return raise_privileges(target, conn);
    }
    for (int i = 0; i < PQntuples(res) && rc == HANGAR_OK; i++) {
        bool other = !PQgetisnull(res, i, 1);
        if ((other && pg_command(conn, PQgetvalue(res, i, 1)) != HANGAR_OK) ||
            pg_command(conn, PQgetvalue(res, i, 0)) != HANGAR_OK ||
            (other && pg_command(conn, "RESET ROLE") != HANGAR_OK)) {
            rc = raise_privileges(target, conn);
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
    if (acl && owner && !target->src->opt.no_privileges) {
        text_add(&sql, "REVOKE ALL ON DATABASE ");
        pg_add_ident(&sql, target->into);
        text_add(&sql, " FROM PUBLIC, ");
        if (target->src->opt.no_owner) {
            text_add(&sql, "CURRENT_USER");
        } else {
            pg_add_ident(&sql, owner);
        }
        rc = pg_command_text(conn, &sql) == HANGAR_OK ? grant_privileges(target, conn, acl)
                                                      : raise_privileges(target, conn);
    }
    free(acl);
    free(owner);
    return rc;
}

/* Each setting is ["role or empty", "name=value"]. */
static const char settings_query[] = "SELECT s->>0, pg_catalog.split_part(s->>1, '=', 1),"
                                     " pg_catalog.substr(s->>1, pg_catalog.strpos(s->>1, '=') + 1)"
                                     " FROM pg_catalog.json_array_elements($1::pg_catalog.json) s";

/* Appends the name of a setting: each of its parts is an identifier. */
static void add_setting_name(struct text *sql, const char *name)
{
    for (size_t n;; name += n + 1) {
        struct text part = {0};
        n = strcspn(name, ".");
        text_add_bytes(&part, name, n);
        pg_add_ident(sql, text_str(&part));
        sql->failed |= part.failed;
        text_free(&part);
        if (!name[n]) {
            return;
        }
        text_add(sql, ".");
    }
}

static enum hangar_rc set_one_setting(struct pg_target *target, struct pg_conn *conn,
                                      const char *role, const char *name, const char *value)
{
    struct text sql = {0};
    text_add(&sql, "ALTER ");
    if (*role) {
        text_add(&sql, "ROLE ");
        pg_add_ident(&sql, role);
        text_add(&sql, " IN ");
    }
    text_add(&sql, "DATABASE ");
    pg_add_ident(&sql, target->into);
    text_add(&sql, " SET ");
    add_setting_name(&sql, name);
    text_add(&sql, " TO ");
    pg_add_setting_value(&sql, name, value);
    if (pg_command_text(conn, &sql) != HANGAR_OK) {
        return pg_raise(target->src, &conn->err, "cannot set the setting %.80s of database %s",
                        name, target->name);
    }
    return HANGAR_OK;
}

static enum hangar_rc set_settings(struct pg_target *target, struct pg_conn *conn)
{
    PGresult *res = NULL;
    char *settings = pg_target_attr(target, "settings");
    enum hangar_rc rc = HANGAR_OK;
    if (settings && pg_query(conn, settings_query, settings, NULL, &res) != HANGAR_OK) {
        rc = pg_raise(target->src, &conn->err, "cannot read the settings of database %s",
                      target->name);
    }
    for (int i = 0; res && rc == HANGAR_OK && i < PQntuples(res); i++) {
        rc = set_one_setting(target, conn, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1),
                             PQgetvalue(res, i, 2));
    }
    PQclear(res);
    free(settings);
    return rc;
}

/* Runs "WHAT DATABASE name" with the rest of the statement behind it. */
static enum hangar_rc alter_database(struct pg_conn *conn, const char *what, const char *name,
                                     const struct text *rest)
{
    struct text sql = {0};
    text_addf(&sql, "%s DATABASE ", what);
    pg_add_ident(&sql, name);
    text_add(&sql, text_str(rest));
    sql.failed |= rest->failed;
    return pg_command_text(conn, &sql);
}

/* A database that was loaded beside another has hangar's marks. */
static enum hangar_rc set_comment(struct pg_target *target, struct pg_conn *conn, const char *name)
{
    char *comment = target->src->opt.no_comments ? NULL : pg_target_attr(target, "comment");
    struct text rest = {0};
    enum hangar_rc rc = HANGAR_OK;
    text_add(&rest, " IS ");
    if (comment) {
        pg_add_literal(&rest, comment);
    } else {
        text_add(&rest, "NULL");
    }
    if (comment || target->clean) {
        rc = alter_database(conn, "COMMENT ON", name, &rest);
    }
    text_free(&rest);
    free(comment);
    return rc;
}

enum hangar_rc pg_target_set_plain(struct pg_target *target, struct pg_conn *conn, const char *name)
{
    char *limit = pg_target_attr(target, "connection_limit");
    char *template = pg_target_attr(target, "is_template");
    struct text rest = {0};
    enum hangar_rc rc = set_comment(target, conn, name);
    if (rc == HANGAR_OK && ((limit && strcmp(limit, "-1") != 0) || target->clean)) {
        text_addf(&rest, " CONNECTION LIMIT %ld", limit ? strtol(limit, NULL, 10) : -1);
        rc = alter_database(conn, "ALTER", name, &rest);
    }
    if (rc == HANGAR_OK && template && strcmp(template, "t") == 0) {
        text_clear(&rest);
        text_add(&rest, " IS_TEMPLATE true");
        rc = alter_database(conn, "ALTER", name, &rest);
    }
    text_free(&rest);
    free(limit);
    free(template);
    return rc == HANGAR_OK ? rc
                           : pg_raise(target->src, &conn->err,
                                      "cannot set the properties of database %s", target->name);
}

static enum hangar_rc open_properties(struct pg_target *target, struct pg_conn **conn)
{
    enum hangar_rc rc = pg_connect(target->src, target->into, conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    (*conn)->doing = "setting the properties of the database";
    if (pg_set(*conn, "client_encoding", "UTF8") != HANGAR_OK) {
        rc = pg_raise(target->src, &(*conn)->err, "cannot set up a session in database %s",
                      target->into);
        pg_close(*conn);
    }
    return rc;
}

enum hangar_rc pg_target_settings(struct pg_target *target)
{
    struct pg_conn *conn;
    enum hangar_rc rc = open_properties(target, &conn);
    if (rc == HANGAR_OK) {
        rc = set_settings(target, conn);
        pg_close(conn);
    }
    return rc;
}

enum hangar_rc pg_target_properties(struct pg_target *target)
{
    struct pg_conn *conn;
    enum hangar_rc rc = open_properties(target, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = set_privileges(target, conn);
    /* one that was loaded beside another gets them when it takes its place */
    if (rc == HANGAR_OK && !target->clean) {
        rc = pg_target_set_plain(target, conn, target->name);
    }
    pg_close(conn);
    return rc;
}
