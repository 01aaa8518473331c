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

enum { LOOK_MS = 50, ENDING_MS = 5 };

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Starts it with its output to a pipe, whose end to read is *out; an errno. */
static int start(const struct program *p, pid_t *pid, int *out)
{
    int ends[2];
    sigset_t none, all;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    if (p->input >= 0) {
        posix_spawn_file_actions_adddup2(&actions, p->input, STDIN_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (p->with_errors) {
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(pid, p->argv[0], &actions, &attr, p->argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return error;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *out = ends[0];
    return 0;
}

enum flow { FLOW_MORE, FLOW_END, FLOW_TOO_MUCH };

/* Hands over all that can be read now. */
static enum flow drain(const struct program *p, int fd)
{
    char buffer[4096];
    enum flow flow = FLOW_MORE;
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

/* Waits until it has ended, and does not reap it: as long as it is there, its number is no
 * other group's. */
static struct program_result wait_end(const struct program *p, pid_t pid, int fd)
{
    int64_t deadline = mono_ms() + p->timeout_ms;
    enum flow flow = FLOW_MORE;
    for (;;) {
        siginfo_t info = {0};
        int looked = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
        int error = looked != 0 && errno != EINTR ? errno : 0;
        if (flow == FLOW_MORE) { /* after the look, so that nothing is missed */
            flow = drain(p, fd);
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
        if (mono_ms() >= deadline) {
            return (struct program_result){PROGRAM_TIMED_OUT, 0};
        }
        struct pollfd output = {.fd = flow == FLOW_MORE ? fd : -1, .events = POLLIN};
        poll(&output, 1, flow == FLOW_MORE ? LOOK_MS : ENDING_MS);
    }
}

struct program_result program_run(const struct program *p)
{
    pid_t pid;
    int fd;
    int error = start(p, &pid, &fd);
    if (error != 0) {
        return (struct program_result){PROGRAM_NOT_STARTED, error};
    }
    struct program_result result = wait_end(p, pid, fd);
    bool by_itself = result.end == PROGRAM_EXITED || result.end == PROGRAM_SIGNALLED;
    close(fd);
    if (result.end == PROGRAM_LOST) {
        return result;
    }
    if (p->alone || !by_itself) {
        kill(-pid, SIGKILL);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return result;
}

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
