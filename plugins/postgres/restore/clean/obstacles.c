/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * obstacles: what prevents that a database is replaced.
 */
#include "restore/clean/obstacles.h"

#include <stdlib.h>
#include "clock.h"
#include "restore/database/marks.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"

enum hangar_rc pg_list_sessions(struct pg_conn *conn, const char *oid, struct text *who,
                                unsigned long *count, unsigned long *protected_count)
{
    static const char query[] =
        "SELECT count(*), string_agg(s.line, ', ') FILTER (WHERE s.n <= 5),"
        " count(*) FILTER (WHERE NOT s.may) FROM (SELECT pg_catalog.format('%s%s%s',"
        " coalesce(s.usename, s.backend_type, 'a background worker'),"
        " coalesce(' from ' || pg_catalog.host(s.client_addr), ''),"
        " ' (' || nullif(s.application_name, '') || ')') AS line,"
        " row_number() OVER (ORDER BY s.pid) AS n,"
        " coalesce(me.rolsuper OR (NOT r.rolsuper AND (pg_catalog.pg_has_role(s.usesysid, 'MEMBER')"
        " OR pg_catalog.pg_has_role('pg_signal_backend', 'MEMBER'))), false) AS may"
        " FROM (SELECT a.*" PG_FROM_SESSIONS " AND a.datid = $1::oid) s"
        " JOIN pg_catalog.pg_roles me ON me.rolname = current_user"
        " LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.usesysid) s";
    PGresult *res;
    if (pg_query(conn, query, oid, NULL, &res) != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err, "cannot list the sessions");
    }
    *count = strtoul(PQgetvalue(res, 0, 0), NULL, 10);
    *protected_count = strtoul(PQgetvalue(res, 0, 2), NULL, 10);
    text_clear(who);
    if (*count) {
        text_add(who, PQgetvalue(res, 0, 1));
    }
    if (*count > 5) {
        text_addf(who, " and %lu more", *count - 5);
    }
    PQclear(res);
    return who->failed ? pg_no_memory(conn->src) : HANGAR_OK;
}

enum hangar_rc pg_await_disconnect(struct pg_target *target, struct pg_conn *conn,
                                   int64_t timeout_ms)
{
    struct pg_source *src = target->src;
    struct text who = {0};
    unsigned long count = 0, protected_count;
    int64_t deadline = clock_monotonic_ms() + timeout_ms;
    enum hangar_rc rc;
    while ((rc = pg_list_sessions(conn, target->clean->oid, &who, &count, &protected_count)) ==
               HANGAR_OK &&
           count && clock_monotonic_ms() < deadline && rc == HANGAR_OK) {
        src->host->alive(src->ctx, "waiting for sessions to disconnect");
        if (src->host->sleep(src->ctx, 100) != HANGAR_OK) {
            rc = pg_raise_cancelled(src);
            break;
        }
    }
    if (rc == HANGAR_OK && count) {
        rc = src->host->fail(
            src->ctx, HANGAR_EXISTS, 0,
            "cannot replace database %s on %s: %lu session%s connected to it: %s; hint: stop the "
            "programs that use it, or end the session%s with --disconnect",
            target->name, pg_where(src), count, count == 1 ? " is" : "s are", text_str(&who),
            count == 1 ? "" : "s");
    }
    text_free(&who);
    return rc;
}

enum hangar_rc pg_clean_obstacles(struct pg_target *target, struct pg_conn *conn)
{
    static const char query[] =
        "SELECT 'it has the replication slot ' || slot_name, 'set up its consumer anew after the"
        " restore, and drop the slot with SELECT pg_drop_replication_slot('"
        " || quote_literal(slot_name) || ')'"
        " FROM pg_catalog.pg_replication_slots WHERE datoid = $1::oid UNION ALL"
        " SELECT 'it has the subscription ' || subname, 'first run DROP SUBSCRIPTION '"
        " || quote_ident(subname) || ' in it'"
        " FROM pg_catalog.pg_subscription WHERE subdbid = $1::oid UNION ALL"
        " SELECT 'it has the prepared transaction ' || quote_literal(gid), 'first run COMMIT"
        " PREPARED or ROLLBACK PREPARED ' || quote_literal(gid) || ' in it'"
        " FROM pg_catalog.pg_prepared_xacts x JOIN pg_catalog.pg_database d ON"
        " d.datname = x.database WHERE d.oid = $1::oid ORDER BY 1 LIMIT 1";
    struct pg_source *src = target->src;
    PGresult *res;
    if (pg_query(conn, query, target->clean->oid, NULL, &res) != HANGAR_OK) {
        return pg_raise(src, &conn->err, "cannot list the obstacles to replacing database %s",
                        target->name);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (PQntuples(res) > 0) {
        rc = src->host->fail(src->ctx, HANGAR_EXISTS, 0,
                             "cannot replace database %s on %s: %s; hint: %s", target->name,
                             pg_where(src), PQgetvalue(res, 0, 0), PQgetvalue(res, 0, 1));
    }
    PQclear(res);
    return rc;
}
