/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * scratch: see scratch.h.
 */
#include "restore/scratch.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "wire/server_info.h"

#define START_WAIT_MS 60000
#define SOCKET "redis.sock"
#define DATABASES_MOST (UINT64_C(1) << 20)

/* Finds redis-server in PATH and the usual folders.  The caller frees the path; NULL: not found. */
static char *find_redis_server(void)
{
    const char *path = getenv("PATH");
    char *list = NULL, *found = NULL;
    if (asprintf(&list, "%s:/usr/bin:/usr/local/bin:/usr/sbin", path ? path : "") < 0) {
        return NULL;
    }
    for (char *rest = list, *dir; !found && (dir = strsep(&rest, ":"));) {
        char *file = NULL;
        if (dir[0] != '/' || asprintf(&file, "%s/redis-server", dir) < 0) {
            continue;
        }
        struct stat st;
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0) {
            found = file;
        } else {
            free(file);
        }
    }
    free(list);
    return found;
}

static bool scratch_answers(void *arg)
{
    return rd_answers(arg);
}

/* Fails when the throw-away server is older than the server of the backup. */
static enum hangar_rc check_scratch_version(struct redis *redis, struct redis *scratch,
                                            const char *program, const struct hangar_attrs *facts)
{
    struct rd_client client = {.redis = scratch};
    struct rd_server server = {.known = false};
    unsigned major = 0, minor = 0;
    enum hangar_rc rc = rd_open(scratch, &client);
    if (rc == HANGAR_OK) {
        rc = rd_ask_server(&client, &server);
    }
    const char *version = redis->host->attr_get(facts, "server_version");
    if (rc == HANGAR_OK && version && sscanf(version, "%u.%u", &major, &minor) == 2 &&
        server.version_number / 100 < major * 100 + minor) {
        rc =
            redis->host->fail(redis->ctx, HANGAR_UNSUPPORTED, 0,
                              "cannot start a throw-away server: the backup is of redis %s, and %s "
                              "is %s; hint: install a newer version, or configure a server under "
                              "scratch",
                              version, program, server.version);
    }
    rd_server_fini(&server);
    rd_close(&client);
    return rc;
}

static const char *const users[] = {"redis", "nobody", NULL};

static enum hangar_rc launch_scratch(struct redis *redis, const char *program, const char *dir,
                                     const char *socket, const struct hangar_attrs *facts)
{
    const char *highest = redis->host->attr_get(facts, "highest_db");
    uint64_t databases = highest ? strtoull(highest, NULL, 10) + 1 : 16;
    databases = databases < 16 ? 16 : databases > DATABASES_MOST ? DATABASES_MOST : databases;
    char number[24], served[PATH_MAX], run[PATH_MAX];
    snprintf(run, sizeof(run), "%s/run", dir);
    snprintf(served, sizeof(served), "%s/run/" SOCKET, dir);
    snprintf(number, sizeof(number), "%" PRIu64, databases);
    /* all options that affect the stored data have their defaults */
    const char *const argv[] = {"redis-server",
                                "--port",
                                "0",
                                "--unixsocket",
                                served,
                                "--unixsocketperm",
                                "700",
                                "--dir",
                                run,
                                "--save",
                                "",
                                "--appendonly",
                                "no",
                                "--maxmemory",
                                "0",
                                "--databases",
                                number,
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
    const struct throwaway_request wish = {
        .what = "redis",
        .dir = dir,
        .users = users,
        .required = throwaway_isolation_required(redis->host, redis->ctx)};
    enum hangar_rc rc = throwaway_prepare(&redis->scratch, redis->host, redis->ctx, &wish);
    if (rc == HANGAR_OK) {
        rc = throwaway_start(&redis->scratch, program, (char *const *)(uintptr_t)argv, SIGKILL);
    }
    struct redis scratch = *redis;
    scratch.socket = socket;
    scratch.username = scratch.password = NULL;
    scratch.tls = false;
    snprintf(scratch.place, sizeof(scratch.place), "socket %s", socket);
    if (rc == HANGAR_OK) {
        rc = throwaway_wait(&redis->scratch, SOCKET, scratch_answers, &scratch, START_WAIT_MS);
    }
    throwaway_close_files(&redis->scratch);
    return rc == HANGAR_OK ? check_scratch_version(redis, &scratch, program, facts) : rc;
}

enum hangar_rc redis_scratch_start(void *inst, const char *dir, const struct hangar_attrs *facts,
                                   struct hangar_attrs *overrides)
{
    struct redis *redis = inst;
    const struct hangar_host *host = redis->host;
    char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    enum hangar_rc rc = throwaway_socket(host, redis->ctx, dir, SOCKET, socket, sizeof(socket));
    if (rc != HANGAR_OK) {
        return rc;
    }
    snprintf(socket, sizeof(socket), "%s/" SOCKET, dir); /* the name that hangar uses */
    char *program = find_redis_server();
    rc = program ? launch_scratch(redis, program, dir, socket, facts)
                 : host->fail(redis->ctx, HANGAR_NOT_FOUND, 0,
                              "cannot find redis-server in PATH for a drill; hint: install it, or "
                              "configure a server under scratch");
    free(program);
    if (rc != HANGAR_OK) {
        return rc;
    }
    host->attr_set(overrides, "socket", socket);
    host->attr_set(overrides, "username", "");
    host->attr_set(overrides, "password", "");
    host->attr_set(overrides, "tls", "false");
    host->attr_set(overrides, "method", "live");
    host->attr_set(overrides, "on_conflict", "fail");
    host->attr_set(overrides, "snapshot", "disk");
    return HANGAR_OK;
}

void redis_scratch_check(struct redis *redis, struct hangar_attrs *facts)
{
    throwaway_check(redis->host, redis->ctx, users, facts);
}

/* SIGKILL, because its data is not needed, and it may be saving. */
void redis_scratch_stop(void *inst)
{
    struct redis *redis = inst;
    throwaway_stop(&redis->scratch, SIGKILL);
}
