/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * throwaway: see throwaway.h.  Processes are forked and not spawned: they enter a sandbox.
 */
#include "throwaway.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "failure.h"
#include "program.h"

#define POLL_MS 20
#define LOG_ROOM                                                                                   \
    (256 * 1024) /* of the disk, for the log, so that a full one still has its reason */
#define STOP_WAIT_MS 10000
#define LOG_TAIL 4096
#define LINE_SIZE 400
#define MORE_PROCESSES 256 /* than the server itself needs */

const char *const throwaway_isolation_choices[] = {"required", "preferred", NULL};

bool throwaway_isolation_required(const struct hangar_host *host, struct hangar_ctx *ctx)
{
    return strcmp(host->opt_string(ctx, "drill_isolation"), throwaway_isolation_choices[0]) == 0;
}

/* ---- preparing ---- */

/* Chooses the user.  False: this process is root, and none of them exists. */
static bool throwaway_find_user(struct sandbox *box, const char *const *users, char name[64])
{
    box->drop = geteuid() == 0;
    box->uid = geteuid();
    box->gid = getegid();
    for (; box->drop && *users; users++) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        if (getpwnam_r(*users, &entry, buffer, sizeof(buffer), &found) != 0 || !found ||
            found->pw_uid == 0) {
            continue;
        }
        box->uid = found->pw_uid;
        box->gid = found->pw_gid;
        snprintf(name, 64, "%s", *users);
        return true;
    }
    return !box->drop;
}

#define THROWAWAY_HINT                                                                             \
    "hint: allow user namespaces (in a container, its runtime must), name a server of your own "   \
    "under scratch, or accept it with drill_isolation: preferred"

/* Finds out whether a sandbox can be made. */
static enum hangar_rc throwaway_probe(struct throwaway *t)
{
    struct sandbox_failure failure = {.error = 0};
    struct sandbox trial = t->box;
    trial.entries = NULL;
    trial.count = trial.capacity = 0;
    t->isolated = sandbox_plan(&trial, t->run, NULL, NULL) && sandbox_probe(&trial, &failure);
    sandbox_free(&trial);
    if (t->isolated) {
        return HANGAR_OK;
    }
    if (t->wish.required) {
        return t->host->fail(
            t->ctx, HANGAR_UNSUPPORTED, failure.error,
            "cannot isolate a throw-away %s server, which would run code of the backup as user %s: "
            "cannot %s; " THROWAWAY_HINT,
            t->wish.what, t->box.drop ? t->user : "of hangar", failure.what);
    }
    t->host->log(t->ctx, HANGAR_LOG_WARN,
                 "the throw-away %s server is not isolated from this machine: cannot %s: %s",
                 t->wish.what, failure.what, strerror(failure.error));
    return HANGAR_OK;
}

/* Makes DIR/run and DIR/log.  Without a sandbox the server's user passes through DIR. */
static enum hangar_rc throwaway_make_files(struct throwaway *t)
{
    const char *dir = t->wish.dir;
    char log[4096];
    snprintf(log, sizeof(log), "%s/log", dir);
    t->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    t->log_fd = open(log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (t->null_fd < 0 || t->log_fd < 0) {
        return t->host->fail(t->ctx, HANGAR_IO, errno, "cannot create %s", log);
    }
    /* some file systems cannot reserve */
    if (fallocate(t->log_fd, FALLOC_FL_KEEP_SIZE, 0, LOG_ROOM) != 0 && errno == ENOSPC) {
        return t->host->fail(t->ctx, HANGAR_NO_SPACE, ENOSPC, "cannot write %s", log);
    }
    if (asprintf(&t->run, "%s/run", dir) < 0) {
        t->run = NULL;
        return failure_raise_no_memory(t->host, t->ctx, "create folder %s/run", dir);
    }
    if ((mkdir(t->run, 0700) != 0 && errno != EEXIST) || chmod(t->run, 0700) != 0 ||
        chmod(dir, t->box.drop ? 0711 : 0700) != 0 ||
        (t->box.drop && lchown(t->run, t->box.uid, t->box.gid) != 0)) {
        return t->host->fail(t->ctx, errno == ENOSPC ? HANGAR_NO_SPACE : HANGAR_IO, errno,
                             "cannot create %s", t->run);
    }
    return HANGAR_OK;
}

enum hangar_rc throwaway_prepare(struct throwaway *t, const struct hangar_host *host,
                                 struct hangar_ctx *ctx, const struct throwaway_request *wish)
{
    *t = (struct throwaway){.host = host, .ctx = ctx, .wish = *wish, .null_fd = -1, .log_fd = -1};
    if (!throwaway_find_user(&t->box, wish->users, t->user)) {
        return host->fail(
            ctx, HANGAR_AUTH, 0,
            "cannot start a throw-away %s server as root: no unprivileged user to run it as; "
            "hint: create the user nobody",
            wish->what);
    }
    enum hangar_rc rc = throwaway_make_files(t);
    return rc == HANGAR_OK ? throwaway_probe(t) : rc;
}

void throwaway_check(const struct hangar_host *host, struct hangar_ctx *ctx,
                     const char *const *users, struct hangar_attrs *facts)
{
    struct sandbox box = {.dir = NULL};
    struct sandbox_failure failure = {.what = "find an unprivileged user", .error = ENOENT};
    char user[64];
    bool good = throwaway_find_user(&box, users, user) && sandbox_plan(&box, "/tmp", NULL, NULL) &&
                sandbox_probe(&box, &failure);
    sandbox_free(&box);
    if (!good) {
        host->attr_setf(facts, "drills",
                        throwaway_isolation_required(host, ctx)
                            ? "refused: this machine cannot isolate a server: cannot %s: %s"
                            : "not isolated from this machine: cannot %s: %s",
                        failure.what, strerror(failure.error));
    }
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
    free(t->run);
    t->run = NULL;
    t->program = NULL;
}

enum hangar_rc throwaway_socket(const struct hangar_host *host, struct hangar_ctx *ctx,
                                const char *dir, const char *name, char *out, size_t size)
{
    int length = snprintf(out, size, "%s/run/%s", dir, name);
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

#define REPORT_FD 3 /* in the child: a pipe that the exec closes */

static _Noreturn void throwaway_give_up(const struct sandbox_failure *failure)
{
    ssize_t written = write(REPORT_FD, failure, sizeof(*failure));
    (void)written; /* then only the exit status is reported */
    _exit(126);
}

/* Sets the descriptors 0 to 3, and closes all others. */
static void throwaway_set_files(const struct throwaway *t, int report_fd)
{
    int report = fcntl(report_fd, F_DUPFD, 16), log = fcntl(t->log_fd, F_DUPFD, 16);
    dup2(t->null_fd, 0);
    dup2(log, 1);
    dup2(log, 2);
    dup3(report, REPORT_FD, O_CLOEXEC);
    close_range(REPORT_FD + 1, ~0u, 0);
}

/* Enters the sandbox, or what there is without one. */
static void throwaway_isolate(const struct throwaway *t)
{
    struct sandbox_failure failure = {.what = "change the user"};
    if (t->isolated) {
        if (!sandbox_enter(&t->box, &failure)) {
            throwaway_give_up(&failure);
        }
        return;
    }
    int isolated = unshare(CLONE_NEWNET);
    (void)isolated; /* throwaway_prepare has warned */
    if (!sandbox_change_user(&t->box)) {
        failure.error = errno;
        throwaway_give_up(&failure);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (chdir(t->run) != 0) {
        _exit(126);
    }
}

/* What the server runs may be code of a tenant: other programs of the machine have the processor
 * and the disk first, and when memory is short the kernel ends this server before any other. */
static void throwaway_yield(void)
{
    enum { WHO_PROCESS = 1, BEST_EFFORT_LOWEST = (2 << 13) | 7, IDLE_CLASS = 3 << 13 };
    if (setpriority(PRIO_PROCESS, 0, 19) == 0 &&
        syscall(SYS_ioprio_get, WHO_PROCESS, 0) != IDLE_CLASS) {
        syscall(SYS_ioprio_set, WHO_PROCESS, 0, BEST_EFFORT_LOWEST);
    }
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t written = write(fd, "1000", 4);
        (void)written; /* a kernel without it */
        close(fd);
    }
}

static void throwaway_lower(int resource, rlim_t most)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_max > most) {
        limit.rlim_cur = limit.rlim_max = most;
        setrlimit((__rlimit_resource_t)resource, &limit);
    }
}

/* In the user namespace of the server, where the kernel counts only its own processes. */
static void throwaway_limit(const struct throwaway *t)
{
    throwaway_lower(RLIMIT_NPROC, t->processes);
    throwaway_lower(RLIMIT_DATA, t->memory);
}

/* Runs between fork and exec in a process that may have threads: system calls only. */
static _Noreturn void throwaway_exec(const struct throwaway *t, int report_fd, const char *program,
                                     char *const *argv, int end_signal)
{
    static char *const environment[] = {(char *)"LC_ALL=C", (char *)"PATH=/usr/bin:/bin", NULL};
    setsid(); /* the server must not keep the terminal of hangar: it could type commands there */
    for (int i = 1; i < 32; i++) {
        signal(i, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    throwaway_set_files(t, report_fd);
    throwaway_lower(RLIMIT_CORE, 0);
    throwaway_yield();
    throwaway_isolate(t);
    throwaway_limit(t);
    umask(077);
    /* after the change of user, which would reset the parent-death signal */
    prctl(PR_SET_PDEATHSIG, t->isolated ? SIGKILL : end_signal);
    /* a parent that has ended meanwhile does not read any more; in a namespace getppid is 0 */
    struct pollfd parent = {.fd = REPORT_FD};
    if (poll(&parent, 1, 0) != 0) {
        _exit(126);
    }
    execve(program, argv, environment);
    _exit(127);
}

/* How many processes and threads a user has. */
static rlim_t throwaway_count_tasks(uid_t uid)
{
    rlim_t count = 0;
    DIR *all = opendir("/proc");
    for (const struct dirent *entry; all && (entry = readdir(all)) != NULL;) {
        char path[sizeof(entry->d_name) + sizeof("/proc//task")];
        struct stat st;
        snprintf(path, sizeof(path), "/proc/%s/task", entry->d_name);
        if (isdigit((unsigned char)entry->d_name[0]) && stat(path, &st) == 0 && st.st_uid == uid) {
            count += st.st_nlink > 2 ? st.st_nlink - 2 : 1; /* a link for each thread */
        }
    }
    if (all) {
        closedir(all);
    }
    return count;
}

/* The kernel counts the processes of a user on the whole machine, unless there is a user
 * namespace: a server's user may have others, of a server in use for example. */
static void throwaway_plan_limits(struct throwaway *t)
{
    t->processes = throwaway_count_tasks(t->box.uid) + t->wish.processes + MORE_PROCESSES;
    t->memory = RLIM_INFINITY;
    struct sysinfo machine;
    if (sysinfo(&machine) == 0) {
        t->memory = (rlim_t)machine.totalram * machine.mem_unit / 4 * 3;
    }
}

/* Forks, and reports what the child could not do before its exec. */
static enum hangar_rc throwaway_fork(struct throwaway *t, char *const *argv, int end_signal)
{
    int channel[2];
    struct sandbox_failure failure;
    if (pipe2(channel, O_CLOEXEC) != 0) {
        return t->host->fail(t->ctx, HANGAR_IO, errno, "cannot start %s", t->program);
    }
    pid_t pid = t->isolated ? sandbox_clone(&t->box) : fork();
    int error = errno;
    if (pid == 0) {
        close(channel[0]);
        throwaway_exec(t, channel[1], t->program, argv, end_signal);
    }
    close(channel[1]);
    if (pid < 0) {
        close(channel[0]);
        return t->host->fail(t->ctx, HANGAR_IO, error, "cannot start %s", t->program);
    }
    t->pid = pid;
    ssize_t n;
    while ((n = read(channel[0], &failure, sizeof(failure))) < 0 && errno == EINTR) {
    }
    close(channel[0]);
    if (n != (ssize_t)sizeof(failure)) {
        return HANGAR_OK; /* the exec has closed it; or the exit status shows what happened */
    }
    throwaway_stop(t, SIGKILL);
    failure.what[sizeof(failure.what) - 1] = '\0';
    return t->host->fail(t->ctx, HANGAR_IO, failure.error,
                         "cannot isolate a throw-away %s server: cannot %s", t->wish.what,
                         failure.what);
}

enum hangar_rc throwaway_start(struct throwaway *t, const char *program, char *const *argv,
                               int end_signal)
{
    if (program_require_trusted(t->host, t->ctx, program) != HANGAR_OK) {
        return HANGAR_CONFIG;
    }
    t->program = program;
    throwaway_plan_limits(t);
    bool planned = !t->isolated || sandbox_plan(&t->box, t->run, program, t->wish.more);
    enum hangar_rc rc = planned ? throwaway_fork(t, argv, end_signal)
                                : failure_raise_no_memory(t->host, t->ctx, "run %s", program);
    sandbox_free(&t->box);
    return rc;
}

/* ---- waiting ---- */

/* The line of the log that has the reason: the last one that reports an error, else the last.
 * initdb, for example, reports last that it has removed the files that it had made. */
static const char *throwaway_reason(char *log)
{
    static const char *const marks[] = {"FATAL: ", "PANIC: ", "ERROR: ", "error: "};
    const char *reason = "", *last = "";
    for (char *line; (line = strsep(&log, "\r\n")) != NULL;) {
        last = line[strspn(line, " \t")] ? line : last;
        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
            const char *mark = strstr(line, marks[i]);
            reason = mark ? mark : reason;
        }
    }
    return *reason ? reason : last;
}

/* Copies the reason from the end of the log, without control characters. */
static void throwaway_read_reason(int fd, char out[LINE_SIZE])
{
    char tail[LOG_TAIL + 1];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, tail, LOG_TAIL, size > LOG_TAIL ? size - LOG_TAIL : 0);
    tail[n > 0 ? n : 0] = '\0';
    snprintf(out, LINE_SIZE, "%s", throwaway_reason(tail));
    size_t length = strlen(out);
    while (length > 0 && out[length - 1] == ' ') {
        out[--length] = '\0';
    }
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
    throwaway_read_reason(t->log_fd, line);
    if (WIFEXITED(status) && WEXITSTATUS(status) >= 126) {
        return t->host->fail(
            t->ctx, HANGAR_IO, 0,
            "cannot run %s in %s%s%s; hint: the user needs access to this program, to the folder "
            "and to limits.temp_dir above it",
            t->program, t->run, t->box.drop ? " as user " : "", t->user);
    }
    const char *name = strrchr(t->program, '/');
    bool full = strstr(line, strerror(ENOSPC)) || strstr(line, strerror(EDQUOT));
    return t->host->fail(
        t->ctx, full ? HANGAR_NO_SPACE : HANGAR_IO, 0,
        "cannot start a throw-away %s server: %s failed: %s%s%s", t->wish.what,
        name ? name + 1 : t->program, line[0] ? line : "it printed no reason",
        full ? "; hint: free space for limits.temp_dir, or set it to a larger disk: " : "",
        full ? t->run : "");
}

/* Waits for POLL_MS more, or records that `waited` ms are too long. */
static enum hangar_rc throwaway_pause(const struct throwaway *t, const char *doing,
                                      const char *late, int waited, int max_ms)
{
    char text[100];
    snprintf(text, sizeof(text), "%s a throw-away %s server", doing, t->wish.what);
    t->host->alive(t->ctx, text);
    if (waited >= max_ms) {
        return t->host->fail(t->ctx, HANGAR_IO, 0,
                             "cannot start a throw-away %s server: %s %s within %d s", t->wish.what,
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

/* Gives the server's socket its second name.  False: there is none yet. */
static bool throwaway_link(const struct throwaway *t, const char *name, enum hangar_rc *rc)
{
    char from[PATH_MAX], to[PATH_MAX];
    snprintf(from, sizeof(from), "%s/%s", t->run, name);
    snprintf(to, sizeof(to), "%s/%s", t->wish.dir, name);
    if (link(from, to) == 0) { /* it follows no symbolic link */
        return true;
    }
    if (errno != ENOENT) {
        *rc = t->host->fail(t->ctx, HANGAR_IO, errno, "cannot link %s to %s", from, to);
    }
    return false;
}

enum hangar_rc throwaway_wait(struct throwaway *t, const char *name, bool (*up)(void *arg),
                              void *arg, int max_ms)
{
    enum hangar_rc rc = HANGAR_OK;
    bool linked = !name;
    for (int waited = 0; rc == HANGAR_OK; waited += POLL_MS) {
        linked = linked || throwaway_link(t, name, &rc);
        if (rc != HANGAR_OK || (linked && up(arg))) {
            break;
        }
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
    if (t->pid <= 0) {
        return;
    }
    if (t->isolated) {
        signal = SIGKILL; /* the kernel reaps all of the namespace before its first process */
    }
    if (signal == SIGKILL) {
        kill(-t->pid, SIGKILL);
    }
    kill(t->pid, signal);
    int status;
    for (int waited = 0; !program_reap(&t->pid, &status); waited += POLL_MS) {
        if (waited == STOP_WAIT_MS) {
            kill(-t->pid, SIGKILL);
            kill(t->pid, SIGKILL);
        }
        struct timespec nap = {.tv_nsec = POLL_MS * 1000 * 1000};
        nanosleep(&nap, NULL);
    }
}
