/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * database: creating the database of a target, and dropping it.
 */
#ifndef PG_RESTORE_DATABASE_DATABASE_H
#define PG_RESTORE_DATABASE_DATABASE_H

#include "restore/target/target.h"

/* Creates the database when it is missing, or a new one beside a database that is replaced. */
enum hangar_rc pg_target_create(struct pg_target *target);

/* Drops a database with all sessions and subscriptions in it; false: *err has the cause. */
bool pg_drop_database(struct pg_source *src, const char *name, struct pg_error *err);

/* After a failure: drops what was created, or reports what stays. */
void pg_target_undo(struct pg_target *target);

#endif
