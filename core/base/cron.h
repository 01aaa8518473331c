/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cron: schedules of five fields like those of cron(8), and the times at which they are
 * due in a time zone; windows of the week.  It reads no clock and has no state.
 *
 *     minute hour day-of-month month day-of-week
 *     0-59   0-23 1-31         1-12  0-7 (0 and 7 are Sunday)
 *
 * A field is a list of numbers, ranges and "*", the latter two with a step; months
 * and weekdays also have names.  When both day fields are restricted, a day matches
 * if one of them matches; when one begins with "*", both must match.
 *
 * When clocks are set forward, a schedule that is due in the skipped hour is due once,
 * at the first moment after it.  When clocks are set back, a schedule that is due in
 * the repeated hour is due the first time only, unless it names every hour: then it
 * is due in both.
 */
#ifndef HG_BASE_CRON_H
#define HG_BASE_CRON_H

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

/* The problem, and the position of the character in the text, from 0. */
struct hg_cron_error {
    size_t at;
    char text[160];
};

/* Also @hourly, @daily (@midnight), @weekly, @monthly, @yearly (@annually). */
bool hg_cron_parse(const char *text, struct hg_cron *out, struct hg_cron_error *err);

/* The first time after `after_ms`; INT64_MAX when there is none. */
int64_t hg_cron_next(const struct hg_cron *cron, const struct hg_zone *zone, int64_t after_ms);

/* Is there such a day in any year?  hg_cron_parse refuses other schedules. */
bool hg_cron_has_days(const struct hg_cron *cron);

/* The longest time from the last run of a day to the first run of the next day with a
 * run, by the calendar only. */
int64_t hg_cron_gap_ms(const struct hg_cron *cron);

/* "22:00-06:00", "sat,sun 00:00-24:00": hours of some or all days of the week.  A window
 * whose end is before its begin ends on the next day. */
struct hg_window {
    uint32_t weekdays; /* on which it begins; bit 0 is Sunday */
    int begin, end;    /* minutes of the day */
};

bool hg_window_parse(const char *text, struct hg_window *out, struct hg_cron_error *err);
bool hg_window_holds(const struct hg_window *window, const struct hg_zone *zone, int64_t ms);

#endif
