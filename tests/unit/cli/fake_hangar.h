/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_hangar: implements hangar.h for tests: each job returns the answer that the test has
 * queued, and each call is recorded.
 */
#ifndef TEST_UNIT_CLI_FAKE_HANGAR_H
#define TEST_UNIT_CLI_FAKE_HANGAR_H

#include <hangar/hangar.h>
#include <stdatomic.h>

struct fake_answer {
    enum hangar_status status;
    const char *json;  /* or NULL */
    const char *error; /* or NULL: "" */
    int signal;        /* sent while the job runs; 0: none */
    const char *log;   /* a warning that the job logs, or NULL */
};

/* The bytes that an export writes. */
#define FAKE_ARCHIVE "archive"

#define FAKE_ANSWERS 8

struct fake {
    struct fake_answer opens;
    struct fake_answer answers[FAKE_ANSWERS];
    int answered;
    const char *pipelines[FAKE_ANSWERS];
    atomic_int cancelled; /* number of calls, also by a signal handler */
    int closed;
    int waits; /* jobs end after this number of cancels */
    uint32_t log_level;
    const char *plugin_dir, *state_dir; /* those of the last open */
    char calls[4096];                   /* a line for each call */
};

extern struct fake fake;

/* All jobs succeed without a document; one pipeline, "nightly". */
void fake_reset(void);

#endif
