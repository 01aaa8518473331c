/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * child: programs as children: their output, what they print to standard error, and why
 * they failed.  It does not depend on what a program is for.
 */
#include "server/programs/child.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "program.h"
#include "server/connection/connection.h"

#define STDERR_LIMIT (256 * 1024)
#define GRACE_MS 2000 /* between SIGTERM and SIGKILL */
#define READ_POLL_MS 200
#define FINISH_POLL_MS 100
#define ENDING_POLL_MS 5 /* once standard error is closed, the end is near */
#define ALIVE_MS 1000    /* between two signs of life while waiting for the end */

struct pg_child {
    struct pg_source *src;
    const char *tool; /* for messages; a literal */
    struct program_child process;
    char errors[STDERR_LIMIT]; /* the beginning of its standard error; ends with a NUL */
    size_t errors_len;
    struct pg_tolerated_errors *tolerated; /* the caller's; NULL: every error counts */
    struct pg_error err;
};

enum hangar_rc pg_child_start(struct pg_source *src, const char *path, const char *tool,
                              char *const *argv, char *const *env, bool output,
                              struct pg_child **out)
{
    struct pg_child *child = calloc(1, sizeof(*child));
    if (!child) {
        return pg_no_memory(src);
    }
    child->src = src;
    child->tool = tool;
    const struct program program = {
        .argv = argv, .env = env, .input = -1, .mute = !output, .errors = PROGRAM_ERRORS_APART};
    if (program_require_trusted(src->host, src->ctx, path) != HANGAR_OK) { /* bin_dir, PATH */
        free(child);
        return HANGAR_CONFIG;
    }
    int error = program_start(&program, &child->process);
    if (error != 0) {
        free(child);
        return src->host->fail(src->ctx, HANGAR_IO, error, "cannot run %s", path);
    }
    *out = child;
    return HANGAR_OK;
}

/* ---- reading ----------------------------------------------------------------- */

void pg_child_tolerate(struct pg_child *child, struct pg_tolerated_errors *tolerated)
{
    child->tolerated = tolerated;
}

/* Stores as much as fits. */
static void pg_child_store_errors(void *arg, const char *data, size_t size)
{
    struct pg_child *child = arg;
    size_t room = sizeof(child->errors) - 1 - child->errors_len;
    size_t stored = room < size ? room : size;
    memcpy(child->errors + child->errors_len, data, stored);
    child->errors_len += stored;
}

/* Reads what there is of standard error. */
static void pg_child_read_errors(struct pg_child *child)
{
    char buffer[1024];
    while (child->process.err_fd >= 0) {
        ssize_t n = read(child->process.err_fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            close(child->process.err_fd);
            child->process.err_fd = -1;
            return;
        }
        if (child->tolerated) {
            pg_tolerated_add(child->tolerated, buffer, (size_t)n, pg_child_store_errors, child);
        } else {
            pg_child_store_errors(child, buffer, (size_t)n);
        }
    }
}

/* Waits for output, errors or cancel; *ready: there is output. */
static enum hangar_rc pg_child_wait(struct pg_child *child, int timeout_ms, bool *ready)
{
    struct pollfd fds[3] = {{.fd = child->src->wake_fd, .events = POLLIN},
                            {.fd = child->process.out_fd, .events = POLLIN},
                            {.fd = child->process.err_fd, .events = POLLIN}};
    poll(fds, 3, timeout_ms);
    if (fds[2].revents) {
        pg_child_read_errors(child);
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
        if (deadline_ms && clock_monotonic_ms() >= deadline_ms) {
            return pg_set_error(&child->err, HANGAR_IO, NULL, "no output in time");
        }
        bool ready = false;
        enum hangar_rc rc = pg_child_wait(child, READ_POLL_MS, &ready);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (!ready) {
            continue;
        }
        ssize_t n = read(child->process.out_fd, buffer, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return pg_set_error(&child->err, HANGAR_IO, NULL, "cannot read the output of %s: %s",
                                child->tool, strerrordesc_np(errno));
        }
        *got = (size_t)n;
        return HANGAR_OK;
    }
}

/* ---- ending ------------------------------------------------------------------ */

/* The result of a status of waitpid; -1: another part of the process has reaped the child. */
static enum hangar_rc pg_child_result(struct pg_child *child, int status)
{
    if (child->tolerated && pg_tolerated_only(child->tolerated, pg_child_store_errors, child) &&
        status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 1) {
        status = 0;
    }
    char line[PG_ERRORS_SHOWN];
    pg_one_line(child->errors, line, sizeof(line));
    const char *separator = line[0] ? ": " : "";
    if (status == 0) {
        if (line[0]) {
            child->src->host->log(child->src->ctx, HANGAR_LOG_WARN, "%s: %s", child->tool, line);
        }
        return HANGAR_OK;
    }
    if (status != -1 && WIFSIGNALED(status)) {
        return pg_set_error(&child->err, HANGAR_IO, NULL, "%s was ended by signal %d%s%s",
                            child->tool, WTERMSIG(status), separator, line);
    }
    enum hangar_rc rc = strstr(line, "permission denied") ? HANGAR_AUTH : HANGAR_IO;
    return pg_set_error(&child->err, rc, NULL, "%s ended with exit status %d%s%s", child->tool,
                        status == -1 ? -1 : WEXITSTATUS(status), separator, line);
}

enum hangar_rc pg_child_finish(struct pg_child *child, const char *doing)
{
    int64_t reported_ms = clock_monotonic_ms(), asked_ms = 0;
    if (child->process.pid == 0) {
        return pg_set_error(&child->err, HANGAR_INTERNAL, NULL, "%s has ended before", child->tool);
    }
    int status;
    while (!program_reap(&child->process.pid, &status)) {
        bool ready;
        int timeout_ms = child->process.err_fd >= 0 ? FINISH_POLL_MS : ENDING_POLL_MS;
        enum hangar_rc rc = pg_child_wait(child, timeout_ms, &ready);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (clock_monotonic_ms() - reported_ms >= ALIVE_MS) {
            reported_ms = clock_monotonic_ms();
            pg_alive(child->src, 0, doing, &asked_ms);
        }
    }
    pg_child_read_errors(child);
    return pg_child_result(child, status);
}

const struct pg_error *pg_child_error(const struct pg_child *child)
{
    return &child->err;
}

const char *pg_child_errors(const struct pg_child *child)
{
    return child->errors;
}

void pg_child_free(struct pg_child *child)
{
    if (!child) {
        return;
    }
    program_stop(&child->process, GRACE_MS); /* SIGTERM makes the tools cancel their queries */
    free(child);
}
