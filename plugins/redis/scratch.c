/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scratch: a throw-away server for a drill.  It listens on a Unix socket in its
 * folder and nowhere else, keeps nothing, reads no configuration file, gets none
 * of our environment, and dies with us: the kernel tells it when the thread that
 * started it ends.  When we are root it runs as the user redis, or nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
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
#include "resp.h"

#define START_WAIT_MS 60000
#define POLL_MS 20
#define LOG_TAIL 4096
#define DATABASES_MOST (UINT64_C(1) << 20)

/* Whom the server runs as. */
struct owner {
    bool drop; /* we are root: become this one */
    uid_t uid;
    gid_t gid;
    char name[64];
};

/* All that the child needs, made before the fork. */
struct launch {
    const char *program, *dir;
    char *argv[40];
    struct owner owner;
    pid_t parent;
    int null_fd, log_fd;
};

static enum hangar_rc find_owner(struct redis *redis, struct owner *owner)
{
    static const char *const names[] = {"redis", "nobody"};
    *owner = (struct owner){.drop = geteuid() == 0, .uid = geteuid(), .gid = getegid()};
    for (size_t i = 0; owner->drop && i < sizeof(names) / sizeof(names[0]); i++) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        if (getpwnam_r(names[i], &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL ||
            found->pw_uid == 0)
            continue;
        owner->uid = found->pw_uid;
        owner->gid = found->pw_gid;
        snprintf(owner->name, sizeof(owner->name), "%s", names[i]);
        return HANGAR_OK;
    }
    if (!owner->drop)
        return HANGAR_OK;
    return redis->host->fail(redis->ctx, HANGAR_AUTH, 0,
                             "cannot start a throw-away redis as root: there is neither a user "
                             "redis nor nobody to run it as");
}

/* The program, in PATH or where it usually is; malloc'd. */
static char *find_program(void)
{
    const char *path = getenv("PATH");
    char *list = NULL, *found = NULL;
    if (asprintf(&list, "%s:/usr/bin:/usr/local/bin:/usr/sbin", path ? path : "") < 0)
        return NULL;
    for (char *rest = list, *dir; found == NULL && (dir = strsep(&rest, ":")) != NULL;) {
        char *file = NULL;
        if (dir[0] != '/' || asprintf(&file, "%s/redis-server", dir) < 0)
            continue;
        struct stat st;
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0)
            found = file;
        else
            free(file);
    }
    free(list);
    return found;
}

/* ---- the child ---- */

/* Between fork and exec of a process with threads: system calls only. */
static _Noreturn void run_child(const struct launch *launch)
{
    static char *const environment[] = {(char *)"LC_ALL=C", (char *)"PATH=/usr/bin:/bin", NULL};
    sigset_t none;
    setpgid(0, 0);
    for (int i = 1; i < 32; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(launch->null_fd, 0);
    dup2(launch->log_fd, 1);
    dup2(launch->log_fd, 2);
    close_range(3, ~0u, 0);
    umask(077);
    const struct owner *owner = &launch->owner;
    if (owner->drop &&
        (setgroups(0, NULL) != 0 || setresgid(owner->gid, owner->gid, owner->gid) != 0 ||
         setresuid(owner->uid, owner->uid, owner->uid) != 0))
        _exit(126);
    /* after the change of user, which would undo the second */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launch->parent || chdir(launch->dir) != 0)
        _exit(126);
    execve(launch->program, launch->argv, environment);
    _exit(127);
}

/* ---- starting ---- */

static void set_arguments(struct launch *launch, const char *socket, const char *databases)
{
    /* its own default for everything that decides what it stores */
    const char *const words[] = {"redis-server",
                                 "--port",
                                 "0",
                                 "--unixsocket",
                                 socket,
                                 "--unixsocketperm",
                                 "700",
                                 "--dir",
                                 launch->dir,
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "no",
                                 "--maxmemory",
                                 "0",
                                 "--databases",
                                 databases,
                                 "--daemonize",
                                 "no",
                                 "--logfile",
                                 "",
                                 "--proto-max-bulk-len",
                                 "16gb",
                                 "--client-query-buffer-limit",
                                 "16gb",
                                 "--repl-diskless-sync",
                                 "no",
                                 NULL};
    memcpy(launch->argv, words, sizeof(words));
}

static enum hangar_rc prepare_dir(struct redis *redis, struct launch *launch)
{
    const struct hangar_host *host = redis->host;
    char log[4096];
    snprintf(log, sizeof(log), "%s/log", launch->dir);
    launch->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    launch->log_fd =
        open(log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (launch->null_fd < 0 || launch->log_fd < 0)
        return host->fail(redis->ctx, HANGAR_IO, errno, "cannot create %s", log);
    if (chmod(launch->dir, 0700) != 0 ||
        (launch->owner.drop && chown(launch->dir, launch->owner.uid, launch->owner.gid) != 0))
        return host->fail(redis->ctx, HANGAR_IO, errno, "cannot give %s to user %s", launch->dir,
                          launch->owner.name);
    return HANGAR_OK;
}

/* The last line of the log, as a reason; "" when it says nothing. */
static void last_words(int fd, char out[RD_TEXT_SIZE])
{
    char tail[LOG_TAIL + 1];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, tail, LOG_TAIL, size > LOG_TAIL ? size - LOG_TAIL : 0);
    n = n > 0 ? n : 0;
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == '\r'))
        n--;
    ssize_t start = n;
    while (start > 0 && tail[start - 1] != '\n')
        start--;
    rd_text(tail + start, (size_t)(n - start), out);
}

static enum hangar_rc ended(struct redis *redis, const struct launch *launch, int status)
{
    char said[RD_TEXT_SIZE];
    last_words(launch->log_fd, said);
    redis->scratch = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) >= 126)
        return redis->host->fail(redis->ctx, HANGAR_IO, 0,
                                 "cannot run %s in %s%s%s; hint: that folder, and limits.temp_dir "
                                 "above it, must be open to that user",
                                 launch->program, launch->dir,
                                 launch->owner.drop ? " as user " : "", launch->owner.name);
    return redis->host->fail(redis->ctx, HANGAR_IO, 0, "the throw-away redis ended at once: %s",
                             said);
}

/* Until it takes connections. */
static enum hangar_rc wait_until_up(struct redis *redis, struct redis *scratch,
                                    const struct launch *launch)
{
    const struct hangar_host *host = redis->host;
    for (int waited = 0; !rd_answers(scratch); waited += POLL_MS) {
        int status;
        if (waitpid(redis->scratch, &status, WNOHANG) == redis->scratch)
            return ended(redis, launch, status);
        if (waited >= START_WAIT_MS)
            return host->fail(redis->ctx, HANGAR_IO, 0,
                              "the throw-away redis does not answer after %d s",
                              START_WAIT_MS / 1000);
        host->alive(redis->ctx, "starting a throw-away redis");
        enum hangar_rc rc = host->sleep(redis->ctx, POLL_MS);
        if (rc != HANGAR_OK)
            return rc;
    }
    return HANGAR_OK;
}

/* Can it hold what the backup has? */
static enum hangar_rc check_version(struct redis *redis, struct redis *scratch, const char *program,
                                    const struct hangar_attrs *facts)
{
    struct rd_client client = {.redis = scratch};
    struct rd_server server = {.known = false};
    unsigned major = 0, minor = 0;
    enum hangar_rc rc = rd_open(scratch, &client);
    if (rc == HANGAR_OK)
        rc = rd_ask_server(&client, &server);
    const char *version = redis->host->attr_get(facts, "server_version");
    if (rc == HANGAR_OK && version != NULL && sscanf(version, "%u.%u", &major, &minor) == 2 &&
        server.version_number / 100 < major * 100 + minor)
        rc = redis->host->fail(redis->ctx, HANGAR_UNSUPPORTED, 0,
                               "the backup is of redis %s, and %s is only %s; hint: install a "
                               "newer one, or name a scratch server in the configuration",
                               version, program, server.version);
    rd_server_fini(&server);
    rd_close(&client);
    return rc;
}

static enum hangar_rc launch_server(struct redis *redis, struct launch *launch, const char *socket,
                                    const struct hangar_attrs *facts)
{
    const struct hangar_host *host = redis->host;
    const char *highest = host->attr_get(facts, "highest_db");
    uint64_t databases = highest ? strtoull(highest, NULL, 10) + 1 : 16;
    databases = databases < 16 ? 16 : databases > DATABASES_MOST ? DATABASES_MOST : databases;
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, databases);
    enum hangar_rc rc = find_owner(redis, &launch->owner);
    if (rc == HANGAR_OK)
        rc = prepare_dir(redis, launch);
    if (rc != HANGAR_OK)
        return rc;
    set_arguments(launch, socket, number);
    launch->parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return host->fail(redis->ctx, HANGAR_IO, errno, "cannot start %s", launch->program);
    if (pid == 0)
        run_child(launch);
    setpgid(pid, pid); /* whoever of us comes first */
    redis->scratch = pid;
    struct redis scratch = *redis;
    scratch.socket = socket;
    scratch.username = scratch.password = NULL;
    scratch.tls = false;
    snprintf(scratch.place, sizeof(scratch.place), "socket %s", socket);
    rc = wait_until_up(redis, &scratch, launch);
    return rc == HANGAR_OK ? check_version(redis, &scratch, launch->program, facts) : rc;
}

enum hangar_rc redis_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                   struct hangar_attrs *overrides)
{
    struct redis *redis = inst;
    const struct hangar_host *host = redis->host;
    struct launch launch = {.dir = dir, .null_fd = -1, .log_fd = -1};
    char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int length = snprintf(socket, sizeof(socket), "%s/redis.sock", dir);
    if (length < 0 || (size_t)length >= sizeof(socket))
        return host->fail(redis->ctx, HANGAR_CONFIG, 0,
                          "%s is too long a name for the folder of a socket; hint: set "
                          "limits.temp_dir to a shorter one",
                          dir);
    char *program = find_program();
    launch.program = program;
    enum hangar_rc rc =
        program != NULL
            ? launch_server(redis, &launch, socket, facts)
            : host->fail(redis->ctx, HANGAR_NOT_FOUND, 0,
                         "cannot find redis-server in PATH for a drill; hint: install it, or name "
                         "a scratch server in the configuration");
    if (launch.null_fd >= 0)
        close(launch.null_fd);
    if (launch.log_fd >= 0)
        close(launch.log_fd);
    free(program);
    if (rc != HANGAR_OK)
        return rc;
    host->attr_set(overrides, "socket", socket);
    host->attr_set(overrides, "username", "");
    host->attr_set(overrides, "password", "");
    host->attr_set(overrides, "tls", "false");
    host->attr_set(overrides, "method", "live");
    host->attr_set(overrides, "on_conflict", "fail");
    host->attr_set(overrides, "snapshot", "disk");
    return HANGAR_OK;
}

void redis_scratch_stop(void *inst)
{
    struct redis *redis = inst;
    if (redis->scratch <= 0)
        return;
    /* nothing in it is worth an orderly end; its group: it may be saving */
    kill(-redis->scratch, SIGKILL);
    kill(redis->scratch, SIGKILL);
    while (waitpid(redis->scratch, NULL, 0) < 0 && errno == EINTR)
        continue;
    redis->scratch = 0;
}
