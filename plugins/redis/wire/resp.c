/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * resp: see resp.h.  hiredis is used as a codec only: it formats commands and
 * parses replies; bytes are moved by transport.c.
 */
#include "wire/resp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORDS_MOST 16
#define REPLY_MOST ((size_t)64 << 20) /* bytes of one reply: INFO and CONFIG GET are far below */
#define READ_SIZE 16384

int64_t rd_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *rd_text(const void *bytes, size_t size, char out[RD_TEXT_SIZE])
{
    const unsigned char *at = bytes;
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        bool plain = at[i] >= ' ' && at[i] < 0x7f && at[i] != '\\';
        if (n + (plain ? 1 : 4) + 4 > RD_TEXT_SIZE) {
            memcpy(out + n, "...", 4);
            return out;
        }
        if (plain) {
            out[n++] = (char)at[i];
        } else {
            n += (size_t)snprintf(out + n, 5, "\\x%02x", at[i]);
        }
    }
    out[n] = '\0';
    return out;
}

/* ---- commands and replies ---- */

enum hangar_rc rd_send_array(struct rd_client *client, int count, const char **words,
                             const size_t *sizes)
{
    struct redis *redis = client->redis;
    char *command = NULL;
    int size = redisFormatCommandArgv(&command, count, words, sizes);
    if (size < 0) {
        return rd_no_memory(redis, "send a command to redis");
    }
    enum hangar_rc rc = rd_conn_write(client->conn, command, (size_t)size);
    explicit_bzero(command, (size_t)size); /* it may be AUTH */
    redisFreeCommand(command);
    return rc;
}

static enum hangar_rc send_words(struct rd_client *client, va_list args)
{
    const char *words[WORDS_MOST];
    size_t sizes[WORDS_MOST];
    int count = 0;
    for (const char *word; (word = va_arg(args, const char *)) != NULL && count < WORDS_MOST;) {
        sizes[count] = strlen(word);
        words[count++] = word;
    }
    return rd_send_array(client, count, words, sizes);
}

enum hangar_rc rd_send(struct rd_client *client, ...)
{
    va_list args;
    va_start(args, client);
    enum hangar_rc rc = send_words(client, args);
    va_end(args);
    return rc;
}

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

/* Is there room for so much more of the reply?  hiredis itself would take a server's word
 * for how many elements come, and keep all of them. */
static bool may_hold(struct rd_client *client, size_t size)
{
    bool fits = size <= REPLY_MOST && client->held <= REPLY_MOST - size;
    client->held = fits ? client->held + size : REPLY_MOST;
    return fits;
}

static void *make_array(const redisReadTask *task, reply_count count)
{
    struct rd_client *client = task->privdata;
    const size_t each = sizeof(redisReply) + sizeof(redisReply *);
    bool possible = count >= 0 && (size_t)count <= REPLY_MOST / each;
    bool fits = may_hold(client, possible ? (size_t)count * each : SIZE_MAX);
    return fits ? client->make->createArray(task, count) : NULL;
}

static void *make_string(const redisReadTask *task, char *text, size_t size)
{
    struct rd_client *client = task->privdata;
    return may_hold(client, size) ? client->make->createString(task, text, size) : NULL;
}

static void bound_replies(struct rd_client *client)
{
    client->make = client->reader->fn;
    client->counting = *client->make;
    client->counting.createArray = make_array;
    client->counting.createString = make_string;
    client->reader->fn = &client->counting;
    client->reader->privdata = client;
}

enum hangar_rc rd_reply(struct rd_client *client, bool wait, redisReply **reply)
{
    struct redis *redis = client->redis;
    char buffer[READ_SIZE];
    for (;;) {
        void *parsed = NULL;
        if (redisReaderGetReply(client->reader, &parsed) != REDIS_OK ||
            client->reader->len - client->reader->pos > REPLY_MOST) {
            return redis->host->fail(
                redis->ctx, HANGAR_IO, 0, "redis at %s sent what is no reply: %s", redis->place,
                client->reader->err && client->held < REPLY_MOST ? client->reader->errstr
                                                                 : "too large");
        }
        if (parsed != NULL) {
            client->held = 0;
            *reply = parsed;
            return HANGAR_OK;
        }
        size_t done;
        enum hangar_rc rc = rd_conn_try_read(client->conn, buffer, sizeof(buffer), &done);
        if (rc == HANGAR_OK && done == 0 && !wait) {
            *reply = NULL;
            return HANGAR_OK;
        }
        if (rc == HANGAR_OK && done == 0) {
            rc = rd_conn_wait(client->conn, false);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (done > 0 && redisReaderFeed(client->reader, buffer, done) != REDIS_OK) {
            return rd_no_memory(redis, "read a reply of redis");
        }
    }
}

enum hangar_rc rd_call(struct rd_client *client, redisReply **reply, ...)
{
    va_list args;
    va_start(args, reply);
    enum hangar_rc rc = send_words(client, args);
    va_end(args);
    return rc == HANGAR_OK ? rd_reply(client, true, reply) : rc;
}

bool rd_is_error(const redisReply *reply, const char *prefix)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, prefix, strlen(prefix)) == 0;
}

enum hangar_rc rd_order(struct rd_client *client, ...)
{
    va_list args;
    va_start(args, client);
    va_list again;
    va_copy(again, args);
    const char *what = va_arg(again, const char *);
    va_end(again);
    enum hangar_rc rc = send_words(client, args);
    va_end(args);
    redisReply *reply = NULL;
    if (rc == HANGAR_OK) {
        rc = rd_reply(client, true, &reply);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (rd_is_error(reply, "")) {
        rc = rd_refused(client->redis, what, reply->str);
    }
    freeReplyObject(reply);
    return rc;
}

enum hangar_rc rd_error_class(const char *error)
{
    static const struct {
        const char *prefix;
        enum hangar_rc rc;
    } classes[] = {
        {"NOAUTH", HANGAR_AUTH},      {"WRONGPASS", HANGAR_AUTH},
        {"NOPERM", HANGAR_AUTH},      {"ERR invalid password", HANGAR_AUTH},
        {"DENIED", HANGAR_AUTH},      {"ERR Client sent AUTH", HANGAR_AUTH},
        {"ERR AUTH", HANGAR_AUTH},    {"LOADING", HANGAR_RETRY},
        {"BUSY ", HANGAR_RETRY},      {"TRYAGAIN", HANGAR_RETRY},
        {"MASTERDOWN", HANGAR_RETRY}, {"NOMASTERLINK", HANGAR_RETRY},
        {"OOM", HANGAR_NO_SPACE},     {"ERR unknown command", HANGAR_UNSUPPORTED},
        {"BUSYKEY", HANGAR_EXISTS},
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(error, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            return classes[i].rc;
        }
    }
    return HANGAR_IO;
}

enum hangar_rc rd_refused(struct redis *redis, const char *what, const char *error)
{
    char text[RD_TEXT_SIZE];
    enum hangar_rc rc = rd_error_class(error);
    const char *hint = "";
    if (strncmp(error, "NOPERM", 6) == 0) {
        hint = "; hint: docs/plugins/redis.md lists the rights that the user needs";
    } else if (rc == HANGAR_AUTH) {
        hint = "; hint: see the options username and password";
    }
    return redis->host->fail(redis->ctx, rc, 0, "redis at %s refused %s: %s%s", redis->place, what,
                             rd_text(error, strlen(error), text), hint);
}

/* ---- a session ---- */

static enum hangar_rc log_in(struct rd_client *client)
{
    const struct redis *redis = client->redis;
    if (redis->password == NULL) {
        return HANGAR_OK;
    }
    if (redis->username != NULL) {
        return rd_order(client, "AUTH", redis->username, redis->password, NULL);
    }
    return rd_order(client, "AUTH", redis->password, NULL);
}

enum hangar_rc rd_open(struct redis *redis, struct rd_client *client)
{
    client->redis = redis;
    client->reader = redisReaderCreate();
    if (client->reader == NULL) {
        return rd_no_memory(redis, "connect to redis");
    }
    bound_replies(client);
    enum hangar_rc rc = rd_connect(redis, &client->conn);
    return rc == HANGAR_OK ? log_in(client) : rc;
}

void rd_close(struct rd_client *client)
{
    rd_conn_close(client->conn);
    if (client->reader != NULL) {
        redisReaderFree(client->reader);
    }
    client->conn = NULL;
    client->reader = NULL;
}

/* ---- what a server says ---- */

/* The value of a field of INFO, up to the end of its line; NULL when missing. */
static const char *find_field(const char *text, const char *name, size_t *size)
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

static uint64_t number_field(const char *text, const char *name)
{
    size_t size;
    const char *value = find_field(text, name, &size);
    return value ? strtoull(value, NULL, 10) : 0;
}

static bool is_field(const char *text, const char *name, const char *expected)
{
    size_t size;
    const char *value = find_field(text, name, &size);
    return value != NULL && size == strlen(expected) && memcmp(value, expected, size) == 0;
}

static void copy_field(const char *text, const char *name, char *out, size_t out_size)
{
    size_t size = 0;
    const char *value = find_field(text, name, &size);
    snprintf(out, out_size, "%.*s", (int)(size < out_size ? size : out_size), value ? value : "");
}

/* "name=NUMBER" at *at, which is moved behind it. */
static bool take_number(const char **at, const char *name, uint64_t *number)
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

/* "db0:keys=1,expires=0,..." */
static bool parse_db(const char *line, uint64_t *db, uint64_t *keys, uint64_t *expiring)
{
    return take_number(&line, "db", db) && take_number(&line, ":keys=", keys) &&
           take_number(&line, ",expires=", expiring);
}

bool rd_server_next_db(const struct rd_server *server, const char **at, uint64_t *db,
                       uint64_t *keys, uint64_t *expiring)
{
    const char *line = *at ? *at : server->text;
    while (line != NULL) {
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
    size_t size;
    *keys = *expiring = 0;
    snprintf(name, sizeof(name), "db%" PRIu64, db);
    const char *value = server->text ? find_field(server->text, name, &size) : NULL;
    uint64_t found;
    if (value != NULL && !parse_db(value - strlen(name) - 1, &found, keys, expiring)) {
        *keys = *expiring = 0;
    }
}

static void parse_server(struct rd_server *server)
{
    const char *text = server->text;
    unsigned major = 0, minor = 0, patch = 0;
    copy_field(text, "redis_version", server->version, sizeof(server->version));
    if (sscanf(server->version, "%3u.%3u.%3u", &major, &minor, &patch) >= 2) {
        server->version_number =
            major * 10000 + (minor < 99 ? minor : 99) * 100 + (patch < 99 ? patch : 99);
    }
    server->replica = is_field(text, "role", "slave");
    server->link_down = server->replica && !is_field(text, "master_link_status", "up");
    copy_field(text, "master_host", server->master, sizeof(server->master));
    copy_field(text, "run_id", server->run_id, sizeof(server->run_id));
    server->loading = number_field(text, "loading") != 0;
    server->saving = number_field(text, "rdb_bgsave_in_progress") != 0;
    server->cluster = number_field(text, "cluster_enabled") != 0;
    server->libraries = number_field(text, "number_of_libraries");
    server->used_memory = number_field(text, "used_memory");
    server->memory_most = number_field(text, "maxmemory");
    server->system_memory = number_field(text, "total_system_memory");
    char policy[32];
    copy_field(text, "maxmemory_policy", policy, sizeof(policy));
    server->evicts = policy[0] != '\0' && strcmp(policy, "noeviction") != 0;
    server->evicts_lru = strstr(policy, "lru") != NULL;
    server->evicts_lfu = strstr(policy, "lfu") != NULL;
    uint64_t now_us = number_field(text, "server_time_usec");
    server->clock_offset_ms = now_us ? (int64_t)(now_us / 1000) - rd_now_ms() : 0;
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
        if (server->text == NULL) {
            rc = rd_no_memory(client->redis, "read INFO");
        } else {
            parse_server(server);
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
