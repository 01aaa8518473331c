/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run: one call of the program.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli.h"

/* The whole program without what belongs to the process (main.c); returns the exit
 * status. */
int cli_run(const struct cli_io *io, int argc, char **argv);

#endif
