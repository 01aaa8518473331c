/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * client.c: PostgreSQL's own tools as children.  They get the connection by
 * environment, so that no argument has to be quoted, and the password by a file
 * that only this user can read.  Each runs in a process group of its own, so
 * that it ends with all its workers.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "server/pg.h"
#include "program.h"

#define STDERR_LIMIT 4096
#define GRACE_MS 2000 /* between SIGTERM and SIGKILL */
#define VERSION_WAIT_MS 10000

struct pg_child {
    struct pg_source *src;
    const char *tool;   /* for messages; a literal */
    pid_t pid;          /* 0: reaped */
    int out_fd, err_fd; /* -1: closed */
    char said[STDERR_LIMIT];
    size_t said_len;
    struct pg_error err;
};

/* ---- environment --------------------------------------------------------------- */

static void add_passfile_field(struct text *text, const char *value)
{
    for (const char *c = value; *c; c++) {
        text_addf(text, "%s%c", *c == ':' || *c == '\\' ? "\\" : "", *c);
    }
}

/* Writes the password where libpq finds it. */
static enum hangar_rc write_passfile(struct pg_source *src)
{
    const char *dir;
    enum hangar_rc rc = src->host->temp_dir(src->ctx, 64 * 1024, &dir);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct text line = {0};
    text_add(&line, "*:*:*:*:");
    add_passfile_field(&line, src->opt.password);
    text_add(&line, "\n");
    char *path = pg_format("%s/passfile", dir);
    int fd = -1;
    if (line.failed || !path) {
        rc = PG_NO_MEMORY(src);
        goto out;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line.data, line.size) != (ssize_t)line.size) {
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot write %s", path);
        goto out;
    }
    src->passfile = path;
    path = NULL;
out:
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    if (line.data) {
        explicit_bzero(line.data, line.size);
    }
    text_free(&line);
    return rc;
}

static bool env_is(const char *entry, const char *name)
{
    size_t n = strlen(name);
    return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* This process's environment with the connection in it. */
static void build_env(struct pg_source *src, const char *tool, const char *database,
                      struct pg_args *env)
{
    const struct pg_options *opt = &src->opt;
    const char *passfile = src->passfile ? src->passfile : opt->passfile;
    bool writes = strcmp(tool, "pg_restore") == 0;
    char timeout[24];
    snprintf(timeout, sizeof(timeout), "%lld", (long long)((opt->connect_timeout_ms + 999) / 1000));
    const struct {
        const char *name, *value; /* NULL: as it is */
        bool drop;                /* without a value, remove it */
    } set[] = {
        {"PGHOST", opt->host, false},
        {"PGPORT", opt->port, false},
        {"PGUSER", opt->user, false},
        {"PGDATABASE", database, true},
        {"PGPASSFILE", passfile, false},
        {"PGPASSWORD", NULL, passfile != NULL},
        {"PGSSLMODE", opt->sslmode, false},
        {"PGSSLROOTCERT", opt->sslrootcert, false},
        {"PGSSLCERT", opt->sslcert, false},
        {"PGSSLKEY", opt->sslkey, false},
        {"PGCONNECT_TIMEOUT", timeout, false},
        {"PGAPPNAME", "hangar", false},
        {"PGCLIENTENCODING", NULL, true},
        /* a service would win over all of the above */
        {"PGSERVICE", NULL, true},
        /* messages that can be understood here */
        {"LC_ALL", "C", false},
        /* what is restored is flushed once, at the end */
        {"PGOPTIONS", writes ? "-c synchronous_commit=off" : NULL, false},
    };
    size_t count = sizeof(set) / sizeof(set[0]);
    for (char **e = environ; *e; e++) {
        bool replaced = false;
        for (size_t i = 0; i < count; i++) {
            replaced |= (set[i].value || set[i].drop) && env_is(*e, set[i].name);
        }
        if (!replaced) {
            pg_arg(env, "%s", *e);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (set[i].value) {
            pg_arg(env, "%s=%s", set[i].name, set[i].value);
        }
    }
}

/* ---- starting -------------------------------------------------------------------- */

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
static enum hangar_rc start(struct pg_source *src, const char *path, const char *tool, char **argv,
                            char **env, bool output, struct pg_child **out)
{
    int out_pipe[2] = {-1, -1}, err_pipe[2] = {-1, -1};
    enum hangar_rc rc = HANGAR_OK;
    struct pg_child *child = calloc(1, sizeof(*child));
    if (!child) {
        return PG_NO_MEMORY(src);
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

enum hangar_rc pg_spawn(struct pg_source *src, const char *tool, const char *database,
                        struct pg_args *args, bool output, struct pg_child **out)
{
    if (src->opt.password && !src->passfile) {
        enum hangar_rc rc = write_passfile(src);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    struct pg_args env = {0};
    build_env(src, tool, database, &env);
    char *path = pg_format("%s/%s", src->tools.dir, tool);
    if (env.failed || args->failed || !path) {
        free(path);
        pg_args_free(&env);
        return PG_NO_MEMORY(src);
    }
    /* pg_dumpall looks for pg_dump beside itself, by the name it is called by */
    free(args->items[0]);
    args->items[0] = path;
    enum hangar_rc rc = start(src, path, tool, args->items, env.items, output, out);
    pg_args_free(&env);
    return rc;
}

/* ---- reading ----------------------------------------------------------------------- */

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

enum hangar_rc pg_child_read(struct pg_child *child, void *buffer, size_t size, size_t *got)
{
    for (;;) {
        bool ready = false;
        enum hangar_rc rc = child_wait(child, 500, &ready);
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

/* ---- ending ------------------------------------------------------------------------ */

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

/* ---- finding ------------------------------------------------------------------------- */

/* Asks `dir`/pg_dump for its version; false when the tools are not there. */
static bool probe(struct pg_source *src, const char *dir, struct pg_tools *found)
{
    static const char *const needed[] = {"pg_dump", "pg_dumpall", "pg_restore"};
    struct pg_child *child = NULL;
    char text[128];
    size_t len = 0;
    bool known = false;
    for (size_t i = 0; i < 3; i++) {
        char path[1200];
        snprintf(path, sizeof(path), "%s/%s", dir, needed[i]);
        if (access(path, X_OK) != 0) {
            return false;
        }
    }
    char path[1200];
    snprintf(path, sizeof(path), "%s/pg_dump", dir);
    char *argv[] = {path, (char *)"--version", NULL};
    if (start(src, path, "pg_dump", argv, environ, true, &child) != HANGAR_OK) {
        return false;
    }
    int64_t deadline = pg_mono_ms() + VERSION_WAIT_MS;
    while (len < sizeof(text) - 1 && pg_mono_ms() < deadline) {
        bool ready = false;
        if (child_wait(child, 200, &ready) != HANGAR_OK) {
            break;
        }
        if (!ready) {
            continue;
        }
        ssize_t n = read(child->out_fd, text + len, sizeof(text) - 1 - len);
        if (n <= 0) {
            known = n == 0;
            break;
        }
        len += (size_t)n;
    }
    text[len] = '\0';
    pg_child_free(child);
    const char *number = strstr(text, ") ");
    if (!known || !number || sscanf(number + 2, "%63[^ \n]", found->version) != 1) {
        return false;
    }
    found->major = atoi(found->version);
    snprintf(found->dir, sizeof(found->dir), "%s", dir);
    return found->major >= 10;
}

/* Keeps the better of two: new enough, and the nearest to what is asked for, as
 * newer tools write things that older servers do not understand. */
static void consider(struct pg_source *src, const char *dir, int least_major, struct pg_tools *best,
                     int *newest)
{
    struct pg_tools found = {0};
    if (!probe(src, dir, &found)) {
        return;
    }
    if (found.major > *newest) {
        *newest = found.major;
    }
    if (found.major >= least_major && (!best->major || found.major < best->major)) {
        *best = found;
    }
}

static void consider_glob(struct pg_source *src, const char *pattern, int least_major,
                          struct pg_tools *best, int *newest)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        consider(src, found.gl_pathv[i], least_major, best, newest);
    }
    globfree(&found);
}

static void consider_path(struct pg_source *src, int least_major, struct pg_tools *best,
                          int *newest)
{
    const char *path = getenv("PATH");
    char *copy = path ? strdup(path) : NULL, *rest = copy, *dir;
    while (copy && (dir = strsep(&rest, ":")) != NULL) {
        if (dir[0] == '/') {
            consider(src, dir, least_major, best, newest);
        }
    }
    free(copy);
}

enum hangar_rc pg_find_tools(struct pg_source *src, int least_major)
{
    struct pg_tools best = {0};
    int newest = 0;
    if (src->opt.bin_dir) {
        consider(src, src->opt.bin_dir, least_major, &best, &newest);
    } else {
        consider_glob(src, "/usr/lib/postgresql/*/bin", least_major, &best, &newest);
        consider_glob(src, "/usr/pgsql-*/bin", least_major, &best, &newest);
        if (!best.major) {
            consider_path(src, least_major, &best, &newest);
        }
    }
    if (best.major) {
        src->tools = best;
        return HANGAR_OK;
    }
    if (pg_cancelled(src)) {
        return src->host->fail(src->ctx, HANGAR_CANCELLED, 0, "cancelled");
    }
    const char *where = src->opt.bin_dir ? src->opt.bin_dir
                                         : "/usr/lib/postgresql/*/bin, /usr/pgsql-*/bin and PATH";
    if (newest) {
        return src->host->fail(
            src->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot use the PostgreSQL client tools: version %d or newer is needed, the newest in %s "
            "is %d; hint: install postgresql-client-%d, or set bin_dir",
            least_major, where, newest, least_major);
    }
    return src->host->fail(src->ctx, HANGAR_NOT_FOUND, 0,
                           "cannot find pg_dump, pg_dumpall and pg_restore in %s; "
                           "hint: install postgresql-client-%d, or set bin_dir",
                           where, least_major);
}
