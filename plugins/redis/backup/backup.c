/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: see backup.h.
 *
 * The server is asked to send the RDB and nothing after it ("rdb-only").  Otherwise it would
 * buffer all writes made during the backup for hangar.
 */
#include "backup/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "backup/attrs.h"
#include "backup/check.h"
#include "clock.h"
#include "wire/psync_frame.h"
#include "wire/resp.h"
#include "wire/server_info.h"

struct rd_backup {
    struct rd_client client;
    struct rd_server server;
    struct rdb_walk *walk;
    struct rdb_digest *digest; /* of the RDB; NULL: the events of the walk go elsewhere */
    struct psync_frame frame;
    bool by_sync;
    bool opened, closed; /* the object */
    uint64_t bytes;
};

/* The core's handle of the one object. */
struct hangar_object {
    struct redis *redis;
};

/* ---- prepare and begin ---- */

static void drop_backup(struct redis *redis)
{
    struct rd_backup *backup = redis->backup;
    if (!backup) {
        return;
    }
    rd_close(&backup->client);
    rd_server_fini(&backup->server);
    rdb_walk_free(backup->walk);
    rdb_digest_free(backup->digest);
    free(backup);
    redis->backup = NULL;
}

/* Sends REPLCONF.  A server without the option is warned about with `consequence`; a server that
 * refuses the user is a failure. */
static enum hangar_rc set_replica_option(struct rd_backup *backup, const char *option,
                                         const char *value, const char *consequence)
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
                             "redis at %s does not support REPLCONF %s (%s): %s", redis->place,
                             option, rd_text(reply->str, reply->len, text), consequence);
        }
    }
    freeReplyObject(reply);
    return rc;
}

/* A diskless snapshot needs no file on the server, but the server first waits for
 * repl-diskless-sync-delay, in case more replicas connect.  `auto` chooses it only when that
 * delay is known to be 0. */
static enum hangar_rc choose_snapshot(struct rd_backup *backup, bool *diskless)
{
    const struct redis *redis = backup->client.redis;
    int64_t delay = -1;
    enum hangar_rc rc = HANGAR_OK;
    if (redis->snapshot == RD_SNAPSHOT_AUTO) {
        rc = rd_ask_config(&backup->client, "repl-diskless-sync-delay", -1, &delay);
    }
    *diskless = redis->snapshot == RD_SNAPSHOT_DISKLESS || delay == 0;
    return rc;
}

static enum hangar_rc new_backup(struct redis *redis)
{
    struct rd_backup *backup = calloc(1, sizeof(*backup));
    redis->backup = backup;
    if (backup) {
        backup->digest = rdb_digest_new(0, true);
    }
    if (backup && backup->digest) {
        backup->walk = rdb_walk_new(&rdb_digest_events, backup->digest, RDB_NAME_MOST, UINT64_MAX);
    }
    if (!backup || !backup->walk) {
        drop_backup(redis);
        return rd_no_memory(redis, "prepare the backup");
    }
    psync_frame_init(&backup->frame, backup->walk);
    return HANGAR_OK;
}

enum hangar_rc redis_prepare(void *inst)
{
    struct redis *redis = inst;
    enum hangar_rc rc = new_backup(redis);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct rd_backup *backup = redis->backup;
    rc = rd_open(redis, &backup->client);
    if (rc == HANGAR_OK) {
        rc = rd_wait_until_ready(&backup->client, true, &backup->server);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = rd_check_state(redis, &backup->server);
    bool diskless = false;
    if (rc == HANGAR_OK) {
        rc = choose_snapshot(backup, &diskless);
    }
    if (rc == HANGAR_OK && diskless) {
        rc = set_replica_option(backup, "capa", "eof",
                                "it writes the snapshot to its disk before it sends it");
    }
    if (rc == HANGAR_OK) {
        rc = set_replica_option(backup, "rdb-only", "1",
                                "it buffers all writes made during the backup for hangar, and ends "
                                "the connection when they exceed client-output-buffer-limit "
                                "replica");
    }
    return rc;
}

enum hangar_rc rd_backup_follow(struct redis *redis, const struct rdb_events *events, void *arg)
{
    struct rdb_walk *walk = rdb_walk_new(events, arg, RDB_NAME_MOST, UINT64_MAX);
    if (!walk) {
        return rd_no_memory(redis, "read the data");
    }
    rdb_walk_free(redis->backup->walk);
    rdb_digest_free(redis->backup->digest);
    redis->backup->digest = NULL;
    redis->backup->walk = walk;
    psync_frame_init(&redis->backup->frame, walk);
    return HANGAR_OK;
}

/* Reads the answer to PSYNC.  Empty lines before it are keepalives of the server. */
static enum hangar_rc read_psync_answer(struct rd_backup *backup, char *line, size_t size)
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

/* A server without PSYNC, or one whose administrator renamed it, may still have SYNC.  SYNC has
 * no answer line, so the recovery point has no replication offset. */
static enum hangar_rc begin_by_sync(struct rd_backup *backup)
{
    struct redis *redis = backup->client.redis;
    backup->by_sync = true;
    redis->host->log(redis->ctx, HANGAR_LOG_INFO,
                     "redis at %s does not support PSYNC: using SYNC instead", redis->place);
    return rd_send(&backup->client, "SYNC", NULL);
}

enum hangar_rc redis_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    struct redis *redis = inst;
    const struct hangar_host *host = redis->host;
    struct rd_backup *backup = redis->backup;
    char line[256], id[65];
    enum hangar_rc rc = rd_send(&backup->client, "PSYNC", "?", "-1", NULL);
    if (rc == HANGAR_OK) {
        rc = read_psync_answer(backup, line, sizeof(line));
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    *time_ms = clock_now_ms() + backup->server.clock_offset_ms;
    uint64_t offset;
    if (sscanf(line, "+FULLRESYNC %64[0-9a-zA-Z] %" SCNu64, id, &offset) == 2) {
        if (point) {
            host->attr_set(point, "replid", id);
            host->attr_setf(point, "offset", "%" PRIu64, offset);
            host->attr_set(point, "way", "psync");
        }
        return HANGAR_OK;
    }
    if (point) {
        host->attr_set(point, "way", "sync");
    }
    if (strncmp(line, "-ERR unknown command", 20) == 0) {
        return begin_by_sync(backup);
    }
    if (line[0] == '-') {
        return rd_refused(redis, "PSYNC", line + 1);
    }
    char text[RD_TEXT_SIZE];
    return host->fail(redis->ctx, HANGAR_IO, 0, "redis at %s sent an invalid answer to PSYNC: %s",
                      redis->place, rd_text(line, strlen(line), text));
}

/* ---- the object ---- */

enum hangar_rc redis_next(void *inst, struct hangar_object_info *info, struct hangar_object **out)
{
    struct redis *redis = inst;
    if (redis->backup->opened) {
        return HANGAR_EOF;
    }
    struct hangar_object *object = malloc(sizeof(*object));
    if (!object) {
        return rd_no_memory(redis, "begin " RD_OBJECT);
    }
    redis->backup->opened = true;
    object->redis = redis;
    info->phase = 0;
    info->name = RD_OBJECT;
    *out = object;
    return HANGAR_OK;
}

static enum hangar_rc refuse_transfer(struct redis *redis, enum hangar_rc rc)
{
    const struct rd_backup *backup = redis->backup;
    const struct psync_frame *frame = &backup->frame;
    if (psync_frame_refused(frame)) {
        return rd_refused(redis, backup->by_sync ? "SYNC" : "PSYNC", frame->problem);
    }
    char text[RD_TEXT_SIZE];
    return redis->host->fail(redis->ctx, rc, 0, "cannot use the RDB of redis at %s: %s",
                             redis->place, rd_text(frame->problem, strlen(frame->problem), text));
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
            return refuse_transfer(redis, rc);
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

static void warn_of_content(const struct redis *redis)
{
    const struct hangar_host *host = redis->host;
    const struct rd_backup *backup = redis->backup;
    const struct rdb_counts *counts = rdb_walk_counts(backup->walk);
    if (!rdb_walk_verified(backup->walk)) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "the RDB of redis at %s has no checksum: transfer errors cannot be detected; "
                  "hint: set rdbchecksum yes in redis.conf",
                  redis->place);
    }
    if (counts->keys == 0 && backup->server.keys > 0) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "the backup of redis at %s has no keys, but the server reported %" PRIu64
                  " keys before",
                  redis->place, backup->server.keys);
    }
    if (counts->module_aux > 0) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "the backup of redis at %s has module data outside of keys: only a restore with "
                  "method: file can restore it",
                  redis->place);
    }
}

enum hangar_rc redis_close(struct hangar_object *object, struct hangar_attrs *attrs)
{
    struct redis *redis = object->redis;
    struct rd_backup *backup = redis->backup;
    free(object);
    if (!attrs) {
        return HANGAR_OK;
    }
    if (!psync_frame_done(&backup->frame)) {
        return redis->host->fail(redis->ctx, HANGAR_IO, 0, "the RDB of redis at %s is not complete",
                                 redis->place);
    }
    rd_attrs_of_object(redis, rdb_walk_counts(backup->walk), backup->digest, attrs);
    warn_of_content(redis);
    backup->closed = true;
    return HANGAR_OK;
}

static void set_backup_facts(const struct redis *redis, struct hangar_attrs *facts)
{
    const struct hangar_host *host = redis->host;
    const struct rd_backup *backup = redis->backup;
    const struct rdb_counts *counts = rdb_walk_counts(backup->walk);
    host->attr_set(facts, "server_version", counts->redis_version);
    host->attr_setf(facts, "rdb_version", "%u", counts->version);
    host->attr_set(facts, "crc", rdb_walk_verified(backup->walk) ? "verified" : "unverified");
    host->attr_set(facts, "way", backup->by_sync ? "sync" : "psync");
    host->attr_set(facts, "snapshot", backup->frame.marked ? "diskless" : "disk");
    rd_facts_of_counts(redis, counts, facts);
}

enum hangar_rc redis_end(void *inst, struct hangar_attrs *facts)
{
    struct redis *redis = inst;
    enum hangar_rc rc = HANGAR_OK;
    if (facts && !redis->backup->closed) {
        rc = redis->host->fail(redis->ctx, HANGAR_INTERNAL, 0,
                               "the RDB of redis at %s was not read", redis->place);
    } else if (facts) {
        set_backup_facts(redis, facts);
    }
    drop_backup(redis);
    return rc;
}
