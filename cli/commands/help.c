/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * help: prints the page of the program, of a command or of a group.
 */
#include "help.h"

static int help_command(struct cli *cli)
{
    const struct cli_args *args = &cli->args;

    if (args->operand_count == 0) {
        return cli_help_topic(cli, NULL);
    }
    char topic[CLI_SHORT];
    snprintf(topic, sizeof(topic), "%s%s%s", args->operands[0], args->operand_count > 1 ? " " : "",
             args->operand_count > 1 ? args->operands[1] : "");
    return cli_help_topic(cli, topic);
}

CLI_COMMAND(help) = {
    .order = 250,
    .name = "help",
    .operands = "[COMMAND]",
    .max = 2,
    .summary = "print help, or the help of one command",
    .run = help_command,
};
