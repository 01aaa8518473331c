/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fake_hangar: hangar.h without hangar: jobs answer what the test has queued,
 * and what they were asked is written down.
 */
#ifndef FAKE_HANGAR_H
#define FAKE_HANGAR_H

#include <hangar/hangar.h>
#include <stdatomic.h>

struct fake_answer {
    enum hangar_status status;
    const char *json;  /* or NULL */
    const char *error; /* or NULL: "" */
    int signal;        /* that arrives while the job runs, or 0 */
    const char *log;   /* a warning that the job logs, or NULL */
};

/* What an export writes. */
#define FAKE_ARCHIVE "archive"

#define FAKE_ANSWERS 8

struct fake {
    struct fake_answer opens;
    struct fake_answer answers[FAKE_ANSWERS];
    int answered;
    const char *pipelines[FAKE_ANSWERS];
    atomic_int cancelled; /* how often; a handler may do it */
    int closed;
    int waits; /* jobs end only when they were cancelled so often */
    uint32_t log_level;
    const char *plugin_dir, *state_dir; /* of the last open */
    char calls[4096];                   /* a line each */
};

extern struct fake fake;

/* Everything succeeds, with nothing to tell; one pipeline, "nightly". */
void fake_reset(void);

#endif
