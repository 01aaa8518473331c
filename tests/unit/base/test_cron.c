/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cron: what is a schedule, what is refused and where, and when one is due.
 */
#include "base/cron.h"

#include "base/clock.h"
#include "suite.h"

static struct hg_cron cron_parsed(const char *text)
{
    struct hg_cron cron;
    struct hg_cron_error err = {0};
    ck_assert_msg(hg_cron_parse(text, &cron, &err), "%s: at %zu: %s", text, err.at, err.text);
    return cron;
}

/* The next `count` times after one, separated by blanks. */
static const char *cron_times(const char *schedule, const char *zone_name, const char *after,
                              int count)
{
    static char text[512];
    struct hg_cron cron = cron_parsed(schedule);
    struct hg_zone *zone = NULL;
    ck_assert_int_eq(hg_zone_open(zone_name, &zone), HANGAR_OK);
    int64_t ms = 0;
    ck_assert(hg_time_parse(after, &ms));
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        char one[HG_TIME_SIZE];
        ms = hg_cron_next(&cron, zone, ms);
        hg_time_format(ms, one);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.16s", i ? " " : "", one);
    }
    hg_zone_close(zone);
    return text;
}

static const struct {
    const char *schedule;
    uint64_t minutes;
    uint32_t hours, days, months, weekdays;
} good[] = {
    {"0 2 * * *", 1, 1 << 2, 0xFFFFFFFE, 0x1FFE, 0x7F},
    {" \t5  4\t* * *  ", 1 << 5, 1 << 4, 0xFFFFFFFE, 0x1FFE, 0x7F},
    {"0,59 0-2 1,31 jan,DEC mon-Fri", 1 | UINT64_C(1) << 59, 7, 1u << 31 | 2, 1 << 12 | 2, 0x3E},
    {"*/20 */6 */10 */3 */2", 1 | 1 << 20 | UINT64_C(1) << 40, 1 | 1 << 6 | 1 << 12 | 1 << 18,
     1 << 1 | 1 << 11 | 1 << 21 | 1u << 31, 1 << 1 | 1 << 4 | 1 << 7 | 1 << 10, 0x55},
    {"10-40/15 0 1 1 7", 1 << 10 | 1 << 25 | UINT64_C(1) << 40, 1, 2, 2, 1},
    {"0 0 1 1 5-7", 1, 1, 2, 2, 0x61},
    {"0 0 1 1 fri-sun", 1, 1, 2, 2, 0x61},
    {"0 0 1 1 0-7", 1, 1, 2, 2, 0x7F},
    {"5-5/1 0 1 1 0", 1 << 5, 1, 2, 2, 1},
    {"@hourly", 1, 0xFFFFFF, 0xFFFFFFFE, 0x1FFE, 0x7F},
    {"@DAILY", 1, 1, 0xFFFFFFFE, 0x1FFE, 0x7F},
    {"@midnight", 1, 1, 0xFFFFFFFE, 0x1FFE, 0x7F},
    {" @weekly ", 1, 1, 0xFFFFFFFE, 0x1FFE, 1},
    {"@monthly", 1, 1, 2, 0x1FFE, 0x7F},
    {"@yearly", 1, 1, 2, 2, 0x7F},
    {"@annually", 1, 1, 2, 2, 0x7F},
    {"0 0 29 feb *", 1, 1, 1 << 29, 4, 0x7F},
};

START_TEST(fields_are_read_as_cron_reads_them)
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct hg_cron cron = cron_parsed(good[i].schedule);
        ck_assert_msg(cron.minutes == good[i].minutes && cron.hours == good[i].hours &&
                          cron.days == good[i].days && cron.months == good[i].months &&
                          cron.weekdays == good[i].weekdays,
                      "%s: %llx %x %x %x %x", good[i].schedule, (unsigned long long)cron.minutes,
                      cron.hours, cron.days, cron.months, cron.weekdays);
    }
}
END_TEST

/* What is wrong, and at which character. */
static const struct {
    const char *schedule;
    size_t at;
    const char *text;
} bad[] = {
    {"", 0,
     "minute is missing; hint: a schedule is \"minute hour day month weekday\", such as \"0 2 * "
     "* *\""},
    {"0 2 * *", 7,
     "day of week is missing; hint: a schedule is \"minute hour day month weekday\", such as \"0 "
     "2 * * *\""},
    {"60 2 * * *", 0, "minute must be from 0 to 59, not 60"},
    {"0 24 * * *", 2, "hour must be from 0 to 23, not 24"},
    {"0 2 0 * *", 4, "day of month must be from 1 to 31, not 0"},
    {"0 2 * 13 *", 6, "month must be from 1 to 12, not 13"},
    {"0 2 * * 8", 8, "day of week must be from 0 to 7, not 8"},
    {"99999999999 2 * * *", 0, "minute must be from 0 to 59, not 9999..."},
    {"1,2,x * * * *", 4, "minute must be a number from 0 to 59"},
    {"0 2 * jum *", 6, "\"jum\" is not a month; hint: names are jan to dec"},
    {"0 2 * * monday", 8, "\"monday\" is not a day of week; hint: names are sun to sat"},
    {"0, 2 * * *", 2, "minute is missing: a number from 0 to 59, or *"},
    {"0 2 * * 1,,2", 10, "day of week is missing: a number from 0 to 7, or *"},
    {"-5 2 * * *", 0, "minute is missing: a number from 0 to 59, or *"},
    {"40-10 2 * * *", 0, "the range of minute ends before it begins; hint: write two ranges"},
    {"0 2 * * sat-mon", 8,
     "the range of day of week ends before it begins; hint: write two ranges"},
    {"5/10 * * * *", 0, "a step needs a range; hint: write 5-59/... or */..."},
    {"*/0 * * * *", 2, "the step of minute must be from 1 to 59"},
    {"*/90 * * * *", 2, "the step of minute must be from 1 to 59"},
    {"*/ * * * *", 2, "the step of minute must be from 1 to 59"},
    {"0 2 * * *\n", 9, "unexpected character in the day of week"},
    {"0 2 * * 1-3-5", 11, "unexpected character in the day of week"},
    {"0 2x * * *", 3, "unexpected character in the hour"},
    {"0 0 2 * * *", 10, "unexpected text after the schedule; hint: a schedule has five fields"},
    {"@daily 2", 7, "unexpected text after the schedule; hint: a schedule has five fields"},
    {" @reboot", 1, "@reboot is not a time; hint: missed runs are caught up after a start"},
    {"@often", 0,
     "unknown schedule \"@often\"; hint: use @hourly, @daily, @weekly, @monthly or @yearly"},
    {" 0 0 31 2,4,6,9,11 *", 1, "no year has such a day"},
    {"0 0 30 feb */2", 0, "no year has such a day"},
};

START_TEST(an_invalid_schedule_is_refused_with_its_place)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hg_cron cron;
        struct hg_cron_error err = {0};
        ck_assert_msg(!hg_cron_parse(bad[i].schedule, &cron, &err), "%s", bad[i].schedule);
        ck_assert_str_eq(err.text, bad[i].text);
        ck_assert_msg(err.at == bad[i].at, "%s: at %zu", bad[i].schedule, err.at);
    }
}
END_TEST

static const struct {
    const char *schedule, *zone, *after, *times;
} due[] = {
    {"0 2 * * *", "UTC", "2026-01-15T01:59:59Z", "2026-01-15T02:00 2026-01-16T02:00"},
    {"0 2 * * *", "UTC", "2026-01-15T02:00:00Z", "2026-01-16T02:00 2026-01-17T02:00"},
    {"0 2 * * *", "Asia/Kathmandu", "2026-01-15T00:00:00Z", "2026-01-15T20:15 2026-01-16T20:15"},
    /* the two day fields: one of them; both where one begins with a star */
    {"0 0 13 * fri", "UTC", "2026-02-07T00:00:00Z", "2026-02-13T00:00 2026-02-20T00:00"},
    {"0 0 13 * 1", "UTC", "2026-02-07T00:00:00Z", "2026-02-09T00:00 2026-02-13T00:00"},
    {"0 0 */2 * mon", "UTC", "2026-02-01T00:00:00Z", "2026-02-09T00:00 2026-02-23T00:00"},
    {"0 0 13 * *", "UTC", "2026-02-07T00:00:00Z", "2026-02-13T00:00 2026-03-13T00:00"},
    /* rare days */
    {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00 2032-02-29T00:00"},
    {"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00 2108-02-29T00:00"},
    {"0 0 29 2 */6", "UTC", "2026-01-01T00:00:00Z", "2032-02-29T00:00 2048-02-29T00:00"},
    {"59 23 31 12 *", "UTC", "2026-12-31T23:59:00Z", "2027-12-31T23:59 2028-12-31T23:59"},
    /* an hour is left out on 2026-03-29, and comes twice on 2026-10-25 */
    {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T00:30"},
    {"*/20 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T00:00"},
    {"0 3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00 2026-03-30T01:00"},
    {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30 2026-10-26T01:30"},
    {"0 3 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T02:00 2026-10-26T02:00"},
    {"30 * * * *", "Europe/Berlin", "2026-10-24T23:00:00Z",
     "2026-10-24T23:30 2026-10-25T00:30 2026-10-25T01:30 2026-10-25T02:30"},
    {"30 0-22 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z",
     "2026-10-24T23:30 2026-10-25T00:30 2026-10-25T02:30"},
    /* half an hour; midnight; a whole day that was left out */
    {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z",
     "2026-10-03T15:30 2026-10-04T15:15"},
    {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z",
     "2026-04-04T14:45 2026-04-05T15:15"},
    {"0 0 * * *", "Africa/Cairo", "2026-04-23T00:00:00Z", "2026-04-23T22:00 2026-04-24T21:00"},
    {"0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-30T10:00 2012-12-29T22:00"},
};

START_TEST(a_schedule_is_due_by_the_clock_of_its_zone)
{
    for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
        int count = 1;
        for (const char *c = due[i].times; *c; c++) {
            count += *c == ' ';
        }
        const char *found = cron_times(due[i].schedule, due[i].zone, due[i].after, count);
        ck_assert_msg(strcmp(found, due[i].times) == 0, "%s in %s: %s", due[i].schedule,
                      due[i].zone, found);
    }
}
END_TEST

START_TEST(outside_the_calendar_nothing_is_due)
{
    struct hg_cron cron = cron_parsed("* * * * *");
    struct hg_zone *zone = NULL;
    ck_assert_int_eq(hg_zone_open("UTC", &zone), HANGAR_OK);
    ck_assert(hg_cron_next(&cron, zone, INT64_MAX) == INT64_MAX);
    ck_assert(hg_cron_next(&cron, zone, INT64_MIN) == INT64_MAX);
    hg_zone_close(zone);
}
END_TEST

START_TEST(the_longest_gap_is_that_of_the_calendar)
{
    static const struct {
        const char *schedule;
        int hours;
    } rows[] = {{"0 2 * * *", 24},        {"0 1,13 * * *", 12},
                {"0 2 * * mon-fri", 72},  {"@weekly", 7 * 24},
                {"@monthly", 31 * 24},    {"@yearly", 366 * 24},
                {"0 2 1-7 * *", 25 * 24}, {"0 0 29 2 *", (4 * 365 + 1) * 24}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hg_cron cron = cron_parsed(rows[i].schedule);
        ck_assert_msg(hg_cron_gap_ms(&cron) == rows[i].hours * INT64_C(3600000), "%s: %lld h",
                      rows[i].schedule, (long long)hg_cron_gap_ms(&cron) / 3600000);
    }
}
END_TEST

START_TEST(a_window_holds_its_hours)
{
    static const struct {
        const char *window, *time;
        bool holds;
    } rows[] = {
        {"22:00-06:00", "2026-01-15T21:59:59Z", false},
        {"22:00-06:00", "2026-01-15T22:00:00Z", true},
        {"22:00-06:00", "2026-01-15T05:59:59Z", true},
        {"22:00-06:00", "2026-01-15T06:00:00Z", false},
        {"08:30 - 9:00", "2026-01-15T08:30:00Z", true},
        {"08:30-09:00", "2026-01-15T09:00:00Z", false},
        /* the 15th is a Thursday; a night belongs to the day on which it begins */
        {"thu 22:00-06:00", "2026-01-15T23:00:00Z", true},
        {"thu 22:00-06:00", "2026-01-16T05:00:00Z", true},
        {"thu 22:00-06:00", "2026-01-15T05:00:00Z", false},
        {"sat,sun 00:00-24:00", "2026-01-17T00:00:00Z", true},
        {"sat,sun 00:00-24:00", "2026-01-18T23:59:59Z", true},
        {"sat,sun 00:00-24:00", "2026-01-19T00:00:00Z", false},
        {"mon-fri 0:00-24:00", "2026-01-18T12:00:00Z", false},
    };
    struct hg_zone *zone = NULL;
    ck_assert_int_eq(hg_zone_open("UTC", &zone), HANGAR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hg_window window;
        struct hg_cron_error err;
        int64_t ms = 0;
        ck_assert_msg(hg_window_parse(rows[i].window, &window, &err), "%s: %s", rows[i].window,
                      err.text);
        ck_assert(hg_time_parse(rows[i].time, &ms));
        ck_assert_msg(hg_window_holds(&window, zone, ms) == rows[i].holds, "%s at %s",
                      rows[i].window, rows[i].time);
    }
    hg_zone_close(zone);
}
END_TEST

START_TEST(an_invalid_window_is_refused_with_its_place)
{
    static const struct {
        const char *window;
        size_t at;
        const char *text;
    } rows[] = {
        {"", 0, "a time of the day is missing, such as 22:00"},
        {"22-6", 0, "a time of the day is missing, such as 22:00"},
        {"22:00", 5, "\"-\" and the end of the window are missing, as in 22:00-06:00"},
        {"22:00-24:01", 6, "a time of the day is missing, such as 22:00"},
        {"22:0-06:00", 0, "a time of the day is missing, such as 22:00"},
        {"22:00-06:60", 6, "a time of the day is missing, such as 22:00"},
        {"22:00-22:00", 0, "the window is empty; hint: a whole day is 00:00-24:00"},
        {"24:00-06:00", 0, "the window is empty; hint: a whole day is 00:00-24:00"},
        {"sat 22:00-06:00,", 15,
         "unexpected text after the window; hint: write several windows as a list"},
        {"sta 22:00-06:00", 0, "\"sta\" is not a day of week; hint: names are sun to sat"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hg_window window;
        struct hg_cron_error err = {0};
        ck_assert_msg(!hg_window_parse(rows[i].window, &window, &err), "%s", rows[i].window);
        ck_assert_str_eq(err.text, rows[i].text);
        ck_assert_msg(err.at == rows[i].at, "%s: at %zu", rows[i].window, err.at);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        fields_are_read_as_cron_reads_them,          an_invalid_schedule_is_refused_with_its_place,
        a_schedule_is_due_by_the_clock_of_its_zone,  outside_the_calendar_nothing_is_due,
        the_longest_gap_is_that_of_the_calendar,     a_window_holds_its_hours,
        an_invalid_window_is_refused_with_its_place,
    };
    return SUITE_RUN("cron", tests, NULL, NULL);
}
