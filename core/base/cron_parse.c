/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cron_parse: parses schedules and windows.  It is strict: texts that cron would accept
 * with another meaning than intended (a step beyond the range, a date that does not
 * exist) are refused, with the position of the problem.
 */
#include "base/cron.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A field: its bounds, and names for its values from `low` on. */
struct cron_field {
    const char *name;
    int low, high;
    const char *const *names;
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                     "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct cron_field fields[] = {{"minute", 0, 59, NULL},
                                           {"hour", 0, 23, NULL},
                                           {"day of month", 1, 31, NULL},
                                           {"month", 1, 12, months},
                                           {"day of week", 0, 7, weekdays}};
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const struct {
    const char *name, *meaning;
} nicknames[] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                 {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                 {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                 {"@annually", "0 0 1 1 *"}, {NULL, NULL}};

/* The text and the current position in it. */
struct cron_parser {
    const char *text;
    size_t at;
    struct hg_cron_error *err;
};

static bool cron_fail(const struct cron_parser *r, size_t at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static bool cron_fail(const struct cron_parser *r, size_t at, const char *fmt, ...)
{
    va_list args;
    r->err->at = at;
    va_start(args, fmt);
    vsnprintf(r->err->text, sizeof(r->err->text), fmt, args);
    va_end(args);
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void cron_skip_blanks(struct cron_parser *r)
{
    while (is_blank(r->text[r->at])) {
        r->at++;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number of at most four digits, which every bound is below; -1 without one. */
static int cron_parse_digits(struct cron_parser *r)
{
    int value = -1;
    for (int n = 0; is_digit(r->text[r->at]) && n < 4; n++) {
        value = (value < 0 ? 0 : value) * 10 + (r->text[r->at++] - '0');
    }
    return value;
}

static bool cron_parse_name(struct cron_parser *r, const struct cron_field *field, int *value)
{
    size_t start = r->at, length = 0;
    while (is_letter(r->text[start + length])) {
        length++;
    }
    for (int i = 0; field->names && field->names[i]; i++) {
        if (length == 3 && strncasecmp(r->text + start, field->names[i], 3) == 0) {
            *value = field->low + i;
            r->at += length;
            return true;
        }
    }
    if (field->names) {
        return cron_fail(r, start, "\"%.*s\" is not a %s; hint: names are %s to %s",
                         (int)(length < 20 ? length : 20), r->text + start, field->name,
                         field->names[0], field == &fields[MONTH] ? "dec" : "sat");
    }
    return cron_fail(r, start, "%s must be a number from %d to %d", field->name, field->low,
                     field->high);
}

static bool cron_parse_value(struct cron_parser *r, const struct cron_field *field, int *value)
{
    size_t start = r->at;
    if (is_letter(r->text[start])) {
        return cron_parse_name(r, field, value);
    }
    *value = cron_parse_digits(r);
    if (*value < 0) {
        return cron_fail(r, start, "%s is missing: a number from %d to %d, or *", field->name,
                         field->low, field->high);
    }
    if (*value < field->low || *value > field->high) {
        return cron_fail(r, start, "%s must be from %d to %d, not %d%s", field->name, field->low,
                         field->high, *value, is_digit(r->text[r->at]) ? "..." : "");
    }
    return true;
}

/* One entry of a list: "*", "5", "1-5", the first and the last with "/2". */
static bool cron_parse_entry(struct cron_parser *r, const struct cron_field *field, uint64_t *set)
{
    int low = field->low, high = field == &fields[WEEKDAY] ? 6 : field->high, step = 1;
    size_t start = r->at;
    bool many = r->text[r->at] == '*';
    if (many) {
        r->at++;
    } else {
        if (!cron_parse_value(r, field, &low)) {
            return false;
        }
        high = low;
        if (r->text[r->at] == '-') {
            r->at++;
            many = true;
            if (!cron_parse_value(r, field, &high)) {
                return false;
            }
            /* a range may end on Sunday by its name */
            if (field == &fields[WEEKDAY] && high == 0 && low > 0) {
                high = 7;
            }
        }
        if (low > high) {
            return cron_fail(r, start,
                             "the range of %s ends before it begins; hint: write two ranges",
                             field->name);
        }
    }
    if (r->text[r->at] == '/') {
        size_t place = ++r->at;
        if (!many) {
            return cron_fail(r, start, "a step needs a range; hint: write %d-%d/... or */...", low,
                             field->high);
        }
        step = cron_parse_digits(r);
        if (step < 1 || step > high - low + (high == low)) {
            return cron_fail(r, place, "the step of %s must be from 1 to %d", field->name,
                             high - low + (high == low));
        }
    }
    for (int i = low; i <= high; i += step) {
        *set |= UINT64_C(1) << (field == &fields[WEEKDAY] ? i % 7 : i);
    }
    return true;
}

/* A whole field, up to a blank or the end. */
static bool cron_parse_field(struct cron_parser *r, const struct cron_field *field, uint64_t *set)
{
    *set = 0;
    for (;;) {
        if (!cron_parse_entry(r, field, set)) {
            return false;
        }
        char c = r->text[r->at];
        if (c == '\0' || is_blank(c)) {
            return true;
        }
        if (c != ',') {
            return cron_fail(r, r->at, "unexpected character in the %s", field->name);
        }
        r->at++;
    }
}

/* The five fields that a nickname stands for; NULL when the text is not a nickname. */
static const char *cron_parse_nickname(struct cron_parser *r)
{
    const char *name = r->text + r->at;
    size_t length = strcspn(name, " \t");
    for (size_t i = 0; nicknames[i].name; i++) {
        if (strlen(nicknames[i].name) == length &&
            strncasecmp(nicknames[i].name, name, length) == 0) {
            r->at += length;
            return nicknames[i].meaning;
        }
    }
    if (length == 7 && strncasecmp(name, "@reboot", length) == 0) {
        cron_fail(r, r->at, "@reboot is not a time; hint: missed runs are caught up after a start");
    } else {
        cron_fail(r, r->at,
                  "unknown schedule \"%.*s\"; hint: use @hourly, @daily, @weekly, @monthly or "
                  "@yearly",
                  (int)(length < 20 ? length : 20), name);
    }
    return NULL;
}

static bool cron_parse_fields(struct cron_parser *r, struct hg_cron *out)
{
    uint64_t sets[FIELDS];
    bool any[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        cron_skip_blanks(r);
        if (r->text[r->at] == '\0') {
            return cron_fail(
                r, r->at,
                "%s is missing; hint: a schedule is \"minute hour day month weekday\", "
                "such as \"0 2 * * *\"",
                fields[i].name);
        }
        any[i] = r->text[r->at] == '*';
        if (!cron_parse_field(r, &fields[i], &sets[i])) {
            return false;
        }
    }
    *out = (struct hg_cron){.minutes = sets[MINUTE],
                            .hours = (uint32_t)sets[HOUR],
                            .days = (uint32_t)sets[DAY],
                            .months = (uint32_t)sets[MONTH],
                            .weekdays = (uint32_t)sets[WEEKDAY],
                            .both_days = any[DAY] || any[WEEKDAY]};
    return true;
}

bool hg_cron_parse(const char *text, struct hg_cron *out, struct hg_cron_error *err)
{
    struct cron_parser r = {.text = text, .err = err};
    cron_skip_blanks(&r);
    size_t start = r.at;
    if (r.text[r.at] == '@') {
        const char *meaning = cron_parse_nickname(&r);
        if (!meaning) {
            return false;
        }
        struct cron_parser nickname = {.text = meaning, .err = err};
        cron_parse_fields(&nickname, out);
    } else if (!cron_parse_fields(&r, out)) {
        return false;
    }
    cron_skip_blanks(&r);
    if (r.text[r.at] != '\0') {
        return cron_fail(&r, r.at,
                         "unexpected text after the schedule; hint: a schedule has five fields");
    }
    if (!hg_cron_has_days(out)) {
        return cron_fail(&r, start, "no year has such a day");
    }
    return true;
}

/* "22:00", "24:00"; in minutes. */
static bool cron_parse_time(struct cron_parser *r, int *minutes)
{
    size_t start = r->at;
    int hour = cron_parse_digits(r), minute = -1;
    if (hour >= 0 && r->text[r->at] == ':') {
        size_t digits = ++r->at;
        minute = cron_parse_digits(r);
        if (r->at - digits != 2) {
            minute = -1;
        }
    }
    if (hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > 24 * 60) {
        return cron_fail(r, start, "a time of the day is missing, such as 22:00");
    }
    *minutes = hour * 60 + minute;
    return true;
}

bool hg_window_parse(const char *text, struct hg_window *out, struct hg_cron_error *err)
{
    struct cron_parser r = {.text = text, .err = err};
    uint64_t days = 0x7F;
    cron_skip_blanks(&r);
    if (is_letter(r.text[r.at]) || r.text[r.at] == '*') {
        if (!cron_parse_field(&r, &fields[WEEKDAY], &days)) {
            return false;
        }
        cron_skip_blanks(&r);
    }
    size_t start = r.at;
    out->weekdays = (uint32_t)days;
    if (!cron_parse_time(&r, &out->begin)) {
        return false;
    }
    cron_skip_blanks(&r);
    if (r.text[r.at] != '-') {
        return cron_fail(&r, r.at,
                         "\"-\" and the end of the window are missing, as in 22:00-06:00");
    }
    r.at++;
    cron_skip_blanks(&r);
    if (!cron_parse_time(&r, &out->end)) {
        return false;
    }
    cron_skip_blanks(&r);
    if (r.text[r.at] != '\0') {
        return cron_fail(&r, r.at,
                         "unexpected text after the window; hint: write several windows as a list");
    }
    if (out->begin == out->end || out->begin == 24 * 60) {
        return cron_fail(&r, start, "the window is empty; hint: a whole day is 00:00-24:00");
    }
    return true;
}
