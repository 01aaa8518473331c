/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * version: prints the version.
 */
#include "help.h"

CLI_COMMAND(version) = {
    .order = 260,
    .name = "version",
    .operands = "",
    .summary = "print the version",
    .run = cli_version,
};
