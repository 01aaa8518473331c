/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clean: see clean.h.  What is refused beforehand, the plan, and the loading; the
 * swap itself is in swap.c.
 */
#include "clean/clean.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clean/state.h"
#include "restore/compare.h"
#include "rdb/counts.h"
#include "restore/restore.h"

#define FUNCTIONS_MOST (UINT64_C(8) << 20) /* bytes of libraries; they are sent in one piece */
#define VISITORS_SHOWN 5
#define WATCH_MOST ((uint64_t)4 << 20)
#define FIVE_PERCENT(number) ((number) / 20)

/* ---- the databases ---- */

/* Does the backup have keys in this database?  The first ones are told by its
 * attributes; behind them, any may. */
static bool in_backup(const struct rd_clean *clean, uint64_t db)
{
    char name[48];
    if (db > clean->highest_db) {
        return false;
    }
    if (clean->dbs >= RDB_DBS_COUNTED && db > clean->last_db) {
        return true;
    }
    snprintf(name, sizeof(name), "db%" PRIu64 ".keys", db);
    return rd_backup_number(clean->redis, clean->how, name) > 0;
}

static void count_backup_dbs(struct rd_clean *clean)
{
    clean->highest_db = rd_backup_number(clean->redis, clean->how, "highest_db");
    for (uint64_t db = 0; db <= clean->highest_db && clean->dbs < RDB_DBS_COUNTED; db++) {
        if (in_backup(clean, db)) {
            clean->dbs++;
            clean->last_db = db;
        }
    }
}

static bool may_be_spare(const struct rd_clean *clean, const struct rd_server *server, uint64_t db)
{
    uint64_t keys, expiring, origin;
    rd_server_db(server, db, &keys, &expiring);
    return keys == 0 && !in_backup(clean, db) && !rd_spares_visited(&clean->spares, db) &&
           !rd_spares_origin(&clean->spares, db, &origin) &&
           rd_spares_find(&clean->spares, db) == NULL;
}

/* Tells leftovers from data.  Two restores at once would replace each other's work. */
static enum hangar_rc look_at_databases(struct rd_clean *clean, const struct rd_server *server,
                                        bool begin)
{
    struct redis *redis = clean->redis;
    const char *at = NULL;
    uint64_t db, keys, expiring;
    enum hangar_rc rc = HANGAR_OK;
    clean->leftovers = 0;
    while (rc == HANGAR_OK && rd_server_next_db(server, &at, &db, &keys, &expiring)) {
        enum rd_owner owner;
        bool done = true;
        rc = rd_spares_owner(&clean->spares, db, &owner);
        if (rc == HANGAR_OK && owner == RD_OWNER_ANOTHER) {
            rc = rd_clean_refuse_another(clean, db);
        }
        if (rc != HANGAR_OK || owner != RD_OWNER_NOBODY) {
            continue;
        }
        if (begin) {
            rc = rd_spares_clean(&clean->spares, db, &done);
        }
        if (rc == HANGAR_OK && begin && done) {
            redis->host->log(redis->ctx, HANGAR_LOG_INFO,
                             "emptied database %" PRIu64 " of redis at %s, which a restore that "
                             "died had left",
                             db, redis->place);
        }
        clean->leftovers += done && !rd_spares_visited(&clean->spares, db);
    }
    return rc;
}

static enum hangar_rc refuse_few_databases(struct rd_clean *clean, const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    uint64_t spare = clean->leftovers, needed = clean->dbs > 0 ? clean->dbs : 1;
    for (uint64_t db = 0; db < clean->spares.databases && spare < needed; db++) {
        spare += may_be_spare(clean, server, db);
    }
    if (spare >= needed) {
        return HANGAR_OK;
    }
    return redis->host->fail(
        redis->ctx, HANGAR_CONFIG, 0,
        "cannot load %" PRIu64 " databases beside the data of redis at %s: of its %" PRIu64
        " databases %" PRIu64 " are empty, of no use to the backup, and selected by no client; "
        "hint: raise the option databases of the server, or delete its data first: --set "
        "%s.on_conflict=flush without --mode clean",
        needed, redis->place, clean->spares.databases, spare,
        redis->host->instance_name(redis->ctx));
}

/* ---- rights ---- */

/* A command that the swap or the loading needs, and words with which it can be queued. */
static const struct need {
    const char *name;
    const char *words[6];
    unsigned since;
} needs[] = {
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

static enum hangar_rc queue(struct rd_client *client, const struct need *need, redisReply **reply)
{
    size_t sizes[6];
    int count = 0;
    const char *words[6];
    for (; count < 6 && need->words[count] != NULL; count++) {
        words[count] = need->words[count];
        sizes[count] = strlen(words[count]);
    }
    enum hangar_rc rc = rd_send_array(client, count, words, sizes);
    return rc == HANGAR_OK ? rd_reply(client, true, reply) : rc;
}

/* Queued and discarded, nothing is done, but the server says what it would refuse. */
static enum hangar_rc refuse_rights(struct rd_clean *clean, const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    struct rd_client *control = &clean->spares.control;
    char missing[400] = "", said[RD_TEXT_SIZE] = "";
    size_t length = 0;
    enum hangar_rc rc = rd_order(control, "WATCH", RD_MARKER, NULL);
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "UNWATCH", NULL);
    }
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "MULTI", NULL);
    }
    for (size_t i = 0; rc == HANGAR_OK && i < sizeof(needs) / sizeof(needs[0]); i++) {
        redisReply *reply = NULL;
        if (server->version_number < needs[i].since) {
            continue;
        }
        rc = queue(control, &needs[i], &reply);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (rd_is_error(reply, "") && length < sizeof(missing) - 32) {
            length += (size_t)snprintf(missing + length, sizeof(missing) - length, "%s+%s",
                                       length > 0 ? " " : "", needs[i].name);
            if (said[0] == '\0') {
                rd_text(reply->str, reply->len, said);
            }
        }
        freeReplyObject(reply);
    }
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "DISCARD", NULL);
    }
    if (rc != HANGAR_OK || length == 0) {
        return rc;
    }
    return redis->host->fail(redis->ctx, rd_error_class(said), 0,
                             "cannot replace the data of redis at %s: it does not let this user do "
                             "%s (%s); hint: docs/plugins/redis.md lists the rights that --mode "
                             "clean needs",
                             redis->place, missing, said);
}

/* ---- memory ---- */

/* What the data took in the server of the backup; older backups do not know it. */
static uint64_t memory_needed(const struct rd_clean *clean)
{
    uint64_t known = rd_backup_number(clean->redis, clean->how, "used_memory");
    if (known > 0) {
        return known;
    }
    return clean->how->object_count > 0 ? 3 * clean->how->objects[0].size_hint : 0;
}

static enum hangar_rc refuse_memory(const struct rd_clean *clean, const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    uint64_t needed = memory_needed(clean);
    bool limited = server->memory_most > 0;
    uint64_t most =
        limited ? server->memory_most - FIVE_PERCENT(server->memory_most) : server->system_memory;
    if (most == 0 || (server->used_memory < most && needed <= most - server->used_memory)) {
        return HANGAR_OK;
    }
    return redis->host->fail(
        redis->ctx, HANGAR_NO_SPACE, 0,
        "cannot load the backup beside the data of redis at %s: it uses %.1f MiB, the backup took "
        "%.1f MiB, and %s is %.1f MiB; hint: raise it, or delete the data first: --set "
        "%s.on_conflict=flush without --mode clean",
        redis->place, RD_MIB(server->used_memory), RD_MIB(needed),
        limited ? "its maxmemory" : "the memory of its machine",
        RD_MIB(limited ? server->memory_most : server->system_memory),
        redis->host->instance_name(redis->ctx));
}

/* A server that fills up would refuse the writes of others, or evict their keys. */
enum hangar_rc rd_clean_watch(struct rd_clean *clean, size_t size)
{
    struct redis *redis = clean->redis;
    struct rd_server server = {.known = false};
    clean->unwatched += size;
    if (clean->memory_most == 0 || clean->unwatched < clean->watch_each) {
        return HANGAR_OK;
    }
    clean->unwatched = 0;
    enum hangar_rc rc = rd_ask_server(&clean->spares.control, &server);
    if (rc == HANGAR_OK &&
        server.used_memory > server.memory_most - FIVE_PERCENT(server.memory_most) &&
        server.memory_most > 0) {
        rc =
            redis->host->fail(redis->ctx, HANGAR_NO_SPACE, 0,
                              "redis at %s uses %.1f MiB of its maxmemory of %.1f MiB, with the "
                              "backup loaded in part: it was stopped before the data in use "
                              "suffers; hint: raise maxmemory",
                              redis->place, RD_MIB(server.used_memory), RD_MIB(server.memory_most));
    }
    rd_server_fini(&server);
    return rc;
}

/* ---- preparing ---- */

static enum hangar_rc refuse_wish(const struct rd_clean *clean)
{
    struct redis *redis = clean->redis;
    const char *name = redis->host->instance_name(redis->ctx);
    if (redis->on_conflict == RD_FAIL) {
        return HANGAR_OK;
    }
    return redis->host->fail(redis->ctx, HANGAR_CONFIG, 0,
                             "--mode clean replaces all data of redis at %s, so that on_conflict "
                             "has nothing to decide; hint: leave one of the two out (--set "
                             "%s.on_conflict=fail)",
                             redis->place, name);
}

enum hangar_rc rd_clean_prepare(struct rd_client *loader, const struct hangar_restore *how,
                                const struct rd_server *server, struct rd_clean **out)
{
    struct redis *redis = loader->redis;
    struct rd_clean *clean = calloc(1, sizeof(*clean));
    if (clean == NULL) {
        return rd_no_memory(redis, "prepare the restore");
    }
    *out = clean;
    clean->redis = redis;
    clean->how = how;
    memcpy(clean->run_id, server->run_id, sizeof(clean->run_id));
    clean->has_functions = server->version_number >= 70000;
    clean->memory_most = server->memory_most;
    clean->watch_each =
        server->memory_most / 256 < WATCH_MOST ? server->memory_most / 256 : WATCH_MOST;
    rd_value_init(&clean->functions, redis);
    count_backup_dbs(clean);
    enum hangar_rc rc = refuse_wish(clean);
    if (rc == HANGAR_OK) {
        rc = rd_spares_open(&clean->spares, loader);
    }
    if (rc == HANGAR_OK) {
        rc = refuse_rights(clean, server);
    }
    if (rc == HANGAR_OK && how->flags & HANGAR_RESTORE_COMPARE) {
        rc = rd_backup_rights(&clean->spares.control);
    }
    if (rc == HANGAR_OK) {
        rc = look_at_databases(clean, server, false);
    }
    if (rc == HANGAR_OK) {
        rc = refuse_few_databases(clean, server);
    }
    if (rc == HANGAR_OK) {
        rc = refuse_memory(clean, server);
    }
    if (rc == HANGAR_OK && how->target_empty != NULL) {
        *how->target_empty = server->keys == 0 && server->libraries == 0;
    }
    return rc;
}

void rd_clean_plan(const struct rd_clean *clean, const struct rd_server *server,
                   struct hangar_text *plan)
{
    const struct redis *redis = clean->redis;
    const struct hangar_host *host = redis->host;
    if (clean->leftovers > 0) {
        host->text(plan,
                   "empty %" PRIu64 " databases of redis at %s that a restore that died left\n",
                   clean->leftovers, redis->place);
    }
    host->text(plan,
               "load %" PRIu64 " keys and %" PRIu64 " libraries of functions beside the data of "
               "redis %s at %s, into %" PRIu64 " of its empty databases\n",
               rd_backup_number(redis, clean->how, "keys"),
               rd_backup_number(redis, clean->how, "functions"), server->version, redis->place,
               clean->dbs > 0 ? clean->dbs : 1);
    if (clean->how->flags & HANGAR_RESTORE_COMPARE) {
        host->text(plan, "read them back and compare them\n");
    }
    host->text(plan,
               "swap them in by one transaction, which deletes all %" PRIu64 " keys and %" PRIu64
               " libraries of functions that are there: also what is written until then\n",
               server->keys, server->libraries);
    struct rd_visitor visitor;
    size_t count = 0;
    for (const char *at = NULL; rd_spares_next_visitor(&clean->spares, &at, &visitor); count++) {
        continue;
    }
    if (count == 0) {
        return;
    }
    host->text(plan, "%zu clients are connected and stay so:", count);
    size_t shown = 0;
    for (const char *at = NULL;
         shown < VISITORS_SHOWN && rd_spares_next_visitor(&clean->spares, &at, &visitor); shown++) {
        host->text(plan, "%s %s%s%s%s (database %" PRIu64 ")", shown > 0 ? "," : "",
                   visitor.address, visitor.name[0] ? " \"" : "", visitor.name,
                   visitor.name[0] ? "\"" : "", visitor.db);
    }
    if (count > shown) {
        host->text(plan, " and %zu more", count - shown);
    }
    host->text(plan, "; hint: stop what writes, or its writes of the meantime are lost\n");
}

/* ---- loading ---- */

enum hangar_rc rd_clean_begin(struct rd_clean *clean)
{
    struct rd_server server = {.known = false};
    enum hangar_rc rc = rd_ask_server(&clean->spares.control, &server);
    if (rc == HANGAR_OK) {
        rc = look_at_databases(clean, &server, true);
    }
    rd_server_fini(&server);
    return rc;
}

enum hangar_rc rd_clean_db(struct rd_clean *clean, uint64_t db, uint64_t *spare)
{
    struct redis *redis = clean->redis;
    struct rd_server server = {.known = false};
    struct rd_claim *claim = rd_spares_find(&clean->spares, db);
    enum hangar_rc rc = claim == NULL ? rd_ask_server(&clean->spares.control, &server) : HANGAR_OK;
    uint64_t next = clean->spares.databases; /* from the last one on: the first ones are in use */
    while (rc == HANGAR_OK && claim == NULL && next > 0) {
        if (may_be_spare(clean, &server, --next) && next != db) {
            rc = rd_spares_claim(&clean->spares, db, next, &claim);
        }
    }
    rd_server_fini(&server);
    uint64_t origin;
    if (rc == HANGAR_OK && (claim == NULL || rd_spares_origin(&clean->spares, db, &origin))) {
        rc = redis->host->fail(redis->ctx, HANGAR_CONFIG, 0,
                               "cannot load database %" PRIu64 " beside the data of redis at %s: "
                               "there is no empty database for it; hint: raise the option "
                               "databases of the server",
                               db, redis->place);
    }
    if (rc == HANGAR_OK) {
        *spare = claim->spare;
    }
    return rc;
}

void rd_clean_loaded(struct rd_clean *clean, uint64_t db, uint64_t lasting, uint64_t expiring)
{
    struct rd_claim *claim = rd_spares_find(&clean->spares, db);
    claim->lasting = lasting;
    claim->expiring = expiring;
}

enum hangar_rc rd_clean_function(struct rd_clean *clean, const unsigned char *data, size_t size)
{
    struct redis *redis = clean->redis;
    enum hangar_rc rc = HANGAR_OK;
    if (rd_value_size(&clean->functions) + size <= FUNCTIONS_MOST) {
        rc = rd_value_add(&clean->functions, data, size, FUNCTIONS_MOST);
    }
    if (rc == HANGAR_OK && (rd_value_size(&clean->functions) + size > FUNCTIONS_MOST ||
                            clean->functions.spool != NULL)) {
        rc = redis->host->fail(redis->ctx, HANGAR_NO_MEMORY, 0,
                               "cannot replace the functions of redis at %s in one step: the "
                               "libraries of the backup take more than %" PRIu64
                               " MiB or than limits.memory allows",
                               redis->place, FUNCTIONS_MOST >> 20);
    }
    return rc;
}

bool rd_clean_is_marker(const unsigned char *name, size_t size)
{
    return size == sizeof(RD_MARKER) - 1 && memcmp(name, RD_MARKER, size) == 0;
}

bool rd_clean_origin(const struct rd_clean *clean, uint64_t spare, uint64_t *db)
{
    return rd_spares_origin(&clean->spares, spare, db);
}

void rd_clean_drop(struct rd_clean *clean)
{
    if (clean == NULL) {
        return;
    }
    rd_spares_release(&clean->spares);
    rd_spares_fini(&clean->spares);
    rd_value_fini(&clean->functions);
    free(clean->others);
    free(clean);
}
