/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * message: see message.h.
 */
#include "message.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the longest beginning of `text` that has at most `max` bytes and ends with a whole
 * character. */
static size_t message_fit(const char *text, size_t max)
{
    size_t n = strlen(text);
    if (n <= max) {
        return n;
    }
    n = max;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) {
        n--;
    }
    return n;
}

/* A text of limited size; what exceeds it is cut off. */
struct message {
    char *out;
    size_t size, used;
};

static void message_add(struct message *m, const char *fmt, ...) HANGAR_PRINTF(2, 3);

static void message_add(struct message *m, const char *fmt, ...)
{
    if (m->size - m->used <= 1) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(m->out + m->used, m->size - m->used, fmt, args);
    va_end(args);
    if (n < 0) {
        m->out[m->used] = '\0';
    } else if ((size_t)n < m->size - m->used) {
        m->used += (size_t)n;
    } else {
        m->used = message_fit(m->out, m->size - 2); /* the last byte may begin a character */
        m->out[m->used] = '\0';
        m->size = m->used + 1;
    }
}

void message_text(const struct hangar_event *event, char *out, size_t size)
{
    struct message m = {.out = out, .size = size};
    json_t *doc = event->json ? json_loads(event->json, 0, NULL) : NULL;
    const char *error = json_string_value(json_object_get(doc, "error"));
    out[0] = '\0';
    message_add(&m, "hangar: %s", event->summary ? event->summary : event->kind);
    if (error) {
        message_add(&m, "\n%s", error);
    }
    if (event->backup_id) {
        message_add(&m, "\nbackup: %s", event->backup_id);
    }
    if (event->run_id) {
        message_add(&m, "\nrun: %s", event->run_id);
    }
    if (event->duration_ms >= 0) {
        message_add(&m, "\nduration: %lld.%lld s", (long long)event->duration_ms / 1000,
                    (long long)event->duration_ms % 1000 / 100);
    }
    json_decref(doc);
}
