/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * writer: objects being written, functions of struct hangar_source.
 */
#ifndef PG_RESTORE_WRITER_H
#define PG_RESTORE_WRITER_H

#include <hangar/plugin.h>

enum hangar_rc pg_restore_open(void *inst, const struct hangar_object_info *info,
                               struct hangar_object **out);
enum hangar_rc pg_restore_write(struct hangar_object *object, const void *data, size_t size);
enum hangar_rc pg_restore_close(struct hangar_object *object, int complete);

#endif
