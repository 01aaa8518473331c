/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * command: see command.h.  The end of the program counts, not the end of its output: a
 * service that it started may hold the pipe open for ever.
 */
#include "base/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

enum { LOOK_MS = 50, GRACE_MS = 2000 };

/* Starts the program with its output in a pipe; *out is the end to read. */
static int command_start(const struct hg_command *c, pid_t *pid, int *out)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return errno;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    if (c->with_errors) {
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    /* A new session: its group can be killed, and it cannot read from the terminal. */
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawnp(pid, c->argv[0], &actions, &attr, c->argv, c->env ? c->env : environ);
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

enum flow { FLOW_MORE, FLOW_END, FLOW_ENOUGH };

/* Passes on all output that can be read now. */
static enum flow command_drain(const struct hg_command *c, int fd)
{
    char buffer[4096];
    enum flow flow = FLOW_MORE;
    while (flow == FLOW_MORE) {
        ssize_t n = read(fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return FLOW_MORE;
        }
        if (n == 0) {
            flow = FLOW_END;
        } else if (!c->output(c->arg, buffer, (size_t)n)) {
            flow = FLOW_ENOUGH;
        }
    }
    explicit_bzero(buffer, sizeof(buffer)); /* it may contain a secret */
    return flow;
}

/* 1: it has ended; 0: not yet; -1 with errno. */
static int command_poll(pid_t pid, int *status)
{
    pid_t done;
    do {
        done = waitpid(pid, status, WNOHANG);
    } while (done < 0 && errno == EINTR);
    return done == pid ? 1 : (int)done;
}

static void command_kill(pid_t pid)
{
    int64_t deadline = hg_mono_ms() + GRACE_MS;
    siginfo_t info = {0};
    kill(-pid, SIGTERM);
    /* the zombie is not reaped yet, so that its number cannot be that of another group */
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0 &&
           hg_mono_ms() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static struct hg_command_result command_result(int status)
{
    if (WIFSIGNALED(status)) {
        return (struct hg_command_result){HG_COMMAND_SIGNALLED, WTERMSIG(status)};
    }
    return (struct hg_command_result){HG_COMMAND_EXITED, WEXITSTATUS(status)};
}

static int command_check_file(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return EACCES;
    }
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

int hg_command_find(const char *program)
{
    if (strchr(program, '/')) {
        return command_check_file(program);
    }
    const char *folders = getenv("PATH");
    folders = folders ? folders : "/usr/local/bin:/usr/bin:/bin"; /* as posix_spawnp */
    int result = ENOENT;
    while (*folders != '\0') {
        size_t n = strcspn(folders, ":");
        char path[PATH_MAX];
        int length = snprintf(path, sizeof(path), "%.*s/%s", (int)n, folders, program);
        int one = length < 0 || (size_t)length >= sizeof(path) ? ENOENT : command_check_file(path);
        if (one == 0) {
            return 0;
        }
        result = one == EACCES ? one : result;
        folders += n + (folders[n] == ':');
    }
    return result;
}

struct hg_command_result hg_command_run(const struct hg_command *c)
{
    pid_t pid;
    int fd, status = 0;
    int64_t deadline = hg_mono_ms() + c->timeout_ms;
    int error = command_start(c, &pid, &fd);
    if (error != 0) {
        return (struct hg_command_result){HG_COMMAND_NOT_STARTED, error};
    }

    struct hg_command_result result = {HG_COMMAND_ENOUGH, 0};
    enum flow flow = FLOW_MORE;
    for (;;) {
        /* before the output is read, so that no output is lost */
        int ended = command_poll(pid, &status);
        const int lost = errno; /* of ended -1; to read output changes errno */
        flow = flow == FLOW_MORE ? command_drain(c, fd) : flow;
        if (flow == FLOW_ENOUGH) {
            if (ended == 0) {
                command_kill(pid);
            }
            break;
        }
        if (ended != 0) {
            result = ended > 0 ? command_result(status)
                               : (struct hg_command_result){HG_COMMAND_LOST, lost};
            break;
        }
        bool cancelled = c->cancel && atomic_load(c->cancel);
        if (cancelled || hg_mono_ms() >= deadline) {
            command_kill(pid);
            result.end = cancelled ? HG_COMMAND_CANCELLED : HG_COMMAND_TIMED_OUT;
            break;
        }
        struct pollfd p = {.fd = flow == FLOW_MORE ? fd : -1, .events = POLLIN};
        poll(&p, 1, flow == FLOW_MORE ? LOOK_MS : 5);
    }
    close(fd);
    return result;
}
