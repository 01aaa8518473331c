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

/* The longest beginning of `text` of at most `max` bytes that ends with a whole character. */
static size_t fit(const char *text, size_t max)
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

/* A text of fixed size being written; what does not fit is left out. */
struct writer {
    char *out;
    size_t size, used;
};

static void put(struct writer *w, const char *fmt, ...) HANGAR_PRINTF(2, 3);

static void put(struct writer *w, const char *fmt, ...)
{
    va_list args;
    if (w->size - w->used <= 1) {
        return;
    }
    va_start(args, fmt);
    int n = vsnprintf(w->out + w->used, w->size - w->used, fmt, args);
    va_end(args);
    if (n < 0) {
        w->out[w->used] = '\0';
    } else if ((size_t)n < w->size - w->used) {
        w->used += (size_t)n;
    } else {
        w->used = fit(w->out, w->size - 2); /* the last byte may begin a character */
        w->out[w->used] = '\0';
        w->size = w->used + 1;
    }
}

void message_text(const struct hangar_event *event, char *out, size_t size)
{
    struct writer w = {out, size, 0};
    json_t *doc = event->json ? json_loads(event->json, 0, NULL) : NULL;
    const char *error = json_string_value(json_object_get(doc, "error"));
    out[0] = '\0';
    put(&w, "hangar: %s", event->summary ? event->summary : event->kind);
    if (error) {
        put(&w, "\n%s", error);
    }
    if (event->backup_id) {
        put(&w, "\nbackup: %s", event->backup_id);
    }
    if (event->run_id) {
        put(&w, "\nrun: %s", event->run_id);
    }
    if (event->duration_ms >= 0) {
        put(&w, "\ntook: %lld.%lld s", (long long)event->duration_ms / 1000,
            (long long)event->duration_ms % 1000 / 100);
    }
    json_decref(doc);
}
