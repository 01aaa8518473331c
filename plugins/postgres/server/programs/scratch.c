/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scratch: a throw-away cluster for a drill.  It lives in one folder, listens on a Unix
 * socket there and nowhere else, and syncs nothing; throwaway.h describes the rest.
 */
#include "server/programs/scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "server/instance/args.h"
#include "server/programs/bin_dirs.h"
#include "server/connection/connection.h"
#include "server/instance/error.h"
#include "server/connection/statement.h"

#define INITDB_WAIT_MS 300000
#define START_WAIT_MS 120000
#define PORT "5432"
#define SOCKET ".s.PGSQL." PORT
#define SUPERUSER "postgres"
#define ROWS_ROLE "hangar_drill"

#define DATABASES_MAX 1000 /* limits max_connections: the fact comes from the sink */

struct pg_launch {
    struct pg_source *src;
    const char *dir;
    char bin[1024];     /* the folder of initdb and postgres */
    int major;          /* of these; 0: not known yet */
    int least;          /* the major version that the backup needs; 0: any */
    unsigned databases; /* of the backup; 0: not known */
    char share[1100], bki[1100];
    const char *more[2]; /* what the programs need of their installation; ended by NULL */
};

static const char *const users[] = {"postgres", "nobody", NULL};

/* ---- which server ------------------------------------------------------------ */

/* Of packaged servers the nearest that is new enough; else the first one. */
static bool examine_server(void *arg, const char *dir, bool packaged)
{
    static const char *const needed[] = {"initdb", "postgres", NULL};
    struct pg_launch *launch = arg;
    int major = packaged ? pg_packaged_major(dir) : 0;
    bool better = packaged ? major >= launch->least && (!launch->major || major < launch->major)
                           : !launch->bin[0];
    if (better && pg_has_programs(dir, needed)) {
        snprintf(launch->bin, sizeof(launch->bin), "%s", dir);
        launch->major = major;
    }
    return launch->bin[0];
}

static enum hangar_rc find_server(struct pg_launch *launch)
{
    struct pg_source *src = launch->src;
    pg_each_bin_dir(src, examine_server, launch);
    if (launch->bin[0]) {
        return HANGAR_OK;
    }
    return src->host->fail(
        src->ctx, HANGAR_NOT_FOUND, 0,
        "cannot find initdb and postgres of version %d or newer in %s; hint: install "
        "postgresql-%d, or name a scratch server in the configuration",
        launch->least, pg_bin_dirs_text(src), launch->least);
}

/* A restore has the sessions of each database until all rows are loaded. */
static unsigned scratch_connections(const struct pg_launch *launch)
{
    return 20 + 3 * launch->src->opt.jobs * (launch->databases ? launch->databases : 1);
}

/* ---- making a cluster -------------------------------------------------------- */

/* Sets the first argument to the program's path: both programs look for others in the folder
 * in which they lie. */
static enum hangar_rc set_program_path(const struct pg_launch *launch, const char *tool,
                                       struct pg_args *args)
{
    char *program = pg_format("%s/%s", launch->bin, tool);
    if (!program || args->failed) {
        free(program);
        return pg_no_memory(launch->src);
    }
    free(args->items[0]);
    args->items[0] = program;
    return HANGAR_OK;
}

/* Each database has its own encoding and locale, so the cluster's do not matter.  Every user
 * who can reach the socket may connect: the owner of the folder, and root. */
static enum hangar_rc make_cluster(struct pg_launch *launch)
{
    struct pg_source *src = launch->src;
    struct pg_args args = {0};
    pg_arg(&args, "initdb");
    pg_arg(&args, "--pgdata=%s/run/data", launch->dir);
    pg_arg(&args, "--username=" SUPERUSER);
    pg_arg(&args, "--auth=trust");
    pg_arg(&args, "--encoding=UTF8");
    pg_arg(&args, "--no-locale");
    pg_arg(&args, "--no-sync");
    enum hangar_rc rc = set_program_path(launch, "initdb", &args);
    if (rc == HANGAR_OK) {
        rc = throwaway_run(&src->scratch, args.items[0], args.items, SIGTERM, INITDB_WAIT_MS);
    }
    pg_args_free(&args);
    return rc;
}

/* An instance that connects to the cluster. */
struct pg_cluster_probe {
    struct pg_source src;
    int major; /* of the server that answered */
};

static bool cluster_answers(void *arg)
{
    struct pg_cluster_probe *probe = arg;
    struct pg_conn *conn = NULL;
    struct pg_error err = {0};
    if (pg_open(&probe->src, SUPERUSER, false, &conn, &err) != HANGAR_OK) {
        return false;
    }
    probe->major = conn->version / 10000;
    pg_close(conn);
    return true;
}

/* Creates the role before any restored one, so that the backup cannot give rights to it. */
static enum hangar_rc create_rows_role(struct pg_source *server)
{
    struct pg_conn *conn;
    enum hangar_rc rc = pg_connect(server, SUPERUSER, &conn);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (pg_command(conn, "CREATE ROLE " ROWS_ROLE " LOGIN") != HANGAR_OK) {
        rc = pg_raise(server, &conn->err, "cannot create role " ROWS_ROLE);
    }
    pg_close(conn);
    return rc;
}

static enum hangar_rc wait_until_up(struct pg_launch *launch)
{
    struct pg_source *src = launch->src;
    struct pg_cluster_probe probe = {.src = *src};
    probe.src.opt.host = launch->dir;
    probe.src.opt.port = PORT;
    probe.src.opt.user = SUPERUSER;
    probe.src.opt.password = "unused";
    probe.src.opt.passfile = NULL;
    probe.src.opt.sslmode = "disable";
    enum hangar_rc rc =
        throwaway_wait(&src->scratch, SOCKET, cluster_answers, &probe, START_WAIT_MS);
    if (rc != HANGAR_OK || probe.major >= launch->least) {
        return rc == HANGAR_OK ? create_rows_role(&probe.src) : rc;
    }
    return src->host->fail(
        src->ctx, HANGAR_UNSUPPORTED, 0,
        "the backup is of PostgreSQL %d, but the server in %s has version %d; hint: install "
        "PostgreSQL %d or newer, or name a scratch server in the configuration",
        launch->least, launch->bin, probe.major, launch->least);
}

/* The major version in the cluster's PG_VERSION; 0: unknown. */
static int cluster_version(const struct pg_launch *launch)
{
    char *path = pg_format("%s/run/data/PG_VERSION", launch->dir);
    FILE *file = path ? fopen(path, "re") : NULL;
    int major = 0;
    if (file && fscanf(file, "%d", &major) != 1) {
        major = 0;
    }
    if (file) {
        fclose(file);
    }
    free(path);
    return major;
}

static enum hangar_rc start_cluster(struct pg_launch *launch)
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
        "dynamic_shared_memory_type=mmap", /* no shared memory outside the folder */
        "logging_collector=off",
        "log_line_prefix=%e ", /* the SQLSTATE, for restore/rows/verdict.c */
        "log_min_messages=warning",
        "shared_preload_libraries=",
        "ssl=off",
    };
    struct pg_args args = {0};
    pg_arg(&args, "postgres");
    pg_arg(&args, "-D");
    pg_arg(&args, "%s/run/data", launch->dir);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        pg_arg(&args, "-c");
        pg_arg(&args, "%s", settings[i]);
    }
    /* a unit of systemd may forbid executable memory; that this provider does not exist is not
     * an error */
    if (cluster_version(launch) >= 11) {
        pg_arg(&args, "-c");
        pg_arg(&args, "jit_provider=none");
    }
    if (cluster_version(launch) >= 17) { /* a restored one would run as superuser at each login */
        pg_arg(&args, "-c");
        pg_arg(&args, "event_triggers=off");
    }
    pg_arg(&args, "-c");
    pg_arg(&args, "unix_socket_directories=\"%s/run\"", launch->dir);
    pg_arg(&args, "-c");
    pg_arg(&args, "max_connections=%u", scratch_connections(launch));
    enum hangar_rc rc = set_program_path(launch, "postgres", &args);
    if (rc == HANGAR_OK) {
        rc = throwaway_start(&src->scratch, args.items[0], args.items, SIGQUIT);
    }
    if (rc == HANGAR_OK) {
        rc = wait_until_up(launch);
    }
    pg_args_free(&args);
    return rc;
}

/* A restore leaves out databases that the options do not name; the result of a drill that did
 * so would be misleading.  What patterns leave out shows when the restore begins. */
static enum hangar_rc check_all_restored(const struct pg_launch *launch)
{
    struct pg_source *src = launch->src;
    if (src->has_patterns || launch->databases <= src->database_count) {
        return HANGAR_OK;
    }
    return src->host->fail(
        src->ctx, HANGAR_CONFIG, 0,
        "the backup has %u databases, but the options name only %zu, and the drill would leave "
        "the others out; hint: name all of them in the option databases",
        launch->databases, src->database_count);
}

/* A server that was installed outside of /usr has its own files beside its programs. */
static enum hangar_rc prepare_cluster(struct pg_launch *launch)
{
    struct pg_source *src = launch->src;
    snprintf(launch->share, sizeof(launch->share), "%s/../share/postgresql", launch->bin);
    snprintf(launch->bki, sizeof(launch->bki), "%s/../share/postgres.bki", launch->bin);
    if (access(launch->bki, R_OK) == 0) {
        snprintf(launch->share, sizeof(launch->share), "%s/../share", launch->bin);
    }
    launch->more[0] = launch->share;
    const struct throwaway_request wish = {.what = "PostgreSQL",
                                           .dir = launch->dir,
                                           .users = users,
                                           .more = launch->more,
                                           .processes = scratch_connections(launch),
                                           .required =
                                               throwaway_isolation_required(src->host, src->ctx)};
    return throwaway_prepare(&src->scratch, src->host, src->ctx, &wish);
}

static enum hangar_rc launch_cluster(struct pg_launch *launch, const struct hangar_attrs *facts)
{
    struct pg_source *src = launch->src;
    const char *number = src->host->attr_get(facts, "server_version_num");
    launch->least = number ? atoi(number) / 10000 : 0;
    const char *databases = src->host->attr_get(facts, "databases");
    const unsigned long many = databases ? strtoul(databases, NULL, 10) : 0;
    launch->databases = (unsigned)(many < DATABASES_MAX ? many : DATABASES_MAX);
    enum hangar_rc rc = check_all_restored(launch);
    if (rc == HANGAR_OK) {
        rc = find_server(launch);
    }
    if (rc == HANGAR_OK) {
        rc = prepare_cluster(launch);
    }
    if (rc == HANGAR_OK) {
        rc = make_cluster(launch);
    }
    return rc == HANGAR_OK ? start_cluster(launch) : rc;
}

enum hangar_rc pg_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                struct hangar_attrs *overrides)
{
    struct pg_source *src = inst;
    const struct hangar_host *host = src->host;
    struct pg_launch launch = {.src = src, .dir = dir};
    char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    enum hangar_rc rc =
        throwaway_socket(host, src->ctx, dir, SOCKET ".lock", socket, sizeof(socket));
    if (rc == HANGAR_OK) {
        rc = launch_cluster(&launch, facts);
    }
    throwaway_close_files(&src->scratch);
    if (rc != HANGAR_OK) {
        return rc;
    }
    char *log = pg_format("%s/log", dir);
    if (!log) {
        return pg_no_memory(src);
    }
    host->attr_set(overrides, "host", dir);
    host->attr_set(overrides, "port", PORT);
    host->attr_set(overrides, "user", SUPERUSER);
    /* the server asks for none; restored code that took its place would get this one, and not
     * PGPASSWORD or ~/.pgpass */
    host->attr_set(overrides, "password", "unused");
    host->attr_set(overrides, "passfile", PG_NO_PASSFILE);
    host->attr_set(overrides, "sslmode", "disable");
    host->attr_set(overrides, "maintenance_db", SUPERUSER);
    host->attr_set(overrides, "rows_role", ROWS_ROLE);
    host->attr_set(overrides, "server_log", log);
    host->attr_set(overrides, "globals", "missing");
    host->attr_set(overrides, "missing_locale", "substitute");
    free(log);
    return HANGAR_OK;
}

void pg_scratch_check(struct pg_source *src, struct hangar_attrs *facts)
{
    throwaway_check(src->host, src->ctx, users, facts);
}

/* An immediate shutdown also ends the sessions and removes the shared memory. */
void pg_scratch_stop(void *inst)
{
    struct pg_source *src = inst;
    throwaway_stop(&src->scratch, SIGQUIT);
}
