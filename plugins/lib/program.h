/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * program: runs a program of the user's and waits for it, within a time.  It does not know
 * what the program is for, and tells nobody what it printed.
 */
#ifndef PLUGIN_PROGRAM_H
#define PLUGIN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct program {
    char *const *argv; /* NULL-terminated, not empty; found in PATH; no shell */
    int input;         /* a descriptor that it reads; -1: it has no input */
    bool with_errors;  /* its standard error is output too; else nobody sees it */
    bool alone;        /* what it leaves behind in its session ends with it */
    int64_t timeout_ms;
    /* Asked about twenty times a second. */
    bool (*cancelled)(void *arg);
    /* Takes what it prints, in pieces; false: that is too much, end it. */
    bool (*output)(void *arg, const char *data, size_t size);
    void *arg; /* of both */
};

enum program_end {
    PROGRAM_EXITED,      /* value: the exit status */
    PROGRAM_SIGNALLED,   /* value: the signal */
    PROGRAM_NOT_STARTED, /* value: an errno */
    PROGRAM_LOST,        /* how it ended cannot be learned; value: an errno */
    PROGRAM_TIMED_OUT,
    PROGRAM_CANCELLED,
    PROGRAM_TOO_MUCH
};

struct program_result {
    enum program_end end;
    int value;
};

/* It runs with our environment, in a session of its own, without a terminal.  When it must be
 * ended, SIGKILL goes to all of that session's first group. */
struct program_result program_run(const struct program *program);

/* Of a child that was started otherwise: has it ended?  Then it is reaped and *pid is 0.
 * *status is -1 when somebody else took it: then nobody knows. */
bool program_reap(pid_t *pid, int *status);

#endif
