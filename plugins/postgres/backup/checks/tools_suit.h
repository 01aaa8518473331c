/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tools_suit: whether a server can restore what the client tools write about it.
 */
#ifndef PG_BACKUP_CHECKS_TOOLS_SUIT_H
#define PG_BACKUP_CHECKS_TOOLS_SUIT_H

#include "server/connection/connection.h"

/* Examines the database of `conn`, once src->tools are known.  Refuses tools whose archive no
 * server can restore.  *least becomes the major version of the oldest server that can restore
 * the archive, when it is newer than *least and than the server itself. */
enum hangar_rc pg_require_suitable_tools(struct pg_conn *conn, const char *database, int *least);

/* Warns when a server of the same version could not restore the archive, or may not. */
void pg_warn_of_newer_tools(struct pg_source *src, int server_version, int least);

#endif
