/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * live: see live.h.  This file decides whether a server can receive the data, empties it on
 * request, and reports; key_sender.c sends the keys.
 */
#include "restore/live.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "backup/attrs.h"
#include "clean/clean.h"
#include "restore/compare.h"
#include "restore/key_sender.h"
#include "wire/server_info.h"

#define BULK_DEFAULT (INT64_C(512) << 20) /* proto-max-bulk-len, when CONFIG is not allowed */

struct rd_live_restore {
    struct redis *redis;
    const struct hangar_restore *how;
    struct rd_content content; /* of the backup */
    struct rd_client client;
    struct rd_server server;
    struct rd_target target;
    struct rd_sender *sender;
    struct rd_comparison *compare;  /* NULL: no comparison was requested */
    struct rd_clean_restore *clean; /* NULL: into the databases of the backup */
};

/* The newest version of the RDB format that a server reads. */
static unsigned newest_rdb_version(unsigned version)
{
    static const struct {
        unsigned since, rdb;
    } versions[] = {{70400, 12}, {70200, 11}, {70000, 10}, {50000, 9},
                    {40000, 8},  {30200, 7},  {0, 6}};
    size_t i = 0;
    while (version < versions[i].since) {
        i++;
    }
    return versions[i].rdb;
}

/* Refuses a server that cannot receive the data with any option. */
static enum hangar_rc refuse_target(struct rd_live_restore *live)
{
    struct redis *redis = live->redis;
    const struct hangar_host *host = redis->host;
    const struct rd_server *server = &live->server;
    char text[RD_TEXT_SIZE];
    if (!server->known) {
        return host->fail(redis->ctx, HANGAR_AUTH, 0,
                          "cannot restore into redis at %s: this user may not use INFO; hint: "
                          "docs/plugins/redis.md lists the rights that the user needs",
                          redis->place);
    }
    if (server->replica) {
        return host->fail(redis->ctx, HANGAR_UNSUPPORTED, 0,
                          "cannot restore into redis at %s: it is a replica; hint: restore into "
                          "its master, %s",
                          redis->place, rd_text(server->master, strlen(server->master), text));
    }
    if (server->cluster) {
        return host->fail(
            redis->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot restore into redis at %s: it is a node of a cluster, which hangar "
            "does not support",
            redis->place);
    }
    if (live->content.functions > 0 && server->version_number < 70000) {
        return host->fail(
            redis->ctx, HANGAR_UNSUPPORTED, 0,
            "cannot restore into redis at %s: the backup has functions, which version "
            "%s does not support; hint: use Redis 7 or newer",
            redis->place, server->version);
    }
    return HANGAR_OK;
}

static enum hangar_rc refuse_high_database(struct rd_live_restore *live)
{
    struct redis *redis = live->redis;
    int64_t databases;
    enum hangar_rc rc = rd_ask_config(&live->client, "databases", INT64_MAX, &databases);
    if (rc != HANGAR_OK) {
        return rc;
    }
    const uint64_t highest = live->content.highest_db;
    if (highest >= (uint64_t)databases) {
        return redis->host->fail(redis->ctx, HANGAR_CONFIG, 0,
                                 "cannot restore into redis at %s: the backup has keys in "
                                 "database %" PRIu64 ", and the server has %" PRId64
                                 " databases; hint: raise the option databases of the server",
                                 redis->place, highest, databases);
    }
    return HANGAR_OK;
}

static enum hangar_rc refuse_existing_data(struct rd_live_restore *live)
{
    struct redis *redis = live->redis;
    const struct rd_server *server = &live->server;
    if (live->how->flags & HANGAR_RESTORE_CLEAN) {
        return rd_clean_prepare(&live->client, live->how, &live->content, server, &live->clean);
    }
    if (redis->on_conflict != RD_FAIL || (server->keys == 0 && server->libraries == 0)) {
        return HANGAR_OK;
    }
    const char *name = redis->host->instance_name(redis->ctx);
    return redis->host->fail(
        redis->ctx, HANGAR_EXISTS, 0,
        "cannot restore into redis at %s: it is not empty (%" PRIu64 " keys, %" PRIu64
        " libraries of functions); hint: --mode clean replaces all data in one step; --set "
        "%s.on_conflict=replace overwrites keys of the same name, =skip_existing keeps them, "
        "=flush deletes all data first",
        redis->place, server->keys, server->libraries, name);
}

static void write_live_plan(const struct rd_live_restore *live)
{
    static const char *const conflict[] = {"into the empty server",
                                           "replacing keys of the same name",
                                           "keeping existing keys", "into the emptied server"};
    const struct redis *redis = live->redis;
    struct hangar_text *plan = live->how->plan;
    if (live->clean) {
        rd_clean_plan(live->clean, &live->server, plan);
        return;
    }
    if (redis->on_conflict == RD_FLUSH) {
        redis->host->text(plan,
                          "delete all %" PRIu64 " keys and %" PRIu64
                          " libraries of functions of redis at %s\n",
                          live->server.keys, live->server.libraries, redis->place);
    }
    redis->host->text(plan,
                      "restore %" PRIu64 " keys and %" PRIu64 " libraries of functions to "
                      "redis %s at %s, %s\n",
                      live->content.keys, live->content.functions, live->server.version,
                      redis->place, conflict[redis->on_conflict]);
    if (live->compare) {
        redis->host->text(plan, "read all data back from redis at %s and compare it\n",
                          redis->place);
    }
}

static enum hangar_rc describe_target(struct rd_live_restore *live)
{
    int64_t bulk_most;
    enum hangar_rc rc =
        rd_ask_config(&live->client, "proto-max-bulk-len", BULK_DEFAULT, &bulk_most);
    const struct rd_server *server = &live->server;
    live->target = (struct rd_target){
        .version = server->version_number,
        .rdb_version = newest_rdb_version(server->version_number),
        .bulk_most = (uint64_t)bulk_most,
        .clock_offset_ms = server->clock_offset_ms,
        .evicts_lru = server->evicts_lru,
        .evicts_lfu = server->evicts_lfu,
        .was_empty = live->redis->on_conflict == RD_FAIL || live->redis->on_conflict == RD_FLUSH,
    };
    return rc;
}

enum hangar_rc rd_live_prepare(struct redis *redis, const struct hangar_restore *how,
                               struct rd_live_restore **out)
{
    struct rd_live_restore *live = calloc(1, sizeof(*live));
    if (!live) {
        return rd_no_memory(redis, "prepare the restore");
    }
    *out = live;
    live->redis = redis;
    live->how = how;
    rd_read_content(redis, how, &live->content);
    bool compare = how->flags & HANGAR_RESTORE_COMPARE;
    if (compare && (redis->on_conflict == RD_REPLACE || redis->on_conflict == RD_SKIP_EXISTING)) {
        return redis->host->fail(redis->ctx, HANGAR_UNSUPPORTED, 0,
                                 "cannot compare the backup with a target that keeps other data; "
                                 "hint: set on_conflict to fail or flush, or do not compare");
    }
    enum hangar_rc rc = rd_open(redis, &live->client);
    if (rc == HANGAR_OK) {
        rc = rd_wait_until_ready(&live->client, false, &live->server);
    }
    if (rc == HANGAR_OK) {
        rc = refuse_target(live);
    }
    if (rc == HANGAR_OK) {
        rc = refuse_high_database(live);
    }
    if (rc == HANGAR_OK) {
        rc = refuse_existing_data(live);
    }
    if (rc == HANGAR_OK) {
        rc = describe_target(live);
    }
    if (rc == HANGAR_OK && compare) {
        rc = rd_compare_new(redis, live->target.version, live->target.clock_offset_ms,
                            how->object_count > 0 ? how->objects[0].attrs : NULL, &live->compare);
    }
    if (rc == HANGAR_OK && compare) {
        rd_compare_spares(live->compare, live->clean);
    }
    if (rc == HANGAR_OK) {
        write_live_plan(live);
    }
    return rc;
}

/* With ASYNC: a large server would otherwise not answer for minutes. */
static enum hangar_rc empty_target(struct rd_live_restore *live)
{
    struct redis *redis = live->redis;
    redis->host->log(redis->ctx, HANGAR_LOG_INFO, "deleting all data of redis at %s", redis->place);
    enum hangar_rc rc = live->server.version_number >= 40000
                            ? rd_order(&live->client, "FLUSHALL", "ASYNC", NULL)
                            : rd_order(&live->client, "FLUSHALL", NULL);
    if (rc == HANGAR_OK && live->server.version_number >= 70000) {
        rc = rd_order(&live->client, "FUNCTION", "FLUSH", NULL);
    }
    return rc;
}

enum hangar_rc rd_live_open(struct rd_live_restore *live)
{
    enum hangar_rc rc = rd_sender_new(&live->client, &live->target, live->clean, &live->sender);
    if (rc == HANGAR_OK && live->compare) {
        rd_sender_digest(live->sender, rd_compare_backup(live->compare));
    }
    if (rc == HANGAR_OK && live->clean) {
        rc = rd_clean_begin(live->clean);
    } else if (rc == HANGAR_OK && live->redis->on_conflict == RD_FLUSH) {
        rc = empty_target(live);
    }
    return rc;
}

enum hangar_rc rd_live_write(struct rd_live_restore *live, const void *data, size_t size)
{
    enum hangar_rc rc = rd_sender_feed(live->sender, data, size);
    return rc == HANGAR_OK && live->clean ? rd_clean_watch(live->clean, size) : rc;
}

enum hangar_rc rd_live_complete(struct rd_live_restore *live)
{
    return rd_sender_finish(live->sender);
}

enum hangar_rc rd_live_check(struct rd_live_restore *live)
{
    bool whole = rd_sender_sent(live->sender)->markers == 0;
    enum hangar_rc rc = live->compare ? rd_compare_run(live->compare, whole) : HANGAR_OK;
    if (rc != HANGAR_OK || !live->clean) {
        return rc;
    }
    unsigned version = rd_sender_counts(live->sender)->version;
    if (version > live->target.rdb_version) {
        version = live->target.rdb_version;
    }
    return rd_clean_check(live->clean, version);
}

enum hangar_rc rd_live_end(struct rd_live_restore *live, struct hangar_attrs *report)
{
    const struct hangar_host *host = live->redis->host;
    const struct rd_sent_counts *sent = rd_sender_sent(live->sender);
    host->attr_setf(report, "keys", "%" PRIu64, sent->keys);
    host->attr_setf(report, "expired", "%" PRIu64, sent->expired);
    host->attr_setf(report, "functions", "%" PRIu64, sent->functions);
    if (sent->skipped > 0 || live->redis->on_conflict == RD_SKIP_EXISTING) {
        host->attr_setf(report, "skipped", "%" PRIu64, sent->skipped);
    }
    if (sent->functions_skipped > 0) {
        host->attr_setf(report, "functions_skipped", "%" PRIu64, sent->functions_skipped);
    }
    if (sent->scripts > 0) {
        host->attr_setf(report, "scripts", "%" PRIu64, sent->scripts);
    }
    if (sent->empty > 0) {
        host->attr_setf(report, "empty", "%" PRIu64, sent->empty);
    }
    if (live->compare) {
        rd_compare_report(live->compare, report);
    }
    return live->clean ? rd_clean_swap(live->clean) : HANGAR_OK;
}

void rd_live_warn_of_rest(const struct rd_live_restore *live)
{
    const struct rd_sent_counts *sent = live && live->sender ? rd_sender_sent(live->sender) : NULL;
    if (!sent || live->clean || sent->keys + sent->functions == 0) {
        return; /* a clean restore empties its databases, and reports what it cannot empty */
    }
    live->redis->host->log(live->redis->ctx, HANGAR_LOG_WARN,
                           "redis at %s keeps %" PRIu64 " keys of the unfinished restore%s; hint: "
                           "restore again with --mode clean, or delete them",
                           live->redis->place, sent->keys,
                           live->redis->on_conflict == RD_FLUSH
                               ? ", and its old data was deleted (on_conflict: flush)"
                               : "");
}

void rd_live_drop(struct rd_live_restore *live)
{
    if (!live) {
        return;
    }
    rd_sender_free(live->sender);
    rd_compare_free(live->compare);
    rd_server_fini(&live->server);
    rd_close(&live->client);
    rd_clean_drop(live->clean);
    free(live);
}
