/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_redis: see fake_redis.h.
 */
#include "fake_redis.h"

#include <check.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "testing.h"

/* Waits for bytes; false when the test ends. */
static bool wait_readable(struct fake_redis *fake, int fd)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = fake->stop[0], .events = POLLIN}};
    poll(fds, 2, -1);
    return !fds[1].revents;
}

static void send_answer(struct fake_redis *fake, int client, const char *answer, size_t size)
{
    size_t piece = fake->piece ? fake->piece : size;
    for (size_t at = 0; at < size;) {
        size_t n = size - at < piece ? size - at : piece;
        ssize_t sent = send(client, answer + at, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        at += (size_t)sent;
    }
}

static void record_command(struct fake_redis *fake, const char *line)
{
    pthread_mutex_lock(&fake->mutex);
    size_t used = strlen(fake->heard);
    snprintf(fake->heard + used, sizeof(fake->heard) - used, "%s\n", line);
    pthread_mutex_unlock(&fake->mutex);
}

static void join_words(const redisReply *command, char *line, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < command->elements; i++) {
        const redisReply *word = command->element[i];
        for (size_t j = 0; j <= (size_t)word->len && n + 1 < size; j++) {
            char byte = j < (size_t)word->len ? word->str[j] : ' ';
            line[n++] = byte >= ' ' && byte < 127 ? byte : '.';
        }
    }
    line[n > 0 ? n - 1 : 0] = '\0';
}

/* Answers one command; false when the connection must end. */
static bool answer_command(struct fake_redis *fake, int client, const redisReply *command)
{
    char line[512];
    join_words(command, line, sizeof(line));
    record_command(fake, line);
    for (struct fake_rule *rule = fake->rules; rule->command; rule++) {
        if (strncmp(line, rule->command, strlen(rule->command)) != 0 || rule->times < 0) {
            continue;
        }
        if (rule->times > 0 && --rule->times == 0) {
            rule->times = -1;
        }
        send_answer(fake, client, rule->answer, rule->size ? rule->size : strlen(rule->answer));
        if (rule->then == FAKE_RESET) {
            struct linger hard = {.l_onoff = 1};
            setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        }
        return rule->then == 0;
    }
    send_answer(fake, client, "+OK\r\n", 5);
    return true;
}

static void serve_client(struct fake_redis *fake, int client)
{
    redisReader *reader = redisReaderCreate();
    char buffer[65536];
    bool going = true;
    while (going && wait_readable(fake, client)) {
        ssize_t n = recv(client, buffer, sizeof(buffer), 0);
        if (n <= 0 || redisReaderFeed(reader, buffer, (size_t)n) != REDIS_OK) {
            break;
        }
        for (void *command = NULL;
             going && redisReaderGetReply(reader, &command) == REDIS_OK && command;) {
            going = answer_command(fake, client, command);
            freeReplyObject(command);
        }
    }
    redisReaderFree(reader);
    close(client);
}

static void *run_fake_redis(void *arg)
{
    struct fake_redis *fake = arg;
    while (wait_readable(fake, fake->listener)) {
        int client = accept(fake->listener, NULL, NULL);
        if (client >= 0) {
            serve_client(fake, client);
        }
    }
    return NULL;
}

void fake_redis_start(struct fake_redis *fake, const struct fake_rule *rules, size_t piece)
{
    memset(fake, 0, sizeof(*fake));
    fake->piece = piece;
    for (size_t i = 0; rules[i].command; i++) {
        ck_assert_uint_lt(i + 1, sizeof(fake->rules) / sizeof(fake->rules[0]));
        fake->rules[i] = rules[i];
    }
    pthread_mutex_init(&fake->mutex, NULL);
    snprintf(fake->dir, sizeof(fake->dir), "%s", testing_dir());
    snprintf(fake->socket_option, sizeof(fake->socket_option), "socket=%s/f", fake->dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->socket_option + 7);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fake->listener, 4), 0);
    ck_assert_int_eq(pipe(fake->stop), 0);
    ck_assert_int_eq(pthread_create(&fake->thread, NULL, run_fake_redis, fake), 0);
}

void fake_redis_stop(struct fake_redis *fake)
{
    close(fake->stop[1]); /* the other end becomes readable */
    pthread_join(fake->thread, NULL);
    close(fake->stop[0]);
    close(fake->listener);
    pthread_mutex_destroy(&fake->mutex);
}

int fake_redis_heard(struct fake_redis *fake, const char *line)
{
    int count = 0;
    pthread_mutex_lock(&fake->mutex);
    for (const char *at = fake->heard; *at != '\0'; at = strchr(at, '\n') + 1) {
        count += strncmp(at, line, strlen(line)) == 0;
    }
    pthread_mutex_unlock(&fake->mutex);
    return count;
}
