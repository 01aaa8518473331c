/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cron: schedules of five fields as cron(8) reads them, and when they are due on
 * the clock of a time zone; windows of the week.  Pure: no clock, no state.
 *
 *     minute hour day-of-month month day-of-week
 *     0-59   0-23 1-31         1-12  0-7 (0 and 7 are Sunday)
 *
 * A field is a list of numbers, ranges and "*", the latter two with a step; months
 * and weekdays also have names.  Where both day fields are restricted a day counts
 * when one of them has it; where one begins with "*" both must have it.
 *
 * When clocks are put forward, what was due in the hour that is left out is due
 * once, at the first moment after it.  When they are put back, what was due in the
 * hour that comes twice is due the first time only, unless the schedule names every
 * hour: then it goes on at its own pace.
 */
#ifndef HG_CRON_H
#define HG_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/zone.h"

struct hg_cron {
    uint64_t minutes; /* bit n is n, in all of these */
    uint32_t hours, days, months;
    uint32_t weekdays; /* bit 0 is Sunday */
    bool both_days;    /* a day must match both day fields */
};

/* What is wrong, and at which character of the text, from 0. */
struct hg_cron_error {
    size_t at;
    char text[160];
};

/* Also @hourly, @daily (@midnight), @weekly, @monthly, @yearly (@annually). */
bool hg_cron_parse(const char *text, struct hg_cron *out, struct hg_cron_error *err);

/* The first time after `after_ms`; INT64_MAX when there is none. */
int64_t hg_cron_next(const struct hg_cron *cron, const struct hg_zone *zone, int64_t after_ms);

/* Is there such a day in any year?  hg_cron_parse refuses what has none. */
bool hg_cron_has_days(const struct hg_cron *cron);

/* The longest time from the last run of a day to the first of the next day that has
 * one, by the calendar alone. */
int64_t hg_cron_gap_ms(const struct hg_cron *cron);

/* "22:00-06:00", "sat,sun 00:00-24:00": hours of some or all days of the week; one
 * that ends before it begins ends on the next day. */
struct hg_window {
    uint32_t weekdays; /* on which it begins; bit 0 is Sunday */
    int begin, end;    /* minutes of the day */
};

bool hg_window_parse(const char *text, struct hg_window *out, struct hg_cron_error *err);
bool hg_window_holds(const struct hg_window *window, const struct hg_zone *zone, int64_t ms);

#endif
