/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check_indexes: see check_indexes.h.
 */
#include "restore/rows/check_indexes.h"

#include <stdlib.h>
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/connection/statement.h"

#define IS_OWN_INDEX                                                                               \
    "c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisvalid AND n.nspname !~ '^pg_'"          \
    " AND n.nspname <> 'information_schema'"

#define FROM_INDEXES                                                                               \
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"               \
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                                    \
    " JOIN pg_catalog.pg_am a ON a.oid = c.relam WHERE " IS_OWN_INDEX

/* What exists and is not compared; $1: how the B-tree indexes count, '' when they are checked. */
static const char rest_query[] =
    "WITH found(count, what) AS ("
    "SELECT count(*), 'large objects' FROM pg_catalog.pg_largeobject_metadata"
    " UNION ALL SELECT count(*), CASE relkind WHEN 'S' THEN 'sequences'"
    " WHEN 'm' THEN 'materialized views' ELSE 'foreign tables' END FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE relkind IN ('S', 'm', 'f')"
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' GROUP BY relkind"
    " UNION ALL SELECT count(*), 'indexes that are no B-trees'" FROM_INDEXES
    " AND a.amname <> 'btree'"
    " UNION ALL SELECT count(*), 'B-tree indexes' || $1::text" FROM_INDEXES
    " AND a.amname = 'btree' AND $1 <> '')"
    " SELECT string_agg(count || ' ' || what, ', ' ORDER BY what) FROM found WHERE count > 0";

/* The schema of amcheck as SQL; "": the database does not have it. */
static enum hangar_rc find_amcheck(struct pg_target *target, struct pg_conn *conn,
                                   struct text *schema)
{
    PGresult *res;
    /* rows_role: only a throw-away server has one */
    if (target->src->opt.rows_role &&
        pg_command(conn, "CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA pg_catalog") != HANGAR_OK) {
        target->src->host->log(target->src->ctx, HANGAR_LOG_DEBUG, "no amcheck: %s",
                               conn->err.text);
    }
    if (pg_query(conn,
                 "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e"
                 " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
                 " WHERE e.extname = 'amcheck' AND (SELECT rolsuper FROM pg_catalog.pg_roles"
                 " WHERE rolname = current_user)",
                 NULL, NULL, &res) != HANGAR_OK) {
        return conn->err.rc;
    }
    if (PQntuples(res) == 1) {
        text_add(schema, PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    return schema->failed ? pg_set_no_memory(&conn->err) : HANGAR_OK;
}

static enum hangar_rc check_all_indexes(struct pg_target *target, struct pg_conn *conn,
                                        const char *schema)
{
    struct text sql = {0};
    PGresult *res;
    text_addf(&sql,
              /* these types are those of the extension: no other function takes its place */
              "SELECT count(*) FROM (SELECT %s.bt_index_check(c.oid::pg_catalog.regclass,"
              " true::pg_catalog.bool)" FROM_INDEXES " AND a.amname = 'btree' OFFSET 0) checked",
              schema);
    enum hangar_rc rc = sql.failed ? pg_set_no_memory(&conn->err)
                                   : pg_query(conn, text_str(&sql), NULL, NULL, &res);
    text_free(&sql);
    if (rc == HANGAR_OK) {
        target->checked_indexes = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
        PQclear(res);
    }
    return rc;
}

enum hangar_rc pg_check_indexes(struct pg_target *target)
{
    struct pg_conn *conn;
    PGresult *res = NULL;
    enum hangar_rc rc = pg_connect(target->src, target->into, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    conn->doing = "checking indexes";
    struct text schema = {0};
    rc = find_amcheck(target, conn, &schema);
    if (rc == HANGAR_OK && schema.size) {
        rc = check_all_indexes(target, conn, text_str(&schema));
    }
    if (rc == HANGAR_OK) {
        rc = pg_query(conn, rest_query, schema.size ? "" : " (no amcheck)", NULL, &res);
    }
    if (rc != HANGAR_OK) {
        rc = pg_raise(target->src, &conn->err, "cannot verify the indexes of database %s",
                      target->name);
    } else if (!PQgetisnull(res, 0, 0)) {
        text_add(&target->not_compared, PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    text_free(&schema);
    pg_close(conn);
    return rc;
}
