/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prompt: asks a yes-or-no question at a terminal.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

struct cli;

/* Prints "QUESTION [y/N] " and reads a line.  "y" and "yes", in any case, mean yes;
 * everything else, also the end of the input, means no.
 *
 * Frees the question; NULL: out of memory.  Returns DONE for a yes; else prints a message
 * and returns the exit status.  `no` is the message for a no; `unchanged` completes that of
 * an interruption ("nothing was removed"). */
int cli_agree(struct cli *cli, char *question, const char *no, const char *unchanged);

#endif
