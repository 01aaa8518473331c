/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reader: reading and closing an object, functions of struct hangar_source.
 */
#ifndef PG_BACKUP_READER_H
#define PG_BACKUP_READER_H

#include <hangar/plugin.h>

enum hangar_rc pg_read(struct hangar_object *object, void *buffer, size_t size, size_t *got);
enum hangar_rc pg_object_close(struct hangar_object *object, struct hangar_attrs *attrs);

#endif
