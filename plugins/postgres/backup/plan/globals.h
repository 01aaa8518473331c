/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * globals: roles and tablespaces, by pg_dumpall.
 */
#ifndef PG_BACKUP_PLAN_GLOBALS_H
#define PG_BACKUP_PLAN_GLOBALS_H

#include <stdbool.h>
#include "server/connection/connection.h"

struct pg_child;

/* How pg_dumpall is to be run. */
struct pg_globals_plan {
    const char *database; /* to connect to */
    bool passwords;       /* this role may read them */
};

/* Fills *plan. */
enum hangar_rc pg_globals_prepare(struct pg_source *src, struct pg_conn *conn,
                                  struct pg_globals_plan *plan);

enum hangar_rc pg_globals_spawn(struct pg_source *src, const struct pg_globals_plan *plan,
                                struct pg_child **out);

#endif
