/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tool_out: objects that are the output of pg_dump or pg_dumpall.
 */
#ifndef PG_BACKUP_OBJECTS_TOOL_OUT_H
#define PG_BACKUP_OBJECTS_TOOL_OUT_H

#include "backup/objects/object.h"

/* Reads the next bytes; *got 0 after the end, when the output is whole. */
enum hangar_rc pg_tool_read(struct pg_reader *reader, void *buffer, size_t size, size_t *got);

#endif
