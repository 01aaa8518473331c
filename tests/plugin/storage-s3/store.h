/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * store: the S3 server that tests/lib/with_s3 has started, for test programs: a bucket,
 * and in it a prefix of its own for each test, which is as hostile as a prefix can be.
 * $S3_TEST_TLS chooses https.
 */
#ifndef STORE_H
#define STORE_H

#include "sink_suite.h"

extern const struct sink_under_test store;

/* What the environment says about the server; ends the program when it does not. */
const char *store_env(const char *name);
/* The prefix of this test, and the bucket of this program. */
const char *store_prefix(void);
const char *store_bucket(void);

/* Options of another value than `store` gives them, set at the next opening of a sink. */
void store_option(const char *name, const char *value);

/* An instance on the store, with these options. */
struct fake_host *store_open(void **inst);
/* The same, with a key "name" with a prefix, for the client of tests/lib/s3.py. */
const char *store_key(const char *name);
/* Runs s3.py with these arguments; its exit status. */
int store_client(const char *fmt, ...) HANGAR_PRINTF(1, 2);
/* What it printed; free it. */
char *store_ask(const char *fmt, ...) HANGAR_PRINTF(1, 2);

#endif
