/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * throwaway: the process of a throw-away server, which a plugin starts for a drill: its user, its
 * environment, its isolation and its end.  It does not know what server it is.
 *
 *     throwaway_prepare ──► throwaway_run* ──► throwaway_start ──► throwaway_wait
 *                                                    throwaway_stop, in any case
 *
 * The server lives in one folder, which has mode 0700 and belongs to the server's user: an
 * unprivileged one when hangar runs as root.  It has an environment of two variables, no input,
 * none of our descriptors, and, when hangar runs as root, no network.  It cannot gain rights.  The
 * kernel sends it a signal when the thread that started it ends, so that it never outlives hangar.
 */
#ifndef THROWAWAY_H
#define THROWAWAY_H

#include <stdbool.h>
#include <sys/types.h>
#include <hangar/plugin.h>

struct throwaway {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *what; /* the kind of server, for messages: "redis" */
    const char *dir;
    bool drop; /* this process is root: the server runs as the user below */
    uid_t uid;
    gid_t gid;
    char user[64];
    int null_fd, log_fd; /* open from prepare to close_files */
    const char *program; /* that was started last */
    pid_t pid;           /* 0: none runs */
};

/* Initialises `t`: chooses the first of `users` (ended by NULL) that exists, when this process is
 * root, gives it the folder `dir`, and opens a log there.  `dir` and `what` must live until
 * throwaway_close_files. */
enum hangar_rc throwaway_prepare(struct throwaway *t, const struct hangar_host *host,
                                 struct hangar_ctx *ctx, const char *what, const char *dir,
                                 const char *const *users);

/* Closes what only starting needs.  Harmless when `t` is zeroed or was closed before. */
void throwaway_close_files(struct throwaway *t);

/* Starts a program, given by its absolute path; argv[0] may be another name.  The kernel sends it
 * `end_signal` when this thread ends. */
enum hangar_rc throwaway_start(struct throwaway *t, const char *program, char *const *argv,
                               int end_signal);

/* Starts a program and waits at most `max_ms` for its exit, which must have status 0. */
enum hangar_rc throwaway_run(struct throwaway *t, const char *program, char *const *argv,
                             int end_signal, int max_ms);

/* Waits at most `max_ms` until `up` returns true: the server accepts connections. */
enum hangar_rc throwaway_wait(struct throwaway *t, bool (*up)(void *arg), void *arg, int max_ms);

/* Ends and reaps the program that runs, if any: `signal` first, SIGKILL to its process group after
 * 10 s.  With `signal` SIGKILL the whole group gets it at once. */
void throwaway_stop(struct throwaway *t, int signal);

/* Writes the path of a socket, "DIR/NAME".  HANGAR_CONFIG: it is too long for one. */
enum hangar_rc throwaway_socket(const struct hangar_host *host, struct hangar_ctx *ctx,
                                const char *dir, const char *name, char *out, size_t size);

#endif
