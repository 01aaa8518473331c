/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * throwaway: see throwaway.h.
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
#define SAID_SIZE 400

/* ---- preparing ---- */

static enum hangar_rc find_owner(struct throwaway *t, const char *const *users)
{
    t->drop = geteuid() == 0;
    t->uid = geteuid();
    t->gid = getegid();
    for (; t->drop && *users != NULL; users++) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        if (getpwnam_r(*users, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL ||
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
    return t->host->fail(t->ctx, HANGAR_AUTH, 0,
                         "cannot start a throw-away %s as root: there is no user to run it as; "
                         "hint: create a user nobody",
                         t->what);
}

/* Root may lack the right to it, in a container say; only trying tells. */
static bool can_isolate(void)
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
    enum hangar_rc rc = find_owner(t, users);
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
        return host->fail(ctx, HANGAR_IO, errno, "cannot give %s to user %s", dir, t->user);
    }
    if (t->drop && !can_isolate()) {
        host->log(ctx, HANGAR_LOG_WARN,
                  "the throw-away server keeps the network: the right to take it away "
                  "(CAP_SYS_ADMIN) is missing");
    }
    return HANGAR_OK;
}

void throwaway_close_files(struct throwaway *t)
{
    if (t->host == NULL) { /* it was never prepared */
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
    return host->fail(ctx, HANGAR_CONFIG, 0,
                      "%s is too long a name for the folder of a socket; hint: set limits.temp_dir "
                      "to a shorter one",
                      dir);
}

/* ---- the child ---- */

/* Between fork and exec of a process with threads: system calls only. */
static _Noreturn void run_child(const struct throwaway *t, pid_t parent, const char *program,
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
    /* what is restored may call functions that reach out; root can keep them in */
    int isolated = unshare(CLONE_NEWNET);
    (void)isolated; /* who could, and cannot, was warned by throwaway_prepare */
    if (t->drop && (setgroups(0, NULL) != 0 || setresgid(t->gid, t->gid, t->gid) != 0 ||
                    setresuid(t->uid, t->uid, t->uid) != 0)) {
        _exit(126);
    }
    /* after the change of user, which would undo the second */
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
        run_child(t, parent, program, argv, end_signal);
    }
    setpgid(pid, pid); /* whoever of us comes first */
    t->pid = pid;
    return HANGAR_OK;
}

/* ---- its end ---- */

/* The last line of the log, as a reason. */
static void last_words(int fd, char out[SAID_SIZE])
{
    char tail[LOG_TAIL + 1];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, tail, LOG_TAIL, size > LOG_TAIL ? size - LOG_TAIL : 0);
    n = n > 0 ? n : 0;
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == '\r' || tail[n - 1] == ' ')) {
        n--;
    }
    tail[n] = '\0';
    const char *line = strrchr(tail, '\n');
    snprintf(out, SAID_SIZE, "%.*s", SAID_SIZE - 1, line ? line + 1 : tail);
    for (char *at = out; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            *at = ' ';
        }
    }
}

static enum hangar_rc ended(const struct throwaway *t, int status)
{
    char said[SAID_SIZE];
    last_words(t->log_fd, said);
    if (WIFEXITED(status) && WEXITSTATUS(status) >= 126) {
        return t->host->fail(t->ctx, HANGAR_IO, 0,
                             "cannot run %s in %s%s%s; hint: that folder, and limits.temp_dir "
                             "above it, must be open to that user",
                             t->program, t->dir, t->drop ? " as user " : "", t->user);
    }
    const char *name = strrchr(t->program, '/');
    return t->host->fail(t->ctx, HANGAR_IO, 0, "%s of the throw-away %s failed: %s",
                         name ? name + 1 : t->program, t->what, said[0] ? said : "it said nothing");
}

/* One turn of a wait that began `waited` ms ago. */
static enum hangar_rc wait_on(const struct throwaway *t, const char *doing, const char *late,
                              int waited, int most_ms)
{
    char text[100];
    snprintf(text, sizeof(text), "%s a throw-away %s", doing, t->what);
    t->host->alive(t->ctx, text);
    if (waited >= most_ms) {
        return t->host->fail(t->ctx, HANGAR_IO, 0, "%s of the throw-away %s %s after %d s",
                             t->program, t->what, late, most_ms / 1000);
    }
    return t->host->sleep(t->ctx, POLL_MS);
}

enum hangar_rc throwaway_run(struct throwaway *t, const char *program, char *const *argv,
                             int end_signal, int most_ms)
{
    int status = 0;
    enum hangar_rc rc = throwaway_start(t, program, argv, end_signal);
    for (int waited = 0; rc == HANGAR_OK && !program_reap(&t->pid, &status); waited += POLL_MS) {
        rc = wait_on(t, "making", "does not end", waited, most_ms);
    }
    if (rc == HANGAR_OK && status != 0) {
        rc = ended(t, status);
    }
    return rc;
}

enum hangar_rc throwaway_wait(struct throwaway *t, bool (*up)(void *arg), void *arg, int most_ms)
{
    enum hangar_rc rc = HANGAR_OK;
    for (int waited = 0; rc == HANGAR_OK && !up(arg); waited += POLL_MS) {
        int status;
        if (program_reap(&t->pid, &status)) {
            return ended(t, status);
        }
        rc = wait_on(t, "starting", "does not answer", waited, most_ms);
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
