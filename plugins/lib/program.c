/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * program: see program.h.  The program's end counts, not that of its output: a service
 * that it started may keep the pipe open for years.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum { POLL_MS = 50, ENDING_POLL_MS = 5 };

/* ---- starting ---- */

static void program_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

/* Sets the descriptors 0, 1 and 2 of the child, in that order: a descriptor that is replaced must
 * not be needed any more. */
static void program_set_files(const struct program *p, int out_fd, int err_fd,
                              posix_spawn_file_actions_t *files)
{
    if (p->input >= 0) {
        posix_spawn_file_actions_adddup2(files, p->input, STDIN_FILENO);
    } else {
        posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    if (out_fd >= 0) {
        posix_spawn_file_actions_adddup2(files, out_fd, STDOUT_FILENO);
    } else {
        posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    if (p->errors == PROGRAM_ERRORS_IN_OUTPUT) {
        posix_spawn_file_actions_adddup2(files, STDOUT_FILENO, STDERR_FILENO);
    } else if (err_fd >= 0) {
        posix_spawn_file_actions_adddup2(files, err_fd, STDERR_FILENO);
    } else {
        posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

/* Returns an errno.  The threads of the core block all signals, and a child would inherit that. */
static int program_spawn(const struct program *p, int out_fd, int err_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0) {
        return error;
    }
    posix_spawnattr_t attr;
    error = posix_spawnattr_init(&attr);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    program_set_files(p, out_fd, err_fd, &files);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    error = posix_spawnp(pid, p->argv[0], &files, &attr, p->argv, p->env ? p->env : environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

int program_start(const struct program *p, struct program_child *out)
{
    int output[2] = {-1, -1}, errors[2] = {-1, -1};
    struct program_child child = {.pid = 0, .out_fd = -1, .err_fd = -1};
    int error = 0;
    if ((!p->mute && pipe2(output, O_CLOEXEC) != 0) ||
        (p->errors == PROGRAM_ERRORS_APART && pipe2(errors, O_CLOEXEC) != 0)) {
        error = errno;
        goto out;
    }
    error = program_spawn(p, output[1], errors[1], &child.pid);
    if (error != 0) {
        goto out;
    }
    child.out_fd = output[0];
    child.err_fd = errors[0];
    output[0] = errors[0] = -1;
    if (child.err_fd >= 0) {
        fcntl(child.err_fd, F_SETFL, O_NONBLOCK);
    }
    *out = child;
out:
    for (int i = 0; i < 2; i++) {
        program_close(&output[i]);
        program_close(&errors[i]);
    }
    return error;
}

/* ---- ending ---- */

bool program_reap(pid_t *pid, int *status)
{
    pid_t done = waitpid(*pid, status, WNOHANG);
    if (done == 0 || (done < 0 && errno == EINTR)) {
        return false;
    }
    if (done < 0) {
        *status = -1;
    }
    *pid = 0;
    return true;
}

/* Reads what is there, and drops it. */
static void program_drop_errors(struct program_child *child)
{
    char buffer[1024];
    ssize_t n = child->err_fd < 0 ? 0 : read(child->err_fd, buffer, sizeof(buffer));
    while (n > 0) {
        n = read(child->err_fd, buffer, sizeof(buffer));
    }
}

/* Has the child ended?  It is not reaped: until then no other process group can have its
 * number.  Also false when another part of the process has reaped it. */
static bool program_has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

void program_stop(struct program_child *child, int grace_ms)
{
    program_close(&child->out_fd);
    int64_t kill_ms = clock_monotonic_ms() + grace_ms;
    if (child->pid > 0 && !program_has_ended(child->pid)) {
        kill(-child->pid, SIGTERM);
    }
    while (child->pid > 0) {
        program_drop_errors(child);
        if (program_has_ended(child->pid) || clock_monotonic_ms() >= kill_ms) {
            kill(-child->pid, SIGKILL);
        }
        int status;
        if (!program_reap(&child->pid, &status)) {
            const struct timespec nap = {.tv_nsec = ENDING_POLL_MS * 1000000};
            nanosleep(&nap, NULL);
        }
    }
    program_close(&child->err_fd);
}

/* ---- running ---- */

enum program_flow { FLOW_MORE, FLOW_END, FLOW_TOO_MUCH };

/* Passes on all that can be read now. */
static enum program_flow program_drain(const struct program *p, int fd)
{
    char buffer[4096];
    enum program_flow flow = FLOW_MORE;
    while (flow == FLOW_MORE) {
        ssize_t n = read(fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            break;
        }
        if (n == 0) {
            flow = FLOW_END;
        } else if (!p->output(p->arg, buffer, (size_t)n)) {
            flow = FLOW_TOO_MUCH;
        }
    }
    explicit_bzero(buffer, sizeof(buffer)); /* it may have been a secret */
    return flow;
}

/* Waits for the end of the program and does not reap it: until it is reaped, no other process
 * group can have its number. */
static struct program_result program_wait(const struct program *p, pid_t pid, int fd)
{
    int64_t deadline = clock_monotonic_ms() + p->timeout_ms;
    enum program_flow flow = FLOW_MORE;
    for (;;) {
        siginfo_t info = {0};
        int waited = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
        int error = waited != 0 && errno != EINTR ? errno : 0;
        if (flow == FLOW_MORE) { /* after waitid, so that no output is lost */
            flow = program_drain(p, fd);
        }
        if (flow == FLOW_TOO_MUCH) {
            return (struct program_result){PROGRAM_TOO_MUCH, 0};
        }
        if (error != 0) {
            return (struct program_result){PROGRAM_LOST, error};
        }
        if (info.si_pid == pid) {
            return (struct program_result){
                info.si_code == CLD_EXITED ? PROGRAM_EXITED : PROGRAM_SIGNALLED, info.si_status};
        }
        if (p->cancelled(p->arg)) {
            return (struct program_result){PROGRAM_CANCELLED, 0};
        }
        if (clock_monotonic_ms() >= deadline) {
            return (struct program_result){PROGRAM_TIMED_OUT, 0};
        }
        struct pollfd output = {.fd = flow == FLOW_MORE ? fd : -1, .events = POLLIN};
        poll(&output, 1, flow == FLOW_MORE ? POLL_MS : ENDING_POLL_MS);
    }
}

struct program_result program_run(const struct program *p)
{
    struct program_child child;
    int error = program_start(p, &child);
    if (error != 0) {
        return (struct program_result){PROGRAM_NOT_STARTED, error};
    }
    fcntl(child.out_fd, F_SETFL, O_NONBLOCK);
    struct program_result result = program_wait(p, child.pid, child.out_fd);
    bool by_itself = result.end == PROGRAM_EXITED || result.end == PROGRAM_SIGNALLED;
    program_close(&child.out_fd);
    if (result.end == PROGRAM_LOST) {
        return result;
    }
    if (p->alone || !by_itself) {
        kill(-child.pid, SIGKILL);
    }
    while (waitpid(child.pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return result;
}

enum hangar_rc program_check_file(const struct hangar_host *host, struct hangar_ctx *ctx,
                                  const char *path, char why[PROGRAM_WHY_SIZE])
{
    const bool asks =
        host->struct_size >= offsetof(struct hangar_host, check_file) + sizeof(host->check_file);
    return asks ? host->check_file(ctx, path, why, PROGRAM_WHY_SIZE) : HANGAR_OK;
}

enum hangar_rc program_require_trusted(const struct hangar_host *host, struct hangar_ctx *ctx,
                                       const char *path)
{
    char why[PROGRAM_WHY_SIZE];
    return program_check_file(host, ctx, path, why) == HANGAR_OK
               ? HANGAR_OK
               : host->fail(ctx, HANGAR_CONFIG, 0, "cannot run %s: %s", path, why);
}
