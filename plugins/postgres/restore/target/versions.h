/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * versions: whether the version of the server suits a backup, before anything is changed.
 */
#ifndef PG_RESTORE_TARGET_VERSIONS_H
#define PG_RESTORE_TARGET_VERSIONS_H

#include "server/instance/instance.h"

/* Refuses a server that is older than that of the backup, unless older_server allows it.
 * src->restore->server_version is known. */
enum hangar_rc pg_refuse_older_server(struct pg_source *src);

/* Adds to the plan: which version is restored into which, with which tools. */
void pg_plan_versions(struct pg_source *src);

/* Finds tools that can read the archive and work with the server. */
enum hangar_rc pg_find_restore_tools(struct pg_source *src);

#endif
