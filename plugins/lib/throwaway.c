/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * throwaway: see throwaway.h.  Processes are forked and not spawned: they change their user and
 * leave the network.
 */
#include "throwaway.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

#define POLL_MS 20
#define STOP_WAIT_MS 10000
#define LOG_TAIL 4096
#define LINE_SIZE 400

/* ---- preparing ---- */

static enum hangar_rc throwaway_find_user(struct throwaway *t, const char *const *users)
{
    t->drop = geteuid() == 0;
    t->uid = geteuid();
    t->gid = getegid();
    for (; t->drop && *users; users++) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        if (getpwnam_r(*users, &entry, buffer, sizeof(buffer), &found) != 0 || !found ||
            found->pw_uid == 0) {
            continue;
        }
        t->uid = found->pw_uid;
        t->gid = found->pw_gid;
        snprintf(t->user, sizeof(t->user), "%s", *users);
        return HANGAR_OK;
    }
    if (!t->drop) {
        return HANGAR_OK;
    }
    return t->host->fail(
        t->ctx, HANGAR_AUTH, 0,
        "cannot start a throw-away %s server as root: no unprivileged user to run it as; "
        "hint: create the user nobody",
        t->what);
}

/* Root may lack this right, for example in a container.  The kernel has no query for it. */
static bool throwaway_can_isolate(void)
{
    int status = 1;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(unshare(CLONE_NEWNET) == 0 ? 0 : 1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && status == 0;
}

enum hangar_rc throwaway_prepare(struct throwaway *t, const struct hangar_host *host,
                                 struct hangar_ctx *ctx, const char *what, const char *dir,
                                 const char *const *users)
{
    char log[4096];
    *t = (struct throwaway){
        .host = host, .ctx = ctx, .what = what, .dir = dir, .null_fd = -1, .log_fd = -1};
    enum hangar_rc rc = throwaway_find_user(t, users);
    if (rc != HANGAR_OK) {
        return rc;
    }
    snprintf(log, sizeof(log), "%s/log", dir);
    t->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    t->log_fd = open(log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (t->null_fd < 0 || t->log_fd < 0) {
        return host->fail(ctx, HANGAR_IO, errno, "cannot create %s", log);
    }
    if (chmod(dir, 0700) != 0 || (t->drop && chown(dir, t->uid, t->gid) != 0)) {
        return host->fail(ctx, HANGAR_IO, errno, "cannot set the owner and the mode of %s", dir);
    }
    if (t->drop && !throwaway_can_isolate()) {
        host->log(ctx, HANGAR_LOG_WARN,
                  "the throw-away %s server can use the network: isolating it needs CAP_SYS_ADMIN",
                  what);
    }
    return HANGAR_OK;
}

void throwaway_close_files(struct throwaway *t)
{
    if (!t->host) { /* it was never prepared */
        return;
    }
    if (t->null_fd >= 0) {
        close(t->null_fd);
    }
    if (t->log_fd >= 0) {
        close(t->log_fd);
    }
    t->null_fd = t->log_fd = -1;
    t->dir = t->program = NULL;
}

enum hangar_rc throwaway_socket(const struct hangar_host *host, struct hangar_ctx *ctx,
                                const char *dir, const char *name, char *out, size_t size)
{
    int length = snprintf(out, size, "%s/%s", dir, name);
    if (length >= 0 && (size_t)length < size &&
        (size_t)length < sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        return HANGAR_OK;
    }
    return host->fail(
        ctx, HANGAR_CONFIG, 0,
        "cannot create a socket in %s: the path is too long; hint: set limits.temp_dir "
        "to a shorter one",
        dir);
}

/* ---- the child ---- */

/* Runs between fork and exec in a process that may have threads: system calls only. */
static _Noreturn void throwaway_exec(const struct throwaway *t, pid_t parent, const char *program,
                                     char *const *argv, int end_signal)
{
    static char *const environment[] = {(char *)"LC_ALL=C", (char *)"PATH=/usr/bin:/bin", NULL};
    sigset_t none;
    setpgid(0, 0);
    for (int i = 1; i < 32; i++) {
        signal(i, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(t->null_fd, 0);
    dup2(t->log_fd, 1);
    dup2(t->log_fd, 2);
    close_range(3, ~0u, 0);
    umask(077);
    /* restored functions may connect to other machines */
    int isolated = unshare(CLONE_NEWNET);
    (void)isolated; /* throwaway_prepare has warned */
    if (t->drop && (setgroups(0, NULL) != 0 || setresgid(t->gid, t->gid, t->gid) != 0 ||
                    setresuid(t->uid, t->uid, t->uid) != 0)) {
        _exit(126);
    }
    /* after the change of user, which would reset the parent-death signal */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, end_signal);
    if (getppid() != parent || chdir(t->dir) != 0) {
        _exit(126);
    }
    execve(program, argv, environment);
    _exit(127);
}

enum hangar_rc throwaway_start(struct throwaway *t, const char *program, char *const *argv,
                               int end_signal)
{
    pid_t parent = getpid();
    t->program = program;
    pid_t pid = fork();
    if (pid < 0) {
        return t->host->fail(t->ctx, HANGAR_IO, errno, "cannot start %s", program);
    }
    if (pid == 0) {
        throwaway_exec(t, parent, program, argv, end_signal);
    }
    setpgid(pid, pid); /* the child does it too: one of both is first */
    t->pid = pid;
    return HANGAR_OK;
}

/* ---- waiting ---- */

/* Copies the last line of the log, without control characters. */
static void throwaway_last_line(int fd, char out[LINE_SIZE])
{
    char tail[LOG_TAIL + 1];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, tail, LOG_TAIL, size > LOG_TAIL ? size - LOG_TAIL : 0);
    n = n > 0 ? n : 0;
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == '\r' || tail[n - 1] == ' ')) {
        n--;
    }
    tail[n] = '\0';
    const char *newline = strrchr(tail, '\n');
    snprintf(out, LINE_SIZE, "%.*s", LINE_SIZE - 1, newline ? newline + 1 : tail);
    for (char *at = out; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = ' ';
        }
    }
}

/* Records that the program has exited. */
static enum hangar_rc throwaway_fail_exit(const struct throwaway *t, int status)
{
    char line[LINE_SIZE];
    throwaway_last_line(t->log_fd, line);
    if (WIFEXITED(status) && WEXITSTATUS(status) >= 126) {
        return t->host->fail(
            t->ctx, HANGAR_IO, 0,
            "cannot run %s in %s%s%s; hint: the user needs access to this folder and "
            "to limits.temp_dir above it",
            t->program, t->dir, t->drop ? " as user " : "", t->user);
    }
    const char *name = strrchr(t->program, '/');
    return t->host->fail(t->ctx, HANGAR_IO, 0, "cannot start a throw-away %s server: %s failed: %s",
                         t->what, name ? name + 1 : t->program,
                         line[0] ? line : "it printed no reason");
}

/* Waits for POLL_MS more, or records that `waited` ms are too long. */
static enum hangar_rc throwaway_pause(const struct throwaway *t, const char *doing,
                                      const char *late, int waited, int max_ms)
{
    char text[100];
    snprintf(text, sizeof(text), "%s a throw-away %s server", doing, t->what);
    t->host->alive(t->ctx, text);
    if (waited >= max_ms) {
        return t->host->fail(t->ctx, HANGAR_IO, 0,
                             "cannot start a throw-away %s server: %s %s within %d s", t->what,
                             t->program, late, max_ms / 1000);
    }
    return t->host->sleep(t->ctx, POLL_MS);
}

enum hangar_rc throwaway_run(struct throwaway *t, const char *program, char *const *argv,
                             int end_signal, int max_ms)
{
    int status = 0;
    enum hangar_rc rc = throwaway_start(t, program, argv, end_signal);
    for (int waited = 0; rc == HANGAR_OK && !program_reap(&t->pid, &status); waited += POLL_MS) {
        rc = throwaway_pause(t, "creating", "did not exit", waited, max_ms);
    }
    if (rc == HANGAR_OK && status != 0) {
        rc = throwaway_fail_exit(t, status);
    }
    return rc;
}

enum hangar_rc throwaway_wait(struct throwaway *t, bool (*up)(void *arg), void *arg, int max_ms)
{
    enum hangar_rc rc = HANGAR_OK;
    for (int waited = 0; rc == HANGAR_OK && !up(arg); waited += POLL_MS) {
        int status;
        if (program_reap(&t->pid, &status)) {
            return throwaway_fail_exit(t, status);
        }
        rc = throwaway_pause(t, "starting", "did not answer", waited, max_ms);
    }
    return rc;
}

void throwaway_stop(struct throwaway *t, int signal)
{
    int status;
    if (t->pid <= 0) {
        return;
    }
    if (signal == SIGKILL) {
        kill(-t->pid, SIGKILL);
    }
    kill(t->pid, signal);
    for (int waited = 0; !program_reap(&t->pid, &status); waited += POLL_MS) {
        if (waited == STOP_WAIT_MS) {
            kill(-t->pid, SIGKILL);
            kill(t->pid, SIGKILL);
        }
        struct timespec nap = {.tv_nsec = POLL_MS * 1000 * 1000};
        nanosleep(&nap, NULL);
    }
}
