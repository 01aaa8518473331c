/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * maintenance.c: sessions for statements about databases.
 */
#include "restore/maintenance.h"

#include "server/error.h"
#include "server/instance.h"
#include "server/statement.h"
#include "text.h"

enum hangar_rc pg_maintenance_open(struct pg_source *src, struct pg_conn **out)
{
    struct pg_error err;
    if (pg_open(src, src->opt.maintenance_db, false, out, &err) != HANGAR_OK) {
        return pg_raise(src, &err, "cannot connect to the maintenance database %s on %s",
                        src->opt.maintenance_db, pg_where(src));
    }
    struct pg_conn *conn = *out;
    struct text sql = {0};
    text_add(&sql,
             "SET client_encoding = 'UTF8'; SET search_path = ''; SET synchronous_commit = on;"
             "SET standard_conforming_strings = on; SET statement_timeout = 0;"
             "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = 0;"
             "SET client_min_messages = warning; SET default_transaction_read_only = off;");
    if (conn->version >= 140000) {
        text_add(&sql, "SET idle_session_timeout = 0;");
    }
    if (conn->version >= 170000) {
        text_add(&sql, "SET transaction_timeout = 0;");
    }
    if (pg_command_text(conn, &sql) == HANGAR_OK) {
        return HANGAR_OK;
    }
    enum hangar_rc rc =
        pg_raise(src, &conn->err, "cannot set up a session in the maintenance database %s",
                 src->opt.maintenance_db);
    pg_close(conn);
    *out = NULL;
    return rc;
}
