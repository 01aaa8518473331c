/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * help: the help pages and the version.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli.h"

/* The page of the program: its commands and the options of all commands. */
void cli_help_overview(struct cli_view *view);

/* The page of a command or of a group on standard output; NULL: of the program.  Returns
 * the exit status: USAGE for a topic that is neither. */
int cli_help_topic(struct cli *cli, const char *topic);

/* The version on standard output; returns the exit status. */
int cli_version(struct cli *cli);

#endif
