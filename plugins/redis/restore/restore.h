/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: the restore callbacks of the source.  They pass the one object to the chosen method:
 * live (live.h) or file (file.h).
 *
 *     redis_restore_prepare ──► redis_restore_open ──► redis_restore_write* ──► redis_restore_close
 *                           ──► redis_restore_phase_end ──► redis_restore_end
 *
 * redis_restore_end is called in any case, and frees everything.
 */
#ifndef RD_RESTORE_RESTORE_H
#define RD_RESTORE_RESTORE_H

#include "instance.h"

enum hangar_rc redis_restore_prepare(void *inst, const struct hangar_restore *how);
enum hangar_rc redis_restore_open(void *inst, const struct hangar_object_info *info,
                                  struct hangar_object **out);
enum hangar_rc redis_restore_write(struct hangar_object *object, const void *data, size_t size);
enum hangar_rc redis_restore_close(struct hangar_object *object, int complete);
enum hangar_rc redis_restore_phase_end(void *inst, uint32_t phase);
enum hangar_rc redis_restore_end(void *inst, struct hangar_attrs *report);

#endif
