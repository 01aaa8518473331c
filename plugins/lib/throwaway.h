/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * throwaway: the process of a throw-away server, which a plugin starts for a drill: its user, its
 * environment, its isolation and its end.  It does not know what server it is.
 *
 *     throwaway_prepare ──► throwaway_run* ──► throwaway_start ──► throwaway_wait
 *                                                    throwaway_stop, in any case
 *
 * Restored data may contain code, which may do anything.  So the server runs in a sandbox
 * (sandbox.h): it sees its own folder and programs, and no network, process, key or other data of
 * this machine.  Its folder, DIR/run, has mode 0700 and belongs to the server's user: an
 * unprivileged one when hangar runs as root.  It has an environment of two variables, no input and
 * none of hangar's descriptors.  When it ends, all that it started ends with it.  The kernel ends
 * it when the thread that started it ends, so that it never outlives hangar.
 *
 * It may start 256 processes more than it needs itself, and none of them may allocate more than
 * three quarters of the machine's memory.  All of them together are not limited in memory: the
 * kernel ends them before any other process when there is none left.
 *
 * hangar connects to DIR/SOCKET, a second name of the server's socket in a folder that the server
 * cannot see.  So the server cannot lead hangar to another socket of this machine.
 *
 * Where no sandbox can be made, `required` decides: the start is refused, or, with a warning, the
 * server has only its own user (when hangar is root) and no network (when that is possible).
 */
#ifndef PLUGIN_THROWAWAY_H
#define PLUGIN_THROWAWAY_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <hangar/plugin.h>
#include "sandbox.h"

/* The server that a plugin starts.  All pointers must stay valid until throwaway_close_files. */
struct throwaway_request {
    const char *what;         /* the kind of server, for messages: "redis" */
    const char *dir;          /* a folder for this server, of hangar */
    const char *const *users; /* when hangar is root: uses the first that exists; ends with NULL */
    const char *const *more;  /* paths that the programs need beside those of sandbox_plan */
    unsigned processes;       /* that the server itself may need at the same time */
    bool required;            /* refuse the start where no sandbox can be made */
};

struct throwaway {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    struct throwaway_request wish;
    char *run; /* DIR/run */
    struct sandbox box;
    bool isolated;
    rlim_t processes, memory; /* limits: of the server's user, and of each process */
    char user[64];            /* of the server, when hangar is root */
    int null_fd, log_fd;      /* open from prepare to close_files */
    const char *program;      /* that was started last */
    pid_t pid;                /* 0: none runs */
};

/* The choices of an option `drill_isolation`, the first is the default, and its help. */
extern const char *const throwaway_isolation_choices[];
#define THROWAWAY_ISOLATION_HELP                                                                   \
    "Drills run restored code in a throw-away server, which is isolated from everything else on "  \
    "this machine. required: where that is not possible, refuse the drill. preferred: warn, and "  \
    "drill without."

/* Whether the option `drill_isolation` of this instance is `required`. */
bool throwaway_isolation_required(const struct hangar_host *host, struct hangar_ctx *ctx);

/* Initialises `t`: makes the folder DIR/run and a log in DIR; as root chooses the user. */
enum hangar_rc throwaway_prepare(struct throwaway *t, const struct hangar_host *host,
                                 struct hangar_ctx *ctx, const struct throwaway_request *wish);

/* Sets the fact "drills" when a drill would be refused here, or would not be isolated. */
void throwaway_check(const struct hangar_host *host, struct hangar_ctx *ctx,
                     const char *const *users, struct hangar_attrs *facts);

/* Closes what only starting needs.  Harmless when `t` is zeroed or was closed before. */
void throwaway_close_files(struct throwaway *t);

/* Starts a program, given by its absolute path; argv[0] may be another name.  Without isolation the
 * kernel sends it `end_signal` when this thread ends. */
enum hangar_rc throwaway_start(struct throwaway *t, const char *program, char *const *argv,
                               int end_signal);

/* Starts a program and waits at most `max_ms` for its exit, which must have status 0. */
enum hangar_rc throwaway_run(struct throwaway *t, const char *program, char *const *argv,
                             int end_signal, int max_ms);

/* Waits at most `max_ms` until the server has made the socket DIR/run/NAME and `up` returns true:
 * it accepts connections at DIR/NAME.  `name` may be NULL: there is no socket. */
enum hangar_rc throwaway_wait(struct throwaway *t, const char *name, bool (*up)(void *arg),
                              void *arg, int max_ms);

/* Ends and reaps the program that runs, if any.  With isolation it and all that it started have
 * ended afterwards.  Without: `signal` first, SIGKILL to its process group after 10 s; with
 * `signal` SIGKILL the whole group gets it at once. */
void throwaway_stop(struct throwaway *t, int signal);

/* Writes the path of a socket, "DIR/run/NAME".  HANGAR_CONFIG: it is too long for one. */
enum hangar_rc throwaway_socket(const struct hangar_host *host, struct hangar_ctx *ctx,
                                const char *dir, const char *name, char *out, size_t size);

#endif
