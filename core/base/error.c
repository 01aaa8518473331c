/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * error: see error.h.  A text that is too long is cut, and ends with "...".
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Ends a text that was cut, after a whole UTF-8 character. */
static void error_mark_cut(char *text, size_t size)
{
    size_t end = size - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    memcpy(text + end, "...", 4);
}

static void error_format(char *text, size_t size, const char *fmt, va_list args)
{
    int n = vsnprintf(text, size, fmt, args);
    if (n < 0) {
        text[0] = '\0';
    } else if ((size_t)n >= size) {
        error_mark_cut(text, size);
    }
}

/* The cause belongs to what failed, and so before a hint. */
static void error_insert_cause(struct hg_error *err, const char *cause)
{
    char hint[sizeof(err->text)] = "";
    char *at = strstr(err->text, "; hint: ");
    if (at) {
        snprintf(hint, sizeof(hint), "%s", at);
        *at = '\0';
    }
    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s%s", cause, hint);
}

enum hangar_rc hg_fail(struct hg_error *err, enum hangar_rc rc, int error_number, const char *fmt,
                       ...)
{
    if (!err || err->rc != HANGAR_OK) {
        return rc;
    }

    char buffer[128] = "";
    const char *cause = error_number != 0 ? strerror_r(error_number, buffer, sizeof(buffer)) : "";
    size_t tail = error_number != 0 ? strlen(cause) + 2 : 0; /* never cut: it is the cause */
    va_list args;
    va_start(args, fmt);
    error_format(err->text, sizeof(err->text) - tail, fmt, args);
    va_end(args);
    if (error_number != 0) {
        error_insert_cause(err, cause);
    }
    err->rc = rc;
    return rc;
}

static const char no_memory[] = "out of memory";

enum hangar_rc hg_no_memory(struct hg_error *err)
{
    return hg_fail(err, HANGAR_NO_MEMORY, 0, "%s", no_memory);
}

enum hangar_rc hg_no_memory_for(struct hg_error *err, const char *fmt, ...)
{
    if (err && err->rc == HANGAR_OK) {
        va_list args;
        va_start(args, fmt);
        error_format(err->text, sizeof(err->text) - sizeof(no_memory) - 1, fmt, args);
        va_end(args);
        error_insert_cause(err, no_memory);
        err->rc = HANGAR_NO_MEMORY;
    }
    return HANGAR_NO_MEMORY;
}

enum hangar_rc hg_interrupted(struct hg_error *err)
{
    return hg_fail(err, HANGAR_CANCELLED, 0, "interrupted");
}

enum hangar_rc hg_no_thread(struct hg_error *err)
{
    return hg_fail(err, HANGAR_NO_MEMORY, 0,
                   "cannot start a thread: no memory or no process is left for it; hint: see "
                   "`ulimit -u`, and TasksMax= of the service");
}

enum hangar_rc hg_error_move(struct hg_error *to, struct hg_error *from)
{
    enum hangar_rc rc = from->rc;
    if (rc != HANGAR_OK) {
        hg_fail(to, rc, 0, "%s", from->text);
        hg_error_clear(from);
    }
    return rc;
}

/* The length of the parts, each ended by ": ", with which both texts begin. */
static size_t error_common_parts(const char *context, const char *text)
{
    size_t parts = 0;
    for (size_t i = 0; context[i] && context[i] == text[i]; i++) {
        if (i > 0 && text[i - 1] == ':' && text[i] == ' ') {
            parts = i + 1;
        }
    }
    return parts;
}

enum hangar_rc hg_context(struct hg_error *err, const char *fmt, ...)
{
    if (!err) {
        return HANGAR_INTERNAL;
    }
    if (err->rc == HANGAR_OK) {
        return HANGAR_OK;
    }

    char context[512];
    va_list args;
    va_start(args, fmt);
    error_format(context, sizeof(context) - 3, fmt, args);
    va_end(args);
    size_t len = strlen(context);
    memcpy(context + len, ": ", 3);
    len += 2;

    const size_t repeated = error_common_parts(context, err->text);
    memmove(err->text, err->text + repeated, strlen(err->text + repeated) + 1);
    size_t text = strlen(err->text);
    bool cut = len + text >= sizeof(err->text);
    if (cut) {
        text = sizeof(err->text) - 1 - len;
    }
    memmove(err->text + len, err->text, text);
    memcpy(err->text, context, len);
    err->text[len + text] = '\0';
    if (cut) {
        error_mark_cut(err->text, sizeof(err->text));
    }
    return err->rc;
}

bool hg_error_has_hint(const char *text)
{
    return strstr(text, "hint: ") != NULL;
}

void hg_error_clear(struct hg_error *err)
{
    if (!err) {
        return;
    }
    err->rc = HANGAR_OK;
    err->text[0] = '\0';
}

static const char *const rc_texts[] = {
    [HANGAR_OK] = "done",
    [HANGAR_EOF] = "end of data",
    [HANGAR_RETRY] = "failed for a temporary reason",
    [HANGAR_CONFIG] = "wrong configuration",
    [HANGAR_AUTH] = "refused",
    [HANGAR_NOT_FOUND] = "not found",
    [HANGAR_EXISTS] = "exists already",
    [HANGAR_NO_SPACE] = "no space left",
    [HANGAR_IO] = "input or output failed",
    [HANGAR_CORRUPT] = "corrupt data",
    [HANGAR_CANCELLED] = "cancelled",
    [HANGAR_UNSUPPORTED] = "not supported",
    [HANGAR_NO_MEMORY] = "out of memory",
    [HANGAR_INTERNAL] = "internal error",
};

/* Plugins return these numbers, so any value is possible. */
static bool error_is_known(enum hangar_rc rc)
{
    return (size_t)rc < sizeof(rc_texts) / sizeof(rc_texts[0]);
}

const char *hg_rc_text(enum hangar_rc rc)
{
    return error_is_known(rc) ? rc_texts[rc] : "unknown result";
}

const char *hg_error_without(const char *text, const char *kind, const char *name)
{
    const size_t k = strlen(kind), n = strlen(name);
    const bool begins = strncmp(text, kind, k) == 0 && text[k] == ' ' &&
                        strncmp(text + k + 1, name, n) == 0 &&
                        strncmp(text + k + 1 + n, ": ", 2) == 0;
    return begins ? text + k + 1 + n + 2 : text;
}
