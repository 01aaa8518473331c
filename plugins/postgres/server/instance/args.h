/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * args: lists of arguments, for programs.
 */
#ifndef PG_SERVER_INSTANCE_ARGS_H
#define PG_SERVER_INSTANCE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <hangar/plugin.h>

/* Zero it before use.  `failed` is set when memory runs out; the list then stays as it is. */
struct pg_args {
    char **items; /* ended by NULL */
    size_t count, capacity;
    bool failed;
};

void pg_arg(struct pg_args *args, const char *fmt, ...) HANGAR_PRINTF(2, 3);
void pg_args_free(struct pg_args *args);

/* A string for the caller to free; NULL when memory runs out. */
char *pg_format(const char *fmt, ...) HANGAR_PRINTF(1, 2);

#endif
