/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verdict: what a failure of a drill proves of the backup.
 */
#ifndef PG_RESTORE_ROWS_VERDICT_H
#define PG_RESTORE_ROWS_VERDICT_H

#include "restore/target/target.h"
#include "server/instance/error.h"

/* Judges a failure while a database is loaded into a throw-away server.  HANGAR_CORRUPT when the
 * server refused what is in the backup: rows that break a constraint, definitions that it cannot
 * execute.  Every other cause is one of the drill: space, memory, a lost connection, an extension,
 * library or locale that is missing on this machine.  Leaves failures of other restores as they
 * are. */
void pg_verdict(const struct pg_target *target, struct pg_error *err);

#endif
