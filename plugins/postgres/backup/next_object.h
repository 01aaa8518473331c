/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * next_object: which object is read next, a function of struct hangar_source.
 */
#ifndef PG_BACKUP_NEXT_OBJECT_H
#define PG_BACKUP_NEXT_OBJECT_H

#include <hangar/plugin.h>

enum hangar_rc pg_next(void *inst, struct hangar_object_info *info, struct hangar_object **out);

#endif
