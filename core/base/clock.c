/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clock: see clock.h.  Dates are computed here, in UTC and the Gregorian calendar:
 * the functions of the C library accept dates that do not exist, and depend on the
 * environment.
 */
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MS_PER_DAY = 24 * 60 * 60 * 1000 };

static int64_t clock_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t hg_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t hg_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

struct date {
    int64_t year;
    int month, day, hour, minute, second, ms;
};

/* Years are counted from March, so that the leap day is the last of a year;
 * eras are the 400 years after which the calendar repeats. */
enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

static int64_t clock_days_of(const struct date *d)
{
    int64_t year = d->month <= 2 ? d->year - 1 : d->year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month = (d->month + 9) % 12; /* March is 0 */
    int64_t day_of_year = (153 * month + 2) / 5 + d->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static struct date clock_date_of(int64_t ms)
{
    int64_t days = ms / MS_PER_DAY, rest = ms % MS_PER_DAY;
    if (rest < 0) {
        days--;
        rest += MS_PER_DAY;
    }
    days += DAYS_TO_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t day_of_era = days - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* March is 0 */
    return (struct date){
        .year = era * 400 + year_of_era + (month >= 10 ? 1 : 0),
        .month = (int)(month < 10 ? month + 3 : month - 9),
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (int)(rest / 3600000),
        .minute = (int)(rest / 60000 % 60),
        .second = (int)(rest / 1000 % 60),
        .ms = (int)(rest % 1000),
    };
}

struct hg_date hg_date_of_day(int64_t days)
{
    struct date d = clock_date_of(days * MS_PER_DAY);
    return (struct hg_date){.year = d.year, .month = d.month, .day = d.day};
}

static bool clock_is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool clock_date_exists(const struct date *d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (d->month < 1 || d->month > 12 || d->hour > 23 || d->minute > 59 || d->second > 59) {
        return false;
    }
    return d->day >= 1 &&
           d->day <= days[d->month - 1] + (d->month == 2 && clock_is_leap_year(d->year));
}

/* Parses a text by `pattern`: a letter means a digit of a field, any other character
 * itself.  The whole text must match. */
static bool clock_match(const char *text, const char *pattern, struct date *d)
{
    *d = (struct date){0};
    for (; *pattern != '\0'; text++, pattern++) {
        int *field = *pattern == 'm'   ? &d->month
                     : *pattern == 'd' ? &d->day
                     : *pattern == 'h' ? &d->hour
                     : *pattern == 'i' ? &d->minute
                     : *pattern == 's' ? &d->second
                     : *pattern == 'f' ? &d->ms
                                       : NULL;
        if (!field && *pattern != 'y') {
            if (*text != *pattern) {
                return false;
            }
            continue;
        }
        if (*text < '0' || *text > '9') {
            return false;
        }
        if (field) {
            *field = *field * 10 + (*text - '0');
        } else {
            d->year = d->year * 10 + (*text - '0');
        }
    }
    return *text == '\0' && clock_date_exists(d);
}

static int64_t clock_ms_of(const struct date *d)
{
    return clock_days_of(d) * MS_PER_DAY + ((d->hour * 60 + d->minute) * 60 + d->second) * 1000LL +
           d->ms;
}

void hg_time_format(int64_t ms, char out[HG_TIME_SIZE])
{
    struct date d = clock_date_of(ms);
    snprintf(out, HG_TIME_SIZE, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d.%03dZ", d.year, d.month,
             d.day, d.hour, d.minute, d.second, d.ms);
}

bool hg_time_parse(const char *text, int64_t *ms)
{
    struct date d;
    if (!clock_match(text, "yyyy-mm-ddThh:ii:ss.fffZ", &d) &&
        !clock_match(text, "yyyy-mm-ddThh:ii:ssZ", &d)) {
        return false;
    }
    *ms = clock_ms_of(&d);
    return true;
}

static const char id_prefix[] = "backup_";

void hg_backup_id_format(int64_t ms, char out[HG_BACKUP_ID_SIZE])
{
    struct date d = clock_date_of(ms);
    snprintf(out, HG_BACKUP_ID_SIZE, "%s%04" PRId64 "-%02d-%02dT%02d-%02d-%02d-%03dZ", id_prefix,
             d.year, d.month, d.day, d.hour, d.minute, d.second, d.ms);
}

bool hg_backup_id_parse(const char *text, int64_t *ms)
{
    size_t prefix = sizeof(id_prefix) - 1;
    struct date d;
    if (strncmp(text, id_prefix, prefix) != 0 ||
        !clock_match(text + prefix, "yyyy-mm-ddThh-ii-ss-fffZ", &d)) {
        return false;
    }
    *ms = clock_ms_of(&d);
    return true;
}
