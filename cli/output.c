/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * output: see output.h.
 */
#include "output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

const char *cli_on(const struct cli_view *view, enum cli_style style)
{
    static const char *const codes[] = {"",         "\033[1m",  "\033[2m",
                                        "\033[31m", "\033[32m", "\033[33m"};

    return view->colour ? codes[style] : "";
}

void cli_record(const struct cli_view *view, const char *text)
{
    char *copy = view->printed ? strdup(text) : NULL;

    if (copy) {
        char **place = &view->printed->texts[view->printed->count++ % CLI_PRINTED];
        free(*place);
        *place = copy;
    }
}

/* Does the text stand in `printed`: from its beginning or a colon to its end or its hint? */
static bool printed_has(const char *printed, const char *text)
{
    size_t length = strlen(text);

    for (const char *at = printed; (at = strstr(at, text)); at++) {
        const char *end = at + length;
        if ((at == printed || (at > printed + 1 && strncmp(at - 2, ": ", 2) == 0)) &&
            (*end == '\0' || strncmp(end, "; hint: ", 8) == 0)) {
            return true;
        }
        if (length == 0) {
            return false;
        }
    }
    return false;
}

bool cli_was_printed(const struct cli_view *view, const char *text)
{
    for (size_t i = 0; view->printed && i < CLI_PRINTED && view->printed->texts[i]; i++) {
        if (printed_has(view->printed->texts[i], text)) {
            return true;
        }
    }
    return false;
}

void cli_printed_failures_free(struct cli_printed_failures *printed)
{
    for (size_t i = 0; i < CLI_PRINTED; i++) {
        free(printed->texts[i]);
    }
    *printed = (struct cli_printed_failures){0};
}

const char *cli_without(const char *text, const char *kind, const char *name)
{
    size_t k = strlen(kind), n = strlen(name);

    return strncmp(text, kind, k) == 0 && text[k] == ' ' && strncmp(text + k + 1, name, n) == 0 &&
                   strncmp(text + k + 1 + n, ": ", 2) == 0
               ? text + k + n + 3
               : text;
}

const char *cli_off(const struct cli_view *view)
{
    return view->colour ? "\033[0m" : "";
}

const char *cli_symbol(const struct cli_view *view, enum cli_symbol symbol)
{
    static const struct {
        const char *utf8, *ascii;
    } symbols[] = {
        [CLI_TICK] = {"✓", "ok"},  [CLI_BANG] = {"!", "!"},       [CLI_CROSS] = {"✗", "FAILED"},
        [CLI_ARROW] = {"→", "->"}, [CLI_ELLIPSIS] = {"…", "..."},
    };

    return view->utf8 ? symbols[symbol].utf8 : symbols[symbol].ascii;
}

void cli_put_mark(const struct cli_view *view, enum cli_symbol mark)
{
    static const enum cli_style styles[] = {
        [CLI_TICK] = CLI_GREEN, [CLI_BANG] = CLI_YELLOW, [CLI_CROSS] = CLI_RED};
    const char *text = cli_symbol(view, mark);
    int pad = cli_text_width(cli_symbol(view, CLI_CROSS)) - cli_text_width(text);

    fprintf(view->file, "%s%s%s%*s", cli_on(view, styles[mark]), text, cli_off(view), pad, "");
}

void cli_note(const struct cli_view *view, const char *fmt, ...)
{
    if (view->quiet) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    vfprintf(view->file, fmt, args);
    va_end(args);
    fputc('\n', view->file);
}

void cli_put_message(const struct cli_view *view, int indent, enum cli_style style,
                     const char *text)
{
    static const char mark[] = "; hint: ";
    const char *hint = strstr(text, mark);
    int length = (int)(hint ? (size_t)(hint - text) : strlen(text));

    fprintf(view->file, "%*s%s%.*s%s\n", indent, "", cli_on(view, style), length, text,
            style == CLI_PLAIN ? "" : cli_off(view));
    if (hint) {
        fprintf(view->file, "%*shint: %s\n", indent + 2, "", hint + strlen(mark));
    }
}

/* The length of the valid character at `s`, 0 when there is none. */
static size_t output_decode(const unsigned char *s, uint32_t *code)
{
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    size_t n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 4;
    if (s[0] < 0xc2 || s[0] > 0xf4) {
        return 0;
    }
    uint32_t value = s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (s[i] & 0x3f);
    }
    if ((n == 3 && value < 0x800) || (n == 4 && value < 0x10000) || value > 0x10ffff ||
        (value >= 0xd800 && value < 0xe000)) {
        return 0;
    }
    *code = value;
    return n;
}

/* Characters that move the cursor, change its direction or end the line. */
static bool output_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

char *cli_escape(const char *text, bool utf8)
{
    size_t size = strlen(text);
    char *out = malloc(size * 4 + 1);
    if (!out) {
        return NULL;
    }

    const unsigned char *in = (const unsigned char *)text;
    size_t at = 0;
    while (*in) {
        uint32_t code = 0;
        size_t n = output_decode(in, &code);
        bool plain = n && !output_is_control(code) && (utf8 || code < 0x80);
        if (plain) {
            memcpy(out + at, in, n);
            at += n;
            in += n;
            continue;
        }
        for (size_t i = 0; i < (n ? n : 1); i++) {
            at += (size_t)snprintf(out + at, 5, "\\x%02x", *in++);
        }
    }
    out[at] = '\0';
    return out;
}

/* 0 for a combining mark, 2 for a wide character, as the locale sees it. */
static int output_code_width(uint32_t code)
{
    int width = code < 0x80 ? 1 : wcwidth((wchar_t)code);

    return width < 0 ? 1 : width;
}

int cli_text_width(const char *text)
{
    const unsigned char *in = (const unsigned char *)text;
    int width = 0;

    while (*in) {
        uint32_t code = '?';
        size_t n = output_decode(in, &code);
        width += output_code_width(code);
        in += n ? n : 1;
    }
    return width;
}

const char *cli_short_id(const struct cli_view *view, const char *id)
{
    static const char prefix[] = "backup_";
    const bool narrow = view->width > 0 && view->width < 100;

    return narrow && strncmp(id, prefix, sizeof(prefix) - 1) == 0 ? id + sizeof(prefix) - 1 : id;
}

void cli_truncate(char *text, size_t size, int width, bool utf8)
{
    if (width <= 0 || cli_text_width(text) <= width) {
        return;
    }

    const char *mark = utf8 ? "…" : width >= 3 ? "..." : ".";
    int room = width - cli_text_width(mark);
    size_t at = 0;
    while (text[at]) {
        uint32_t code = '?';
        size_t n = output_decode((const unsigned char *)text + at, &code);
        if (room < output_code_width(code)) {
            break;
        }
        room -= output_code_width(code);
        at += n ? n : 1;
    }
    snprintf(text + at, size - at, "%s", mark);
}

const char *cli_size(uint64_t bytes, char out[CLI_SHORT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

    if (bytes < 1024) {
        snprintf(out, CLI_SHORT, "%llu B", (unsigned long long)bytes);
        return out;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    /* 1023.95 would be printed as 1024.0 */
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(out, CLI_SHORT, "%.1f %s", value, units[unit]);
    return out;
}

const char *cli_duration(int64_t ms, char out[CLI_SHORT])
{
    long long seconds = (ms + 500) / 1000;

    if (ms < 0) {
        snprintf(out, CLI_SHORT, "-");
    } else if (ms < 1000) {
        snprintf(out, CLI_SHORT, "%lld ms", (long long)ms);
    } else if (ms < 59950) {
        snprintf(out, CLI_SHORT, "%.1f s", (double)ms / 1000);
    } else if (seconds < 3600) {
        snprintf(out, CLI_SHORT, "%lld min %02lld s", seconds / 60, seconds % 60);
    } else if (seconds < 86400) {
        snprintf(out, CLI_SHORT, "%lld h %02lld min", seconds / 3600, seconds / 60 % 60);
    } else {
        snprintf(out, CLI_SHORT, "%lld d %lld h", seconds / 86400, seconds / 3600 % 24);
    }
    return out;
}

const char *cli_age(int64_t ms, char out[CLI_SHORT])
{
    long long seconds = ms / 1000;

    if (ms < -1000) {
        snprintf(out, CLI_SHORT, "in the future");
    } else if (seconds < 60) {
        snprintf(out, CLI_SHORT, "%lld s", seconds < 0 ? 0 : seconds);
    } else if (seconds < 3600) {
        snprintf(out, CLI_SHORT, "%lld min", seconds / 60);
    } else if (seconds < 2 * 86400) {
        snprintf(out, CLI_SHORT, "%lld h", seconds / 3600);
    } else {
        snprintf(out, CLI_SHORT, "%lld days", seconds / 86400);
    }
    return out;
}

const char *cli_rate(uint64_t bytes, int64_t ms, char out[CLI_SHORT])
{
    double seconds = (double)(ms > 0 ? ms : 1) / 1000;
    double rate = (double)bytes / seconds;

    cli_size(rate < 1e18 ? (uint64_t)rate : 0, out);
    strncat(out, "/s", CLI_SHORT - strlen(out) - 1);
    return out;
}

const char *cli_time(int64_t ms, char out[CLI_SHORT])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;

    if (ms < 0 || !gmtime_r(&seconds, &tm) ||
        !strftime(out, CLI_SHORT, "%Y-%m-%d %H:%M:%S UTC", &tm)) {
        snprintf(out, CLI_SHORT, "-");
    }
    return out;
}

const char *cli_count(uint64_t n, const char *singular, char out[CLI_SHORT])
{
    snprintf(out, CLI_SHORT, "%llu %s%s", (unsigned long long)n, singular, n == 1 ? "" : "s");
    return out;
}
