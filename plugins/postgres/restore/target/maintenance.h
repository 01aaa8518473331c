/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * maintenance: sessions for statements about databases.
 */
#ifndef PG_RESTORE_TARGET_MAINTENANCE_H
#define PG_RESTORE_TARGET_MAINTENANCE_H

#include "server/connection/connection.h"

/* Connects to the maintenance database; reports a failure to the host. */
enum hangar_rc pg_maintenance_connect(struct pg_source *src, struct pg_conn **out);

/* The same, with the settings of a session that a clean restore holds its locks in. */
enum hangar_rc pg_maintenance_open(struct pg_source *src, struct pg_conn **out);

#endif
