/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * unseen: see unseen.h.  Tables, sequences and large objects that cannot be read are not part of
 * it: a backup without them fails.
 */
#include "backup/checks/unseen.h"

#include "server/instance/error.h"
#include "server/instance/instance.h"

/* The condition for the options of a mapping is that of the view pg_user_mappings.  A mapping
 * that has no options is counted, too: this role cannot see the difference. */
static const char unseen_query[] =
    "WITH me AS (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),"
    " found(count, one, many) AS ("
    "SELECT count(*), 'one subscription', count(*) || ' subscriptions' FROM pg_subscription s, me"
    " WHERE NOT me.rolsuper AND s.subdbid = (SELECT oid FROM pg_database"
    " WHERE datname = current_database())"
    " UNION ALL SELECT count(*), 'the options of one user mapping',"
    " 'the options of ' || count(*) || ' user mappings'"
    " FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid, me"
    " WHERE m.umoptions IS NULL AND NOT me.rolsuper AND NOT (pg_has_role(s.srvowner, 'USAGE')"
    " AND (m.umuser = 0 OR m.usename = current_user)) AND NOT (m.usename = current_user"
    " AND has_server_privilege(s.oid, 'USAGE'))"
    " UNION ALL SELECT count(*), 'the rows of one unlogged table',"
    " 'the rows of ' || count(*) || ' unlogged tables' FROM pg_class"
    " WHERE pg_is_in_recovery() AND relkind = 'r' AND relpersistence = 'u')"
    " SELECT string_agg(CASE count WHEN 1 THEN one ELSE many END, ', ') FROM found WHERE count > 0";

static void add_separator(struct text *list)
{
    text_add(list, list->size ? "; " : "");
}

enum hangar_rc pg_add_unseen(struct pg_conn *conn, const char *database, struct text *list)
{
    PGresult *res;
    if (pg_query(conn, unseen_query, NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err,
                        "cannot list what this role cannot read in database %s", database);
    }
    if (!PQgetisnull(res, 0, 0)) {
        add_separator(list);
        text_addf(list, "in database %s: %s", database, PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    return list->failed ? pg_no_memory(conn->src) : HANGAR_OK;
}

void pg_add_unseen_passwords(struct text *list)
{
    add_separator(list);
    text_add(list, "the passwords of all roles");
}

void pg_report_unseen(struct pg_source *src, const struct text *list, struct hangar_attrs *facts)
{
    if (!list->size) {
        return;
    }
    src->host->log(
        src->ctx, HANGAR_LOG_WARN,
        "not backed up, because this role cannot read it or this server does not have it: %s; "
        "hint: back up "
        "the primary as a superuser, or restore it by hand",
        text_str(list));
    src->host->attr_setf(facts, PG_UNSEEN_FACT, "%.8000s", text_str(list));
}
