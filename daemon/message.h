/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * message: what the process of a job writes to the daemon, as lines of JSON.  Both sides
 * of the format are here.  A line is an event,
 *     {"time_ms": 0, "level": 2, "event": "backup.start", "run": "...", "duration_ms": -1,
 *      "message": "..."}
 * and the last line is the result,
 *     {"end": {"status": "done", "error": "...", "document": {...}}}
 */
#ifndef DAEMON_MESSAGE_H
#define DAEMON_MESSAGE_H

#include <hangar/hangar.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "event.h"

/* The result of a job.  Owned by the caller that keeps it; freed by daemon_result_free. */
struct daemon_result {
    enum hangar_status status;
    char *error;      /* "" when there is none */
    bool retry;       /* the job has announced that it is tried again */
    json_t *document; /* an object, or NULL */
};

/* A parsed line; freed by daemon_message_free. */
struct daemon_message {
    json_t *root;                 /* what the members of `event` point into */
    struct daemon_event event;    /* without pipeline and job */
    struct daemon_result *result; /* NULL: the line is an event */
};

/* False: the line is not a message, or out of memory; nothing is to be freed. */
bool daemon_message_parse(const char *line, size_t length, struct daemon_message *out);
void daemon_message_free(struct daemon_message *message);
void daemon_result_free(struct daemon_result *result); /* accepts NULL */

/* The lines with their newline, malloc'd; NULL when out of memory. */
char *daemon_message_event(const struct hangar_log_line *line);
char *daemon_message_result(enum hangar_status status, const char *error, const char *document);

#endif
