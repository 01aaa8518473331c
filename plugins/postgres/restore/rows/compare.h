/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compare: the restored tables, compared with tables.jsonl.
 */
#ifndef PG_RESTORE_ROWS_COMPARE_H
#define PG_RESTORE_ROWS_COMPARE_H

#include "restore/target/target.h"

enum hangar_rc pg_compare(struct pg_target *target);

#endif
