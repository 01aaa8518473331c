/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * swap: replaces databases by those that were loaded beside them.
 */
#ifndef PG_RESTORE_CLEAN_SWAP_H
#define PG_RESTORE_CLEAN_SWAP_H

#include "server/instance/instance.h"

/* Replaces all targets in one transaction, and drops the old databases. */
enum hangar_rc pg_clean_swap(struct pg_source *src, struct hangar_attrs *report);

#endif
