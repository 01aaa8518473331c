/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * program: runs another program.  It does not know what the program is for, and logs nothing.
 *
 *     program_run                             runs it, reads its output, waits, within a time
 *
 *     program_start ──► program_reap*         the caller reads its output and waits
 *            └────────► program_stop          ends it early; afterwards it is reaped
 *
 * A program runs in a session and a process group of its own, without a terminal.  No signal is
 * blocked or ignored in it, and of hangar's descriptors it has 0, 1 and 2 only.
 */
#ifndef PLUGIN_PROGRAM_H
#define PLUGIN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <hangar/plugin.h>

/* Asks the host whether another user could change the file of a program, or one that names
 * programs.  Then it must not run: HANGAR_CONFIG, and `why` is the reason, with a hint.  A host
 * that is too old to judge accepts all. */
#define PROGRAM_WHY_SIZE 1024
enum hangar_rc program_check_file(const struct hangar_host *host, struct hangar_ctx *ctx,
                                  const char *path, char why[PROGRAM_WHY_SIZE]);

/* The same, and records the failure: "cannot run PATH: ...". */
enum hangar_rc program_require_trusted(const struct hangar_host *host, struct hangar_ctx *ctx,
                                       const char *path);

enum program_errors {
    PROGRAM_ERRORS_DROPPED = 0, /* its standard error is /dev/null */
    PROGRAM_ERRORS_IN_OUTPUT,   /* both streams are one */
    PROGRAM_ERRORS_APART        /* a pipe of its own; program_start only */
};

struct program {
    char *const *argv; /* NULL-terminated, not empty; found in PATH; no shell */
    char *const *env;  /* NULL: the environment of this process */
    int input;         /* a descriptor that becomes its standard input; -1: /dev/null */
    bool mute;         /* its standard output is /dev/null; program_start only */
    enum program_errors errors;

    /* What follows is for program_run. */
    bool alone;         /* also ends what it leaves running in its process group */
    int64_t timeout_ms; /* then it is killed */
    /* Called about 20 times a second; true: the program is killed. */
    bool (*cancelled)(void *arg);
    /* Receives the output in pieces; false: it is too much, and the program is killed. */
    bool (*output)(void *arg, const char *data, size_t size);
    void *arg; /* of both */
};

enum program_end {
    PROGRAM_EXITED,      /* value: the exit status */
    PROGRAM_SIGNALLED,   /* value: the signal */
    PROGRAM_NOT_STARTED, /* value: an errno */
    PROGRAM_LOST,        /* another part of the process reaped it; value: an errno */
    PROGRAM_TIMED_OUT,
    PROGRAM_CANCELLED,
    PROGRAM_TOO_MUCH
};

struct program_result {
    enum program_end end;
    int value;
};

/* Runs the program and waits for its end.  When it is killed, SIGKILL goes to its whole process
 * group.  A process that it left behind may keep its output open: that is not waited for. */
struct program_result program_run(const struct program *program);

/* A program that runs.  The caller closes what it does not leave to program_stop. */
struct program_child {
    pid_t pid;  /* 0: it was reaped */
    int out_fd; /* to read its standard output; -1: it is mute */
    int err_fd; /* to read its standard error, never blocks; -1: it is not apart */
};

/* Starts the program.  Returns 0 or an errno; then nothing runs and nothing is open. */
int program_start(const struct program *program, struct program_child *out);

/* Ends a program: SIGTERM to its process group, and SIGKILL to what is left of the group once
 * the program itself has ended, or after `grace_ms`.  Meanwhile it reads standard error, so that
 * a full pipe does not block the program.  Reaps it, and closes both descriptors.  When it was
 * reaped before, only closes them. */
void program_stop(struct program_child *child, int grace_ms);

/* Has this child of the process, started here or not, ended?  Then it is reaped, *pid is 0, and
 * *status is that of waitpid; -1: another part of the process has reaped it, and nothing is
 * known. */
bool program_reap(pid_t *pid, int *status);

#endif
