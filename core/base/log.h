/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * log: lines with a level, an event name and the id of their run.  The caller writes
 * them: this module has no output.
 */
#ifndef HG_BASE_LOG_H
#define HG_BASE_LOG_H

#include <pthread.h>
#include <hangar/plugin.h>

/* A line; lives until the writer returns. */
struct hg_log_record {
    enum hangar_log_level level;
    int64_t time_ms;
    int64_t duration_ms; /* of the operation that ended; -1: none */
    const char *event;   /* or NULL */
    const char *run;     /* or NULL */
    const char *message; /* without control characters */
};

/* Any thread may log; `write` is called under the mutex, one line at a time. */
struct hg_log {
    pthread_mutex_t mutex;
    enum hangar_log_level level;
    void (*write)(void *arg, const struct hg_log_record *record);
    void *arg;
    char run[64]; /* set between runs only */
};

void hg_log_init(struct hg_log *log);
void hg_log_fini(struct hg_log *log);

void hg_log_event(struct hg_log *log, enum hangar_log_level level, const char *event,
                  const char *fmt, ...) HANGAR_PRINTF(4, 5);
/* The same for an operation that ended after duration_ms. */
void hg_log_took(struct hg_log *log, enum hangar_log_level level, const char *event,
                 int64_t duration_ms, const char *fmt, ...) HANGAR_PRINTF(5, 6);
#define hg_log_line(log, level, ...) hg_log_event(log, level, NULL, __VA_ARGS__)

/* Copies text to out, with control characters and invalid UTF-8 as \xNN, and a final NUL. */
void hg_log_escape(const char *text, char *out, size_t size);

#endif
