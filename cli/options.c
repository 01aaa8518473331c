/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * options: see options.h.
 */
#include "options.h"

#include <stddef.h>

const struct cli_option cli_option_config = {
    .letter = 'c',
    .name = "config",
    .value = "FILE",
    .help = "the configuration file (default: ./backup.yaml, then /etc/hangar/backup.yaml)"};
const struct cli_option cli_option_json = {.name = "json",
                                           .help = "print one JSON document instead of text"};
const struct cli_option cli_option_quiet = {
    .letter = 'q', .name = "quiet", .help = "print only data, warnings and errors"};
const struct cli_option cli_option_verbose = {
    .letter = 'v', .name = "verbose", .help = "print details and log everything"};
const struct cli_option cli_option_color = {
    .name = "color", .value = "auto|always|never", .help = "when to use colours (default: auto)"};
const struct cli_option cli_option_log_format = {
    .name = "log-format",
    .value = "logfmt|json|journal",
    .help = "the format of log lines (default: text on a terminal, else logfmt; under systemd with "
            "its priorities)"};
const struct cli_option cli_option_help = {
    .letter = 'h', .name = "help", .help = "print help; after a command, the help of that command"};
const struct cli_option cli_option_version = {.name = "version", .help = "print the version"};

const struct cli_option *const cli_global_options[] = {
    &cli_option_config,  &cli_option_json,    &cli_option_quiet,
    &cli_option_verbose, &cli_option_color,   &cli_option_log_format,
    &cli_option_help,    &cli_option_version, NULL,
};

const struct cli_option cli_option_pipeline = {
    .name = "pipeline", .value = "NAME", .help = "only backups of this pipeline"};
const struct cli_option cli_option_from = {
    .name = "from", .value = "SINK", .help = "only this sink"};
const struct cli_option cli_option_yes = {
    .letter = 'y', .name = "yes", .help = "do not ask for confirmation"};

const struct cli_option *const cli_selection_options[] = {&cli_option_pipeline, &cli_option_from,
                                                          NULL};
