/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * inspect: counts the tables, rows and large objects of a server's databases.
 */
#include "server/connection/inspect.h"

#include <stdint.h>
#include <stdlib.h>
#include "server/sql/catalog.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/connection/settings.h"
#include "server/connection/databases.h"

struct contents {
    uint64_t tables, rows, large_objects;
};

/* Counts the tables of one database that a backup would copy, and makes the statement that
 * counts all their rows. */
static const char tables_query[] =
    "SELECT count(*), 'SELECT 0::numeric' || coalesce(string_agg(format("
    "'+(SELECT count(*) FROM ONLY %I.%I)', n.nspname, c.relname), ''), ''),"
    " (SELECT count(*) FROM pg_largeobject_metadata)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND " PG_IS_USER_RELATION " AND " PG_IS_NOT_OF_EXTENSION;

static enum hangar_rc inspect_database(struct pg_source *src, const char *database,
                                       struct contents *contents)
{
    struct pg_conn *conn = NULL;
    PGresult *tables = NULL, *rows = NULL;
    enum hangar_rc rc = pg_connect(src, database, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    conn->doing = "counting rows";
    rc = pg_set_up_reader(conn);
    if (rc == HANGAR_OK) {
        rc = pg_query(conn, tables_query, NULL, NULL, &tables);
    }
    if (rc == HANGAR_OK) {
        rc = pg_query(conn, PQgetvalue(tables, 0, 1), NULL, NULL, &rows);
    }
    if (rc == HANGAR_OK) {
        contents->tables += strtoull(PQgetvalue(tables, 0, 0), NULL, 10);
        contents->large_objects += strtoull(PQgetvalue(tables, 0, 2), NULL, 10);
        contents->rows += strtoull(PQgetvalue(rows, 0, 0), NULL, 10);
    } else {
        rc = pg_raise(src, &conn->err, "cannot count the rows of database %s", database);
    }
    if (tables) {
        PQclear(tables);
    }
    if (rows) {
        PQclear(rows);
    }
    pg_close(conn);
    return rc;
}

enum hangar_rc pg_inspect(void *inst, struct hangar_attrs *facts)
{
    struct pg_source *src = inst;
    const struct hangar_host *host = src->host;
    struct contents contents = {0};
    enum hangar_rc rc = pg_databases_find(src);
    for (size_t i = 0; i < src->database_count && rc == HANGAR_OK; i++) {
        rc = inspect_database(src, src->databases[i], &contents);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    host->attr_setf(facts, "databases", "%zu", src->database_count);
    host->attr_setf(facts, "tables", "%llu", (unsigned long long)contents.tables);
    host->attr_setf(facts, "rows", "%llu", (unsigned long long)contents.rows);
    host->attr_setf(facts, "large_objects", "%llu", (unsigned long long)contents.large_objects);
    return HANGAR_OK;
}
