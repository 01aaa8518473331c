/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clock: times are written and read back without loss, and no date is invented.
 */
#include "base/clock.h"

#include <time.h>
#include "suite.h"

enum { DAY = 86400000 };

START_TEST(known_times_are_written_as_people_expect)
{
    static const struct {
        int64_t ms;
        const char *text, *id;
    } known[] = {
        {0, "1970-01-01T00:00:00.000Z", "backup_1970-01-01T00-00-00-000Z"},
        {1768442400000, "2026-01-15T02:00:00.000Z", "backup_2026-01-15T02-00-00-000Z"},
        {951782400123, "2000-02-29T00:00:00.123Z", "backup_2000-02-29T00-00-00-123Z"},
        {-1, "1969-12-31T23:59:59.999Z", "backup_1969-12-31T23-59-59-999Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z", "backup_9999-12-31T23-59-59-999Z"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        char text[HG_TIME_SIZE], id[HG_BACKUP_ID_SIZE];
        hg_time_format(known[i].ms, text);
        hg_backup_id_format(known[i].ms, id);
        ck_assert_str_eq(text, known[i].text);
        ck_assert_str_eq(id, known[i].id);
    }
}
END_TEST

START_TEST(every_day_of_four_centuries_comes_back)
{
    for (int64_t day = -200000; day < 300000; day++) { /* 1422 to 2791 */
        int64_t ms = day * DAY + (day * 7919 % DAY + DAY) % DAY, back;
        char text[HG_TIME_SIZE], id[HG_BACKUP_ID_SIZE];
        hg_time_format(ms, text);
        hg_backup_id_format(ms, id);
        if (!hg_time_parse(text, &back) || back != ms || !hg_backup_id_parse(id, &back) ||
            back != ms) {
            ck_abort_msg("%s, %s", text, id);
        }
    }
}
END_TEST

START_TEST(the_calendar_is_that_of_the_c_library)
{
    for (int64_t s = -3000000000; s < 30000000000; s += 86399 * 17 + 11) {
        time_t t = (time_t)s;
        struct tm tm;
        char expected[HG_TIME_SIZE], text[HG_TIME_SIZE];
        gmtime_r(&t, &tm);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
        hg_time_format(s * 1000, text);
        if (strcmp(text, expected) != 0) {
            ck_abort_msg("%s, not %s", text, expected);
        }
    }
}
END_TEST

START_TEST(order_of_ids_is_order_of_times)
{
    int64_t last = 0;
    char before[HG_BACKUP_ID_SIZE], id[HG_BACKUP_ID_SIZE];
    hg_backup_id_format(last, before);
    for (int i = 0; i < 100000; i++) {
        last += 1 + (int64_t)i * 9973 % (40 * (int64_t)DAY);
        hg_backup_id_format(last, id);
        if (strcmp(before, id) >= 0) {
            ck_abort_msg("%s, then %s", before, id);
        }
        memcpy(before, id, sizeof(id));
    }
}
END_TEST

START_TEST(dates_that_do_not_exist_are_refused)
{
    static const char *const bad[] = {
        "2026-02-29T00:00:00Z",      "2100-02-29T00:00:00Z",      "2026-04-31T00:00:00Z",
        "2026-00-10T00:00:00Z",      "2026-13-10T00:00:00Z",      "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",      "2026-01-10T24:00:00Z",      "2026-01-10T00:60:00Z",
        "2026-01-10T00:00:60Z",      "2026-01-10T00:00:00",       "2026-01-10 00:00:00Z",
        "2026-01-10T00:00:00.00Z",   "2026-01-10T00:00:00.0000Z", "26-01-10T00:00:00Z",
        "2026-1-10T00:00:00Z",       " 2026-01-10T00:00:00Z",     "2026-01-10T00:00:00Z ",
        "+026-01-10T00:00:00Z",      "-001-01-10T00:00:00Z",      "2026-01-10T00:00:00z",
        "2026-01-10T00:00:00+00:00", "2026-01-1\xB2T00:00:00Z",   "",
        "yyyy-mm-ddThh:ii:ssZ",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 42;
        ck_assert_msg(!hg_time_parse(bad[i], &ms), "%s", bad[i]);
        ck_assert_int_eq(ms, 42);
    }
    int64_t ms;
    ck_assert(hg_time_parse("2024-02-29T23:59:59Z", &ms));
    ck_assert(hg_time_parse("2000-02-29T23:59:59.999Z", &ms));
}
END_TEST

START_TEST(only_ids_of_hangar_are_ids)
{
    static const char *const bad[] = {
        "2026-01-15T02-00-00-000Z",
        "backup_2026-01-15T02-00-00-000",
        "backup_2026-01-15T02:00:00.000Z",
        "backup_2026-01-15T02-00-00Z",
        "backup_2026-02-30T02-00-00-000Z",
        "Backup_2026-01-15T02-00-00-000Z",
        "backup_2026-01-15T02-00-00-000Z/",
        "../backup_2026-01-15T02-00-00-000Z",
        "backup_",
        "",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms;
        ck_assert_msg(!hg_backup_id_parse(bad[i], &ms), "%s", bad[i]);
    }
}
END_TEST

START_TEST(extreme_times_are_written_within_their_bounds)
{
    static const int64_t extreme[] = {INT64_MIN, INT64_MIN + 1, INT64_MAX, -62135596800001};
    for (size_t i = 0; i < sizeof(extreme) / sizeof(extreme[0]); i++) {
        char text[HG_TIME_SIZE], id[HG_BACKUP_ID_SIZE];
        hg_time_format(extreme[i], text);
        hg_backup_id_format(extreme[i], id);
        ck_assert_int_eq(text[strlen(text) - 1], 'Z');
        ck_assert_int_eq(id[strlen(id) - 1], 'Z');
    }
}
END_TEST

START_TEST(the_monotonic_clock_does_not_go_back)
{
    int64_t before = hg_mono_ms();
    for (int i = 0; i < 1000; i++) {
        int64_t now = hg_mono_ms();
        ck_assert_int_ge(now, before);
        before = now;
    }
    ck_assert_int_gt(hg_now_ms(), 1600000000000);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        known_times_are_written_as_people_expect,      every_day_of_four_centuries_comes_back,
        the_calendar_is_that_of_the_c_library,         order_of_ids_is_order_of_times,
        dates_that_do_not_exist_are_refused,           only_ids_of_hangar_are_ids,
        extreme_times_are_written_within_their_bounds, the_monotonic_clock_does_not_go_back,
    };
    return SUITE_RUN("clock", tests, NULL, NULL);
}
