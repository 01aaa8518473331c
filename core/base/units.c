/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * units: see units.h.
 */
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Digits without leading zeros; *end is what follows. */
static bool parse_digits(const char *text, const char **end, int64_t *value)
{
    if (*text < '0' || *text > '9' || (*text == '0' && text[1] >= '0' && text[1] <= '9')) {
        return false;
    }
    int64_t n = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *text - '0', &n)) {
            return false;
        }
    }
    *end = text;
    *value = n;
    return true;
}

bool hg_parse_int(const char *text, int64_t *value)
{
    bool negative = *text == '-';
    const char *digits = negative ? text + 1 : text, *end;
    if (negative && strcmp(digits, "9223372036854775808") == 0) { /* has no positive counterpart */
        *value = INT64_MIN;
        return true;
    }
    int64_t n;
    if (!parse_digits(digits, &end, &n) || *end != '\0' || (negative && n == 0)) {
        return false;
    }
    *value = negative ? -n : n;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
    {"kB", 1000},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"ms", 1},           {"s", 1000},         {"m", 60000}, {"h", 3600000},
    {"d", 24 * 3600000}, {"w", 7 * 86400000}, {NULL, 0},
};

static int64_t factor_of(const struct unit *units, const char *name)
{
    for (; units->name; units++) {
        if (strcmp(units->name, name) == 0) {
            return units->factor;
        }
    }
    return 0;
}

/* Millionths: the product with the largest unit still fits. */
enum { FRACTION_DIGITS = 6, FRACTION_SCALE = 1000000 };

bool hg_parse_size(const char *text, int64_t *bytes)
{
    const char *end;
    int64_t whole, fraction = 0;
    if (!parse_digits(text, &end, &whole)) {
        return false;
    }
    bool fractional = *end == '.';
    if (fractional) {
        size_t digits = strspn(++end, "0123456789");
        if (digits == 0 || digits > FRACTION_DIGITS) {
            return false;
        }
        for (size_t i = 0; i < FRACTION_DIGITS; i++) {
            fraction = fraction * 10 + (i < digits ? end[i] - '0' : 0);
        }
        end += digits;
    }
    int64_t factor = factor_of(size_units, end), n;
    if (factor == 0 || (fractional && factor == 1) || __builtin_mul_overflow(whole, factor, &n) ||
        __builtin_add_overflow(n, fraction * factor / FRACTION_SCALE, &n)) {
        return false;
    }
    *bytes = n;
    return true;
}

bool hg_parse_duration(const char *text, int64_t *ms)
{
    const char *end;
    int64_t n;
    if (!parse_digits(text, &end, &n)) {
        return false;
    }
    int64_t factor = n == 0 && *end == '\0' ? 1 : factor_of(duration_units, end);
    if (factor == 0 || __builtin_mul_overflow(n, factor, &n)) {
        return false;
    }
    *ms = n;
    return true;
}

bool hg_parse_bool(const char *text, bool *value)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return false;
    }
    *value = text[0] == 't';
    return true;
}

void hg_format_size(uint64_t bytes, char out[HG_UNITS_SIZE])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t i = 0;
    uint64_t factor = 1;
    /* 1023.95 KiB would be shown as 1024.0: that is a MiB already. */
    while (i < 6 && bytes / factor >= 1023 &&
           (bytes / factor > 1023 || (i > 0 && bytes % factor >= factor / 100 * 95))) {
        factor *= 1024;
        i++;
    }
    if (bytes % factor == 0) {
        snprintf(out, HG_UNITS_SIZE, "%" PRIu64 " %s", bytes / factor, names[i]);
        return;
    }
    /* Rounded to the nearest tenth; dividing the unit first, as bytes * 10 may not fit. */
    uint64_t rest = bytes % factor;
    uint64_t tenths = factor > 1024 ? (rest / 1024 * 10 + factor / 2048) / (factor / 1024)
                                    : (rest * 10 + factor / 2) / factor;
    snprintf(out, HG_UNITS_SIZE, "%" PRIu64 ".%" PRIu64 " %s", bytes / factor + tenths / 10,
             tenths % 10, names[i]);
}

/* "5 min 07 s", "5 min" */
static void format_two(char out[HG_UNITS_SIZE], const char *sign, uint64_t big,
                       const char *big_unit, uint64_t small, const char *small_unit)
{
    if (small == 0) {
        snprintf(out, HG_UNITS_SIZE, "%s%" PRIu64 " %s", sign, big, big_unit);
    } else {
        snprintf(out, HG_UNITS_SIZE, "%s%" PRIu64 " %s %02u %s", sign, big, big_unit,
                 (unsigned)small, small_unit);
    }
}

void hg_format_duration(int64_t ms, char out[HG_UNITS_SIZE])
{
    const char *sign = ms < 0 ? "-" : "";
    uint64_t n = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    uint64_t s = n / 1000;
    if (n < 1000) {
        snprintf(out, HG_UNITS_SIZE, "%s%" PRIu64 " ms", sign, n);
    } else if (s < 60 && n % 1000 / 100 != 0) {
        snprintf(out, HG_UNITS_SIZE, "%s%" PRIu64 ".%" PRIu64 " s", sign, s, n % 1000 / 100);
    } else if (s < 60) {
        snprintf(out, HG_UNITS_SIZE, "%s%" PRIu64 " s", sign, s);
    } else if (s < 3600) {
        format_two(out, sign, s / 60, "min", s % 60, "s");
    } else if (s < 86400) {
        format_two(out, sign, s / 3600, "h", s % 3600 / 60, "min");
    } else {
        format_two(out, sign, s / 86400, "d", s % 86400 / 3600, "h");
    }
}
