/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tables_out: tables.jsonl.
 */
#ifndef PG_BACKUP_OBJECTS_TABLES_OUT_H
#define PG_BACKUP_OBJECTS_TABLES_OUT_H

#include "backup/objects/object.h"

/* Appends the next lines to reader->text; HANGAR_EOF with the last. */
enum hangar_rc pg_tables_read(struct pg_reader *reader);

#endif
