/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * resp: see resp.h.  hiredis only formats commands and parses replies; transport.c sends and
 * receives the bytes.
 */
#include "wire/resp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MOST 16
#define REPLY_MOST ((size_t)64 << 20) /* bytes of one reply; INFO needs a few KiB */
#define READ_SIZE 16384

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
    explicit_bzero(command, (size_t)size); /* it may contain a password */
    redisFreeCommand(command);
    return rc;
}

static enum hangar_rc send_word_list(struct rd_client *client, va_list args)
{
    const char *words[WORDS_MOST];
    size_t sizes[WORDS_MOST];
    int count = 0;
    for (const char *word; (word = va_arg(args, const char *)) && count < WORDS_MOST;) {
        sizes[count] = strlen(word);
        words[count++] = word;
    }
    return rd_send_array(client, count, words, sizes);
}

enum hangar_rc rd_send(struct rd_client *client, ...)
{
    va_list args;
    va_start(args, client);
    enum hangar_rc rc = send_word_list(client, args);
    va_end(args);
    return rc;
}

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

/* Counts `size` more bytes of the current reply; false when they exceed the limit.  hiredis alone
 * would allocate any number of elements that a server announces. */
static bool reserve_reply(struct rd_client *client, size_t size)
{
    bool fits = size <= REPLY_MOST && client->held <= REPLY_MOST - size;
    client->held = fits ? client->held + size : REPLY_MOST;
    return fits;
}

static void *make_reply_array(const redisReadTask *task, reply_count count)
{
    struct rd_client *client = task->privdata;
    const size_t each = sizeof(redisReply) + sizeof(redisReply *);
    bool possible = count >= 0 && (size_t)count <= REPLY_MOST / each;
    bool fits = reserve_reply(client, possible ? (size_t)count * each : SIZE_MAX);
    return fits ? client->make->createArray(task, count) : NULL;
}

static void *make_reply_string(const redisReadTask *task, char *text, size_t size)
{
    struct rd_client *client = task->privdata;
    return reserve_reply(client, size) ? client->make->createString(task, text, size) : NULL;
}

static void limit_replies(struct rd_client *client)
{
    client->make = client->reader->fn;
    client->counting = *client->make;
    client->counting.createArray = make_reply_array;
    client->counting.createString = make_reply_string;
    client->reader->fn = &client->counting;
    client->reader->privdata = client;
}

enum hangar_rc rd_reply(struct rd_client *client, bool wait, redisReply **reply)
{
    struct redis *redis = client->redis;
    for (;;) {
        void *parsed = NULL;
        if (redisReaderGetReply(client->reader, &parsed) != REDIS_OK ||
            client->reader->len - client->reader->pos > REPLY_MOST) {
            return redis->host->fail(
                redis->ctx, HANGAR_IO, 0, "redis at %s sent an invalid reply: %s", redis->place,
                client->reader->err && client->held < REPLY_MOST ? client->reader->errstr
                                                                 : "too large");
        }
        if (parsed) {
            client->held = 0;
            *reply = parsed;
            return HANGAR_OK;
        }
        size_t done;
        char buffer[READ_SIZE];
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
    enum hangar_rc rc = send_word_list(client, args);
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
    enum hangar_rc rc = send_word_list(client, args);
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

enum hangar_rc rd_select(struct rd_client *client, uint64_t db)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, db);
    return rd_order(client, "SELECT", number, NULL);
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
        {"BUSYKEY", HANGAR_EXISTS},   {"ERR max number of clients", HANGAR_RETRY},
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(error, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            return classes[i].rc;
        }
    }
    return HANGAR_IO;
}

/* What an operator can do about a refusal, without what is set already. */
static const char *hint_of_refusal(const struct redis *redis, const char *error)
{
    enum need { ANY, SET, UNSET };
    static const struct {
        const char *prefix;
        enum need password, username; /* applies only when the option is so */
        const char *hint;
    } hints[] = {
        {"NOPERM", ANY, ANY, "docs/plugins/redis.md lists the rights that this user needs"},
        {"NOAUTH", UNSET, ANY,
         "set password_file, password_command or password to that of the server (requirepass), and "
         "username too if a user of the ACL logs in"},
        {"WRONGPASS", SET, SET, "correct username or password; ACL LIST shows the users"},
        {"WRONGPASS", SET, UNSET,
         "correct the password, which is that of the user default; for another user set username"},
        {"ERR AUTH", SET, ANY,
         "the user default of this server has no password: remove the option password, or set "
         "username to the user whose password it is"},
        {"ERR Client sent AUTH", SET, ANY,
         "this server has no password (requirepass): remove the option password"},
        {"ERR invalid password", SET, ANY, "correct the password (requirepass)"},
        {"DENIED", ANY, ANY,
         "connect from the machine of the server (host 127.0.0.1, or socket), or give its user "
         "default a password (requirepass)"},
        {"ERR max number of clients", ANY, ANY, "end some connections, or raise maxclients"},
    };
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        const enum need password = redis->password ? SET : UNSET;
        const enum need username = redis->username ? SET : UNSET;
        if (strncmp(error, hints[i].prefix, strlen(hints[i].prefix)) == 0 &&
            (hints[i].password == ANY || hints[i].password == password) &&
            (hints[i].username == ANY || hints[i].username == username)) {
            return hints[i].hint;
        }
    }
    return NULL;
}

enum hangar_rc rd_refused(struct redis *redis, const char *what, const char *error)
{
    enum hangar_rc rc = rd_error_class(error);
    const char *hint = hint_of_refusal(redis, error);
    char text[RD_TEXT_SIZE];
    return redis->host->fail(redis->ctx, rc, 0, "redis at %s refused %s: %s%s%s", redis->place,
                             what, rd_text(error, strlen(error), text), hint ? "; hint: " : "",
                             hint ? hint : "");
}

/* ---- a session ---- */

static enum hangar_rc redis_log_in(struct rd_client *client)
{
    const struct redis *redis = client->redis;
    if (!redis->password) {
        return HANGAR_OK;
    }
    if (redis->username) {
        return rd_order(client, "AUTH", redis->username, redis->password, NULL);
    }
    return rd_order(client, "AUTH", redis->password, NULL);
}

enum hangar_rc rd_open(struct redis *redis, struct rd_client *client)
{
    client->redis = redis;
    client->reader = redisReaderCreate();
    if (!client->reader) {
        return rd_no_memory(redis, "connect to redis");
    }
    limit_replies(client);
    enum hangar_rc rc = rd_connect(redis, &client->conn);
    return rc == HANGAR_OK ? redis_log_in(client) : rc;
}

void rd_close(struct rd_client *client)
{
    rd_conn_close(client->conn);
    if (client->reader) {
        redisReaderFree(client->reader);
    }
    client->conn = NULL;
    client->reader = NULL;
}

/* ---- replies of a server ---- */
