/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * zone: the wall clock is that of tzdata, wherever and whenever.
 */
#include "base/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "suite.h"

static int64_t zone_at(const char *time)
{
    int64_t ms = 0;
    ck_assert_msg(hg_time_parse(time, &ms), "%s is no time", time);
    return ms;
}

/* "2026-03-29 03:00 +120 7 W2026-13" */
static const char *zone_wall(const char *zone_name, int64_t ms)
{
    static char text[128];
    struct hg_zone *zone = NULL;
    struct hg_wall w;
    ck_assert_msg(hg_zone_open(zone_name, &zone) == HANGAR_OK, "no zone %s", zone_name);
    if (hg_zone_wall(zone, ms, &w)) {
        snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d %+d %d W%04d-%02d", w.year, w.month,
                 w.day, w.hour, w.minute, w.offset_minutes, w.weekday, w.week_year, w.week);
    } else {
        snprintf(text, sizeof(text), "none");
    }
    hg_zone_close(zone);
    return text;
}

START_TEST(the_wall_clock_follows_the_zone)
{
    static const struct {
        const char *zone, *time, *wall;
    } cases[] = {
        {"UTC", "2026-01-15T02:00:00Z", "2026-01-15 02:00 +0 4 W2026-03"},
        /* clocks go forward: 01:59:59 is followed by 03:00 */
        {"Europe/Berlin", "2026-03-29T00:59:59.999Z", "2026-03-29 01:59 +60 7 W2026-13"},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29 03:00 +120 7 W2026-13"},
        /* and back: 02:30 is there twice */
        {"Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25 02:30 +120 7 W2026-43"},
        {"Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25 02:30 +60 7 W2026-43"},
        /* the ends of the day's range */
        {"Pacific/Kiritimati", "2026-12-31T10:00:00Z", "2027-01-01 00:00 +840 5 W2026-53"},
        {"Pacific/Niue", "2027-01-01T10:59:59Z", "2026-12-31 23:59 -660 4 W2026-53"},
        {"Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01 05:45 +345 4 W2026-01"},
        /* half an hour of summer time */
        {"Australia/Lord_Howe", "2026-04-04T14:59:00Z", "2026-04-05 01:59 +660 7 W2026-14"},
        {"Australia/Lord_Howe", "2026-04-04T15:00:00Z", "2026-04-05 01:30 +630 7 W2026-14"},
        /* leap days: 2000 and 2024 have one, 2100 has none */
        {"UTC", "2000-02-29T12:00:00Z", "2000-02-29 12:00 +0 2 W2000-09"},
        {"UTC", "2024-02-29T23:59:59.999Z", "2024-02-29 23:59 +0 4 W2024-09"},
        {"UTC", "2100-02-28T23:59:59Z", "2100-02-28 23:59 +0 7 W2100-08"},
        {"UTC", "2100-03-01T00:00:00Z", "2100-03-01 00:00 +0 1 W2100-09"},
        /* weeks across years */
        {"UTC", "2027-01-03T12:00:00Z", "2027-01-03 12:00 +0 7 W2026-53"},
        {"UTC", "2027-01-04T12:00:00Z", "2027-01-04 12:00 +0 1 W2027-01"},
        {"UTC", "2024-12-30T00:00:00Z", "2024-12-30 00:00 +0 1 W2025-01"},
        {"UTC", "1969-12-31T23:59:59.999Z", "1969-12-31 23:59 +0 3 W1970-01"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(zone_wall(cases[i].zone, zone_at(cases[i].time)), cases[i].wall);
    }
}
END_TEST

START_TEST(an_unknown_zone_is_refused)
{
    static const char *const names[] = {"Europe/Berln", "Mars/Olympus", "../../etc/passwd",
                                        "/etc/passwd", "berlin"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct hg_zone *zone = NULL;
        ck_assert_msg(hg_zone_open(names[i], &zone) == HANGAR_NOT_FOUND, "%s was taken", names[i]);
        ck_assert_ptr_null(zone);
    }
    hg_zone_close(NULL);
}
END_TEST

START_TEST(times_outside_the_calendar_have_no_wall_clock)
{
    ck_assert_str_eq(zone_wall("UTC", INT64_MAX), "none");
    ck_assert_str_eq(zone_wall("UTC", INT64_MIN), "none");
    ck_assert_str_eq(zone_wall("UTC", zone_at("9999-12-31T23:59:59Z")),
                     "9999-12-31 23:59 +0 5 W9999-52");
}
END_TEST

START_TEST(without_a_name_it_is_the_machines_own)
{
    ck_assert_int_eq(setenv("TZ", "Asia/Kathmandu", 1), 0);
    ck_assert_str_eq(zone_wall(NULL, zone_at("2026-01-01T00:00:00Z")),
                     "2026-01-01 05:45 +345 4 W2026-01");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_wall_clock_follows_the_zone,
        an_unknown_zone_is_refused,
        times_outside_the_calendar_have_no_wall_clock,
        without_a_name_it_is_the_machines_own,
    };
    return SUITE_RUN("zone", tests, NULL, NULL);
}
