/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * child: a process of the daemon's: it leads a group of its own, gets SIGTERM when the
 * daemon dies, and writes lines: events on DAEMON_JOB_FD, and whatever it or a library
 * in it prints on its standard streams.
 */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What has been read of a line that has not ended. */
struct daemon_lines {
    int fd; /* -1 when it is at its end */
    char *text;
    size_t length, capacity, limit;
    bool dropping; /* the line was longer than the limit: its rest is passed over */
};

struct daemon_child {
    pid_t pid; /* 0: none, or it has been waited for */
    struct daemon_lines events, output;
};

/* 0 or an errno.  `argv` is NULL-terminated, with the name first. */
int daemon_child_start(struct daemon_child *child, const char *program, const char *const *argv);

/* Reads what there is, without waiting, and gives each whole line; a line that is too
 * long is not given (events), or in pieces (output). */
typedef void daemon_line(void *arg, const char *line, size_t length);
void daemon_child_read_events(struct daemon_child *child, daemon_line *give, void *arg);
void daemon_child_read_output(struct daemon_child *child, daemon_line *give, void *arg);

void daemon_child_signal(const struct daemon_child *child, int number); /* to its group */

/* Has it ended?  Then what is left of its group is killed, and *status is as waitpid
 * gives it. */
bool daemon_child_ended(struct daemon_child *child, int *status);

/* Closes and frees; the process must have ended. */
void daemon_child_close(struct daemon_child *child);

#endif
