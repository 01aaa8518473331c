/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_redis: a server that answers as told, for what a real one does rarely or
 * in another version only.  It listens on a Unix socket, serves one client at a
 * time on a thread of its own, and remembers the commands it was given.
 */
#ifndef FAKE_REDIS_H
#define FAKE_REDIS_H

#include <pthread.h>
#include <stddef.h>

/* The first rule whose `command` begins the words of a command, joined by blanks,
 * and that has not been used up, answers it; without one the answer is +OK. */
struct fake_rule {
    const char *command;
    const char *answer;
    size_t size; /* of the answer; 0: a text */
    int times;   /* 0: as often as it is asked */
    int then;    /* one of FAKE_... */
};

#define FAKE_CLOSE 1 /* after the answer: the connection ends */
#define FAKE_RESET 2 /* it ends with a reset */

struct fake_redis {
    pthread_t thread;
    int listener, stop[2];
    char dir[200], socket_option[220];
    struct fake_rule rules[24];
    size_t piece;          /* answers are written so many bytes at a time; 0: whole */
    pthread_mutex_t mutex; /* of heard */
    char heard[65536];     /* the commands, one per line, bytes that do not print as dots */
};

/* Copies the rules, which end with a NULL command. */
void fake_redis_start(struct fake_redis *fake, const struct fake_rule *rules, size_t piece);
void fake_redis_stop(struct fake_redis *fake);

/* Was this line heard (its beginning)?  How often? */
int fake_redis_heard(struct fake_redis *fake, const char *line);

#endif
