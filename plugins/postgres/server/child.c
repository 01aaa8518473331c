/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * child.c: programs as children.  Each runs in a process group of its own, so that it ends
 * with all its workers.  It knows nothing of what the program does.
 */
#include "server/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "program.h"
#include "server/connection.h"

#define STDERR_LIMIT 4096
#define GRACE_MS 2000 /* between SIGTERM and SIGKILL */

struct pg_child {
    struct pg_source *src;
    const char *tool;   /* for messages; a literal */
    pid_t pid;          /* 0: reaped */
    int out_fd, err_fd; /* -1: closed */
    char said[STDERR_LIMIT];
    size_t said_len;
    struct pg_error err;
};

/* ---- starting ---------------------------------------------------------------- */

/* Descriptors, signals and group of a child; the core's threads block all signals,
 * and a child must not inherit that. */
static int spawn_process(const char *path, char **argv, char **env, int out_fd, int err_fd,
                         pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t set;
    int e = posix_spawn_file_actions_init(&files);
    if (e) {
        return e;
    }
    e = posix_spawnattr_init(&attr);
    if (e) {
        posix_spawn_file_actions_destroy(&files);
        return e;
    }
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (out_fd >= 0) {
        posix_spawn_file_actions_adddup2(&files, out_fd, 1);
    } else {
        posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_adddup2(&files, err_fd, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&attr, &set);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    e = posix_spawn(pid, path, &files, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return e;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/* Starts a program; its standard error is always read. */
enum hangar_rc pg_child_start(struct pg_source *src, const char *path, const char *tool,
                              char **argv, char **env, bool output, struct pg_child **out)
{
    int out_pipe[2] = {-1, -1}, err_pipe[2] = {-1, -1};
    enum hangar_rc rc = HANGAR_OK;
    struct pg_child *child = calloc(1, sizeof(*child));
    if (!child) {
        return pg_no_memory(src);
    }
    child->src = src;
    child->tool = tool;
    child->out_fd = child->err_fd = -1;
    if ((output && pipe2(out_pipe, O_CLOEXEC) != 0) || pipe2(err_pipe, O_CLOEXEC) != 0) {
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot make a pipe");
        goto out;
    }
    int e = spawn_process(path, argv, env, out_pipe[1], err_pipe[1], &child->pid);
    if (e) {
        child->pid = 0;
        rc = src->host->fail(src->ctx, HANGAR_IO, e, "cannot run %s", path);
        goto out;
    }
    child->out_fd = out_pipe[0];
    child->err_fd = err_pipe[0];
    out_pipe[0] = err_pipe[0] = -1;
    fcntl(child->err_fd, F_SETFL, O_NONBLOCK);
    *out = child;
out:
    for (int i = 0; i < 2; i++) {
        close_fd(&out_pipe[i]);
        close_fd(&err_pipe[i]);
    }
    if (rc != HANGAR_OK) {
        free(child);
    }
    return rc;
}

/* ---- reading ----------------------------------------------------------------- */

/* Takes what is there of standard error; the beginning is kept, the rest only read. */
static void take_stderr(struct pg_child *child)
{
    char buffer[1024];
    for (;;) {
        ssize_t n = read(child->err_fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            close_fd(&child->err_fd);
            return;
        }
        size_t keep = sizeof(child->said) - 1 - child->said_len;
        keep = keep < (size_t)n ? keep : (size_t)n;
        memcpy(child->said + child->said_len, buffer, keep);
        child->said_len += keep;
    }
}

/* Waits for output, errors or cancel; *ready: there is output. */
static enum hangar_rc child_wait(struct pg_child *child, int timeout_ms, bool *ready)
{
    struct pollfd fds[3] = {{.fd = child->src->wake_fd, .events = POLLIN},
                            {.fd = child->out_fd, .events = POLLIN},
                            {.fd = child->err_fd, .events = POLLIN}};
    poll(fds, 3, timeout_ms);
    if (fds[2].revents) {
        take_stderr(child);
    }
    if (fds[0].revents || child->src->host->cancelled(child->src->ctx)) {
        return pg_set_error(&child->err, HANGAR_CANCELLED, NULL, "cancelled");
    }
    *ready = fds[1].revents != 0;
    return HANGAR_OK;
}

enum hangar_rc pg_child_read(struct pg_child *child, int64_t deadline_ms, void *buffer, size_t size,
                             size_t *got)
{
    for (;;) {
        bool ready = false;
        if (deadline_ms && pg_mono_ms() >= deadline_ms) {
            return pg_set_error(&child->err, HANGAR_IO, NULL, "no output in time");
        }
        enum hangar_rc rc = child_wait(child, deadline_ms ? 200 : 500, &ready);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!ready) {
            continue;
        }
        ssize_t n = read(child->out_fd, buffer, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return pg_set_error(&child->err, HANGAR_IO, NULL, "cannot read its output: %s",
                                strerrordesc_np(errno));
        }
        *got = (size_t)n;
        return HANGAR_OK;
    }
}

/* ---- ending ------------------------------------------------------------------ */

static enum hangar_rc judge(struct pg_child *child, int status)
{
    char line[STDERR_LIMIT];
    pg_one_line(child->said, line, 1600);
    if (status == 0) {
        if (line[0]) {
            child->src->host->log(child->src->ctx, HANGAR_LOG_WARN, "%s: %s", child->tool, line);
        }
        return HANGAR_OK;
    }
    enum hangar_rc rc = strstr(line, "permission denied") ? HANGAR_AUTH : HANGAR_IO;
    if (status != -1 && WIFSIGNALED(status)) {
        return pg_set_error(&child->err, HANGAR_IO, NULL, "%s was ended by signal %d%s%s",
                            child->tool, WTERMSIG(status), line[0] ? ": " : "", line);
    }
    return pg_set_error(&child->err, rc, NULL, "%s ended with exit status %d%s%s", child->tool,
                        status == -1 ? -1 : WEXITSTATUS(status), line[0] ? ": " : "", line);
}

enum hangar_rc pg_child_finish(struct pg_child *child, const char *doing)
{
    int64_t told = pg_mono_ms(), asked_ms = 0;
    for (;;) {
        int status;
        if (child->pid == 0) {
            return pg_set_error(&child->err, HANGAR_INTERNAL, NULL, "it has ended before");
        }
        if (program_reap(&child->pid, &status)) {
            if (child->err_fd >= 0) {
                take_stderr(child);
            }
            return judge(child, status);
        }
        bool ready;
        /* once it has closed its standard error, its end is near */
        enum hangar_rc rc = child_wait(child, child->err_fd >= 0 ? 100 : 5, &ready);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (pg_mono_ms() - told >= 1000) {
            told = pg_mono_ms();
            pg_alive(child->src, 0, doing, &asked_ms);
        }
    }
}

const struct pg_error *pg_child_error(const struct pg_child *child)
{
    return &child->err;
}

void pg_child_free(struct pg_child *child)
{
    if (!child) {
        return;
    }
    close_fd(&child->out_fd);
    int64_t start_ms = pg_mono_ms();
    int status;
    /* SIGTERM makes the tools cancel their queries */
    if (child->pid && !program_reap(&child->pid, &status)) {
        kill(-child->pid, SIGTERM);
    }
    while (child->pid && !program_reap(&child->pid, &status)) {
        if (child->err_fd >= 0) {
            take_stderr(child);
        }
        if (pg_mono_ms() - start_ms > GRACE_MS) {
            kill(-child->pid, SIGKILL);
        }
        struct timespec nap = {.tv_nsec = 5 * 1000 * 1000};
        nanosleep(&nap, NULL);
    }
    close_fd(&child->err_fd);
    free(child);
}
