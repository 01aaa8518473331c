/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: how a restore begins and ends, functions of struct hangar_source.
 */
#ifndef PG_RESTORE_RESTORE_H
#define PG_RESTORE_RESTORE_H

#include <hangar/plugin.h>

enum hangar_rc pg_restore_prepare(void *inst, const struct hangar_restore *how);
enum hangar_rc pg_restore_end(void *inst, struct hangar_attrs *report);

#endif
