/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scratch.c: a throw-away cluster for a drill, and what is in a server.  The cluster
 * lies in one folder, which only its owner may enter, and listens on a Unix socket
 * there and nowhere else.  It syncs nothing, gets none of our environment, no network
 * where we may take it away, and ends with us: the kernel tells it when the thread
 * that started it ends.  When we are root it runs as the user postgres, or nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
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
#include "scratch.h"

#define INITDB_WAIT_MS 300000
#define START_WAIT_MS 120000
#define STOP_WAIT_MS 10000
#define POLL_MS 20
#define LOG_TAIL 4096
#define PORT "5432"
#define SUPERUSER "postgres"

/* Whom the server runs as. */
struct owner {
    bool drop; /* we are root: become this one */
    uid_t uid;
    gid_t gid;
    char name[64];
};

/* All that a child needs, made before the fork. */
struct launch {
    struct pg_source *src;
    const char *dir;
    char bin[1024]; /* the folder of initdb and postgres */
    int major;      /* of these; 0: not known yet */
    struct owner owner;
    pid_t parent;
    int null_fd, log_fd;
};

static enum hangar_rc find_owner(struct pg_source *src, struct owner *owner)
{
    static const char *const names[] = {"postgres", "nobody"};
    *owner = (struct owner){.drop = geteuid() == 0, .uid = geteuid(), .gid = getegid()};
    for (size_t i = 0; owner->drop && i < sizeof(names) / sizeof(names[0]); i++) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        if (getpwnam_r(names[i], &entry, buffer, sizeof(buffer), &found) != 0 || !found ||
            found->pw_uid == 0)
            continue;
        owner->uid = found->pw_uid;
        owner->gid = found->pw_gid;
        snprintf(owner->name, sizeof(owner->name), "%s", names[i]);
        return HANGAR_OK;
    }
    if (!owner->drop)
        return HANGAR_OK;
    return src->host->fail(src->ctx, HANGAR_AUTH, 0,
                           "cannot start a throw-away PostgreSQL as root: there is neither a user "
                           "postgres nor nobody to run it as");
}

/* ---- which server ------------------------------------------------------------------------ */

static bool has_server(const char *dir)
{
    static const char *const needed[] = {"initdb", "postgres"};
    for (size_t i = 0; i < 2; i++) {
        char path[1200];
        snprintf(path, sizeof(path), "%s/%s", dir, needed[i]);
        if (access(path, X_OK) != 0)
            return false;
    }
    return true;
}

/* The major version that a folder's name tells, as packages name them; 0: none. */
static int major_of(const char *dir)
{
    int major = 0;
    if (sscanf(dir, "/usr/lib/postgresql/%d/bin", &major) == 1 ||
        sscanf(dir, "/usr/pgsql-%d/bin", &major) == 1)
        return major;
    return 0;
}

static void take(struct launch *launch, const char *dir, int major)
{
    snprintf(launch->bin, sizeof(launch->bin), "%s", dir);
    launch->major = major;
}

/* The nearest version that is new enough. */
static void consider_packages(struct launch *launch, int least)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0)
        found.gl_pathc = 0;
    glob("/usr/pgsql-*/bin", found.gl_pathc ? GLOB_APPEND : 0, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        int major = major_of(found.gl_pathv[i]);
        if (major >= least && (!launch->major || major < launch->major) &&
            has_server(found.gl_pathv[i]))
            take(launch, found.gl_pathv[i], major);
    }
    globfree(&found);
}

static void consider_path(struct launch *launch)
{
    const char *path = getenv("PATH");
    char *copy = path ? strdup(path) : NULL, *rest = copy, *dir;
    while (copy && !launch->bin[0] && (dir = strsep(&rest, ":")) != NULL)
        if (dir[0] == '/' && has_server(dir))
            take(launch, dir, 0);
    free(copy);
}

static enum hangar_rc find_server(struct launch *launch, int least)
{
    struct pg_source *src = launch->src;
    if (src->opt.bin_dir && has_server(src->opt.bin_dir))
        take(launch, src->opt.bin_dir, 0);
    if (!src->opt.bin_dir)
        consider_packages(launch, least);
    if (!src->opt.bin_dir && !launch->bin[0])
        consider_path(launch);
    if (launch->bin[0])
        return HANGAR_OK;
    return src->host->fail(
        src->ctx, HANGAR_NOT_FOUND, 0,
        "cannot find initdb and postgres of version %d or newer in %s for a drill; hint: install "
        "postgresql-%d, or name a scratch server in the configuration",
        least,
        src->opt.bin_dir ? src->opt.bin_dir
                         : "/usr/lib/postgresql/*/bin, /usr/pgsql-*/bin "
                           "and PATH",
        least);
}

/* ---- children ------------------------------------------------------------------------------ */

/* Between fork and exec of a process with threads: system calls only. */
static _Noreturn void run_child(const struct launch *launch, const char *program, char *const *argv,
                                int end_signal)
{
    static char *const environment[] = {(char *)"LC_ALL=C", (char *)"PATH=/usr/bin:/bin", NULL};
    const struct owner *owner = &launch->owner;
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
    /* what is restored may call functions that reach out; root can keep them in */
    int isolated = unshare(CLONE_NEWNET);
    (void)isolated;
    if (owner->drop &&
        (setgroups(0, NULL) != 0 || setresgid(owner->gid, owner->gid, owner->gid) != 0 ||
         setresuid(owner->uid, owner->uid, owner->uid) != 0))
        _exit(126);
    /* after the change of user, which would undo the second */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, end_signal);
    if (getppid() != launch->parent || chdir(launch->dir) != 0)
        _exit(126);
    execve(program, argv, environment);
    _exit(127);
}

static enum hangar_rc start(struct launch *launch, const char *tool, struct pg_args *args,
                            int end_signal)
{
    struct pg_source *src = launch->src;
    char *program = pg_format("%s/%s", launch->bin, tool);
    if (!program || args->failed) {
        free(program);
        return PG_NO_MEMORY(src);
    }
    /* both look for their like beside themselves, by the name they are called by */
    free(args->items[0]);
    args->items[0] = program;
    launch->parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return src->host->fail(src->ctx, HANGAR_IO, errno, "cannot start %s", program);
    if (pid == 0)
        run_child(launch, program, args->items, end_signal);
    setpgid(pid, pid); /* whoever of us comes first */
    src->scratch = pid;
    return HANGAR_OK;
}

/* The last line of the log, as a reason. */
static void last_words(int fd, char out[400])
{
    char tail[LOG_TAIL + 1];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, tail, LOG_TAIL, size > LOG_TAIL ? size - LOG_TAIL : 0);
    n = n > 0 ? n : 0;
    while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == '\r'))
        n--;
    tail[n] = '\0';
    const char *line = strrchr(tail, '\n');
    pg_one_line(line ? line + 1 : tail, out, 400);
}

static enum hangar_rc ended(struct launch *launch, const char *tool, int status)
{
    struct pg_source *src = launch->src;
    char said[400];
    last_words(launch->log_fd, said);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
        return src->host->fail(src->ctx, HANGAR_IO, 0,
                               "cannot run %s/%s in %s%s%s; hint: that folder, and "
                               "limits.temp_dir above it, must be open to that user",
                               launch->bin, tool, launch->dir,
                               launch->owner.drop ? " as user " : "", launch->owner.name);
    return src->host->fail(src->ctx, HANGAR_IO, 0, "%s of the throw-away PostgreSQL failed: %s",
                           tool, said[0] ? said : "it said nothing");
}

/* Has the child ended?  Then it is reaped. */
static bool reap(struct pg_source *src, int *status)
{
    pid_t pid = waitpid(src->scratch, status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return false;
    if (pid < 0)
        *status = -1;
    src->scratch = 0;
    return true;
}

/* ---- making a cluster --------------------------------------------------------------------- */

static enum hangar_rc prepare_dir(struct launch *launch)
{
    struct pg_source *src = launch->src;
    char *log = pg_format("%s/log", launch->dir);
    if (!log)
        return PG_NO_MEMORY(src);
    enum hangar_rc rc = HANGAR_OK;
    launch->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    launch->log_fd =
        open(log, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (launch->null_fd < 0 || launch->log_fd < 0)
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot create %s", log);
    else if (chmod(launch->dir, 0700) != 0 ||
             (launch->owner.drop && chown(launch->dir, launch->owner.uid, launch->owner.gid) != 0))
        rc = src->host->fail(src->ctx, HANGAR_IO, errno, "cannot give %s to user %s", launch->dir,
                             launch->owner.name);
    free(log);
    return rc;
}

/* Each database brings its own encoding and locale, so the cluster's does not matter.
 * Whoever reaches the socket is let in: that is the owner of the folder, and root. */
static enum hangar_rc make_cluster(struct launch *launch)
{
    struct pg_source *src = launch->src;
    struct pg_args args = {0};
    pg_arg(&args, "initdb");
    pg_arg(&args, "--pgdata=%s/data", launch->dir);
    pg_arg(&args, "--username=" SUPERUSER);
    pg_arg(&args, "--auth=trust");
    pg_arg(&args, "--encoding=UTF8");
    pg_arg(&args, "--no-locale");
    pg_arg(&args, "--no-sync");
    enum hangar_rc rc = start(launch, "initdb", &args, SIGTERM);
    pg_args_free(&args);
    int status = 0;
    for (int waited = 0; rc == HANGAR_OK && !reap(src, &status); waited += POLL_MS) {
        src->host->alive(src->ctx, "making a throw-away cluster");
        if (waited >= INITDB_WAIT_MS)
            rc = src->host->fail(src->ctx, HANGAR_IO, 0, "initdb does not end after %d s",
                                 INITDB_WAIT_MS / 1000);
        else
            rc = src->host->sleep(src->ctx, POLL_MS);
    }
    if (rc != HANGAR_OK)
        return rc;
    return status == 0 ? HANGAR_OK : ended(launch, "initdb", status);
}

static enum hangar_rc start_server(struct launch *launch)
{
    struct pg_source *src = launch->src;
    static const char *const settings[] = {
        "listen_addresses=",
        ("port=" PORT),
        "unix_socket_permissions=0700",
        "fsync=off",
        "full_page_writes=off",
        "synchronous_commit=off",
        "wal_level=minimal",
        "max_wal_senders=0",
        "max_logical_replication_workers=0",
        "archive_mode=off",
        "autovacuum=off",
        "shared_buffers=32MB",
        "dynamic_shared_memory_type=mmap", /* nothing of it outside the folder */
        "logging_collector=off",
        "log_min_messages=warning",
        "shared_preload_libraries=",
        "ssl=off",
    };
    struct pg_args args = {0};
    pg_arg(&args, "postgres");
    pg_arg(&args, "-D");
    pg_arg(&args, "%s/data", launch->dir);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        pg_arg(&args, "-c");
        pg_arg(&args, "%s", settings[i]);
    }
    pg_arg(&args, "-c");
    pg_arg(&args, "unix_socket_directories=\"%s\"", launch->dir);
    pg_arg(&args, "-c");
    pg_arg(&args, "max_connections=%u",
           20 + 3 * src->opt.jobs * (unsigned)(src->database_count ? src->database_count : 1));
    enum hangar_rc rc = start(launch, "postgres", &args, SIGQUIT);
    pg_args_free(&args);
    return rc;
}

/* An instance that leads to the cluster, as far as connecting needs it. */
static struct pg_source scratch_source(struct pg_source *src, const char *dir)
{
    struct pg_source probe = *src;
    probe.opt.host = dir;
    probe.opt.port = PORT;
    probe.opt.user = SUPERUSER;
    probe.opt.password = probe.opt.passfile = NULL;
    probe.opt.sslmode = "disable";
    return probe;
}

static enum hangar_rc wait_until_up(struct launch *launch, int least)
{
    struct pg_source *src = launch->src, probe = scratch_source(src, launch->dir);
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    for (int waited = 0; pg_open(&probe, SUPERUSER, false, &conn, &err) != HANGAR_OK;
         waited += POLL_MS) {
        int status;
        if (reap(src, &status))
            return ended(launch, "postgres", status);
        if (waited >= START_WAIT_MS)
            return pg_raise(src, &err, "the throw-away PostgreSQL does not answer after %d s",
                            START_WAIT_MS / 1000);
        src->host->alive(src->ctx, "starting a throw-away PostgreSQL");
        enum hangar_rc rc = src->host->sleep(src->ctx, POLL_MS);
        if (rc != HANGAR_OK)
            return rc;
    }
    int major = conn->version / 10000;
    pg_close(conn);
    if (major >= least)
        return HANGAR_OK;
    return src->host->fail(src->ctx, HANGAR_UNSUPPORTED, 0,
                           "the backup is of PostgreSQL %d, and the server in %s is only %d; hint: "
                           "install a newer one, or name a scratch server in the configuration",
                           least, launch->bin, major);
}

/* A restore leaves out databases that the options do not name; a drill that did would
 * say more than it knows. */
static enum hangar_rc check_databases(struct pg_source *src, const struct hangar_attrs *facts)
{
    const char *count = src->host->attr_get(facts, "databases");
    unsigned long many = count ? strtoul(count, NULL, 10) : 0;
    if (many <= src->database_count)
        return HANGAR_OK;
    return src->host->fail(src->ctx, HANGAR_CONFIG, 0,
                           "the backup holds %lu databases and the options name %zu: a drill would "
                           "leave some out; hint: name all of them under databases",
                           many, src->database_count);
}

static enum hangar_rc launch_server(struct launch *launch, const struct hangar_attrs *facts)
{
    struct pg_source *src = launch->src;
    const char *number = src->host->attr_get(facts, "server_version_num");
    int least = number ? atoi(number) / 10000 : 0;
    enum hangar_rc rc = check_databases(src, facts);
    if (rc == HANGAR_OK)
        rc = find_owner(src, &launch->owner);
    if (rc == HANGAR_OK)
        rc = find_server(launch, least);
    if (rc == HANGAR_OK)
        rc = prepare_dir(launch);
    if (rc == HANGAR_OK)
        rc = make_cluster(launch);
    if (rc == HANGAR_OK)
        rc = start_server(launch);
    return rc == HANGAR_OK ? wait_until_up(launch, least) : rc;
}

enum hangar_rc pg_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                struct hangar_attrs *overrides)
{
    struct pg_source *src = inst;
    const struct hangar_host *host = src->host;
    struct launch launch = {.src = src, .dir = dir, .null_fd = -1, .log_fd = -1};
    if (strlen(dir) + sizeof("/.s.PGSQL." PORT ".lock") >
        sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return host->fail(src->ctx, HANGAR_CONFIG, 0,
                          "%s is too long a name for the folder of a socket; hint: set "
                          "limits.temp_dir to a shorter one",
                          dir);
    enum hangar_rc rc = launch_server(&launch, facts);
    if (launch.null_fd >= 0)
        close(launch.null_fd);
    if (launch.log_fd >= 0)
        close(launch.log_fd);
    if (rc != HANGAR_OK)
        return rc;
    host->attr_set(overrides, "host", dir);
    host->attr_set(overrides, "port", PORT);
    host->attr_set(overrides, "user", SUPERUSER);
    host->attr_set(overrides, "password", "");
    host->attr_set(overrides, "sslmode", "disable");
    host->attr_set(overrides, "maintenance_db", SUPERUSER);
    host->attr_set(overrides, "globals", "missing");
    return HANGAR_OK;
}

/* An immediate end takes the sessions and the shared memory along. */
void pg_scratch_stop(void *inst)
{
    struct pg_source *src = inst;
    int status;
    if (src->scratch > 0)
        kill(src->scratch, SIGQUIT);
    for (int waited = 0; src->scratch > 0 && !reap(src, &status); waited += POLL_MS) {
        if (waited == STOP_WAIT_MS) {
            kill(-src->scratch, SIGKILL);
            kill(src->scratch, SIGKILL);
        }
        struct timespec nap = {.tv_nsec = POLL_MS * 1000 * 1000};
        nanosleep(&nap, NULL);
    }
}

/* ---- what is in a server -------------------------------------------------------------------- */

struct contents {
    uint64_t tables, rows, large_objects;
};

/* The tables of one database, as a backup would find them, and the statement that
 * counts all their rows. */
static const char tables_query[] =
    "SELECT count(*), 'SELECT 0::numeric' || coalesce(string_agg(format("
    "'+(SELECT count(*) FROM ONLY %I.%I)', n.nspname, c.relname), ''), ''),"
    " (SELECT count(*) FROM pg_largeobject_metadata)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'"
    " AND n.nspname <> 'information_schema'"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass"
    " AND d.objid = c.oid AND d.deptype = 'e')";

static enum hangar_rc inspect_database(struct pg_source *src, const char *database,
                                       struct contents *contents)
{
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    PGresult *tables = NULL, *rows = NULL;
    if (pg_open(src, database, false, &conn, &err) != HANGAR_OK)
        return pg_raise(src, &err, "cannot connect to database %s on %s", database, pg_where(src));
    conn->doing = "counting rows";
    enum hangar_rc rc = pg_query(conn, tables_query, NULL, NULL, &tables);
    if (rc == HANGAR_OK)
        rc = pg_query(conn, PQgetvalue(tables, 0, 1), NULL, NULL, &rows);
    if (rc == HANGAR_OK) {
        contents->tables += strtoull(PQgetvalue(tables, 0, 0), NULL, 10);
        contents->large_objects += strtoull(PQgetvalue(tables, 0, 2), NULL, 10);
        contents->rows += strtoull(PQgetvalue(rows, 0, 0), NULL, 10);
    } else {
        rc = pg_raise(src, &conn->err, "cannot look into database %s", database);
    }
    if (tables)
        PQclear(tables);
    if (rows)
        PQclear(rows);
    pg_close(conn);
    return rc;
}

enum hangar_rc pg_inspect(void *inst, struct hangar_attrs *facts)
{
    struct pg_source *src = inst;
    const struct hangar_host *host = src->host;
    struct contents contents = {0};
    for (size_t i = 0; i < src->database_count; i++) {
        enum hangar_rc rc = inspect_database(src, src->databases[i], &contents);
        if (rc != HANGAR_OK)
            return rc;
    }
    host->attr_setf(facts, "databases", "%zu", src->database_count);
    host->attr_setf(facts, "tables", "%llu", (unsigned long long)contents.tables);
    host->attr_setf(facts, "rows", "%llu", (unsigned long long)contents.rows);
    host->attr_setf(facts, "large_objects", "%llu", (unsigned long long)contents.large_objects);
    return HANGAR_OK;
}
