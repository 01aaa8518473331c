/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * leftovers: see leftovers.h.
 */
#include "server/connection/leftovers.h"

#include <stdio.h>
#include <string.h>
#include "server/sql/quote.h"
#include "text.h"

/* Name, the database that it was made for, whether that exists, and whether its restore lives. */
static const char leftovers_query[] =
    "SELECT d.datname, made_for, made_for IN (SELECT datname FROM pg_catalog.pg_database)"
    " FROM pg_catalog.pg_database d,"
    " pg_catalog.shobj_description(d.oid, 'pg_database') AS mark,"
    " coalesce(pg_catalog.substring(mark, 'the place of database (.*); the next such restore'),"
    " pg_catalog.substring(mark, 'this was database (.*) until a restore')) AS made_for"
    " WHERE " PG_IS_LEFTOVER " AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l"
    " WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid = $1::oid AND l.granted"
    " AND l.objid = ('x' || pg_catalog.substr(d.datname, 12, 8))::bit(32)::bigint::oid)"
    " ORDER BY 1";

bool pg_leftover_is_old(const char *name)
{
    return strncmp(name, PG_OLD_PREFIX, strlen(PG_OLD_PREFIX)) == 0;
}

static void warn_of_leftover(struct pg_source *src, const PGresult *res, int row)
{
    const char *name = PQgetvalue(res, row, 0);
    const bool old = pg_leftover_is_old(name);
    const bool exists = PQgetvalue(res, row, 2)[0] == 't';
    const struct hangar_host *host = src->host;
    char target[256];
    pg_one_line(PQgetvalue(res, row, 1), target, sizeof(target));
    if (PQgetisnull(res, row, 1)) {
        host->log(src->ctx, HANGAR_LOG_WARN,
                  "database %s on %s is a leftover of a restore that ended right after it had "
                  "created it: it is empty; hint: DROP DATABASE %s",
                  name, pg_where(src), name);
    } else if (!old) {
        host->log(src->ctx, HANGAR_LOG_WARN,
                  "database %s on %s is a leftover of a restore that ended before it replaced "
                  "database %s: it has the data of the backup, perhaps not all of it, and %s has "
                  "the data from before; hint: restore again with --mode clean, which drops it, "
                  "or DROP DATABASE %s",
                  name, pg_where(src), target, target, name);
    } else if (exists) {
        host->log(src->ctx, HANGAR_LOG_WARN,
                  "database %s on %s is a leftover of a restore that ended after it replaced "
                  "database %s: it has the data from before, and %s has the data of the backup; "
                  "hint: DROP DATABASE %s when its data is not needed; the next restore of %s "
                  "with --mode clean drops it, too",
                  name, pg_where(src), target, target, name, target);
    } else {
        struct text ident = {0};
        pg_add_ident(&ident, target);
        host->log(src->ctx, HANGAR_LOG_WARN,
                  "database %s on %s is a leftover of a restore: it has the data of database %s "
                  "from before, and there is no database %s now; hint: ALTER DATABASE %s RENAME "
                  "TO %s",
                  name, pg_where(src), target, target, name, text_str(&ident));
        text_free(&ident);
    }
}

enum hangar_rc pg_warn_of_leftovers(struct pg_conn *conn)
{
    PGresult *res;
    char class[16];
    snprintf(class, sizeof(class), "%d", PG_LOCK_CLASS);
    enum hangar_rc rc = pg_query(conn, leftovers_query, class, NULL, &res);
    for (int i = 0; rc == HANGAR_OK && i < PQntuples(res); i++) {
        warn_of_leftover(conn->src, res, i);
    }
    if (rc == HANGAR_OK) {
        PQclear(res);
    }
    return rc;
}
