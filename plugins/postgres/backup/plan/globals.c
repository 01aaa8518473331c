/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * globals: roles and tablespaces, which belong to the cluster and not to a database.
 */
#include "backup/plan/globals.h"

#include "server/instance/args.h"
#include "server/instance/error.h"
#include "server/sql/quote.h"
#include "server/programs/tools.h"

/* Names of roles are stored in the encoding of the database in which the role was created;
 * most often that is the maintenance database. */
static const char *choose_globals_database(struct pg_source *src)
{
    struct pg_conn *conn;
    struct pg_error err;
    if (pg_open(src, src->opt.maintenance_db, false, &conn, &err) != HANGAR_OK) {
        return src->databases[0]; /* the one that this connection is to */
    }
    pg_close(conn);
    return src->opt.maintenance_db;
}

enum hangar_rc pg_globals_prepare(struct pg_source *src, struct pg_conn *conn,
                                  struct pg_globals_plan *plan)
{
    PGresult *res;
    *plan = (struct pg_globals_plan){0};
    if (src->opt.globals == PG_GLOBALS_NONE) {
        return HANGAR_OK;
    }
    plan->database = choose_globals_database(src);
    if (pg_query(conn, "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')", NULL, NULL,
                 &res) != HANGAR_OK) {
        return pg_raise(src, &conn->err, "cannot read the privileges of this role");
    }
    plan->passwords = PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);
    return HANGAR_OK;
}

enum hangar_rc pg_globals_spawn(struct pg_source *src, const struct pg_globals_plan *plan,
                                struct pg_child **out)
{
    struct pg_args args = {0};
    struct text database = {0};
    pg_add_conninfo(&database, plan->database);
    pg_arg(&args, "pg_dumpall");
    pg_arg(&args, "--globals-only");
    pg_arg(&args, "--encoding=UTF8");
    pg_arg(&args, "--no-password");
    pg_arg(&args, "--database=%s", text_str(&database));
    if (!plan->passwords) {
        pg_arg(&args, "--no-role-passwords");
    }
    args.failed |= database.failed;
    enum hangar_rc rc = pg_spawn(src, "pg_dumpall", NULL, &args, true, out);
    pg_args_free(&args);
    text_free(&database);
    return rc;
}
