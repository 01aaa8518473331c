/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * throwaway: the process of a throw-away server that a plugin starts for a drill: whom it
 * runs as, what it gets, and that it ends.  It knows the plugin ABI and no server.
 *
 *     throwaway_prepare ──► throwaway_run* ──► throwaway_start ──► throwaway_wait
 *                                                    throwaway_stop, in any case
 *
 * A server that it starts lives in one folder, of mode 0700 and its owner's.  It gets an
 * environment of two words, no input, no descriptor of ours, and as root no network; it
 * cannot gain rights; and it ends with us: the kernel sends it a signal when the thread that
 * started it ends.  When we are root it runs as an ordinary user.
 */
#ifndef THROWAWAY_H
#define THROWAWAY_H

#include <stdbool.h>
#include <sys/types.h>
#include <hangar/plugin.h>

struct throwaway {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *what; /* "redis", for messages */
    const char *dir;
    bool drop; /* we are root: become this one */
    uid_t uid;
    gid_t gid;
    char user[64];
    int null_fd, log_fd; /* open between prepare and close_files */
    const char *program; /* what was started last */
    pid_t pid;           /* 0: nothing runs */
};

/* Makes the folder the owner's, who is the first of `users` (ended by NULL) that this
 * system has, and opens a log in it.  Zero it before; `dir` and `what` must live until
 * throwaway_close_files. */
enum hangar_rc throwaway_prepare(struct throwaway *t, const struct hangar_host *host,
                                 struct hangar_ctx *ctx, const char *what, const char *dir,
                                 const char *const *users);

/* What only starting needs; harmless when there is nothing to close. */
void throwaway_close_files(struct throwaway *t);

/* Starts the program, of an absolute path; argv[0] may be another name.  `end_signal` is what it
 * gets when we end. */
enum hangar_rc throwaway_start(struct throwaway *t, const char *program, char *const *argv,
                               int end_signal);

/* Starts it, and waits for its end, which must be a good one. */
enum hangar_rc throwaway_run(struct throwaway *t, const char *program, char *const *argv,
                             int end_signal, int most_ms);

/* Waits until `up` says that the server takes connections. */
enum hangar_rc throwaway_wait(struct throwaway *t, bool (*up)(void *arg), void *arg, int most_ms);

/* Ends what was started, and reaps it: by `signal`, after 10 s and with SIGKILL at once also
 * all processes of its group.  Nothing runs: does nothing. */
void throwaway_stop(struct throwaway *t, int signal);

/* A path for a socket, "DIR/NAME", or HANGAR_CONFIG when it is too long for one. */
enum hangar_rc throwaway_socket(const struct hangar_host *host, struct hangar_ctx *ctx,
                                const char *dir, const char *name, char *out, size_t size);

#endif
