/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target_properties: what a restored database gets besides its content.
 */
#ifndef PG_RESTORE_DATABASE_TARGET_PROPERTIES_H
#define PG_RESTORE_DATABASE_TARGET_PROPERTIES_H

#include "restore/target/target.h"

/* Makes the settings of the database and of roles in it, before anything is loaded. */
enum hangar_rc pg_target_settings(struct pg_target *target);

/* Sets privileges and the like, when everything is loaded. */
enum hangar_rc pg_target_properties(struct pg_target *target);

/* Sets comment, connection limit and template flag of the database, now called `name`. */
enum hangar_rc pg_target_set_plain(struct pg_target *target, struct pg_conn *conn,
                                   const char *name);

#endif
