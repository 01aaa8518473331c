/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * options: the options that all commands accept, and those that several commands
 * share.  An option of one command is defined in the file of that command.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "command.h"

/* Of all commands, before or after the name of the command. */
extern const struct cli_option cli_option_config;
extern const struct cli_option cli_option_json;
extern const struct cli_option cli_option_quiet;
extern const struct cli_option cli_option_verbose;
extern const struct cli_option cli_option_color;
extern const struct cli_option cli_option_log_format;
extern const struct cli_option cli_option_help;
extern const struct cli_option cli_option_version;
extern const struct cli_option *const cli_global_options[]; /* ended by NULL */

/* Of several commands. */
extern const struct cli_option cli_option_pipeline;
extern const struct cli_option cli_option_from;
extern const struct cli_option cli_option_yes;
/* --pipeline and --from: which backups; ended by NULL. */
extern const struct cli_option *const cli_selection_options[];

#endif
