/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * bucket: the S3 server that tests/lib/with_s3 has started: a bucket, a prefix in it for each test,
 * and a proxy before it that makes faults on request (tests/fault/s3proxy.py).
 */
#ifndef TEST_PLUGIN_STORAGE_S3_LIBS3_BUCKET_H
#define TEST_PLUGIN_STORAGE_S3_LIBS3_BUCKET_H

#include "sink_suite.h"

extern const struct sink_under_test bucket;

/* Creates the bucket of this program; main calls it. */
void bucket_make(void);

/* Starts the proxy for this test; all instances use it as their endpoint. */
void bucket_set_up_proxy(void);
void bucket_tear_down(void);
/* Sets the faults of the proxy from now on; see s3proxy.py. */
void bucket_fault(const char *orders);
/* The number of logged requests that begin so ("get GET 206"). */
int bucket_requests(const char *beginning);

/* A host with the options that reach the store, before create. */
struct fake_host *bucket_host(void);
/* An instance on the same prefix, without the proxy. */
struct fake_host *bucket_open_directly(void **inst);
/* An instance of storage-s3 on the same prefix. */
struct fake_host *bucket_other_plugin(void **inst);
/* The prefix of this test. */
const char *bucket_prefix(void);
/* Runs tests/lib/s3.py, and returns its exit status. */
int bucket_client(const char *fmt, ...) HANGAR_PRINTF(1, 2);

#endif
