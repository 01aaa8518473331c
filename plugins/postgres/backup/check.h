/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check: whether a backup would work, a function of struct hangar_source.
 */
#ifndef PG_BACKUP_CHECK_H
#define PG_BACKUP_CHECK_H

#include <hangar/plugin.h>

enum hangar_rc pg_check(void *inst, struct hangar_attrs *facts);

#endif
