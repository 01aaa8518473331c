/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * others: the databases of the server that are not of this source.
 */
#ifndef PG_BACKUP_CHECKS_OTHERS_H
#define PG_BACKUP_CHECKS_OTHERS_H

#include "server/instance/instance.h"

/* Sets the facts "server_id" and "others" (plugin.h explains them), and warns of what dead
 * restores left.  A role that may not connect to maintenance_db gets neither. */
void pg_add_others(struct pg_source *src, struct hangar_attrs *facts);

#endif
