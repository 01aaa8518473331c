/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify-command: runs a program for each event, with the event's document as its
 * input.  The document lies in memory, so that a program that does not read it
 * cannot make us wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <hangar/plugin.h>

enum { ARGS_MAX = 256, SAID_MAX = 400, LOOK_MS = 50, TEMPORARY_FAILURE = 75 /* sysexits.h */ };

struct command {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    char *argv[ARGS_MAX + 1];
    int64_t timeout_ms;
    atomic_bool cancelled;
};

static const struct hangar_option options[] = {
    {.name = "command",
     .type = HANGAR_OPT_LIST,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "The program and its arguments; run without a shell. The event is its input, as one "
             "JSON document."},
    {.name = "timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "20s",
     .min = 100,
     .max = 300000,
     .help = "How long it may take before it is ended."},
    {.name = NULL}};

static enum hangar_rc command_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                     void **out)
{
    struct command *c = calloc(1, sizeof(*c));
    size_t n = 0;
    const char *arg;
    if (!c)
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    c->host = host;
    c->ctx = ctx;
    c->timeout_ms = host->opt_int(ctx, "timeout");
    while ((arg = host->opt_list(ctx, "command", n)) && n < ARGS_MAX)
        c->argv[n++] = (char *)arg; /* it lives until destroy, and exec changes nothing */
    if (arg || n == 0 || !c->argv[0][0]) {
        free(c);
        return host->fail_option(ctx, "command", "it must be a program and at most %d arguments",
                                 ARGS_MAX - 1);
    }
    *out = c;
    return HANGAR_OK;
}

static void command_cancel(void *inst)
{
    struct command *c = inst;
    atomic_store(&c->cancelled, true);
}

/* A file in memory that holds the document, at its beginning; -1 with errno. */
static int document(const char *json)
{
    int fd = memfd_create("event", MFD_CLOEXEC);
    size_t size = strlen(json);
    if (fd >= 0 && (write(fd, json, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        errno = ENOSPC;
        return -1;
    }
    return fd;
}

static int start(const struct command *c, int input, int output, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(pid, c->argv[0], &actions, &attr, c->argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The end of what it printed, for the error. */
static void hear(int fd, char said[SAID_MAX + 1])
{
    char buffer[4096];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        size_t size = (size_t)n, keep = strlen(said);
        if (size >= SAID_MAX) {
            memcpy(said, buffer + size - SAID_MAX, SAID_MAX);
            keep = 0;
            size = SAID_MAX;
        } else {
            size_t over = keep + size > SAID_MAX ? keep + size - SAID_MAX : 0;
            memmove(said, said + over, keep - over);
            keep -= over;
            memcpy(said + keep, buffer, size);
        }
        said[keep + size] = '\0';
        for (char *s = said; *s; s++) /* a NUL among it would end it early: it cannot be shown */
            *s = (unsigned char)*s < ' ' ? ' ' : *s;
    }
}

/* Waits for its end; false when it was ended for its time or because of cancel. */
static bool wait_for(struct command *c, pid_t pid, int output, char *said, int *status)
{
    int64_t deadline = now_ms() + c->timeout_ms;
    for (;;) {
        pid_t done = waitpid(pid, status, WNOHANG);
        hear(output, said);
        if (done == pid)
            return true;
        if (atomic_load(&c->cancelled) || now_ms() >= deadline)
            break;
        poll(&(struct pollfd){.fd = output, .events = POLLIN}, 1, LOOK_MS);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* its output may have ended */
    }
    kill(-pid, SIGKILL);
    while (waitpid(pid, status, 0) < 0 && errno == EINTR)
        ;
    return false;
}

static enum hangar_rc outcome(struct command *c, bool ended, int status, const char *said)
{
    const char *name = c->argv[0];
    const char *sep = said[0] ? ": " : "";
    if (!ended && atomic_load(&c->cancelled))
        return HANGAR_CANCELLED;
    if (!ended)
        return c->host->fail(c->ctx, HANGAR_RETRY, 0, "%s did not end within %lld ms", name,
                             (long long)c->timeout_ms);
    if (WIFSIGNALED(status))
        return c->host->fail(c->ctx, HANGAR_INTERNAL, 0, "%s was ended by signal %d%s%s", name,
                             WTERMSIG(status), sep, said);
    if (WEXITSTATUS(status) == 0)
        return HANGAR_OK;
    return c->host->fail(
        c->ctx, WEXITSTATUS(status) == TEMPORARY_FAILURE ? HANGAR_RETRY : HANGAR_INTERNAL, 0,
        "%s failed with exit status %d%s%s", name, WEXITSTATUS(status), sep, said);
}

static enum hangar_rc command_notify(void *inst, const struct hangar_event *event)
{
    struct command *c = inst;
    char said[SAID_MAX + 1] = "";
    int ends[2], status = 0;
    pid_t pid;
    int input = document(event->json);
    if (input < 0)
        return c->host->fail(c->ctx, HANGAR_IO, errno, "cannot keep the event in memory");
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        int saved = errno;
        close(input);
        return c->host->fail(c->ctx, HANGAR_IO, saved, "cannot make a pipe");
    }
    fcntl(ends[1], F_SETFL, 0); /* the program's end waits as usual */
    int error = start(c, input, ends[1], &pid);
    close(input);
    close(ends[1]);
    enum hangar_rc rc;
    if (error != 0) {
        rc = c->host->fail(c->ctx, HANGAR_CONFIG, error, "cannot run %s", c->argv[0]);
    } else {
        bool ended = wait_for(c, pid, ends[0], said, &status);
        rc = outcome(c, ended, status, said);
    }
    close(ends[0]);
    return rc;
}

static const struct hangar_notifier notifier = {.struct_size = sizeof(notifier),
                                                .notify = command_notify};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "notify-command",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "runs a program for each event",
    .license = "Apache-2.0",
    .options = options,
    .create = command_create,
    .destroy = free,
    .cancel = command_cancel,
    .notifier = &notifier,
};
HANGAR_PLUGIN(plugin)
