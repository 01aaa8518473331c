/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * redis: the source of Redis data: one object, dump.rdb, which is the RDB that the server sends to
 * a replica.
 *
 *     restore/     sends an RDB to a running server, or writes it as a file; compares; drills
 *     clean/       replaces all data of a running server in one step (--mode clean)
 *     backup/      asks a server for its RDB, verifies it, and passes it to the core
 *     wire/        connections, commands and replies
 *     rdb/         the RDB format
 *     instance.h   the options and the state of one source
 *
 * Each includes only what is below it in this list.  This file has the option table, the instance
 * and the descriptor.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "backup/backup.h"
#include "backup/check.h"
#include "backup/readback.h"
#include "instance.h"
#include "restore/commands.h"
#include "restore/restore.h"
#include "restore/scratch.h"
#include "wire/tls.h"

static const char *const redis_conflict_choices[] = {"fail", "replace", "skip_existing", "flush",
                                                     NULL};
static const char *const redis_method_choices[] = {"live", "file", NULL};
static const char *const redis_snapshot_choices[] = {"auto", "disk", "diskless", NULL};

static const struct hangar_option redis_options[] = {
    {.name = "host",
     .type = HANGAR_OPT_STRING,
     .default_value = "localhost",
     .help = "Name or address of the server."},
    {.name = "port",
     .type = HANGAR_OPT_INT,
     .default_value = "6379",
     .min = 1,
     .max = 65535,
     .help = "TCP port of the server."},
    {.name = "socket",
     .type = HANGAR_OPT_PATH,
     .help = "Unix socket of the server, used instead of host and port."},
    {.name = "username",
     .type = HANGAR_OPT_STRING,
     .help = "ACL user to log in as (Redis 6 and newer). Needs password."},
    {.name = "password",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_SECRET,
     .help = "Password of the user, or of requirepass. Empty: hangar does not log in."},
    {.name = "tls",
     .type = HANGAR_OPT_BOOL,
     .default_value = "false",
     .help = "Encrypt the connection with TLS 1.2 or newer."},
    {.name = "tls_ca_file",
     .type = HANGAR_OPT_PATH,
     .help = "CA certificates (PEM) to trust. Default: those of the system."},
    {.name = "tls_cert",
     .type = HANGAR_OPT_PATH,
     .help = "Client certificate (PEM), for servers that require one. Needs tls_key."},
    {.name = "tls_key", .type = HANGAR_OPT_PATH, .help = "Private key (PEM) of tls_cert."},
    {.name = "tls_verify",
     .type = HANGAR_OPT_BOOL,
     .default_value = "true",
     .help = "Refuse a server whose certificate is not trusted or is for another host."},
    {.name = "tls_server_name",
     .type = HANGAR_OPT_STRING,
     .help = "Host name that the certificate must carry. Default: host."},
    {.name = "snapshot",
     .type = HANGAR_OPT_ENUM,
     .default_value = "auto",
     .choices = redis_snapshot_choices,
     .help =
         "disk: the server writes the snapshot to its disk and sends it from there. diskless: it "
         "sends the snapshot from memory if repl-diskless-sync is yes; it needs no disk space, but "
         "waits for repl-diskless-sync-delay first. auto: diskless if CONFIG GET reports a delay "
         "of 0, else disk."},
    {.name = "on_conflict",
     .type = HANGAR_OPT_ENUM,
     .default_value = "fail",
     .choices = redis_conflict_choices,
     .help = "Restore: what to do with existing data in the target. fail: refuse a target that is "
             "not empty. replace: overwrite keys of the same name and keep the others. "
             "skip_existing: keep existing keys. flush: delete all data first. With --mode clean, "
             "only fail is allowed."},
    {.name = "method",
     .type = HANGAR_OPT_ENUM,
     .default_value = "live",
     .choices = redis_method_choices,
     .help = "Restore: live sends the keys to the running server; file writes dump.rdb into the "
             "data_dir of a stopped server."},
    {.name = "data_dir",
     .type = HANGAR_OPT_PATH,
     .help = "Restore with method file: the data folder of the server (its option dir)."},
    {.name = "connect_timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "10s",
     .min = 100,
     .max = 3600000,
     .help = "Limit for connecting to one address."},
    {.name = "timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "60s",
     .min = 100,
     .max = 86400000,
     .help = "Limit for the time in which no byte arrives or is sent. While the server prepares a "
             "snapshot, it sends a byte each second."},
    {.name = "drill_isolation",
     .type = HANGAR_OPT_ENUM,
     .default_value = "required",
     .choices = throwaway_isolation_choices,
     .help = THROWAWAY_ISOLATION_HELP},
    {.name = NULL},
};

/* The text of an option; NULL when it is not set or empty.  It is empty when it comes from an
 * environment variable that is not set. */
static const char *redis_text_option(const struct redis *redis, const char *name)
{
    const char *value = redis->host->opt_string(redis->ctx, name);
    return value && *value != '\0' ? value : NULL;
}

static enum hangar_rc read_redis_options(struct redis *redis)
{
    const struct hangar_host *host = redis->host;
    struct hangar_ctx *ctx = redis->ctx;
    redis->server = redis_text_option(redis, "host");
    redis->port = (int)host->opt_int(ctx, "port");
    redis->socket = redis_text_option(redis, "socket");
    redis->username = redis_text_option(redis, "username");
    redis->password = redis_text_option(redis, "password");
    redis->tls = host->opt_bool(ctx, "tls");
    redis->tls_ca_file = redis_text_option(redis, "tls_ca_file");
    redis->tls_cert = redis_text_option(redis, "tls_cert");
    redis->tls_key = redis_text_option(redis, "tls_key");
    redis->tls_verify = host->opt_bool(ctx, "tls_verify");
    redis->tls_server_name = redis_text_option(redis, "tls_server_name");
    const char *snapshot = host->opt_string(ctx, "snapshot");
    redis->snapshot = strcmp(snapshot, "disk") == 0       ? RD_SNAPSHOT_DISK
                      : strcmp(snapshot, "diskless") == 0 ? RD_SNAPSHOT_DISKLESS
                                                          : RD_SNAPSHOT_AUTO;
    redis->method_file = strcmp(host->opt_string(ctx, "method"), "file") == 0;
    redis->data_dir = redis_text_option(redis, "data_dir");
    redis->connect_timeout_ms = (int)host->opt_int(ctx, "connect_timeout");
    redis->timeout_ms = (int)host->opt_int(ctx, "timeout");
    const char *conflict = host->opt_string(ctx, "on_conflict");
    for (int i = 0; redis_conflict_choices[i]; i++) {
        if (strcmp(conflict, redis_conflict_choices[i]) == 0) {
            redis->on_conflict = (enum rd_conflict)i;
        }
    }

    if (!redis->server && !redis->socket) {
        return host->fail_option(ctx, "host", "host must not be empty");
    }
    if (redis->username && !redis->password) {
        return host->fail_option(ctx, "username", "username needs a password");
    }
    if (redis->tls && !rd_tls_available()) {
        return host->fail_option(ctx, "tls", "this redis plugin was built without TLS");
    }
    if (redis->tls && redis->socket) {
        return host->fail_option(ctx, "tls", "tls needs TCP; hint: remove tls or socket");
    }
    if (!redis->tls_cert != !redis->tls_key) {
        return host->fail_option(ctx, redis->tls_cert ? "tls_cert" : "tls_key",
                                 "tls_cert and tls_key must both be set");
    }
    if (redis->method_file && !redis->data_dir) {
        return host->fail_option(ctx, "method", "method file needs data_dir");
    }
    return HANGAR_OK;
}

static void redis_destroy(void *inst)
{
    struct redis *redis = inst;
    redis_scratch_stop(redis);
    if (redis->cancel_fd >= 0) {
        close(redis->cancel_fd);
    }
    free(redis);
}

static enum hangar_rc redis_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   void **out)
{
    struct redis *redis = calloc(1, sizeof(*redis));
    if (!redis) {
        return failure_raise_no_memory(host, ctx, "create the source");
    }
    redis->host = host;
    redis->ctx = ctx;
    redis->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum hangar_rc rc = HANGAR_OK;
    if (redis->cancel_fd < 0) {
        rc = host->fail(ctx, HANGAR_IO, errno, "cannot create an eventfd");
    }
    if (rc == HANGAR_OK) {
        rc = read_redis_options(redis);
    }
    if (rc != HANGAR_OK) {
        redis_destroy(redis);
        return rc;
    }
    if (redis->socket) {
        snprintf(redis->place, sizeof(redis->place), "socket %s", redis->socket);
    } else {
        snprintf(redis->place, sizeof(redis->place), "%s:%d", redis->server, redis->port);
    }
    if (redis->method_file) {
        snprintf(redis->target, sizeof(redis->target), "Redis data in %s", redis->data_dir);
    } else {
        snprintf(redis->target, sizeof(redis->target), "Redis at %s", redis->place);
    }
    *out = redis;
    return HANGAR_OK;
}

static void redis_cancel(void *inst)
{
    const struct redis *redis = inst;
    uint64_t one = 1;
    /* it fails only when the eventfd is readable already */
    ssize_t n = write(redis->cancel_fd, &one, sizeof(one));
    (void)n;
}

static uint32_t redis_threads(void *inst)
{
    (void)inst;
    return HANGAR_SERIAL_INSTANCE;
}

static const char *redis_describe(void *inst)
{
    const struct redis *redis = inst;
    return redis->target;
}

static enum hangar_rc redis_check_all(void *inst, struct hangar_attrs *facts)
{
    enum hangar_rc rc = redis_check(inst, facts);
    if (rc == HANGAR_OK) {
        redis_scratch_check(inst, facts);
    }
    return rc;
}

static const struct hangar_source redis_source = {
    .struct_size = sizeof(struct hangar_source),
    .flags = HANGAR_SOURCE_URGENT,
    .check = redis_check_all,
    .prepare = redis_prepare,
    .begin = redis_begin,
    .next = redis_next,
    .read = redis_read,
    .close = redis_close,
    .end = redis_end,
    .restore_prepare = redis_restore_prepare,
    .restore_open = redis_restore_open,
    .restore_write = redis_restore_write,
    .restore_close = redis_restore_close,
    .restore_phase_end = redis_restore_phase_end,
    .restore_end = redis_restore_end,
    .restore_commands = redis_restore_commands,
    .scratch_start = redis_scratch_start,
    .scratch_stop = redis_scratch_stop,
    .inspect = redis_inspect,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "redis",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "backs up and restores Redis",
    .license = "Apache-2.0",
    .options = redis_options,
    .create = redis_create,
    .destroy = redis_destroy,
    .cancel = redis_cancel,
    .threads = redis_threads,
    .describe = redis_describe,
    .source = &redis_source,
};
HANGAR_PLUGIN(plugin)
