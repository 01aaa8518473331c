/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * maintenance: sessions for statements about databases.
 */
#include "restore/target/maintenance.h"

#include "server/instance/error.h"
#include "server/instance/instance.h"
#include "server/connection/settings.h"

enum hangar_rc pg_maintenance_connect(struct pg_source *src, struct pg_conn **out)
{
    struct pg_error err;
    if (pg_open(src, src->opt.maintenance_db, false, out, &err) != HANGAR_OK) {
        return pg_raise(src, &err,
                        "cannot connect to the maintenance database %s on %s (any database serves "
                        "as maintenance_db)",
                        src->opt.maintenance_db, pg_where(src));
    }
    return HANGAR_OK;
}

enum hangar_rc pg_maintenance_open(struct pg_source *src, struct pg_conn **out)
{
    enum hangar_rc rc = pg_maintenance_connect(src, out);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct pg_conn *conn = *out;
    if (pg_set_up_maintenance(conn) == HANGAR_OK) {
        return HANGAR_OK;
    }
    rc = pg_raise(src, &conn->err, "cannot set up a session in the maintenance database %s",
                  src->opt.maintenance_db);
    pg_close(conn);
    *out = NULL;
    return rc;
}
