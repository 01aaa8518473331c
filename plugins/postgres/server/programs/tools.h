/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tools: the client tools pg_dump, pg_dumpall and pg_restore: which ones, and how they
 * get the connection.
 */
#ifndef PG_SERVER_PROGRAMS_TOOLS_H
#define PG_SERVER_PROGRAMS_TOOLS_H

#include "server/instance/args.h"
#include "server/instance/instance.h"

struct pg_child;

/* Searches for tools of at least this major version, which `needer` ("the server") needs, and
 * stores the nearest one in src->tools.  When there are none, reports that to the host. */
enum hangar_rc pg_find_tools(struct pg_source *src, int least_major, const char *needer);

/* Starts src->tools' `tool`, a string literal; args[0] becomes its path.  `database` goes
 * into PGDATABASE unless it is NULL.  The rest: as pg_child_start. */
enum hangar_rc pg_spawn(struct pg_source *src, const char *tool, const char *database,
                        struct pg_args *args, bool output, struct pg_child **out);

#endif
