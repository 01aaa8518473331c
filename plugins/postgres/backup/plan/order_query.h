/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * order_query: the query for what the server reads while the rows of a table are loaded.
 */
#ifndef PG_BACKUP_PLAN_ORDER_QUERY_H
#define PG_BACKUP_PLAN_ORDER_QUERY_H

#include "text.h"

/* Appends the query.  Each of its rows has two oids: a table, and a table that is read while the
 * first one is loaded; or 0 when it cannot be known which tables are read. */
void pg_order_add_query(struct text *sql, int server_version);

#endif
