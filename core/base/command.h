/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * command: runs a program of the user's and waits for it, within a time.  It
 * does not know what the program is for, and puts nothing into a log.
 */
#ifndef HG_COMMAND_H
#define HG_COMMAND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_command {
    char *const *argv; /* NULL-terminated, not empty; found in PATH; no shell */
    char *const *env;  /* NULL: ours */
    int64_t timeout_ms;
    const atomic_bool *cancel; /* becomes true to end it; may be NULL */
    bool with_errors;          /* its standard error is output too; else nobody sees it */
    /* Takes what it prints, in pieces; false: that is enough, end it. */
    bool (*output)(void *arg, const char *data, size_t size);
    void *arg;
};

enum hg_command_end {
    HG_COMMAND_EXITED,      /* value: the exit status */
    HG_COMMAND_SIGNALLED,   /* value: the signal */
    HG_COMMAND_NOT_STARTED, /* value: an errno */
    HG_COMMAND_LOST,        /* how it ended cannot be learned; value: an errno */
    HG_COMMAND_TIMED_OUT,
    HG_COMMAND_CANCELLED,
    HG_COMMAND_ENOUGH
};

struct hg_command_result {
    enum hg_command_end end;
    int value;
};

/* It has no input and a session of its own, without a terminal.  When it must be
 * ended, SIGTERM goes to all of that session's first group, and SIGKILL two
 * seconds later.  What it leaves behind when it exits by itself lives on. */
struct hg_command_result hg_command_run(const struct hg_command *command);

#endif
