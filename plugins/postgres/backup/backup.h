/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: how a backup begins and ends, functions of struct hangar_source.
 */
#ifndef PG_BACKUP_BACKUP_H
#define PG_BACKUP_BACKUP_H

#include <hangar/plugin.h>

enum hangar_rc pg_prepare(void *inst);
enum hangar_rc pg_prepare_safety(void *inst);
enum hangar_rc pg_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point);
enum hangar_rc pg_end(void *inst, struct hangar_attrs *facts);

#endif
