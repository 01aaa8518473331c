/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * command: what a command is, and the register of all commands.  Each file of
 * commands/ registers its own commands with CLI_COMMAND; no other file lists them.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

struct cli;
struct cli_view;

/* An option is identified by its address: a command compares pointers, not names. */
struct cli_option {
    const char *name; /* without dashes */
    char letter;      /* or 0 */
    /* NULL: the option has no value.  "a|b": one of these words.  Else the name of the
     * value in the help. */
    const char *value;
    bool repeats; /* may be given more than once */
    const char *help;
};

/* Prints the document of a job: data to `out`, notes and warnings to `err`. */
typedef void cli_render(const json_t *doc, struct cli_view *out, struct cli_view *err);

/* "plugin list" is a command of the group "plugin".  All commands of a group have the
 * same options. */
struct cli_command {
    int order; /* the help lists commands by this number, then by name */
    const char *name;
    const char *operands; /* "ID|latest", "[FILE]", "" */
    int min, max;         /* number of operands; max -1: any number */
    bool opens;           /* run is called with the library open ... */
    bool no_config;       /* ... also where there is no configuration file */
    bool hidden;          /* for programs: the help does not list it */
    const char *summary;  /* one line */
    const char *text;     /* what `hangar help COMMAND` prints; NULL: the summary */
    const struct cli_option *const *options; /* ended by NULL; or NULL: none */
    int (*run)(struct cli *cli);             /* returns the exit status */
    cli_render *render;                      /* NULL: the command does not print one document */
};

/*
 * Defines and registers a command, at the end of its file:
 *
 *     CLI_COMMAND(notify) = {.order = 190, .name = "notify", ...};
 *
 * The linker collects the pointers of all files in one section.
 */
#define CLI_COMMAND(ident)                                                                         \
    static const struct cli_command cli_command_##ident;                                           \
    __attribute__((section("cli_commands"),                                                        \
                   used)) static const struct cli_command *const cli_registered_##ident =          \
        &cli_command_##ident;                                                                      \
    static const struct cli_command cli_command_##ident

/* The command after this one in the order of the help; NULL: the first.  NULL at the end. */
const struct cli_command *cli_command_next(const struct cli_command *command);

/* The command of this full name, such as "plugin list"; NULL: there is none. */
const struct cli_command *cli_command_find(const char *name);

#endif
