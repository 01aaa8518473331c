/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * child: see child.h.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENT_MAX_BYTES = 4 << 20, OUTPUT_MAX_BYTES = 2000, READ_BYTES = 4096 };

/* Runs between fork and exec, where only async-signal-safe calls are allowed. */
static void child_exec(const char *program, char *const *argv, pid_t parent, int events, int output)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) { /* the daemon died before prctl */
        _exit(127);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) {
        _exit(127);
    }
    /* last, because DAEMON_JOB_FD may be the number of one of the others */
    if (events == DAEMON_JOB_FD ? fcntl(events, F_SETFD, 0) < 0 : dup2(events, DAEMON_JOB_FD) < 0) {
        _exit(127);
    }
    close_range(DAEMON_JOB_FD + 1, ~0U, 0); /* descriptors that the daemon inherited */
    execv(program, argv);
    static const char text[] = "cannot run the program of the job\n";
    (void)!write(2, text, sizeof(text) - 1);
    _exit(127);
}

/* A pipe whose reading end does not block. */
static int child_make_pipe(int fds[2])
{
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return errno;
    }
    return fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

static void child_close_both(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

int daemon_child_start(struct daemon_child *child, const char *program, const char *const *argv)
{
    int events[2] = {-1, -1}, output[2] = {-1, -1};
    int why = child_make_pipe(events);

    if (why == 0) {
        why = child_make_pipe(output);
    }
    pid_t self = getpid(), pid = why == 0 ? fork() : -1;
    if (pid == 0) {
        child_exec(program, (char *const *)argv, self, events[1], output[1]);
    }
    if (pid < 0) {
        why = why ? why : errno;
        child_close_both(events);
        child_close_both(output);
        return why;
    }
    setpgid(pid, pid); /* also here: the group must exist before it is signalled */
    close(events[1]);
    close(output[1]);
    *child = (struct daemon_child){.pid = pid,
                                   .events = {.fd = events[0], .limit = EVENT_MAX_BYTES},
                                   .output = {.fd = output[0], .limit = OUTPUT_MAX_BYTES}};
    return 0;
}

static bool child_reserve(struct daemon_lines *lines, size_t more)
{
    size_t needed = lines->length + more;

    if (needed <= lines->capacity) {
        return true;
    }
    size_t capacity = needed < 2 * lines->capacity ? 2 * lines->capacity : needed;
    char *text = realloc(lines->text, capacity);
    if (!text) {
        return false;
    }
    lines->text = text;
    lines->capacity = capacity;
    return true;
}

/* Where lines go. */
struct child_reader {
    daemon_line *on_line;
    void *arg;
    bool in_pieces; /* a line above the limit is given in pieces, not dropped */
};

static void child_emit(struct daemon_lines *lines, const struct child_reader *reader)
{
    if (lines->length > 0) {
        lines->text[lines->length] = '\0';
        reader->on_line(reader->arg, lines->text, lines->length);
    }
    lines->length = 0;
}

/* Adds a part of a line. */
static void child_add_part(struct daemon_lines *lines, const char *part, size_t size, bool ends,
                           const struct child_reader *reader)
{
    while (size > 0 && !lines->dropping) {
        size_t room = lines->limit - lines->length, n = size < room ? size : room;
        if (n == 0 && reader->in_pieces) {
            child_emit(lines, reader);
        } else if (n == 0 || !child_reserve(lines, n + 1)) {
            lines->dropping = true;
        } else {
            memcpy(lines->text + lines->length, part, n);
            lines->length += n;
            part += n;
            size -= n;
        }
    }
    if (!ends) {
        return;
    }
    if (!lines->dropping) {
        child_emit(lines, reader);
    }
    lines->length = 0;
    lines->dropping = false;
}

static void child_read_lines(struct daemon_lines *lines, const struct child_reader *reader)
{
    char buffer[READ_BYTES];

    while (lines->fd >= 0) {
        ssize_t n = read(lines->fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        for (size_t at = 0; n > 0 && at < (size_t)n;) {
            const char *end = memchr(buffer + at, '\n', (size_t)n - at);
            size_t size = end ? (size_t)(end - buffer) - at : (size_t)n - at;
            child_add_part(lines, buffer + at, size, end != NULL, reader);
            at += size + (end ? 1 : 0);
        }
        if (n <= 0) {
            child_add_part(lines, "", 0, true, reader);
            close(lines->fd);
            lines->fd = -1;
        }
    }
}

void daemon_child_read_events(struct daemon_child *child, daemon_line *on_line, void *arg)
{
    child_read_lines(&child->events, &(struct child_reader){on_line, arg, false});
}

void daemon_child_read_output(struct daemon_child *child, daemon_line *on_line, void *arg)
{
    child_read_lines(&child->output, &(struct child_reader){on_line, arg, true});
}

void daemon_child_signal(const struct daemon_child *child, int number)
{
    if (child->pid > 0) {
        kill(-child->pid, number);
    }
}

bool daemon_child_ended(struct daemon_child *child, int *status)
{
    if (child->pid <= 0) {
        return false;
    }
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != child->pid) {
        return false;
    }
    /* before waitpid, the number of its group cannot be reused */
    kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, status, 0) < 0 && errno == EINTR) {
    }
    child->pid = 0;
    return true;
}

void daemon_child_close(struct daemon_child *child)
{
    struct daemon_lines *both[] = {&child->events, &child->output};

    for (size_t i = 0; i < 2; i++) {
        if (both[i]->fd >= 0) {
            close(both[i]->fd);
        }
        free(both[i]->text);
        *both[i] = (struct daemon_lines){.fd = -1};
    }
}
