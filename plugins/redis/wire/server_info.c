/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * server_info: see server_info.h.
 */
#include "wire/server_info.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"

#define READY_WAIT_MS (10 * 60 * 1000)
#define READY_POLL_MS 200

/* The value of a field of INFO, `size` bytes long; NULL when the field is missing. */
static const char *find_info_field(const char *text, const char *name, size_t *size)
{
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == text || at[-1] == '\n') && at[length] == ':') {
            *size = strcspn(at + length + 1, "\r\n");
            return at + length + 1;
        }
    }
    return NULL;
}

static uint64_t info_number(const char *text, const char *name)
{
    size_t size;
    const char *value = find_info_field(text, name, &size);
    return value ? strtoull(value, NULL, 10) : 0;
}

static bool info_equals(const char *text, const char *name, const char *expected)
{
    size_t size;
    const char *value = find_info_field(text, name, &size);
    return value && size == strlen(expected) && memcmp(value, expected, size) == 0;
}

static void copy_info_field(const char *text, const char *name, char *out, size_t out_size)
{
    size_t size = 0;
    const char *value = find_info_field(text, name, &size);
    snprintf(out, out_size, "%.*s", (int)(size < out_size ? size : out_size), value ? value : "");
}

/* Parses "nameNUMBER" at *at and advances *at. */
static bool parse_named_number(const char **at, const char *name, uint64_t *number)
{
    size_t length = strlen(name);
    if (strncmp(*at, name, length) != 0 || (*at)[length] < '0' || (*at)[length] > '9') {
        return false;
    }
    char *end;
    *number = strtoull(*at + length, &end, 10);
    *at = end;
    return true;
}

/* Parses "db0:keys=1,expires=0,...". */
static bool parse_db(const char *line, uint64_t *db, uint64_t *keys, uint64_t *expiring)
{
    return parse_named_number(&line, "db", db) && parse_named_number(&line, ":keys=", keys) &&
           parse_named_number(&line, ",expires=", expiring);
}

bool rd_server_next_db(const struct rd_server *server, const char **at, uint64_t *db,
                       uint64_t *keys, uint64_t *expiring)
{
    const char *line = *at ? *at : server->text;
    while (line) {
        bool found = parse_db(line, db, keys, expiring);
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
        *at = line ? line : "";
        if (found) {
            return true;
        }
    }
    return false;
}

static void sum_keyspace(struct rd_server *server)
{
    const char *at = NULL;
    uint64_t db, keys, expiring;
    while (rd_server_next_db(server, &at, &db, &keys, &expiring)) {
        server->keys += keys;
        server->expiring += expiring;
    }
}

void rd_server_db(const struct rd_server *server, uint64_t db, uint64_t *keys, uint64_t *expiring)
{
    char name[32];
    *keys = *expiring = 0;
    snprintf(name, sizeof(name), "db%" PRIu64, db);
    size_t size;
    const char *value = server->text ? find_info_field(server->text, name, &size) : NULL;
    uint64_t found;
    if (value && !parse_db(value - strlen(name) - 1, &found, keys, expiring)) {
        *keys = *expiring = 0;
    }
}

static void parse_info(struct rd_server *server)
{
    const char *text = server->text;
    unsigned major = 0, minor = 0, patch = 0;
    copy_info_field(text, "redis_version", server->version, sizeof(server->version));
    if (sscanf(server->version, "%3u.%3u.%3u", &major, &minor, &patch) >= 2) {
        server->version_number =
            major * 10000 + (minor < 99 ? minor : 99) * 100 + (patch < 99 ? patch : 99);
    }
    server->replica = info_equals(text, "role", "slave");
    server->link_down = server->replica && !info_equals(text, "master_link_status", "up");
    copy_info_field(text, "master_host", server->master, sizeof(server->master));
    copy_info_field(text, "run_id", server->run_id, sizeof(server->run_id));
    server->loading = info_number(text, "loading") != 0;
    server->saving = info_number(text, "rdb_bgsave_in_progress") != 0;
    server->cluster = info_number(text, "cluster_enabled") != 0;
    server->libraries = info_number(text, "number_of_libraries");
    server->used_memory = info_number(text, "used_memory");
    server->memory_most = info_number(text, "maxmemory");
    server->system_memory = info_number(text, "total_system_memory");
    char policy[32];
    copy_info_field(text, "maxmemory_policy", policy, sizeof(policy));
    server->evicts_lru = strstr(policy, "lru");
    server->evicts_lfu = strstr(policy, "lfu");
    uint64_t now_us = info_number(text, "server_time_usec");
    server->clock_offset_ms = now_us ? (int64_t)(now_us / 1000) - clock_now_ms() : 0;
    sum_keyspace(server);
}

enum hangar_rc rd_ask_server(struct rd_client *client, struct rd_server *server)
{
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_call(client, &reply, "INFO", NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rd_server_fini(server);
    if (reply->type == REDIS_REPLY_STRING) {
        server->text = strdup(reply->str);
        if (!server->text) {
            rc = rd_no_memory(client->redis, "read INFO");
        } else {
            parse_info(server);
        }
        server->known = rc == HANGAR_OK;
    } else if (rd_is_error(reply, "") && !rd_is_error(reply, "NOPERM")) {
        rc = rd_refused(client->redis, "INFO", reply->str);
    }
    freeReplyObject(reply);
    return rc;
}

void rd_server_fini(struct rd_server *server)
{
    free(server->text);
    *server = (struct rd_server){.known = false};
}

enum hangar_rc rd_still_loading(struct redis *redis)
{
    return redis->host->fail(redis->ctx, HANGAR_RETRY, 0, "redis at %s is still loading its data",
                             redis->place);
}

enum hangar_rc rd_wait_until_ready(struct rd_client *client, bool for_save,
                                   struct rd_server *server)
{
    struct redis *redis = client->redis;
    const struct hangar_host *host = redis->host;
    for (int waited_ms = 0;; waited_ms += READY_POLL_MS) {
        enum hangar_rc rc = rd_ask_server(client, server);
        if (rc != HANGAR_OK || (!server->loading && !(for_save && server->saving))) {
            return rc;
        }
        if (waited_ms >= READY_WAIT_MS) {
            return server->loading ? rd_still_loading(redis) : HANGAR_OK;
        }
        host->alive(redis->ctx, server->loading ? "waiting for redis to load its data"
                                                : "waiting for another save of redis");
        rc = host->sleep(redis->ctx, READY_POLL_MS);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

enum hangar_rc rd_ask_config(struct rd_client *client, const char *name, int64_t fallback,
                             int64_t *value)
{
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_call(client, &reply, "CONFIG", "GET", name, NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    *value = fallback;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[1]->type == REDIS_REPLY_STRING) {
        *value = strtoll(reply->element[1]->str, NULL, 10);
    }
    freeReplyObject(reply);
    return HANGAR_OK;
}
