/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * partial: backups of chosen tables, and what the replacement of a whole database by one of them
 * would remove.
 */
#ifndef PG_RESTORE_CLEAN_PARTIAL_H
#define PG_RESTORE_CLEAN_PARTIAL_H

#include "restore/target/target.h"

/* HANGAR_EXISTS, reported to the host with the names, when the database has tables that the backup
 * leaves out, or rows of tables whose rows it leaves out. */
enum hangar_rc pg_partial_refuse(struct pg_target *target, struct pg_conn *conn);

#endif
