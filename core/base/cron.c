/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cron: see cron.h.  Days are found by the calendar.  Every minute of a day is checked
 * only around a change of the clocks.
 */
#include "base/cron.h"

#include "base/clock.h"

static const int64_t minute_ms = 60000;
static const int64_t day_ms = 24 * 60 * minute_ms;

/* In so many days every combination of a leap day and a weekday occurs, also around a
 * year such as 2100. */
enum { DAYS_SEARCHED = 41 * 366, MINUTES_PER_DAY = 24 * 60, EVERY_HOUR = 0xFFFFFF };

static bool cron_has_minute(const struct hg_cron *cron, int minute_of_day)
{
    return (cron->hours >> (minute_of_day / 60) & 1) && (cron->minutes >> (minute_of_day % 60) & 1);
}

/* Does the schedule name this day, counted from 1970-01-01, a Thursday? */
static bool cron_has_day(const struct hg_cron *cron, int64_t day)
{
    struct hg_date date = hg_date_of_day(day);
    if (!(cron->months >> date.month & 1)) {
        return false;
    }
    int weekday = (int)((day % 7 + 7 + 4) % 7);
    bool by_date = cron->days >> date.day & 1, by_weekday = cron->weekdays >> weekday & 1;
    return cron->both_days ? by_date && by_weekday : by_date || by_weekday;
}

bool hg_cron_has_days(const struct hg_cron *cron)
{
    int64_t day = 0;
    while (day < DAYS_SEARCHED && !cron_has_day(cron, day)) {
        day++;
    }
    return day < DAYS_SEARCHED;
}

int64_t hg_cron_gap_ms(const struct hg_cron *cron)
{
    int first = 0, last = MINUTES_PER_DAY - 1;
    while (first < last && !cron_has_minute(cron, first)) {
        first++;
    }
    while (last > first && !cron_has_minute(cron, last)) {
        last--;
    }
    int64_t longest = 0, before = -1;
    for (int64_t day = 0; day < 2 * DAYS_SEARCHED; day++) {
        if (!cron_has_day(cron, day)) {
            continue;
        }
        if (before >= 0 && day - before > longest) {
            longest = day - before;
        }
        before = day;
        /* every day so far: that does not change, unless months are excluded */
        if (longest == 1 && day > 366) {
            break;
        }
    }
    return longest * day_ms - (last - first) * minute_ms;
}

/* The offset of local time from UTC; 0 outside the calendar. */
static int64_t cron_offset_at(const struct hg_zone *zone, int64_t ms)
{
    struct hg_wall wall;
    return hg_zone_wall(zone, ms, &wall) ? wall.offset_minutes * minute_ms : 0;
}

/* The first moment from which on the clock shows `wall` or more, within (low, high]. */
static int64_t cron_moment_of(const struct hg_zone *zone, int64_t wall, int64_t low, int64_t high)
{
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (middle + cron_offset_at(zone, middle) >= wall) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

/* When the clock shows `wall`, and after `after`; INT64_MAX: never.  Around a change
 * of the clocks, `more` and `less` are the offsets on its two sides. */
static int64_t cron_instant_of(const struct hg_zone *zone, int64_t wall, int64_t more, int64_t less,
                               bool twice, int64_t after)
{
    int64_t early = wall - more, late = wall - less;
    bool is_early = cron_offset_at(zone, early) == more,
         is_late = cron_offset_at(zone, late) == less;
    if (!is_early && !is_late) { /* a time that is skipped */
        early = cron_moment_of(zone, wall, early, late);
    } else if (!is_early) {
        early = late;
    }
    if (early > after) {
        return early;
    }
    return is_early && is_late && twice && late > after ? late : INT64_MAX;
}

/* The first time of a day that has some. */
static int64_t cron_first_of_day(const struct hg_cron *cron, const struct hg_zone *zone,
                                 int64_t day, int64_t after)
{
    int64_t midnight = day * day_ms, best = INT64_MAX;
    /* as offsets go from -12 to 14 hours, the day lies between these two moments */
    int64_t before = cron_offset_at(zone, midnight - day_ms);
    int64_t behind = cron_offset_at(zone, midnight + 2 * day_ms);
    int64_t more = before > behind ? before : behind, less = before > behind ? behind : before;
    bool twice = cron->hours == EVERY_HOUR;
    for (int minute = 0; minute < MINUTES_PER_DAY; minute++) {
        if (!cron_has_minute(cron, minute)) {
            continue;
        }
        int64_t wall = midnight + minute * minute_ms;
        if (more == less && wall - more > after) {
            return wall - more;
        }
        if (more != less) {
            int64_t found = cron_instant_of(zone, wall, more, less, twice, after);
            best = found < best ? found : best;
        }
    }
    return best;
}

int64_t hg_cron_next(const struct hg_cron *cron, const struct hg_zone *zone, int64_t after_ms)
{
    struct hg_wall wall;
    if (!hg_zone_wall(zone, after_ms, &wall)) {
        return INT64_MAX;
    }
    int64_t shown = after_ms + wall.offset_minutes * minute_ms;
    /* clocks that are set back at midnight repeat a part of the day before */
    int64_t day = shown / day_ms - (shown % day_ms < 0) - 1;
    int64_t best = INT64_MAX, found = 0;
    for (int64_t i = 0; i < DAYS_SEARCHED; i++, day++) {
        if (cron_has_day(cron, day)) {
            int64_t first = cron_first_of_day(cron, zone, day, after_ms);
            if (first < best) {
                best = first;
                found = day;
            }
        }
        /* a repeated time may be later than one of the next day */
        if (best < INT64_MAX && day > found) {
            break;
        }
    }
    return best;
}

bool hg_window_holds(const struct hg_window *window, const struct hg_zone *zone, int64_t ms)
{
    struct hg_wall wall;
    if (!hg_zone_wall(zone, ms, &wall)) {
        return false;
    }
    int now = wall.hour * 60 + wall.minute, today = wall.weekday % 7, yesterday = (today + 6) % 7;
    bool begins_today = window->weekdays >> today & 1;
    if (window->begin < window->end) {
        return begins_today && now >= window->begin && now < window->end;
    }
    return (begins_today && now >= window->begin) ||
           ((window->weekdays >> yesterday & 1) && now < window->end);
}
