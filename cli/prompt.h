/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prompt: a yes-or-no question to a person at a terminal.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include <stdbool.h>
#include <stdio.h>

struct cli;

enum cli_answer { CLI_ANSWER_NO, CLI_ANSWER_YES, CLI_ANSWER_INTERRUPTED };

/* Writes "QUESTION [y/N] " and reads a line.  Only "y" and "yes", in any case,
 * mean yes; everything else, the end of the input included, means no. */
enum cli_answer cli_confirm(int in, FILE *out, const char *question);

/* The answer that a line (without its newline) means. */
bool cli_is_yes(const char *line);

/* The same before something that cannot be taken back.  Takes the question, NULL: there
 * was no memory for it.  DONE when it may be done; else the exit status, told: `no` is
 * what to say to a no, and `unchanged` what an interruption leaves ("nothing was removed"). */
int cli_agree(struct cli *cli, char *question, const char *no, const char *unchanged);

#endif
