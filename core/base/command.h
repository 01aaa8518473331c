/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * command: runs a program and waits for it, with a time limit.  It must not know the
 * purpose of the program, and logs nothing.
 */
#ifndef HG_BASE_COMMAND_H
#define HG_BASE_COMMAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_command {
    char *const *argv; /* NULL-terminated, not empty; found in PATH; no shell */
    char *const *env;  /* NULL: that of this process */
    int64_t timeout_ms;
    const atomic_bool *cancel; /* the caller sets it to end the program; may be NULL */
    bool with_errors;          /* its error output is output, too; else it is discarded */
    /* Called for each piece of output; false ends the program. */
    bool (*output)(void *arg, const char *data, size_t size);
    void *arg;
};

enum hg_command_end {
    HG_COMMAND_EXITED,      /* value: the exit status */
    HG_COMMAND_SIGNALLED,   /* value: the signal */
    HG_COMMAND_NOT_STARTED, /* value: an errno */
    HG_COMMAND_LOST,        /* its exit status is unknown; value: an errno */
    HG_COMMAND_TIMED_OUT,
    HG_COMMAND_CANCELLED,
    HG_COMMAND_ENOUGH
};

struct hg_command_result {
    enum hg_command_end end;
    int value;
};

/* Whether hg_command_run would find a program that it may run: 0, or an errno. */
int hg_command_find(const char *program);

/* Runs the program with empty input, in a new session without a terminal.  To end it, this
 * function sends SIGTERM to the process group of the program, and SIGKILL two seconds later.
 * Processes that the program leaves when it exits by itself keep running. */
struct hg_command_result hg_command_run(const struct hg_command *command);

#endif
