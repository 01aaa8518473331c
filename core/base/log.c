/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * log: see log.h.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

void hg_log_init(struct hg_log *log)
{
    *log = (struct hg_log){.level = HANGAR_LOG_INFO};
    pthread_mutex_init(&log->mutex, NULL);
}

void hg_log_fini(struct hg_log *log)
{
    pthread_mutex_destroy(&log->mutex);
}

static void HANGAR_PRINTF(5, 0)
    write_line(struct hg_log *log, enum hangar_log_level level, const char *event,
               int64_t duration_ms, const char *fmt, va_list args)
{
    if (!log->write || level > log->level) {
        return;
    }

    /* As long as an error's text, and room for every third byte to be escaped. */
    char raw[sizeof(((struct hg_error *)NULL)->text)];
    int n = vsnprintf(raw, sizeof(raw), fmt, args);
    if (n < 0) {
        return;
    }
    char message[2 * sizeof(raw)];
    hg_log_escape(raw, message, sizeof(message));

    /* The time is taken under the mutex: lines stand in the order of their times. */
    pthread_mutex_lock(&log->mutex);
    log->write(log->arg, &(struct hg_log_record){.level = level,
                                                 .time_ms = hg_now_ms(),
                                                 .duration_ms = duration_ms,
                                                 .event = event,
                                                 .run = log->run[0] != '\0' ? log->run : NULL,
                                                 .message = message});
    pthread_mutex_unlock(&log->mutex);
}

void hg_log_event(struct hg_log *log, enum hangar_log_level level, const char *event,
                  const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_line(log, level, event, -1, fmt, args);
    va_end(args);
}

void hg_log_took(struct hg_log *log, enum hangar_log_level level, const char *event,
                 int64_t duration_ms, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_line(log, level, event, duration_ms, fmt, args);
    va_end(args);
}

/* Bytes of the printable character at `s`; 0 when it is a control character or
 * no valid UTF-8 (overlong, surrogate, past U+10FFFF). */
static size_t log_printable_bytes(const unsigned char *s)
{
    if (s[0] < 0x80) {
        return s[0] >= 0x20 && s[0] != 0x7F ? 1 : 0;
    }
    size_t len;
    unsigned code;
    if ((s[0] & 0xE0) == 0xC0) {
        len = 2;
        code = s[0] & 0x1F;
    } else if ((s[0] & 0xF0) == 0xE0) {
        len = 3;
        code = s[0] & 0x0F;
    } else if ((s[0] & 0xF8) == 0xF0) {
        len = 4;
        code = s[0] & 0x07;
    } else {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80) { /* also at the end of the text */
            return 0;
        }
        code = code << 6 | (s[i] & 0x3F);
    }
    static const unsigned least[] = {0, 0, 0xA0 /* the rest below are C1 controls */, 0x800,
                                     0x10000};
    if (code < least[len] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    return len;
}

void hg_log_escape(const char *text, char *out, size_t size)
{
    if (size == 0) {
        return;
    }
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0;
    while (*s != '\0') {
        size_t len = log_printable_bytes(s);
        if (used + (len != 0 ? len : 4) >= size) {
            break;
        }
        if (len != 0) {
            memcpy(out + used, s, len);
            used += len;
            s += len;
        } else {
            static const char digits[] = "0123456789abcdef";
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = digits[*s >> 4];
            out[used++] = digits[*s & 15];
            s++;
        }
    }
    out[used] = '\0';
}
