/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: a machine with nothing on it that gives keys, until a test puts it there: an
 * empty home, an environment without a word of AWS, and endpoints that endpoint.py
 * plays when they are asked for.  The clock can be moved.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>
#include "keys/credentials.h"
#include "fake_host.h"
#include "testing.h"

/* What must never be seen in a log or an error begins with this. */
#define CANARY "CANARY"

extern struct fake_host *fake;
extern const char *home;

/* Before and after each test; the latter looks for canaries. */
void place_set_up(void);
void place_tear_down(void);
/* A fresh host, without options. */
void place_next_instance(void);

/* Starts the endpoints; their URL with this path. */
const char *place_endpoint(const char *path);
/* How they misbehave from now on, see endpoint.py. */
void place_say(const char *json);
/* How many requests there were that begin so ("POST /sts"). */
int place_requests(const char *beginning);
void place_wait_for_request(const char *beginning, int count);

/* Writes home/name, with mode 0600; its path. */
const char *place_file(const char *name, const char *text);
/* The same, an executable program. */
const char *place_program(const char *name, const char *text);

/* Opens with the options set so far; must succeed, or fail with this text.  One is open at a
 * time: the next instance, and the end of the test, close it. */
struct s3_credentials *place_open(void);
void place_must_not_open(const char *text);
/* Gets; must come to these keys, or fail so. */
void place_must_get(const char *access_key_id);
void place_must_fail(enum hangar_rc rc, const char *text);
/* Where they are from. */
void place_must_be_from(const char *text);

/* Moves the clock that the credentials see. */
void place_move_clock(int64_t seconds);

#endif
