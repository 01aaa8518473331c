/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tools_suit: what client tools of another version than the server's write and a server cannot
 * restore.  It does not know how a restore goes.
 */
#include "backup/checks/tools_suit.h"

#include <stdlib.h>
#include <string.h>
#include "server/instance/args.h"
#include "server/sql/catalog.h"
#include "server/programs/child.h"
#include "server/instance/error.h"
#include "server/sql/quote.h"
#include "server/connection/statement.h"
#include "server/programs/tools.h"

#define PROBE_WAIT_MS 60000
#define INTERNAL_OPTION "pg_attver="

/* Servers of some minor versions keep a counter of their own among the options of a column.  The
 * pg_dump of such a version leaves it out, and others write it: the table cannot be created
 * then. */
static const char internal_query[] =
    "SELECT (min(format('%I.%I', n.nspname, c.relname))) FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE array_to_string(a.attoptions, ',') LIKE '%" INTERNAL_OPTION "%'"
    " AND NOT a.attisdropped AND a.attnum > 0 AND c.relkind IN ('r', 'p')"
    " AND " PG_IS_USER_RELATION " AND " PG_IS_NOT_OF_EXTENSION;

/* pg_dump 16 writes a parameter of subscriptions that older servers do not support. */
static const char subscriptions_query[] =
    "SELECT count(*) FROM pg_subscription WHERE current_setting('is_superuser') = 'on'"
    " AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";

/* Dumps the definition of one table, and searches the text. */
static enum hangar_rc probe_definition(struct pg_source *src, const char *database,
                                       const char *table, bool *written)
{
    struct pg_args args = {0};
    struct text text = {0};
    size_t got = 1;
    pg_arg(&args, "pg_dump");
    pg_arg(&args, "--no-password");
    pg_arg(&args, "--schema-only");
    pg_arg(&args, "--lock-wait-timeout=%lld", (long long)src->opt.lock_timeout_ms);
    pg_arg(&args, "--table=%s", table);
    struct pg_child *child = NULL;
    enum hangar_rc rc = pg_spawn(src, "pg_dump", database, &args, true, &child);
    while (rc == HANGAR_OK && got) {
        char buffer[4096];
        rc = pg_child_read(child, 0, buffer, sizeof(buffer), &got);
        text_add_bytes(&text, buffer, rc == HANGAR_OK ? got : 0);
    }
    if (rc == HANGAR_OK) {
        rc = pg_child_finish(child, "examining what pg_dump writes");
    }
    if (child && rc != HANGAR_OK) {
        rc = pg_raise(src, pg_child_error(child), "cannot dump the definition of table %s", table);
    }
    *written = rc == HANGAR_OK && text.size && strstr(text_str(&text), INTERNAL_OPTION);
    pg_child_free(child);
    pg_args_free(&args);
    rc = rc == HANGAR_OK && text.failed ? pg_no_memory(src) : rc;
    text_free(&text);
    return rc;
}

static enum hangar_rc require_known_options(struct pg_conn *conn, const char *database)
{
    struct pg_source *src = conn->src;
    PGresult *res;
    bool written = false;
    if (pg_query(conn, internal_query, NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(src, &conn->err, "cannot read the columns of database %s", database);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (!PQgetisnull(res, 0, 0)) {
        rc = probe_definition(src, database, PQgetvalue(res, 0, 0), &written);
    }
    if (written) {
        rc = src->host->fail(
            src->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot back up database %s: pg_dump %s does not support the option pg_attver, which "
            "the server stores in the columns of its tables (table %s), so that no server could "
            "restore the archive; hint: use client tools of version %d, of the server's minor "
            "version or newer: install postgresql-client-%d, or set bin_dir",
            database, src->tools.version, PQgetvalue(res, 0, 0), conn->version / 10000,
            conn->version / 10000);
    }
    PQclear(res);
    return rc;
}

enum hangar_rc pg_require_suitable_tools(struct pg_conn *conn, const char *database, int *least)
{
    PGresult *res;
    enum hangar_rc rc = require_known_options(conn, database);
    if (rc != HANGAR_OK || conn->version >= 160000 || conn->src->tools.major < 16) {
        return rc;
    }
    if (pg_query(conn, subscriptions_query, NULL, NULL, &res) != HANGAR_OK) {
        return pg_raise(conn->src, &conn->err, "cannot count the subscriptions of database %s",
                        database);
    }
    if (strcmp(PQgetvalue(res, 0, 0), "0") != 0 && *least < 16) {
        *least = 16;
    }
    PQclear(res);
    return HANGAR_OK;
}

void pg_warn_of_newer_tools(struct pg_source *src, int server_version, int least)
{
    int server = server_version / 10000;
    if (least > server) {
        src->host->log(src->ctx, HANGAR_LOG_WARN,
                       "pg_dump %s writes subscriptions that only PostgreSQL %d or newer can "
                       "restore; the server has version %d; hint: install "
                       "postgresql-client-%d, or set bin_dir to its folder",
                       src->tools.version, least, server, server);
    } else if (src->tools.major > server) {
        src->host->log(src->ctx, HANGAR_LOG_INFO,
                       "the client tools (%s) are newer than the server (%d): a restore needs "
                       "tools of version %d, and builds indexes one at a time on servers up to 16; "
                       "hint: install postgresql-client-%d",
                       src->tools.version, server, src->tools.major, server);
    }
}
