/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * order: in which order tables must be loaded, because the server reads one while it loads the
 * other.
 *
 *     level 0       nothing is read while they are loaded, as in almost all databases
 *     levels above  what is read is of lower levels
 *     the last one  one after the other: it is not known what is read, or they need each other
 */
#ifndef PG_BACKUP_PLAN_ORDER_H
#define PG_BACKUP_PLAN_ORDER_H

#include "backup/plan/tables.h"

#define PG_ORDER_LAST 100 /* the last level */

/* Sets level, rank and entire of all tables whose targets are set.  Within the snapshot. */
enum hangar_rc pg_order_tables(struct pg_conn *conn, const char *database, struct pg_list *list);

#endif
