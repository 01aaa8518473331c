/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * properties: the properties that CREATE DATABASE needs.
 */
#ifndef PG_BACKUP_SNAPSHOT_PROPERTIES_H
#define PG_BACKUP_SNAPSHOT_PROPERTIES_H

#include "backup/snapshot/snapshot.h"

/* Reads them into db->props. */
enum hangar_rc pg_props_read(struct pg_db *db);

/* Sets them as attributes, long ones in pieces: "settings", "settings.1", ... */
void pg_props_set(struct pg_db *db, struct hangar_attrs *attrs);

#endif
