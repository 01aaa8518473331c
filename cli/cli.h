/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cli: the state of one call of the program, and what all commands share.  Everything that
 * comes from the process is in struct cli_io, so that tests can run the whole program.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <hangar/hangar.h>
#include "args.h"
#include "output.h"
#include "progress.h"

/* The surroundings of the program. */
struct cli_io {
    int in; /* the descriptor from which answers are read */
    FILE *out, *err;
    bool in_tty, out_tty, err_tty;
    bool dumb;     /* the terminal cannot move its cursor */
    bool no_color; /* NO_COLOR */
    bool journal;  /* the error stream goes to the journal of systemd */
    bool utf8;
    int width;                          /* of the terminal, 0: unknown */
    int64_t now_ms;                     /* since 1970 */
    const char *plugin_dir, *state_dir; /* or NULL */
};

struct cli {
    const struct cli_io *io;
    struct cli_args args;
    struct cli_view out, err;
    struct cli_progress progress;
    struct cli_printed_failures printed; /* of both views */
    struct hangar *hangar;               /* NULL unless the command opens it */
};

/* Was the option given?  Its last value; all its values, ended by NULL.  NULL: it was not
 * given. */
bool cli_has_option(const struct cli *cli, const struct cli_option *option);
const char *cli_option_value(const struct cli *cli, const struct cli_option *option);
const char *const *cli_option_list(const struct cli *cli, const struct cli_option *option);

/* The format of --log-format, else the one that fits the error stream. */
enum cli_log_format cli_log_format_of(const struct cli *cli);

/* Prints one or more messages, a line each: "hangar: TEXT", "  hint: FIX". */
void cli_error(struct cli *cli, const char *text);
void cli_errorf(struct cli *cli, const char *fmt, ...) CLI_PRINTF(2, 3);

/* Ends a job.  Prints its document: unchanged with --json, else by `render`.  Then prints the error
 * of the library, unless a line of the log has printed it, or the document has printed it: when its
 * array `printed_by` has entries (NULL: never).  Frees json; returns the exit status. */
int cli_finish(struct cli *cli, enum hangar_status status, char *json, cli_render *render,
               const char *printed_by);

/* Prints a document of the program itself.  Consumes it; NULL: out of memory. */
void cli_print_document(struct cli *cli, json_t *doc);

/* With --json: prints an error document where the library gave none. */
void cli_error_document(struct cli *cli, enum hangar_status status, const char *text);

/* The error of the library, or the name of the status where it gave none. */
const char *cli_error_text(const struct cli *cli, enum hangar_status status);

/* Prints both, message and document; returns the status as exit status. */
int cli_stop(struct cli *cli, enum hangar_status status, const char *text);

/* "ID" or "latest" with --pipeline and --from. */
struct hangar_selection cli_selection(const struct cli *cli);

/* The start of a command line for the user's shell: "hangar", with -c for a configuration
 * that is not NULL.  Malloc'd, NULL when out of memory. */
char *cli_program(const struct cli *cli, const char *config);

/* The worse of two exit statuses. */
int cli_worse(int a, int b);

#endif
