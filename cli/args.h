/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * args: parses the command line by the registered commands.  It checks what may be
 * given; it does not know what a command does.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "command.h"

/* Of all commands and of one command together. */
#define CLI_OPTIONS_MAX 32

struct cli_given_option {
    const struct cli_option *option;
    int count;
    const char *value; /* the last one; NULL: the option has no value */
    const char **list; /* all values, ended by NULL, of an option that repeats; else NULL */
};

/* Zeroed by cli_args_parse, freed by cli_args_free; points into argv. */
struct cli_args {
    const struct cli_command *command; /* NULL: none was given */
    const char *group;                 /* without a command: the group that was given */
    int operand_count;
    const char *const *operands; /* ended by NULL */
    struct cli_given_option given[CLI_OPTIONS_MAX];
    size_t given_count;
    const char **operand_list; /* what `operands` points into */
    char error[512];           /* "" when the arguments are right */
    char hint[256];
};

/* False: `error` and `hint` have the reason.  The options that could be read are set,
 * so that --json is honoured.  Permutes argv.  Not reentrant: getopt is not. */
bool cli_args_parse(struct cli_args *args, int argc, char **argv);
void cli_args_free(struct cli_args *args);

/* What was given of an option; NULL: it was not given. */
const struct cli_given_option *cli_args_given(const struct cli_args *args,
                                              const struct cli_option *option);

#endif
