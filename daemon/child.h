/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * child: one process as the operating system sees it: it leads its own process group, gets
 * SIGTERM when the daemon dies, and writes lines: events to DAEMON_JOB_FD, and what it or
 * a library in it prints to its standard streams.
 */
#ifndef DAEMON_CHILD_H
#define DAEMON_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The descriptor of a process on which it writes events. */
#define DAEMON_JOB_FD 3

/* The part of a line that has been read. */
struct daemon_lines {
    int fd; /* -1 at the end of the file */
    char *text;
    size_t length, capacity, limit;
    bool dropping; /* the line is above the limit: its rest is skipped */
};

struct daemon_child {
    pid_t pid; /* 0: none, or waitpid has returned it */
    struct daemon_lines events, output;
};

/* Returns 0 or an errno.  `argv` is ended by NULL; the name is first. */
int daemon_child_start(struct daemon_child *child, const char *program, const char *const *argv);

/* Reads without waiting and calls `on_line` with each whole line.  A line above the limit is
 * dropped (events) or given in pieces (output). */
typedef void daemon_line(void *arg, const char *line, size_t length);
void daemon_child_read_events(struct daemon_child *child, daemon_line *on_line, void *arg);
void daemon_child_read_output(struct daemon_child *child, daemon_line *on_line, void *arg);

void daemon_child_signal(const struct daemon_child *child, int number); /* to its group */

/* True when the process has ended: kills the rest of its group and sets *status as waitpid
 * does. */
bool daemon_child_ended(struct daemon_child *child, int *status);

/* Closes and frees; the process must have ended. */
void daemon_child_close(struct daemon_child *child);

#endif
