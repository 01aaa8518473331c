/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * commands: the lines of RESTORE.txt, for a person who has Redis and a shell, but not hangar.
 */
#ifndef RD_RESTORE_COMMANDS_H
#define RD_RESTORE_COMMANDS_H

#include "instance.h"

enum hangar_rc redis_restore_commands(void *inst, const struct hangar_attrs *facts,
                                      const struct hangar_object_info *objects, size_t object_count,
                                      struct hangar_text *out);

#endif
