/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_role: see rows_role.h.
 */
#include "restore/roles/rows_role.h"

#include "server/instance/error.h"
#include "server/connection/statement.h"

/* Whether the role r may do, or become, what a superuser can do. */
#define IS_POWERFUL                                                                                \
    "EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE (p.rolsuper OR p.rolname IN"                  \
    " ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))"             \
    " AND pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER'))"

/* All roles may use all data in this database, which only the drill has: so the owner of a table
 * can load it and call the functions in its checks as the superuser could, whatever the backup
 * grants to it. */
static const char grants[] =
    "DO $hangar$ DECLARE x record; BEGIN"
    " FOR x IN SELECT nspname AS name FROM pg_catalog.pg_namespace"
    " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP"
    " EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %1$I TO PUBLIC;"
    " GRANT ALL ON ALL TABLES IN SCHEMA %1$I TO PUBLIC;"
    " GRANT ALL ON ALL SEQUENCES IN SCHEMA %1$I TO PUBLIC;"
    " GRANT ALL ON ALL FUNCTIONS IN SCHEMA %1$I TO PUBLIC', x.name);"
    " END LOOP;"
    " FOR x IN SELECT r.rolname AS name FROM pg_catalog.pg_roles r WHERE r.oid IN"
    " (SELECT relowner FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p'))"
    " AND r.rolname !~ '^pg_' AND NOT " IS_POWERFUL " LOOP"
    " EXECUTE pg_catalog.format('GRANT %I TO %I', x.name,"
    " pg_catalog.current_setting('hangar.rows_role'));"
    " END LOOP; END $hangar$";

static enum hangar_rc grant_to_rows_role(struct pg_conn *conn, const char *role)
{
    PGresult *res;
    conn->doing = "preparing to load rows";
    enum hangar_rc rc = pg_command(conn, "SET search_path = pg_catalog");
    if (rc == HANGAR_OK) {
        rc = pg_query(conn, "SELECT pg_catalog.set_config('hangar.rows_role', $1, false)", role,
                      NULL, &res);
    }
    if (rc == HANGAR_OK) {
        PQclear(res);
        rc = pg_command(conn, grants);
    }
    return rc;
}

enum hangar_rc pg_rows_role_prepare(struct pg_target *target)
{
    struct pg_source *src = target->src;
    if (!src->opt.rows_role) {
        return HANGAR_OK;
    }
    struct pg_conn *conn;
    enum hangar_rc rc = pg_connect(src, target->into, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (grant_to_rows_role(conn, src->opt.rows_role) != HANGAR_OK) {
        rc = pg_raise(src, &conn->err, "cannot let role %s load rows of database %s",
                      src->opt.rows_role, target->name);
    }
    pg_close(conn);
    return rc;
}

enum hangar_rc pg_rows_role_connect(struct pg_target *target, struct pg_conn **out)
{
    struct pg_source *src = target->src;
    struct pg_error err;
    const char *role = src->opt.rows_role;
    if (pg_open_loader(src, target->into, role ? role : src->opt.user, out, &err) == HANGAR_OK) {
        return HANGAR_OK;
    }
    return role
               ? pg_raise(src, &err, "cannot connect to database %s as role %s", target->into, role)
               : pg_raise(src, &err, "cannot connect to database %s on %s", target->into,
                          pg_where(src));
}

/* A table whose owner the session may not become is loaded by rows_role itself. */
enum hangar_rc pg_rows_role_become_owner(struct pg_conn *conn, const char *table)
{
    PGresult *res;
    if (!conn->src->opt.rows_role) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = pg_query(
        conn,
        "SELECT pg_catalog.set_config('role', CASE"
        " WHEN pg_catalog.pg_has_role(session_user, c.relowner, 'MEMBER')"
        " THEN pg_catalog.pg_get_userbyid(c.relowner) ELSE 'none' END, false)"
        " FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass",
        table, NULL, &res);
    if (rc == HANGAR_OK) {
        PQclear(res);
    }
    return rc;
}
