/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: replacing a database that is in use, up to the swap.
 */
#ifndef PG_RESTORE_CLEAN_CLEAN_H
#define PG_RESTORE_CLEAN_CLEAN_H

#include "restore/target/target.h"

/* Checks that it would work, and whether anything would be lost.  When it is not a dry
 * run, also locks the targets and removes what dead restores left. */
enum hangar_rc pg_clean_prepare(struct pg_source *src);

/* Writes the lines of the plan for a target. */
void pg_clean_plan(const struct pg_target *target);

#endif
