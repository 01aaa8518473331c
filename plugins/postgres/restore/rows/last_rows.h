/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * last_rows: objects with rows of tables that need to be loaded in an order, where the order is
 * not known for certain.  They are spooled, and loaded one after the other when all other rows are
 * there.
 */
#ifndef PG_RESTORE_ROWS_LAST_ROWS_H
#define PG_RESTORE_ROWS_LAST_ROWS_H

#include "restore/target/target.h"

/* Whether the object is one of them. */
bool pg_is_of_last_rows(const struct pg_source *src, const struct hangar_object_info *info);

/* Adds an object.  `file` is its name without its folder; takes over `path`.  Any thread. */
enum hangar_rc pg_last_rows_add(struct pg_target *target, const char *file, char *path);

/* Loads them in the order of their names.  Those that fail are tried again after the others, as
 * long as another one has succeeded since. */
enum hangar_rc pg_last_rows_load(struct pg_target *target);

void pg_last_rows_free(struct pg_target *target);

#endif
