/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * others: see others.h.
 */
#include "backup/checks/others.h"

#include <string.h>
#include "server/sql/catalog.h"
#include "server/connection/connection.h"
#include "server/connection/leftovers.h"
#include "text.h"

#define OTHERS_SIZE 12000 /* bytes; a value of a fact has at most 16 KiB */

/* All databases of users with their sizes. */
static const char databases_query[] =
    "SELECT d.datname, CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT')"
    " OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')"
    " THEN pg_catalog.pg_database_size(d.oid)::text ELSE '' END"
    " FROM pg_catalog.pg_database d,"
    " pg_catalog.shobj_description(d.oid, 'pg_database') AS mark"
    " WHERE " PG_IS_USER_DATABASE " ORDER BY 1";

static void add_server_id(struct pg_conn *conn, struct hangar_attrs *facts)
{
    struct pg_source *src = conn->src;
    PGresult *res;
    if (pg_query(conn, "SELECT system_identifier FROM pg_catalog.pg_control_system()", NULL, NULL,
                 &res) == HANGAR_OK) {
        src->host->attr_setf(facts, "server_id", "postgres %s", PQgetvalue(res, 0, 0));
        PQclear(res);
    } else {
        src->host->attr_setf(facts, "server_id", "postgres at %s", pg_where(src));
    }
}

void pg_add_others(struct pg_source *src, struct hangar_attrs *facts)
{
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    PGresult *res;
    enum hangar_rc rc = pg_open(src, src->opt.maintenance_db, false, &conn, &err);
    if (rc == HANGAR_OK &&
        ((rc = pg_warn_of_leftovers(conn)) != HANGAR_OK ||
         (rc = pg_query(conn, databases_query, NULL, NULL, &res)) != HANGAR_OK)) {
        err = conn->err;
    }
    if (rc != HANGAR_OK) {
        src->host->log(src->ctx, HANGAR_LOG_INFO, "cannot list other databases on %s: %s",
                       pg_where(src), err.text);
        pg_close(conn);
        return;
    }
    struct text list = {0};
    for (int i = 0; i < PQntuples(res) && list.size < OTHERS_SIZE; i++) {
        const char *name = PQgetvalue(res, i, 0);
        if (!pg_names_database(src, name) && !strpbrk(name, "\n\t")) {
            text_addf(&list, "%s\t%s\n", name, PQgetvalue(res, i, 1));
        }
    }
    PQclear(res);
    add_server_id(conn, facts);
    src->host->attr_set(facts, "others", text_str(&list));
    text_free(&list);
    pg_close(conn);
}
