/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * locale: whether the server has the locale of a database that is to be created, and what
 * takes its place where that is allowed.
 *
 * Another locale changes the order of texts and which characters are letters, but not which texts
 * are equal: the locale of a database is always deterministic.  So rows, digests, keys and unique
 * indexes do not change; docs/drills.md lists what may.
 */
#include "restore/database/locale.h"

#include <stdlib.h>
#include <string.h>
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/instance/instance.h"

/* Setting lc_monetary asks the libc of the server whether the locale exists; the setting ends
 * with the statement. */
static enum hangar_rc server_has_locale(struct pg_conn *conn, const char *locale, bool *found)
{
    PGresult *res;
    enum hangar_rc rc =
        pg_query(conn, "SELECT set_config('lc_monetary', $1, true)", locale, NULL, &res);
    *found = rc == HANGAR_OK;
    if (*found) {
        PQclear(res);
    } else if (strcmp(conn->err.sqlstate, PG_INVALID_PARAMETER) != 0) {
        return pg_raise(conn->src, &conn->err, "cannot determine whether the server has locale %s",
                        locale);
    }
    return HANGAR_OK;
}

/* C.UTF-8 has the letters of all scripts, and orders them by code point, as C does. */
static enum hangar_rc choose_substitute(struct pg_target *target, struct pg_conn *conn,
                                        const char *missing)
{
    static const char better[] = "C.UTF-8";
    bool found = false;
    char *encoding = pg_target_attr(target, "encoding");
    enum hangar_rc rc = HANGAR_OK;
    if (encoding && strcmp(encoding, "UTF8") == 0) {
        rc = server_has_locale(conn, better, &found);
    }
    free(encoding);
    target->locale = found ? better : "C";
    if (rc == HANGAR_OK) {
        target->src->host->log(
            target->src->ctx, HANGAR_LOG_WARN,
            "%s has no locale %s: database %s is restored with %s in its place, which orders "
            "texts differently; hint: before this database is used, install the locale and "
            "restore again",
            pg_where(target->src), missing, target->name, target->locale);
    }
    return rc;
}

enum hangar_rc pg_locale_choose(struct pg_target *target, struct pg_conn *conn)
{
    static const char *const attrs[] = {"collate", "ctype"};
    struct pg_source *src = target->src;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; rc == HANGAR_OK && !target->locale && i < 2; i++) {
        char *locale = pg_target_attr(target, attrs[i]);
        bool found = true;
        if (locale) {
            rc = server_has_locale(conn, locale, &found);
        }
        if (rc == HANGAR_OK && !found && src->opt.substitute_locale) {
            rc = choose_substitute(target, conn, locale);
        } else if (rc == HANGAR_OK && !found) {
            rc = src->host->fail(
                src->ctx, HANGAR_UNSUPPORTED, 0,
                "cannot create database %s: %s has no locale %s; hint: install it there "
                "(locale-gen) and restart the server, or restore with another collation: "
                "--set %s.missing_locale=substitute",
                target->name, pg_where(src), locale, src->host->instance_name(src->ctx));
        }
        free(locale);
    }
    return rc;
}
