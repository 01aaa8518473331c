/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * args: the command line taken apart, by the command table.  Knows what may be
 * said, not what it does.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

enum cli_option_id {
    /* global: accepted before and after the command */
    CLI_CONFIG,
    CLI_JSON,
    CLI_QUIET,
    CLI_VERBOSE,
    CLI_COLOR,
    CLI_LOG_FORMAT,
    CLI_HELP,
    CLI_VERSION,
    /* of commands */
    CLI_PIPELINE,
    CLI_FROM,
    CLI_ONLY,
    CLI_SET,
    CLI_MODE,
    CLI_DISCONNECT,
    CLI_COMPARE,
    CLI_NO_HOOKS,
    CLI_DRY_RUN,
    CLI_YES,
    CLI_ALL,
    CLI_LEVEL,
    CLI_OUTPUT,
    CLI_FORCE,
    CLI_TO,
    CLI_MISSING,
    CLI_OPTION_COUNT
};

struct cli_option {
    enum cli_option_id id;
    char letter;       /* or 0 */
    const char *name;  /* without dashes; NULL ends a list */
    const char *value; /* NULL: takes none; "a|b": one of these; else the name of it */
    bool repeats;
    const char *help;
};

/* "plugin list" is a command of a group: all commands of one have the same options. */
struct cli_command {
    const char *name;
    const char *operands; /* "ID|latest", "[FILE]", "" */
    int min, max;         /* how many operands; max -1: any number */
    bool opens;           /* needs the library open... */
    bool no_config;       /* ...with or without a configuration file */
    bool hidden;          /* for programs: no help names it */
    const char *summary;  /* one line */
    const char *text;     /* what help adds to it */
    const struct cli_option *options;
    int (*run)(struct cli *cli); /* an exit status */
};

/* Owned by the caller; points into argv. */
struct cli_args {
    const struct cli_command *command; /* NULL: none was given */
    const char *group;                 /* with no command: the group that was named */
    int operand_count;
    const char *const *operands; /* NULL-terminated */
    int counts[CLI_OPTION_COUNT];
    const char *values[CLI_OPTION_COUNT]; /* the last given */
    const char **lists[CLI_OPTION_COUNT]; /* NULL-terminated, of options that repeat */
    const char **operand_list;            /* what `operands` points into */
    char error[512];                      /* "" when the arguments are right */
    char hint[256];
};

/* False: `error` and `hint` say why; what could be read is set nevertheless, so
 * that --json is known.  Permutes argv.  Not reentrant: getopt. */
bool cli_args_parse(struct cli_args *args, int argc, char **argv);
void cli_args_free(struct cli_args *args);

/* The tables (commands.c). */
extern const struct cli_option cli_global_options[];
extern const struct cli_command cli_commands[]; /* ended by a NULL name */
extern const char *const cli_later_commands[];  /* known, not in this version */

#endif
