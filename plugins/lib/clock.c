/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clock: see clock.h.
 */
#include "clock.h"

#include <time.h>

static int64_t clock_read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(void)
{
    return clock_read_ms(CLOCK_MONOTONIC);
}

int64_t clock_now_ms(void)
{
    return clock_read_ms(CLOCK_REALTIME);
}

void clock_format(int64_t ms, const char *format, char *out, size_t size)
{
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || strftime(out, size, format, &tm) == 0) {
        out[0] = '\0';
    }
}

/* ---- reading ---- */

static bool clock_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads a number of exactly `digits` digits from *at. */
static bool clock_read_number(const char **at, int digits, int min, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!clock_is_digit(**at)) {
            return false;
        }
        value = value * 10 + (**at - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static bool clock_read_char(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    (*at)++;
    return true;
}

/* Reads ".123456", which may be missing. */
static bool clock_read_fraction(const char **at, int *ms)
{
    *ms = 0;
    if (!clock_read_char(at, '.')) {
        return true;
    }
    if (!clock_is_digit(**at)) {
        return false;
    }
    for (int unit = 100; clock_is_digit(**at); unit /= 10, (*at)++) {
        *ms += (**at - '0') * unit;
    }
    return true;
}

/* Reads Z, +01:00 or +0100, in minutes. */
static bool clock_read_offset(const char **at, int *minutes)
{
    *minutes = 0;
    if (clock_read_char(at, 'Z')) {
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    if (!clock_read_char(at, '+') && !clock_read_char(at, '-')) {
        return false;
    }
    int hours, rest;
    if (!clock_read_number(at, 2, 0, 23, &hours)) {
        return false;
    }
    clock_read_char(at, ':');
    if (!clock_read_number(at, 2, 0, 59, &rest)) {
        return false;
    }
    *minutes = sign * (hours * 60 + rest);
    return true;
}

bool clock_parse(const char *text, int64_t *ms)
{
    struct tm tm = {0};
    const char *at = text;
    int fraction_ms, offset_min;
    if (!clock_read_number(&at, 4, 1, 9999, &tm.tm_year) || !clock_read_char(&at, '-') ||
        !clock_read_number(&at, 2, 1, 12, &tm.tm_mon) || !clock_read_char(&at, '-') ||
        !clock_read_number(&at, 2, 1, 31, &tm.tm_mday) || !clock_read_char(&at, 'T') ||
        !clock_read_number(&at, 2, 0, 23, &tm.tm_hour) || !clock_read_char(&at, ':') ||
        !clock_read_number(&at, 2, 0, 59, &tm.tm_min) || !clock_read_char(&at, ':') ||
        !clock_read_number(&at, 2, 0, 60, &tm.tm_sec)) {
        return false;
    }
    if (!clock_read_fraction(&at, &fraction_ms) || !clock_read_offset(&at, &offset_min) ||
        *at != '\0') {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    /* timegm moves a day that does not exist into the next month */
    struct tm day = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday};
    timegm(&day);
    if (day.tm_mday != tm.tm_mday) {
        return false;
    }
    *ms = ((int64_t)timegm(&tm) - (int64_t)offset_min * 60) * 1000 + fraction_ms;
    return true;
}
