/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * precheck: what a clean restore refuses before it loads anything: another restore, too few spare
 * databases, missing rights, too little memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "clean/state.h"

/* ---- the databases ---- */

bool rd_clean_may_be_spare(const struct rd_clean_restore *clean, const struct rd_server *server,
                           uint64_t db)
{
    uint64_t keys, expiring, origin;
    rd_server_db(server, db, &keys, &expiring);
    return keys == 0 && !rd_content_has_db(&clean->content, db) &&
           !rd_spares_selected(&clean->spares, db) &&
           !rd_spares_origin(&clean->spares, db, &origin) && !rd_spares_find(&clean->spares, db);
}

static enum hangar_rc empty_leftover(struct rd_clean_restore *clean, uint64_t db, bool *done)
{
    const struct redis *redis = clean->redis;
    enum hangar_rc rc = rd_spares_empty_leftover(&clean->spares, db, done);
    if (rc == HANGAR_OK && *done) {
        redis->host->log(redis->ctx, HANGAR_LOG_INFO,
                         "emptied database %" PRIu64
                         " of redis at %s, which held leftovers of a dead restore",
                         db, redis->place);
    }
    return rc;
}

enum hangar_rc rd_clean_find_leftovers(struct rd_clean_restore *clean,
                                       const struct rd_server *server, bool empty_them)
{
    const char *at = NULL;
    uint64_t db, keys, expiring;
    clean->leftovers = 0;
    while (rd_server_next_db(server, &at, &db, &keys, &expiring)) {
        enum rd_owner owner;
        bool done = true;
        enum hangar_rc rc = rd_spares_owner(&clean->spares, db, &owner);
        /* two restores at once would replace each other's data */
        if (rc == HANGAR_OK && owner == RD_OWNER_OTHER_RUN) {
            rc = rd_spares_refuse_other_run(&clean->spares, db);
        }
        if (rc == HANGAR_OK && owner == RD_OWNER_DEAD_RUN && empty_them) {
            rc = empty_leftover(clean, db, &done);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        clean->leftovers +=
            owner == RD_OWNER_DEAD_RUN && done && !rd_spares_selected(&clean->spares, db);
    }
    return HANGAR_OK;
}

enum hangar_rc rd_clean_refuse_few_databases(struct rd_clean_restore *clean,
                                             const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    uint64_t spare = clean->leftovers, needed = rd_clean_dbs_needed(clean);
    for (uint64_t db = 0; db < clean->spares.databases && spare < needed; db++) {
        spare += rd_clean_may_be_spare(clean, server, db);
    }
    if (spare >= needed) {
        return HANGAR_OK;
    }
    return redis->host->fail(
        redis->ctx, HANGAR_CONFIG, 0,
        "cannot load %" PRIu64 " databases beside the data of redis at %s: only %" PRIu64
        " of its %" PRIu64 " databases are empty, unused by the backup and selected by no client; "
        "hint: raise the option databases of the server, or delete its data first: --set "
        "%s.on_conflict=flush without --mode clean",
        needed, redis->place, spare, clean->spares.databases,
        redis->host->instance_name(redis->ctx));
}

/* ---- rights ---- */

/* The commands that loading and swapping need, each with arguments that can be queued. */
static const struct rd_needed_command {
    const char *name;
    const char *words[6];
    unsigned since; /* version of the server */
} needed_commands[] = {
    {"swapdb", {"SWAPDB", "0", "1"}, 0},
    {"flushdb", {"FLUSHDB", "ASYNC"}, 0},
    {"get", {"GET", RD_MARKER}, 0},
    {"set", {"SET", RD_MARKER, "x"}, 0},
    {"del", {"DEL", RD_MARKER}, 0},
    {"dbsize", {"DBSIZE"}, 0},
    {"restore", {"RESTORE", RD_MARKER, "0", "x"}, 0},
    {"function|dump", {"FUNCTION", "DUMP"}, 70000},
    {"function|restore", {"FUNCTION", "RESTORE", "x", "FLUSH"}, 70000},
    {"function|flush", {"FUNCTION", "FLUSH"}, 70000},
};

static enum hangar_rc queue_needed_command(struct rd_client *client,
                                           const struct rd_needed_command *command,
                                           redisReply **reply)
{
    size_t sizes[6];
    int count = 0;
    const char *words[6];
    for (; count < 6 && command->words[count]; count++) {
        words[count] = command->words[count];
        sizes[count] = strlen(words[count]);
    }
    enum hangar_rc rc = rd_send_array(client, count, words, sizes);
    return rc == HANGAR_OK ? rd_reply(client, true, reply) : rc;
}

/* The commands that the server refused, as rights for ACL SETUSER, and its first answer. */
struct rd_missing_rights {
    char rights[400], answer[RD_TEXT_SIZE];
    size_t length;
};

static enum hangar_rc collect_missing_rights(struct rd_client *control, unsigned version,
                                             struct rd_missing_rights *missing)
{
    for (size_t i = 0; i < sizeof(needed_commands) / sizeof(needed_commands[0]); i++) {
        if (version < needed_commands[i].since) {
            continue;
        }
        redisReply *reply = NULL;
        enum hangar_rc rc = queue_needed_command(control, &needed_commands[i], &reply);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (rd_is_error(reply, "") && missing->length < sizeof(missing->rights) - 32) {
            missing->length += (size_t)snprintf(
                missing->rights + missing->length, sizeof(missing->rights) - missing->length,
                "%s+%s", missing->length > 0 ? " " : "", needed_commands[i].name);
            if (missing->answer[0] == '\0') {
                rd_text(reply->str, reply->len, missing->answer);
            }
        }
        freeReplyObject(reply);
    }
    return HANGAR_OK;
}

/* The commands are queued in a transaction that is discarded: the server runs none of them, but
 * its answers state which ones it refuses. */
enum hangar_rc rd_clean_refuse_rights(struct rd_clean_restore *clean,
                                      const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    struct rd_client *control = &clean->spares.control;
    struct rd_missing_rights missing = {.length = 0};
    enum hangar_rc rc = rd_order(control, "WATCH", RD_MARKER, NULL);
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "UNWATCH", NULL);
    }
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "MULTI", NULL);
    }
    if (rc == HANGAR_OK) {
        rc = collect_missing_rights(control, server->version_number, &missing);
    }
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "DISCARD", NULL);
    }
    if (rc != HANGAR_OK || missing.length == 0) {
        return rc;
    }
    return redis->host->fail(redis->ctx, rd_error_class(missing.answer), 0,
                             "cannot replace the data of redis at %s: this user lacks the rights "
                             "%s (%s); hint: docs/plugins/redis.md lists the rights that --mode "
                             "clean needs",
                             redis->place, missing.rights, missing.answer);
}

/* ---- memory ---- */

/* Bytes that the data used in the server of the backup.  Old backups do not record it; for them it
 * is estimated from the size of the RDB. */
static uint64_t memory_needed(const struct rd_clean_restore *clean)
{
    if (clean->content.used_memory > 0) {
        return clean->content.used_memory;
    }
    return clean->how->object_count > 0 ? 3 * clean->how->objects[0].size_hint : 0;
}

enum hangar_rc rd_clean_refuse_memory(const struct rd_clean_restore *clean,
                                      const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    uint64_t needed = memory_needed(clean);
    bool limited = server->memory_most > 0;
    uint64_t most = limited ? server->memory_most - RD_FIVE_PERCENT(server->memory_most)
                            : server->system_memory;
    if (most == 0 || (server->used_memory < most && needed <= most - server->used_memory)) {
        return HANGAR_OK;
    }
    return redis->host->fail(
        redis->ctx, HANGAR_NO_SPACE, 0,
        "cannot load the backup beside the data of redis at %s: the server uses %.1f MiB, the "
        "backup needs %.1f MiB, and %s is %.1f MiB; hint: raise it, or delete the data first: "
        "--set %s.on_conflict=flush without --mode clean",
        redis->place, RD_MIB(server->used_memory), RD_MIB(needed),
        limited ? "its maxmemory" : "the memory of its machine",
        RD_MIB(limited ? server->memory_most : server->system_memory),
        redis->host->instance_name(redis->ctx));
}
