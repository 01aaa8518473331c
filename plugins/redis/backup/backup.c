/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: asks a server for its data as a replica does, and hands the RDB that
 * comes over to the core, checked on the way.
 *
 * The server is asked to send the RDB and nothing after it ("rdb-only"), so that
 * it does not collect the writes of the meantime for us.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "restore/compare.h"
#include "wire/psync_frame.h"
#include "redis.h"
#include "wire/resp.h"
#include "restore/sender.h"

/* How long to let another save of the server finish before asking for ours: the
 * server would make us wait anyhow, but then `begin` would be long. */
#define SAVING_WAIT_MS (10 * 60 * 1000)
#define POLL_MS 200

struct rd_backup {
    struct rd_client client;
    struct rd_server server;
    struct rdb_walk *walk;
    struct rdb_digest *digest; /* of what the walk sees; NULL: somebody else looks */
    struct psync_frame frame;
    bool by_sync, given, closed;
    uint64_t bytes;
};

/* The core's handle of the one object there is. */
struct hangar_object {
    struct redis *redis;
};

static const char *size_text(uint64_t bytes, char out[32])
{
    snprintf(out, 32, "%.1f MiB", (double)bytes / (1024.0 * 1024.0));
    return out;
}

/* ---- check ---- */

/* Can the user replicate?  Asked of the ACL itself, as trying would start a save. */
enum hangar_rc rd_backup_rights(struct rd_client *client)
{
    struct redis *redis = client->redis;
    redisReply *who = NULL, *may = NULL;
    enum hangar_rc rc = rd_call(client, &who, "ACL", "WHOAMI", NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (who->type == REDIS_REPLY_STRING) {
        rc = rd_call(client, &may, "ACL", "DRYRUN", who->str, "PSYNC", "?", "-1", NULL);
    }
    if (rc == HANGAR_OK && may != NULL && may->type == REDIS_REPLY_STRING) {
        char text[RD_TEXT_SIZE];
        rc = redis->host->fail(redis->ctx, HANGAR_AUTH, 0,
                               "redis at %s would refuse PSYNC to the user %s; hint: ACL SETUSER "
                               "%s +psync +replconf +ping +info",
                               redis->place, rd_text(who->str, who->len, text), text);
    } else if (rc == HANGAR_OK && (may == NULL || may->type != REDIS_REPLY_STATUS)) {
        redis->host->log(redis->ctx, HANGAR_LOG_INFO,
                         "redis at %s does not say whether this user may replicate (ACL DRYRUN "
                         "is not there or not allowed)",
                         redis->place);
    }
    freeReplyObject(who);
    if (may != NULL) {
        freeReplyObject(may);
    }
    return rc;
}

static void set_server_facts(struct redis *redis, const struct rd_server *server,
                             struct hangar_attrs *facts)
{
    const struct hangar_host *host = redis->host;
    char size[32];
    host->attr_setf(facts, "server", "redis %s", server->version);
    host->attr_set(facts, "role", server->replica ? "replica" : "master");
    host->attr_setf(facts, "keys", "%" PRIu64, server->keys);
    host->attr_set(facts, "memory", size_text(server->used_memory, size));
}

static void warn_of_state(struct redis *redis, const struct rd_server *server)
{
    const struct hangar_host *host = redis->host;
    if (!server->known) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "redis at %s does not allow INFO to this user: its state cannot be checked",
                  redis->place);
    }
    if (server->link_down) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "redis at %s is a replica without a link to its master: it may be out of date, "
                  "and refuses to be backed up until it has synchronised",
                  redis->place);
    }
    if (server->cluster) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "redis at %s is a node of a cluster: only the keys of this node are backed up",
                  redis->place);
    }
}

enum hangar_rc redis_check(void *inst, struct hangar_attrs *facts)
{
    struct redis *redis = inst;
    struct rd_client client = {.redis = redis};
    struct rd_server server = {.known = false};
    enum hangar_rc rc = rd_open(redis, &client);
    if (rc == HANGAR_OK) {
        rc = rd_ask_server(&client, &server);
    }
    if (rc == HANGAR_OK) {
        warn_of_state(redis, &server);
        if (server.known) {
            set_server_facts(redis, &server, facts);
        }
        if (server.loading) {
            rc = redis->host->fail(redis->ctx, HANGAR_RETRY, 0,
                                   "redis at %s is still loading its data", redis->place);
        }
    }
    if (rc == HANGAR_OK) {
        rc = rd_backup_rights(&client);
    }
    rd_server_fini(&server);
    rd_close(&client);
    return rc;
}

/* ---- prepare and begin ---- */

static void drop_backup(struct redis *redis)
{
    struct rd_backup *backup = redis->backup;
    if (backup == NULL) {
        return;
    }
    rd_close(&backup->client);
    rd_server_fini(&backup->server);
    rdb_walk_free(backup->walk);
    rdb_digest_free(backup->digest);
    free(backup);
    redis->backup = NULL;
}

/* REPLCONF; a server that does not know the option is told apart from one that
 * refuses us. */
static enum hangar_rc set_replica_option(struct rd_backup *backup, const char *option,
                                         const char *value, const char *else_warn)
{
    struct redis *redis = backup->client.redis;
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_call(&backup->client, &reply, "REPLCONF", option, value, NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (rd_is_error(reply, "")) {
        rc = rd_error_class(reply->str);
        if (rc == HANGAR_AUTH || rc == HANGAR_RETRY) {
            rc = rd_refused(redis, "REPLCONF", reply->str);
        } else {
            char text[RD_TEXT_SIZE];
            rc = HANGAR_OK;
            redis->host->log(redis->ctx, HANGAR_LOG_WARN,
                             "redis at %s does not know REPLCONF %s (%s): %s", redis->place, option,
                             rd_text(reply->str, reply->len, text), else_warn);
        }
    }
    freeReplyObject(reply);
    return rc;
}

/* Waits until the server has loaded its data and is not busy with another save. */
static enum hangar_rc wait_until_ready(struct rd_backup *backup)
{
    struct redis *redis = backup->client.redis;
    const struct hangar_host *host = redis->host;
    for (int waited = 0;; waited += POLL_MS) {
        enum hangar_rc rc = rd_ask_server(&backup->client, &backup->server);
        if (rc != HANGAR_OK) {
            return rc;
        }
        const struct rd_server *server = &backup->server;
        if (!server->loading && !server->saving) {
            return HANGAR_OK;
        }
        const char *what = server->loading ? "waiting for redis to load its data"
                                           : "waiting for another save of redis";
        if (waited >= SAVING_WAIT_MS && server->loading) {
            return host->fail(redis->ctx, HANGAR_RETRY, 0, "redis at %s is still loading its data",
                              redis->place);
        }
        if (waited >= SAVING_WAIT_MS) {
            return HANGAR_OK; /* it will queue us */
        }
        host->alive(redis->ctx, what);
        rc = host->sleep(redis->ctx, POLL_MS);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

/* Straight from memory saves the server a file, but it waits its delay first, in
 * case more replicas come: `auto` chooses it only where there is no delay. */
static enum hangar_rc choose_snapshot(struct rd_backup *backup, bool *diskless)
{
    const struct redis *redis = backup->client.redis;
    int64_t delay = -1; /* also when the server does not tell us */
    enum hangar_rc rc = HANGAR_OK;
    if (redis->snapshot == RD_SNAPSHOT_AUTO) {
        rc = rd_ask_config(&backup->client, "repl-diskless-sync-delay", -1, &delay);
    }
    *diskless = redis->snapshot == RD_SNAPSHOT_DISKLESS || delay == 0;
    return rc;
}

enum hangar_rc redis_prepare(void *inst)
{
    struct redis *redis = inst;
    struct rd_backup *backup = calloc(1, sizeof(*backup));
    redis->backup = backup;
    if (backup != NULL) {
        backup->digest = rdb_digest_new(0, true);
    }
    if (backup != NULL && backup->digest != NULL) {
        backup->walk = rdb_walk_new(&rdb_digest_events, backup->digest, RD_NAME_MOST, UINT64_MAX);
    }
    if (backup == NULL || backup->walk == NULL) {
        drop_backup(redis);
        return rd_no_memory(redis, "prepare the backup");
    }
    psync_frame_init(&backup->frame, backup->walk);
    enum hangar_rc rc = rd_open(redis, &backup->client);
    if (rc == HANGAR_OK) {
        rc = wait_until_ready(backup);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    warn_of_state(redis, &backup->server);
    bool diskless = false;
    rc = choose_snapshot(backup, &diskless);
    if (rc == HANGAR_OK && diskless) {
        rc = set_replica_option(backup, "capa", "eof", "the snapshot is written to its disk first");
    }
    if (rc == HANGAR_OK) {
        rc = set_replica_option(backup, "rdb-only", "1",
                                "it will collect writes for hangar during the backup, and may cut "
                                "it off at client-output-buffer-limit replica");
    }
    return rc;
}

enum hangar_rc rd_backup_follow(struct redis *redis, const struct rdb_events *events, void *arg)
{
    struct rdb_walk *walk = rdb_walk_new(events, arg, RD_NAME_MOST, UINT64_MAX);
    if (walk == NULL) {
        return rd_no_memory(redis, "read the data");
    }
    rdb_walk_free(redis->backup->walk);
    rdb_digest_free(redis->backup->digest);
    redis->backup->digest = NULL;
    redis->backup->walk = walk;
    psync_frame_init(&redis->backup->frame, walk);
    return HANGAR_OK;
}

/* The answer to PSYNC; signs of life come before it. */
static enum hangar_rc read_answer(struct rd_backup *backup, char *line, size_t size)
{
    struct redis *redis = backup->client.redis;
    for (;;) {
        enum hangar_rc rc = rd_conn_line(backup->client.conn, line, size);
        if (rc != HANGAR_OK || line[0] != '\0') {
            return rc;
        }
        redis->host->alive(redis->ctx, "waiting for redis to begin the snapshot");
    }
}

/* Servers without PSYNC (or that hide it) may still have SYNC, which has no
 * answer of its own: the recovery point then has no place. */
static enum hangar_rc begin_by_sync(struct rd_backup *backup)
{
    struct redis *redis = backup->client.redis;
    backup->by_sync = true;
    redis->host->log(redis->ctx, HANGAR_LOG_INFO,
                     "redis at %s does not know PSYNC: falling back to SYNC", redis->place);
    return rd_send(&backup->client, "SYNC", NULL);
}

enum hangar_rc redis_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    struct redis *redis = inst;
    const struct hangar_host *host = redis->host;
    struct rd_backup *backup = redis->backup;
    char line[256], id[65];
    uint64_t offset;
    enum hangar_rc rc = rd_send(&backup->client, "PSYNC", "?", "-1", NULL);
    if (rc == HANGAR_OK) {
        rc = read_answer(backup, line, sizeof(line));
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    *time_ms = rd_now_ms() + backup->server.clock_offset_ms;
    if (sscanf(line, "+FULLRESYNC %64[0-9a-zA-Z] %" SCNu64, id, &offset) == 2) {
        if (point != NULL) {
            host->attr_set(point, "replid", id);
            host->attr_setf(point, "offset", "%" PRIu64, offset);
            host->attr_set(point, "way", "psync");
        }
        return HANGAR_OK;
    }
    if (point != NULL) {
        host->attr_set(point, "way", "sync");
    }
    if (strncmp(line, "-ERR unknown command", 20) == 0) {
        return begin_by_sync(backup);
    }
    if (line[0] == '-') {
        return rd_refused(redis, "PSYNC", line + 1);
    }
    char text[RD_TEXT_SIZE];
    return host->fail(redis->ctx, HANGAR_IO, 0, "redis at %s answered PSYNC with: %s", redis->place,
                      rd_text(line, strlen(line), text));
}

/* ---- the object ---- */

enum hangar_rc redis_next(void *inst, struct hangar_object_info *info, struct hangar_object **out)
{
    struct redis *redis = inst;
    if (redis->backup->given) {
        return HANGAR_EOF;
    }
    struct hangar_object *object = malloc(sizeof(*object));
    if (object == NULL) {
        return rd_no_memory(redis, "begin " RD_OBJECT);
    }
    redis->backup->given = true;
    object->redis = redis;
    info->phase = 0;
    info->name = RD_OBJECT;
    *out = object;
    return HANGAR_OK;
}

static enum hangar_rc refuse_rdb(struct redis *redis, enum hangar_rc rc)
{
    const struct rd_backup *backup = redis->backup;
    char text[RD_TEXT_SIZE];
    const char *problem = rd_text(backup->frame.problem, strlen(backup->frame.problem), text);
    if (backup->frame.step == PSYNC_PREFIX && backup->frame.line[0] == '-') {
        return rd_refused(redis, backup->by_sync ? "SYNC" : "PSYNC", backup->frame.problem);
    }
    return redis->host->fail(redis->ctx, rc, 0, "cannot use the RDB of redis at %s: %s",
                             redis->place, problem);
}

enum hangar_rc redis_read(struct hangar_object *object, void *buffer, size_t size, size_t *got)
{
    struct redis *redis = object->redis;
    struct rd_backup *backup = redis->backup;
    struct psync_frame *frame = &backup->frame;
    *got = 0;
    while (*got == 0 && !psync_frame_done(frame)) {
        size_t n, at, count;
        enum hangar_rc rc = rd_conn_read(backup->client.conn, buffer, size, &n);
        if (rc == HANGAR_OK && n == 0) {
            rc = redis->host->fail(redis->ctx, HANGAR_IO, 0,
                                   "redis at %s closed the connection after %" PRIu64
                                   " bytes of the RDB, before its end",
                                   redis->place, backup->bytes);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        rc = psync_frame_feed(frame, buffer, n, &at, &count);
        if (rc != HANGAR_OK) {
            return refuse_rdb(redis, rc);
        }
        if (at > 0 && count > 0) {
            memmove(buffer, (unsigned char *)buffer + at, count);
        }
        if (count == 0) {
            redis->host->alive(redis->ctx, "waiting for redis to write the snapshot");
        }
        backup->bytes += count;
        *got = count;
    }
    return HANGAR_OK;
}

static void set_db_attrs(const struct hangar_host *host, const struct rdb_db *db,
                         struct hangar_attrs *attrs)
{
    char name[48];
    snprintf(name, sizeof(name), "db%" PRIu64 ".keys", db->id);
    host->attr_setf(attrs, name, "%" PRIu64, db->keys);
    snprintf(name, sizeof(name), "db%" PRIu64 ".expiring", db->id);
    host->attr_setf(attrs, name, "%" PRIu64, db->expiring);
    for (int class = 0; class < RDB_CLASSES; class ++) {
        if (db->classes[class] == 0) {
            continue;
        }
        snprintf(name, sizeof(name), "db%" PRIu64 ".%s", db->id,
                 rdb_class_name((enum rdb_class) class));
        host->attr_setf(attrs, name, "%" PRIu64, db->classes[class]);
    }
}

static void set_totals(const struct hangar_host *host, const struct rdb_counts *counts,
                       struct hangar_attrs *attrs)
{
    host->attr_setf(attrs, "keys", "%" PRIu64, counts->keys);
    host->attr_setf(attrs, "expiring", "%" PRIu64, counts->expiring);
    host->attr_setf(attrs, "functions", "%" PRIu64, counts->functions);
    host->attr_setf(attrs, "highest_db", "%" PRIu64, counts->db_highest);
}

static void set_object_attrs(struct redis *redis, struct hangar_attrs *attrs)
{
    const struct hangar_host *host = redis->host;
    const struct rdb_counts *counts = rdb_walk_counts(redis->backup->walk);
    host->attr_setf(attrs, "rdb_version", "%u", counts->version);
    set_totals(host, counts, attrs);
    host->attr_setf(attrs, "used_memory", "%" PRIu64, counts->used_memory);
    for (size_t i = 0; i < counts->db_count; i++) {
        set_db_attrs(host, &counts->dbs[i], attrs);
    }
    const struct rdb_digest *digest = redis->backup->digest;
    if (digest != NULL && rdb_digest_sums(digest)->damaged > 0) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "%" PRIu64 " values of redis at %s cannot be taken apart: the backup has no "
                  "digest of its values",
                  rdb_digest_sums(digest)->damaged, redis->place);
    } else if (digest != NULL) {
        rd_digest_attrs(redis, digest, attrs);
    }
}

enum hangar_rc redis_close(struct hangar_object *object, struct hangar_attrs *attrs)
{
    struct redis *redis = object->redis;
    const struct hangar_host *host = redis->host;
    struct rd_backup *backup = redis->backup;
    free(object);
    if (attrs == NULL) {
        return HANGAR_OK;
    }
    if (!psync_frame_done(&backup->frame)) {
        return host->fail(redis->ctx, HANGAR_IO, 0, "the RDB of redis at %s is not complete",
                          redis->place);
    }
    set_object_attrs(redis, attrs);
    const struct rdb_counts *counts = rdb_walk_counts(backup->walk);
    if (!rdb_walk_verified(backup->walk)) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "the RDB of redis at %s has no checksum: transfer errors cannot be ruled out; "
                  "hint: set rdbchecksum yes in redis.conf",
                  redis->place);
    }
    if (counts->keys == 0 && backup->server.keys > 0) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "the backup of redis at %s has no keys, but the server said it had %" PRIu64,
                  redis->place, backup->server.keys);
    }
    if (counts->module_aux > 0) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "redis at %s has data of modules beside its keys: it is in the backup, but "
                  "only method: file can restore it",
                  redis->place);
    }
    backup->closed = true;
    return HANGAR_OK;
}

static void set_modules(const struct hangar_host *host, const struct rdb_counts *counts,
                        struct hangar_attrs *facts)
{
    char names[RDB_MODULES_COUNTED * 11] = "";
    for (size_t i = 0; i < counts->module_count; i++) {
        strcat(names, i > 0 ? " " : "");
        strcat(names, counts->modules[i]);
    }
    if (counts->module_count > 0) {
        host->attr_set(facts, "modules", names);
    }
}

enum hangar_rc redis_end(void *inst, struct hangar_attrs *facts)
{
    struct redis *redis = inst;
    const struct hangar_host *host = redis->host;
    struct rd_backup *backup = redis->backup;
    if (facts == NULL) {
        drop_backup(redis);
        return HANGAR_OK;
    }
    if (!backup->closed) {
        drop_backup(redis);
        return host->fail(redis->ctx, HANGAR_INTERNAL, 0, "the RDB of redis at %s was not read",
                          redis->place);
    }
    const struct rdb_counts *counts = rdb_walk_counts(backup->walk);
    char text[RD_TEXT_SIZE];
    host->attr_set(facts, "server_version", counts->redis_version);
    host->attr_setf(facts, "rdb_version", "%u", counts->version);
    host->attr_set(facts, "crc", rdb_walk_verified(backup->walk) ? "verified" : "unverified");
    host->attr_set(facts, "way", backup->by_sync ? "sync" : "psync");
    host->attr_set(facts, "snapshot", backup->frame.marked ? "diskless" : "disk");
    set_totals(host, counts, facts);
    for (int class = 0; class < RDB_CLASSES; class ++) {
        if (counts->classes[class] > 0) {
            host->attr_setf(facts, rdb_class_name((enum rdb_class) class), "%" PRIu64,
                            counts->classes[class]);
        }
    }
    set_modules(host, counts, facts);
    if (counts->biggest_bytes > 0) {
        host->attr_set(facts, "biggest_key",
                       rd_text(counts->biggest_name, counts->biggest_name_size, text));
        host->attr_setf(facts, "biggest_key_bytes", "%" PRIu64, counts->biggest_bytes);
    }
    drop_backup(redis);
    return HANGAR_OK;
}
