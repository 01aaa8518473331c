/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipe: see pipe.h.
 */
#include "wire/pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)512 * 1024)
#define BUFFER_COMMANDS 4096
#define BUFFERED_MOST ((size_t)128 * 1024) /* a larger command is sent alone */
#define KEY_KEPT 256
#define BUSY_PAUSE_MS 100

struct rd_pipe_command {
    uint32_t at, size, key_at, key_size;
    struct rd_tag tag;
    bool again; /* the server was busy: to be sent again */
};

struct rd_pipe_buffer {
    unsigned char *data;
    size_t size, sent;
    struct rd_pipe_command *commands;
    size_t count, answered, again;
};

struct rd_pipe {
    struct rd_client *client;
    rd_pipe_reply on_reply;
    void *arg;
    struct rd_pipe_buffer buffers[2];
    struct rd_pipe_buffer *older, *filling; /* the replies to `older` arrive first */

    /* the command between begin and end */
    const struct rd_words *words;
    size_t next_word;
    struct rd_tag tag;
    bool alone;
    size_t start, key_at;
};

void rd_words_add(struct rd_words *words, const void *data, size_t size)
{
    words->items[words->count].data = data;
    words->items[words->count++].size = size;
}

void rd_words_add_text(struct rd_words *words, const char *text)
{
    rd_words_add(words, text, strlen(text));
}

struct rd_pipe *rd_pipe_new(struct rd_client *client, rd_pipe_reply on_reply, void *arg)
{
    struct rd_pipe *pipe = calloc(1, sizeof(*pipe));
    if (!pipe) {
        return NULL;
    }
    pipe->client = client;
    pipe->on_reply = on_reply;
    pipe->arg = arg;
    pipe->older = &pipe->buffers[0];
    pipe->filling = &pipe->buffers[1];
    for (int i = 0; i < 2; i++) {
        pipe->buffers[i].data = malloc(BUFFER_BYTES);
        pipe->buffers[i].commands = calloc(BUFFER_COMMANDS, sizeof(struct rd_pipe_command));
        if (!pipe->buffers[i].data || !pipe->buffers[i].commands) {
            rd_pipe_free(pipe);
            return NULL;
        }
    }
    return pipe;
}

void rd_pipe_free(struct rd_pipe *pipe)
{
    if (!pipe) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        free(pipe->buffers[i].data);
        free(pipe->buffers[i].commands);
    }
    free(pipe);
}

/* ---- moving ---- */

/* Handles all replies that have arrived. */
static enum hangar_rc pipe_read_replies(struct rd_pipe *pipe, bool *any)
{
    for (;;) {
        struct rd_pipe_buffer *buffer = pipe->older;
        if (buffer->answered == buffer->count) {
            buffer = pipe->filling;
        }
        redisReply *reply = NULL;
        enum hangar_rc rc = rd_reply(pipe->client, false, &reply);
        if (rc != HANGAR_OK || !reply) {
            return rc;
        }
        if (buffer->answered == buffer->count) {
            freeReplyObject(reply);
            return pipe->client->redis->host->fail(
                pipe->client->redis->ctx, HANGAR_IO, 0,
                "redis at %s sent a reply that belongs to no command", pipe->client->redis->place);
        }
        *any = true;
        struct rd_pipe_command *command = &buffer->commands[buffer->answered++];
        rc = pipe->on_reply(pipe->arg, command->tag, reply, buffer->data + command->key_at,
                            command->key_size);
        freeReplyObject(reply);
        if (rc == HANGAR_RETRY) {
            command->again = true;
            buffer->again++;
        } else if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

static enum hangar_rc pipe_send_buffer(struct rd_pipe *pipe, struct rd_pipe_buffer *buffer,
                                       bool *any)
{
    while (buffer->sent < buffer->size) {
        size_t done;
        enum hangar_rc rc = rd_conn_try_write(pipe->client->conn, buffer->data + buffer->sent,
                                              buffer->size - buffer->sent, &done);
        if (rc != HANGAR_OK || done == 0) {
            return rc;
        }
        buffer->sent += done;
        *any = true;
    }
    return HANGAR_OK;
}

/* Sends commands and handles replies as far as possible without waiting; waits when nothing was
 * possible. */
static enum hangar_rc pipe_progress(struct rd_pipe *pipe)
{
    bool any = false;
    enum hangar_rc rc = pipe_send_buffer(pipe, pipe->older, &any);
    if (rc == HANGAR_OK && pipe->older->sent == pipe->older->size) {
        rc = pipe_send_buffer(pipe, pipe->filling, &any);
    }
    if (rc == HANGAR_OK) {
        rc = pipe_read_replies(pipe, &any);
    }
    if (rc != HANGAR_OK || any) {
        return rc;
    }
    bool more = pipe->older->sent < pipe->older->size || pipe->filling->sent < pipe->filling->size;
    return rd_conn_wait(pipe->client->conn, more);
}

static enum hangar_rc pipe_await_replies(struct rd_pipe *pipe, const struct rd_pipe_buffer *buffer)
{
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && buffer->answered < buffer->count) {
        rc = pipe_progress(pipe);
    }
    return rc;
}

/* ---- sending again ---- */

/* Sends one command, with no other in flight, until the server is no longer busy, or `timeout` has
 * passed. */
static enum hangar_rc pipe_resend_command(struct rd_pipe *pipe, const struct rd_pipe_buffer *buffer,
                                          const struct rd_pipe_command *command)
{
    struct redis *redis = pipe->client->redis;
    for (int waited_ms = 0;; waited_ms += BUSY_PAUSE_MS) {
        redis->host->alive(redis->ctx, "waiting for redis to be no longer busy");
        enum hangar_rc rc = redis->host->sleep(redis->ctx, BUSY_PAUSE_MS);
        if (rc == HANGAR_OK) {
            rc = rd_conn_write(pipe->client->conn, buffer->data + command->at, command->size);
        }
        redisReply *reply = NULL;
        if (rc == HANGAR_OK) {
            rc = rd_reply(pipe->client, true, &reply);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        rc = pipe->on_reply(pipe->arg, command->tag, reply, buffer->data + command->key_at,
                            command->key_size);
        if (rc == HANGAR_RETRY && waited_ms >= redis->timeout_ms) {
            rc = rd_refused(redis, "a key", reply->str);
        } else if (rc == HANGAR_RETRY) {
            freeReplyObject(reply);
            continue;
        }
        freeReplyObject(reply);
        return rc;
    }
}

static enum hangar_rc pipe_resend_busy(struct rd_pipe *pipe, struct rd_pipe_buffer *buffer)
{
    for (size_t i = 0; i < buffer->count && buffer->again > 0; i++) {
        if (!buffer->commands[i].again) {
            continue;
        }
        enum hangar_rc rc = pipe_resend_command(pipe, buffer, &buffer->commands[i]);
        if (rc != HANGAR_OK) {
            return rc;
        }
        buffer->commands[i].again = false;
        buffer->again--;
    }
    return HANGAR_OK;
}

static void clear_pipe_buffer(struct rd_pipe_buffer *buffer)
{
    buffer->size = buffer->sent = buffer->count = buffer->answered = buffer->again = 0;
}

enum hangar_rc rd_pipe_drain(struct rd_pipe *pipe)
{
    enum hangar_rc rc = pipe_await_replies(pipe, pipe->older);
    if (rc == HANGAR_OK) {
        rc = pipe_await_replies(pipe, pipe->filling);
    }
    if (rc == HANGAR_OK) {
        rc = pipe_resend_busy(pipe, pipe->older);
    }
    if (rc == HANGAR_OK) {
        rc = pipe_resend_busy(pipe, pipe->filling);
    }
    if (rc == HANGAR_OK) {
        clear_pipe_buffer(pipe->older);
        clear_pipe_buffer(pipe->filling);
    }
    return rc;
}

/* The buffer being filled is full: waits for the replies to the other one, sends the full one, and
 * continues with the empty one. */
static enum hangar_rc pipe_swap_buffers(struct rd_pipe *pipe)
{
    enum hangar_rc rc = pipe_await_replies(pipe, pipe->older);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (pipe->older->again > 0) {
        return rd_pipe_drain(pipe);
    }
    struct rd_pipe_buffer *empty = pipe->older;
    clear_pipe_buffer(empty);
    pipe->older = pipe->filling;
    pipe->filling = empty;
    bool any = false;
    return pipe_send_buffer(pipe, pipe->older, &any);
}

/* ---- commands ---- */

/* Waits until the server is not busy, because a command that is sent alone cannot be sent again. */
static enum hangar_rc pipe_wait_while_busy(struct rd_pipe *pipe)
{
    struct redis *redis = pipe->client->redis;
    for (int waited_ms = 0;; waited_ms += BUSY_PAUSE_MS) {
        redisReply *reply = NULL;
        enum hangar_rc rc = rd_call(pipe->client, &reply, "PING", NULL);
        if (rc != HANGAR_OK) {
            return rc;
        }
        bool busy = rd_is_error(reply, "") && rd_error_class(reply->str) == HANGAR_RETRY;
        if (busy && waited_ms >= redis->timeout_ms) {
            rc = rd_refused(redis, "a key", reply->str);
        }
        freeReplyObject(reply);
        if (!busy || rc != HANGAR_OK) {
            return rc;
        }
        redis->host->alive(redis->ctx, "waiting for redis to be no longer busy");
        rc = redis->host->sleep(redis->ctx, BUSY_PAUSE_MS);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
}

static size_t decimal_digits(size_t number)
{
    size_t n = 1;
    for (; number >= 10; number /= 10) {
        n++;
    }
    return n;
}

static size_t encoded_words_size(const struct rd_words *words)
{
    size_t size = 3 + decimal_digits(words->count);
    for (size_t i = 0; i < words->count; i++) {
        size += 5 + decimal_digits(words->items[i].size) + words->items[i].size;
    }
    return size;
}

enum hangar_rc rd_pipe_add(struct rd_pipe *pipe, const void *data, size_t size)
{
    if (pipe->alone) {
        return rd_conn_write(pipe->client->conn, data, size);
    }
    memcpy(pipe->filling->data + pipe->filling->size, data, size);
    pipe->filling->size += size;
    return HANGAR_OK;
}

/* Adds the next words: all up to the payload and its length, or all that are left. */
static enum hangar_rc pipe_add_words(struct rd_pipe *pipe)
{
    char head[32];
    enum hangar_rc rc = HANGAR_OK;
    for (; rc == HANGAR_OK && pipe->next_word < pipe->words->count; pipe->next_word++) {
        const void *data = pipe->words->items[pipe->next_word].data;
        size_t size = pipe->words->items[pipe->next_word].size;
        rc = rd_pipe_add(pipe, head, (size_t)snprintf(head, sizeof(head), "$%zu\r\n", size));
        if (!data || rc != HANGAR_OK) {
            return rc;
        }
        if (pipe->next_word == pipe->words->key) {
            pipe->key_at = pipe->filling->size;
        }
        rc = rd_pipe_add(pipe, data, size);
        if (rc == HANGAR_OK) {
            rc = rd_pipe_add(pipe, "\r\n", 2);
        }
    }
    return rc;
}

enum hangar_rc rd_pipe_begin(struct rd_pipe *pipe, const struct rd_words *words, struct rd_tag tag)
{
    size_t size = encoded_words_size(words);
    enum hangar_rc rc = HANGAR_OK;
    pipe->alone = size > BUFFERED_MOST;
    if (pipe->alone) {
        rc = rd_pipe_drain(pipe);
        if (rc == HANGAR_OK) {
            rc = pipe_wait_while_busy(pipe);
        }
    } else if (pipe->filling->size + size > BUFFER_BYTES ||
               pipe->filling->count == BUFFER_COMMANDS) {
        rc = pipe_swap_buffers(pipe);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    pipe->words = words;
    pipe->next_word = 0;
    pipe->tag = tag;
    pipe->start = pipe->filling->size;
    char head[32];
    rc = rd_pipe_add(pipe, head, (size_t)snprintf(head, sizeof(head), "*%zu\r\n", words->count));
    return rc == HANGAR_OK ? pipe_add_words(pipe) : rc;
}

/* Waits for the reply to a command that was sent alone. */
static enum hangar_rc pipe_end_alone(struct rd_pipe *pipe)
{
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_reply(pipe->client, true, &reply);
    if (rc != HANGAR_OK) {
        return rc;
    }
    size_t key_size = pipe->words->items[pipe->words->key].size;
    rc = pipe->on_reply(pipe->arg, pipe->tag, reply, pipe->words->items[pipe->words->key].data,
                        key_size < KEY_KEPT ? key_size : KEY_KEPT);
    if (rc == HANGAR_RETRY) {
        rc = rd_refused(pipe->client->redis, "a large key", reply->str);
    }
    freeReplyObject(reply);
    return rc;
}

enum hangar_rc rd_pipe_end(struct rd_pipe *pipe)
{
    enum hangar_rc rc = HANGAR_OK;
    if (pipe->next_word < pipe->words->count) {
        rc = rd_pipe_add(pipe, "\r\n", 2);
        pipe->next_word++;
    }
    if (rc == HANGAR_OK) {
        rc = pipe_add_words(pipe);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (pipe->alone) {
        return pipe_end_alone(pipe);
    }
    struct rd_pipe_buffer *buffer = pipe->filling;
    size_t key_size = pipe->words->items[pipe->words->key].size;
    buffer->commands[buffer->count++] = (struct rd_pipe_command){
        .at = (uint32_t)pipe->start,
        .size = (uint32_t)(buffer->size - pipe->start),
        .key_at = (uint32_t)pipe->key_at,
        .key_size = (uint32_t)(key_size < KEY_KEPT ? key_size : KEY_KEPT),
        .tag = pipe->tag,
    };
    return HANGAR_OK;
}
