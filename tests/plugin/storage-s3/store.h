/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * store: the S3 server that tests/lib/with_s3 has started: a bucket, and a prefix in it for each
 * test, with characters that need escapes.  $S3_TEST_TLS selects https.
 */
#ifndef TEST_PLUGIN_STORAGE_S3_STORE_H
#define TEST_PLUGIN_STORAGE_S3_STORE_H

#include "sink_suite.h"

extern const struct sink_under_test store;

/* An environment variable that describes the server; if it is not set, the program ends. */
const char *store_env(const char *name);
/* The prefix of this test, and the bucket of this program. */
const char *store_prefix(void);
const char *store_bucket(void);

/* Sets an option, instead of the value of `store`, for the next sink that is opened. */
void store_option(const char *name, const char *value);

/* An instance on the store, with these options. */
struct fake_host *store_open(void **inst);
/* The key of a name, with the prefix of the test; the next 3 calls do not overwrite it. */
const char *store_key(const char *name);
/* Runs tests/lib/s3.py with these arguments, and returns its exit status. */
int store_client(const char *fmt, ...) HANGAR_PRINTF(1, 2);
/* Runs it and returns its output; the caller frees it. */
char *store_ask(const char *fmt, ...) HANGAR_PRINTF(1, 2);

#endif
