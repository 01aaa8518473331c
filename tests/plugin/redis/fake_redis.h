/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_redis: a server that answers by rules, for replies that a real server sends rarely or in
 * another version only.  It listens on a Unix socket, serves one client at a time on a thread of
 * its own, and records the commands that it receives.
 */
#ifndef TEST_PLUGIN_REDIS_FAKE_REDIS_H
#define TEST_PLUGIN_REDIS_FAKE_REDIS_H

#include <pthread.h>
#include <stddef.h>

/* A command is answered by the first rule with uses left whose `command` is a prefix of its words,
 * joined by blanks.  Without such a rule the answer is +OK. */
struct fake_rule {
    const char *command;
    const char *answer;
    size_t size; /* of the answer; 0: it is a text */
    int times;   /* uses; 0: any number */
    int then;    /* one of FAKE_... */
};

#define FAKE_CLOSE 1 /* after the answer: close the connection */
#define FAKE_RESET 2 /* after the answer: reset the connection */

struct fake_redis {
    pthread_t thread;
    int listener, stop[2];
    char dir[200], socket_option[220];
    struct fake_rule rules[24];
    size_t piece;          /* bytes of an answer per write; 0: all */
    pthread_mutex_t mutex; /* of heard */
    char heard[65536];     /* the commands, one per line; unprintable bytes are dots */
};

/* Copies the rules, which end with a NULL command. */
void fake_redis_start(struct fake_redis *fake, const struct fake_rule *rules, size_t piece);
void fake_redis_stop(struct fake_redis *fake);

/* How many of the commands begin with this text. */
int fake_redis_heard(struct fake_redis *fake, const char *line);

#endif
