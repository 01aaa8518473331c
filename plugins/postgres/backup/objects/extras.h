/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * extras: sequences.sql.
 */
#ifndef PG_BACKUP_OBJECTS_EXTRAS_H
#define PG_BACKUP_OBJECTS_EXTRAS_H

#include "backup/objects/object.h"

/* Appends more to reader->text; HANGAR_EOF with the last. */
enum hangar_rc pg_extras_read(struct pg_reader *reader);

#endif
