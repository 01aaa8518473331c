/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check_indexes: after a restore that compares: whether indexes hold what the server computes of
 * the rows, and what no comparison covers.
 */
#ifndef PG_RESTORE_ROWS_CHECK_INDEXES_H
#define PG_RESTORE_ROWS_CHECK_INDEXES_H

#include "restore/target/target.h"

/* Checks the B-tree indexes of a database by amcheck, where the database has that extension; a
 * throw-away server gets it.  Sets target->checked_indexes and target->not_compared.
 * HANGAR_CORRUPT, reported to the host: an index lacks rows. */
enum hangar_rc pg_check_indexes(struct pg_target *target);

#endif
