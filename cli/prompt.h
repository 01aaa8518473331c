/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prompt: asks a yes-or-no question at a terminal.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include <stdbool.h>
#include <stdio.h>

struct cli;

enum cli_answer { CLI_ANSWER_NO, CLI_ANSWER_YES, CLI_ANSWER_INTERRUPTED };

/* Writes "QUESTION [y/N] " and reads a line.  "y" and "yes", in any case,
 * mean yes; everything else, also the end of the input, means no. */
enum cli_answer cli_confirm(int in, FILE *out, const char *question);

/* Whether a line, without its newline, means yes. */
bool cli_is_yes(const char *line);

/* Asks for confirmation.  Frees the question; NULL: out of memory.  Returns DONE when the
 * answer is yes; else prints a message and returns the exit status.  `no` is the message
 * for a no; `unchanged` completes that of an interruption ("nothing was removed"). */
int cli_agree(struct cli *cli, char *question, const char *no, const char *unchanged);

#endif
