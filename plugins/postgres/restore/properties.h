/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * properties.h: what a restored database gets besides its content.
 */
#ifndef PG_TARGET_PROPERTIES_H
#define PG_TARGET_PROPERTIES_H

#include "restore/target.h"

/* Sets privileges, settings and the like, when everything is loaded. */
enum hangar_rc pg_target_properties(struct pg_target *target);

/* Appends statements that set comment, connection limit and template flag of `name`. */
void pg_target_add_plain(struct pg_target *target, struct text *sql, const char *name);

#endif
