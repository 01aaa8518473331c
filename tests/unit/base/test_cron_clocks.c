/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cron_clocks: schedules over two years and more, in zones whose clocks change, against
 * a model that tests every minute.  The model takes its clock from the C library
 * and its schedules from the functions below: it shares nothing with what it tests.
 */
#include "base/cron.h"

#include <inttypes.h>
#include <time.h>

#include "suite.h"

static bool at_0230(const struct tm *t)
{
    return t->tm_hour == 2 && t->tm_min == 30;
}

static bool at_midnight(const struct tm *t)
{
    return t->tm_hour == 0 && t->tm_min == 0;
}

static bool every_20_in_the_night(const struct tm *t)
{
    return t->tm_hour >= 1 && t->tm_hour <= 3 && t->tm_min % 20 == 0;
}

static bool every_hour_at_45(const struct tm *t)
{
    return t->tm_min == 45;
}

static bool every_quarter(const struct tm *t)
{
    return t->tm_min % 15 == 0;
}

static bool every_two_hours(const struct tm *t)
{
    return t->tm_hour % 2 == 0 && t->tm_min == 5;
}

static bool first_or_sunday(const struct tm *t)
{
    return t->tm_hour == 2 && t->tm_min == 15 && (t->tm_mday == 1 || t->tm_wday == 0);
}

static bool odd_sundays(const struct tm *t)
{
    return t->tm_hour == 2 && t->tm_min == 0 && t->tm_mday % 2 == 1 && t->tm_wday == 0;
}

static bool last_minutes(const struct tm *t)
{
    return t->tm_hour == 23 && t->tm_min >= 57;
}

static bool some_months(const struct tm *t)
{
    return t->tm_hour == 1 && t->tm_min == 59 && (t->tm_mon == 2 || t->tm_mon == 9);
}

static const struct {
    const char *text;
    bool (*is_due)(const struct tm *t);
    bool every_hour;
} schedules[] = {
    {"30 2 * * *", at_0230, false},
    {"@daily", at_midnight, false},
    {"*/20 1-3 * * *", every_20_in_the_night, false},
    {"45 * * * *", every_hour_at_45, true},
    {"*/15 * * * *", every_quarter, true},
    {"5 */2 * * *", every_two_hours, false},
    {"15 2 1 * sun", first_or_sunday, false},
    {"0 2 */2 * 7", odd_sundays, false},
    {"57-59 23 * * *", last_minutes, false},
    {"59 1 * mar,oct *", some_months, false},
};

enum { SCHEDULES = sizeof(schedules) / sizeof(schedules[0]) };

/* St_Johns changed its clocks at one minute past midnight, Apia left out a day. */
static const struct {
    const char *zone;
    int year;
} places[] = {{"Europe/Berlin", 2025},       {"America/New_York", 2025},
              {"Australia/Lord_Howe", 2025}, {"Africa/Cairo", 2025},
              {"Africa/Casablanca", 2025},   {"Asia/Beirut", 2025},
              {"America/St_Johns", 2009},    {"Pacific/Apia", 2011},
              {"America/Santiago", 2025},    {"Asia/Kathmandu", 2025}};

/* The model of one zone: what its clock shows, minute by minute. */
struct model {
    int64_t now;      /* the minute, in seconds */
    int64_t shown;    /* what the clock shows, as seconds of UTC */
    int64_t furthest; /* the most it has shown */
};

static struct tm cron_clocks_local(int64_t seconds, int64_t *shown)
{
    struct tm tm;
    time_t t = (time_t)seconds;
    if (!localtime_r(&t, &tm)) {
        ck_abort_msg("no local time");
    }
    *shown = seconds + tm.tm_gmtoff;
    return tm;
}

/* Is the schedule due in this minute?  What the clock left out just before counts. */
static bool model_due(const struct model *m, const struct tm *tm, int64_t before, size_t i)
{
    bool again = m->shown <= m->furthest;
    if (schedules[i].is_due(tm) && (!again || schedules[i].every_hour)) {
        return true;
    }
    for (int64_t missing = before + 60; missing < m->shown && before > 0; missing += 60) {
        time_t t = (time_t)missing;
        struct tm then;
        gmtime_r(&t, &then);
        if (schedules[i].is_due(&then)) {
            return true;
        }
    }
    return false;
}

static void cron_clocks_compare(const char *name, int year)
{
    struct tm first = {.tm_year = year - 1900, .tm_mday = 1},
              end = {.tm_year = year - 1898, .tm_mday = 2};
    struct model m = {.now = timegm(&first)};
    int64_t last = timegm(&end), before = 0, expected[SCHEDULES];
    struct hg_cron crons[SCHEDULES];
    uint64_t runs[SCHEDULES] = {0};
    setenv("TZ", name, 1);
    tzset();
    struct hg_zone *zone = NULL;
    ck_assert_int_eq(hg_zone_open(name, &zone), HANGAR_OK);
    for (size_t i = 0; i < SCHEDULES; i++) {
        struct hg_cron_error err;
        ck_assert(hg_cron_parse(schedules[i].text, &crons[i], &err));
        expected[i] = hg_cron_next(&crons[i], zone, m.now * 1000 - 1);
    }
    for (; m.now < last; m.now += 60) {
        struct tm tm = cron_clocks_local(m.now, &m.shown);
        for (size_t i = 0; i < SCHEDULES; i++) {
            bool is_due = model_due(&m, &tm, before, i);
            /* an assertion that holds costs a system call each time */
            if (is_due != (expected[i] == m.now * 1000)) {
                ck_abort_msg("%s in %s: at %" PRId64 " the model has %s, the schedule %" PRId64,
                             schedules[i].text, name, m.now, is_due ? "due" : "not due",
                             expected[i] / 1000);
            }
            if (is_due) {
                expected[i] = hg_cron_next(&crons[i], zone, m.now * 1000);
            }
            runs[i] += is_due;
        }
        before = m.shown;
        m.furthest = m.shown > m.furthest ? m.shown : m.furthest;
    }
    for (size_t i = 0; i < SCHEDULES; i++) {
        ck_assert_uint_gt(runs[i], 20);
    }
    hg_zone_close(zone);
}

START_TEST(two_years_of_changing_clocks_equal_the_model)
{
    cron_clocks_compare(places[_i].zone, places[_i].year);
}
END_TEST

START_TEST(a_time_between_two_runs_gives_the_same_next_run)
{
    struct hg_zone *zone = NULL;
    ck_assert_int_eq(hg_zone_open("Europe/Berlin", &zone), HANGAR_OK);
    unsigned state = 1;
    for (size_t i = 0; i < SCHEDULES; i++) {
        struct hg_cron cron;
        struct hg_cron_error err;
        ck_assert(hg_cron_parse(schedules[i].text, &cron, &err));
        int64_t at = INT64_C(1767225600000); /* 2026 */
        for (int n = 0; n < 400; n++) {
            int64_t next = hg_cron_next(&cron, zone, at);
            ck_assert(next > at && next % 60000 == 0);
            state = state * 1103515245 + 12345;
            int64_t between = at + (next - at) / 100 * (state >> 16) % 100;
            between = between < next ? between : next - 1;
            ck_assert(hg_cron_next(&cron, zone, between) == next);
            ck_assert(hg_cron_next(&cron, zone, next - 1) == next);
            at = next;
        }
    }
    hg_zone_close(zone);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cron_clocks");
    TCase *tcase = tcase_create("cron_clocks");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, two_years_of_changing_clocks_equal_the_model, 0,
                        sizeof(places) / sizeof(places[0]));
    tcase_add_test(tcase, a_time_between_two_runs_gives_the_same_next_run);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
