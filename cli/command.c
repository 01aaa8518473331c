/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * command: reads the section in which the linker collects the commands.
 */
#include "command.h"

#include <stddef.h>
#include <string.h>

/* The linker defines the bounds of a section whose name is a C identifier. */
extern const struct cli_command *const __start_cli_commands[];
extern const struct cli_command *const __stop_cli_commands[];

static int command_compare(const struct cli_command *a, const struct cli_command *b)
{
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

const struct cli_command *cli_command_next(const struct cli_command *command)
{
    const struct cli_command *next = NULL;

    for (const struct cli_command *const *at = __start_cli_commands; at < __stop_cli_commands;
         at++) {
        if ((!command || command_compare(*at, command) > 0) &&
            (!next || command_compare(*at, next) < 0)) {
            next = *at;
        }
    }
    return next;
}

const struct cli_command *cli_command_find(const char *name)
{
    for (const struct cli_command *const *at = __start_cli_commands; at < __stop_cli_commands;
         at++) {
        if (strcmp((*at)->name, name) == 0) {
            return *at;
        }
    }
    return NULL;
}
