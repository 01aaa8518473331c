/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * place: a machine with nothing on it that gives keys, until a test puts it there: an
 * empty home, an environment without a word of AWS, and endpoints that endpoint.py
 * plays when they are asked for.  The clock can be moved.
 */
#ifndef TEST_PLUGIN_STORAGE_S3_CREDENTIALS_PLACE_H
#define TEST_PLUGIN_STORAGE_S3_CREDENTIALS_PLACE_H

#include <stdbool.h>
#include "keys/credentials.h"
#include "fake_host.h"
#include "testing.h"

/* The beginning of all texts that must never be in a log or an error. */
#define CANARY "CANARY"

extern struct fake_host *fake;
extern const char *home;

/* Before and after each test; the second one searches the messages for canaries. */
void place_set_up(void);
void place_tear_down(void);
/* A new host, without options. */
void place_next_instance(void);

/* Starts the endpoints, and returns their URL with this path. */
const char *place_endpoint(const char *path);
/* Sets the faults of the endpoints from now on, see endpoint.py. */
void place_set_faults(const char *json);
/* The number of requests that begin so ("POST /sts"). */
int place_requests(const char *beginning);
void place_wait_for_request(const char *beginning, int count);

/* Writes the file home/name with mode 0600, and returns its path. */
const char *place_file(const char *name, const char *text);
/* The same for an executable program. */
const char *place_program(const char *name, const char *text);

/* Opens with the options set so far; must succeed, or fail with this text.  One is open at a
 * time: the next instance, and the end of the test, close it. */
struct s3_credentials *place_open(void);
void place_must_not_open(const char *text);
/* s3_credentials_get must return the key of this id, or fail so. */
void place_must_get(const char *access_key_id);
void place_must_fail(enum hangar_rc rc, const char *text);
/* The place of the keys must be this. */
void place_must_be_from(const char *text);

/* Moves the clock of the credentials forward. */
void place_move_clock(int64_t seconds);

#endif
