/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * args: argument lists and formatted strings.
 */
#include "server/instance/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

char *pg_format(const char *fmt, ...)
{
    char *out = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&out, fmt, args) < 0) {
        out = NULL;
    }
    va_end(args);
    return out;
}

void pg_arg(struct pg_args *args, const char *fmt, ...)
{
    if (args->failed) {
        return;
    }
    if (args->count + 2 > args->capacity) {
        size_t capacity = args->capacity ? args->capacity * 2 : 32;
        char **items = realloc(args->items, capacity * sizeof(*items));
        if (!items) {
            args->failed = true;
            return;
        }
        args->items = items;
        args->capacity = capacity;
    }
    va_list list;
    va_start(list, fmt);
    if (vasprintf(&args->items[args->count], fmt, list) < 0) {
        args->failed = true;
    } else {
        args->items[++args->count] = NULL;
    }
    va_end(list);
}

void pg_args_free(struct pg_args *args)
{
    for (size_t i = 0; i < args->count; i++) {
        free(args->items[i]);
    }
    free(args->items);
    *args = (struct pg_args){0};
}
