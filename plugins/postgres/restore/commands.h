/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commands: the commands of RESTORE.txt, a function of struct hangar_source.
 */
#ifndef PG_RESTORE_COMMANDS_H
#define PG_RESTORE_COMMANDS_H

#include <hangar/plugin.h>

enum hangar_rc pg_restore_commands(void *inst, const struct hangar_attrs *facts,
                                   const struct hangar_object_info *objects, size_t object_count,
                                   struct hangar_text *out);

#endif
