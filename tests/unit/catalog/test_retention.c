/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention: what each rule of retention keeps, case by case, and when the clock guard
 * refuses.
 */
#include "base/clock.h"
#include "catalog/retention.h"
#include "suite.h"

#define ZERO (-1)    /* of a rule: given as 0; what is not given here is not given */
#define NOT_SET (-2) /* of min_keep: not given; when it is left out here it is 1 */

enum { MOST = 64 };

static struct hg_retention_item items[MOST];
static char ids[MOST][HG_BACKUP_ID_SIZE + 8];
static size_t count;
static struct hg_error err;
static enum hangar_rc rc;

/* The policy that is meant. */
static struct hg_policy policy_of(const struct hg_policy *given)
{
    struct hg_policy policy;
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        bool minimum = rule->kind == HG_RULE_MINIMUM;
        int64_t limit = hg_policy_limit(given, rule);
        if (limit == 0) {
            limit = minimum ? 1 : -1;
        } else if (limit == ZERO) {
            limit = 0;
        } else if (minimum && limit == NOT_SET) {
            limit = -1;
        }
        hg_policy_set_limit(&policy, rule, limit);
    }
    return policy;
}

static int64_t ms_of(const char *time)
{
    int64_t ms = 0;
    ck_assert_msg(hg_time_parse(time, &ms), "%s is no time", time);
    return ms;
}

/* A good backup. */
static struct hg_retention_item *add_good(int64_t ms)
{
    struct hg_retention_item *item = &items[count];
    ck_assert_uint_lt(count, MOST);
    snprintf(ids[count], sizeof(ids[count]), "b%02zu", count);
    *item = (struct hg_retention_item){.id = ids[count], .time_ms = ms, .good = true};
    count++;
    return item;
}

/* Times with blanks between them; one with '!' behind is held, with '?' not good. */
static void add_all(const char *times)
{
    char *copy = strdup(times), *rest = copy, *word;
    count = 0;
    while ((word = strsep(&rest, " \n"))) {
        size_t n = strlen(word);
        char last = n ? word[n - 1] : '\0';
        if (n == 0) {
            continue;
        }
        word[n - (last == '!' || last == '?')] = '\0';
        struct hg_retention_item *item = add_good(ms_of(word));
        item->held = last == '!';
        item->good = last != '?';
    }
    free(copy);
}

/* "k" for each that stays and "-" for each that goes, newest first. */
static const char *apply_rules(const struct hg_policy *given, const char *zone_name, int64_t now_ms)
{
    struct hg_policy policy = policy_of(given);
    static char marks[MOST + 1];
    struct hg_zone *zone = NULL;
    ck_assert_int_eq(hg_zone_open(zone_name, &zone), HANGAR_OK);
    hg_error_clear(&err);
    rc = hg_retention_apply(&policy, zone, now_ms, items, count, &err);
    hg_zone_close(zone);
    for (size_t i = 0; i < count; i++) {
        marks[i] = items[i].keep ? 'k' : '-';
        ck_assert(items[i].reason[0] != '\0');
    }
    marks[count] = '\0';
    return marks;
}

/* Newest first; now is the newest's time unless it is given. */
static const struct {
    const char *what;
    struct hg_policy policy;
    const char *zone, *now, *times, *kept;
} cases[] = {
    {"keep_last counts good ones",
     {.keep_last = 3},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z 2026-01-08T02:00:00Z? 2026-01-07T02:00:00Z 2026-01-06T02:00:00Z "
     "2026-01-05T02:00:00Z 2026-01-04T02:00:00Z?",
     "kkkk-k"},
    {"keep_last 0 keeps none, min_keep does",
     {.keep_last = ZERO},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z 2026-01-08T02:00:00Z 2026-01-07T02:00:00Z",
     "k--"},
    {"held stays and takes the place of none",
     {.keep_last = 1},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z! 2026-01-08T02:00:00Z 2026-01-07T02:00:00Z!",
     "k-k"},
    {"keep_days is times 24 hours, to the millisecond",
     {.keep_days = 2},
     "UTC",
     "2026-01-09T02:00:00.000Z",
     "2026-01-09T02:00:00Z 2026-01-08T02:00:00Z 2026-01-07T02:00:00.001Z "
     "2026-01-07T02:00:00.000Z 2026-01-07T01:59:59.999Z",
     "kkkk-"},
    {"keep_days knows no zone and no summer",
     {.keep_days = 1},
     "Europe/Berlin",
     "2026-10-26T00:00:00.000Z",
     "2026-10-25T23:00:00Z 2026-10-25T00:00:00.000Z 2026-10-24T23:59:59.999Z",
     "kk-"},
    {"the newest of each hour",
     {.keep_hourly = 2},
     "UTC",
     NULL,
     "2026-01-09T02:59:59.999Z 2026-01-09T02:00:00Z 2026-01-09T01:59:59.999Z "
     "2026-01-09T00:30:00Z",
     "k-k-"},
    {"a day of 25 hours has 25",
     {.keep_hourly = 4},
     "Europe/Berlin",
     NULL,
     "2026-10-25T02:30:00Z 2026-10-25T01:30:00Z 2026-10-25T00:30:00Z 2026-10-25T00:10:00Z "
     "2026-10-24T23:30:00Z 2026-10-24T22:30:00Z",
     "kkk-k-"},
    {"hours that are 45 minutes off",
     {.keep_hourly = 2},
     "Asia/Kathmandu",
     NULL,
     "2026-01-09T02:20:00Z 2026-01-09T02:10:00Z 2026-01-09T01:20:00Z",
     "kk-"},
    {"the newest of each day, days without one do not count",
     {.keep_daily = 2},
     "UTC",
     NULL,
     "2026-01-09T23:59:59.999Z 2026-01-09T00:00:00Z 2026-01-07T23:00:00Z 2026-01-07T00:00:00Z "
     "2026-01-06T12:00:00Z",
     "k-k--"},
    {"a day of 23 hours is one",
     {.keep_daily = 2},
     "Europe/Berlin",
     NULL,
     "2026-03-29T21:59:59.999Z 2026-03-28T23:00:00.000Z 2026-03-28T22:59:59.999Z "
     "2026-03-27T23:00:00Z",
     "k-k-"},
    {"a day of 25 hours is one",
     {.keep_daily = 2},
     "Europe/Berlin",
     NULL,
     "2026-10-25T22:59:59.999Z 2026-10-24T22:00:00.000Z 2026-10-24T21:59:59.999Z",
     "k-k"},
    {"days begin 14 hours early in Kiritimati",
     {.keep_daily = 2},
     "Pacific/Kiritimati",
     NULL,
     "2026-01-02T10:00:00Z 2026-01-02T09:59:59.999Z 2026-01-01T10:00:00Z 2026-01-01T09:00:00Z",
     "kk--"},
    {"the same instants in UTC",
     {.keep_daily = 2},
     "UTC",
     NULL,
     "2026-01-02T10:00:00Z 2026-01-02T09:59:59.999Z 2026-01-01T10:00:00Z 2026-01-01T09:00:00Z",
     "k-k-"},
    {"a leap day is a day",
     {.keep_daily = 3},
     "UTC",
     NULL,
     "2024-03-01T00:00:00Z 2024-02-29T23:59:59Z 2024-02-29T00:00:00Z 2024-02-28T23:59:59Z "
     "2024-02-28T00:00:00Z",
     "kk-k-"},
    {"ISO weeks begin on Monday",
     {.keep_weekly = 2},
     "UTC",
     NULL,
     "2026-01-12T00:00:00Z 2026-01-11T23:59:59Z 2026-01-10T00:00:00Z 2026-01-05T00:00:00Z "
     "2026-01-04T00:00:00Z",
     "kk---"},
    {"week 53 goes across the year",
     {.keep_weekly = 2},
     "UTC",
     NULL,
     "2027-01-04T00:00:00Z 2027-01-03T12:00:00Z 2027-01-01T12:00:00Z 2026-12-31T12:00:00Z "
     "2026-12-28T00:00:00Z 2026-12-27T00:00:00Z",
     "kk----"},
    {"week 1 may begin in the old year",
     {.keep_weekly = 1},
     "UTC",
     NULL,
     "2025-01-05T00:00:00Z 2024-12-31T00:00:00Z 2024-12-30T00:00:00Z 2024-12-29T00:00:00Z",
     "k---"},
    {"months",
     {.keep_monthly = 3},
     "UTC",
     NULL,
     "2024-03-01T00:00:00Z 2024-02-29T23:59:59Z 2024-02-15T00:00:00Z 2024-01-31T00:00:00Z "
     "2023-12-31T00:00:00Z",
     "kk-k-"},
    {"years, in a zone that is behind",
     {.keep_yearly = 2},
     "Pacific/Niue",
     NULL,
     "2027-01-01T11:00:00Z 2027-01-01T10:59:59.999Z 2026-12-30T00:00:00Z 2026-12-29T00:00:00Z",
     "kk--"},
    {"rules add up",
     {.min_keep = 1, .keep_daily = 2, .keep_monthly = 2},
     "UTC",
     NULL,
     "2026-02-03T02:00:00Z 2026-02-02T02:00:00Z 2026-02-01T02:00:00Z 2026-01-31T02:00:00Z "
     "2026-01-30T02:00:00Z",
     "kk-k-"},
    {"min_keep is 2 unless it is set",
     {.min_keep = NOT_SET, .keep_last = 1},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z 2026-01-08T02:00:00Z 2026-01-07T02:00:00Z",
     "kk-"},
    {"and never less than 1",
     {.min_keep = ZERO, .keep_last = ZERO},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z 2026-01-08T02:00:00Z 2026-01-07T02:00:00Z",
     "k--"},
    {"min_keep counts good ones, whatever their age",
     {.min_keep = 3, .keep_days = ZERO},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z? 2026-01-08T02:00:00Z 2026-01-08T01:00:00Z? 2026-01-07T02:00:00Z "
     "2026-01-06T02:00:00Z 2026-01-05T02:00:00Z",
     "kkkkk-"},
    {"without a rule everything stays",
     {.min_keep = 1},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z 2026-01-08T02:00:00Z 2026-01-07T02:00:00Z",
     "kkk"},
    {"nothing at all", {.keep_last = 1}, "UTC", "2026-01-09T02:00:00Z", "", ""},
    {"nothing good",
     {.keep_last = ZERO},
     "UTC",
     NULL,
     "2026-01-09T02:00:00Z? 2026-01-08T02:00:00Z?",
     "kk"},
};

START_TEST(each_rule_keeps_the_backups_that_it_names)
{
    int i = _i;
    add_all(cases[i].times);
    int64_t now = cases[i].now ? ms_of(cases[i].now) : items[0].time_ms;
    const char *kept = apply_rules(&cases[i].policy, cases[i].zone, now);
    ck_assert_msg(rc == HANGAR_OK, "%s: %s", cases[i].what, err.text);
    ck_assert_msg(strcmp(kept, cases[i].kept) == 0, "%s: %s", cases[i].what, kept);
}
END_TEST

START_TEST(the_order_given_does_not_matter)
{
    struct hg_policy policy = {.keep_last = 2};
    add_all("2026-01-07T02:00:00Z 2026-01-09T02:00:00Z 2026-01-08T02:00:00Z");
    ck_assert_str_eq(apply_rules(&policy, "UTC", items[1].time_ms), "kk-");
    ck_assert_str_eq(items[0].id, "b01");
    ck_assert_str_eq(items[2].id, "b00");
    /* of the same time, the id decides */
    add_all("2026-01-09T02:00:00Z 2026-01-09T02:00:00Z 2026-01-09T02:00:00Z");
    ck_assert_str_eq(apply_rules(&policy, "UTC", items[0].time_ms), "kk-");
    ck_assert_str_eq(items[2].id, "b00");
}
END_TEST

START_TEST(every_decision_has_its_reasons)
{
    struct hg_policy policy = {.keep_last = 1,
                               .keep_days = 1,
                               .keep_hourly = 1,
                               .keep_daily = 1,
                               .keep_weekly = 1,
                               .keep_monthly = 1,
                               .keep_yearly = 1,
                               .min_keep = 1};
    add_all("2026-01-09T02:30:00Z! 2026-01-07T02:00:00Z 2026-01-06T02:00:00Z? "
            "2026-01-05T02:00:00Z?");
    items[2].why_not = "damaged";
    ck_assert_str_eq(apply_rules(&policy, "Europe/Berlin", items[0].time_ms), "k-kk");
    ck_assert_str_eq(items[0].reason,
                     "held, last 1 of 1, within 1 days, hourly 2026-01-09 03:00+01:00, daily "
                     "2026-01-09, weekly 2026-W02, monthly 2026-01, yearly 2026, min_keep 1 of 1");
    ck_assert_str_eq(items[1].reason, "no rule keeps it");
    ck_assert_str_eq(items[2].reason, "not counted: damaged");
    ck_assert_str_eq(items[3].reason, "not counted: incomplete");
}
END_TEST

START_TEST(long_reasons_fit)
{
    struct hg_policy policy;
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        hg_policy_set_limit(&policy, rule, 100000);
    }
    add_all("2026-01-09T02:30:00Z!");
    apply_rules(&policy, "Pacific/Niue", items[0].time_ms);
    ck_assert_str_eq(items[0].reason + strlen(items[0].reason) - 20, "min_keep 1 of 100000");
}
END_TEST

START_TEST(safety_backups_are_apart)
{
    struct hg_policy policy = {.keep_last = 2, .keep_hourly = 2, .keep_yearly = 1};
    policy.min_keep = 2;
    /* the newest three and the oldest of all are safety backups */
    add_all("2026-01-20T02:00:00Z 2026-01-19T02:00:00Z 2026-01-18T02:00:00Z 2026-01-17T02:00:00Z "
            "2026-01-16T02:00:00Z 2026-01-15T02:00:00Z 2025-01-15T02:00:00Z");
    for (size_t i = 0; i < count; i++) {
        items[i].safety = i < 3 || i == 6;
    }
    ck_assert_str_eq(apply_rules(&policy, "UTC", items[0].time_ms), "kkkkk--");
    ck_assert_str_eq(items[0].reason, "newest safety backup, safety backup within 7 days");
    ck_assert_str_eq(items[2].reason, "safety backup within 7 days");
    ck_assert_str_eq(items[3].reason,
                     "last 1 of 2, hourly 2026-01-17 02:00+00:00, yearly 2026, min_keep 1 of 2");
    ck_assert_str_eq(items[6].reason, "no rule keeps it");
    /* after 7 days the newest and the held backup stay */
    items[6].held = true;
    policy.keep_last = 1;
    int64_t now = ms_of("2026-01-26T02:00:00.001Z");
    add_good(now - 3600000);
    add_good(now - 2 * 3600000);
    ck_assert_str_eq(apply_rules(&policy, "UTC", now), "kkk-----k");
    ck_assert_str_eq(items[2].reason, "newest safety backup, safety backup within 7 days");
    ck_assert_str_eq(apply_rules(&policy, "UTC", ms_of("2026-01-27T02:00:00.001Z")), "kkk-----k");
    ck_assert_str_eq(items[2].reason, "newest safety backup");
    ck_assert_str_eq(items[8].reason, "held");
    ck_assert_uint_eq(items[8].kept_by, HG_KEPT_BIT(HG_KEPT_HELD));
}
END_TEST

/* Three safety backups, three partial ones and two of the schedule, from the newest on. */
START_TEST(partial_backups_are_apart_from_both)
{
    struct hg_policy policy = {.keep_last = 2};
    add_all("2026-01-20T02:00:00Z 2026-01-19T02:00:00Z 2026-01-08T02:00:00Z 2026-01-07T02:00:00Z "
            "2026-01-06T02:00:00Z 2026-01-05T02:00:00Z 2026-01-04T02:00:00Z 2026-01-03T02:00:00Z");
    for (size_t i = 0; i < 6; i++) {
        items[i].partial = i % 2 == 0;
        items[i].safety = !items[i].partial;
    }
    ck_assert_str_eq(apply_rules(&policy, "UTC", items[0].time_ms), "kk----kk");
    ck_assert_str_eq(items[0].reason, "newest partial backup, partial backup within 7 days");
    ck_assert_str_eq(items[1].reason, "newest safety backup, safety backup within 7 days");
    ck_assert_str_eq(items[6].reason, "last 1 of 2, min_keep 1 of 1");
    ck_assert_str_eq(apply_rules(&policy, "UTC", ms_of("2026-01-27T02:00:00.001Z")), "kk----kk");
    ck_assert_str_eq(items[0].reason, "newest partial backup");
    items[4].held = true;
    items[0].good = false;
    ck_assert_str_eq(apply_rules(&policy, "UTC", ms_of("2026-01-27T02:00:00.001Z")), "kkk-k-kk");
}
END_TEST

START_TEST(safety_backups_do_not_count_for_the_schedule)
{
    struct hg_policy policy = {.keep_last = 2};
    int64_t start = ms_of("2026-01-09T02:00:00Z"), day_ms = 86400000;
    count = 0;
    for (int i = 0; i < 5; i++) {
        add_good(start - i * day_ms);
    }
    /* they neither make a jump nor hide one */
    add_good(start + 30 * day_ms)->safety = true;
    apply_rules(&policy, "UTC", start + day_ms);
    ck_assert_int_eq(rc, HANGAR_UNSUPPORTED); /* but one from the future is of a wrong clock */
    items[0].time_ms = start + day_ms - 1;
    ck_assert_str_eq(apply_rules(&policy, "UTC", start + day_ms), "kkk---");
    ck_assert_int_eq(rc, HANGAR_OK);
    apply_rules(&policy, "UTC", start + 30 * day_ms);
    ck_assert_int_eq(rc, HANGAR_UNSUPPORTED);
}
END_TEST

/* ---- the clock guard ---- */

static const int64_t hour = 3600000, day = 86400000;

/* n backups, `step` apart, the newest at `newest`. */
static void add_regular(int64_t newest, int64_t step, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add_good(newest - step * (int64_t)i);
    }
}

START_TEST(a_backup_from_the_future_stops_all)
{
    struct hg_policy policy = {.keep_last = 1};
    int64_t now = ms_of("2026-01-09T02:00:00Z");
    count = 0;
    add_regular(now + 5 * 60000, day, 4);
    ck_assert_str_eq(apply_rules(&policy, "UTC", now), "k---"); /* two clocks differ a little */
    ck_assert_int_eq(rc, HANGAR_OK);
    ck_assert_str_eq(apply_rules(&policy, "UTC", now - 1), "kkkk");
    ck_assert_int_eq(rc, HANGAR_UNSUPPORTED);
    ck_assert_str_eq(
        err.text,
        "nothing is removed: backup b00 is from the future (2026-01-09T02:05:00.000Z, the "
        "clock shows 2026-01-09T01:59:59.999Z); hint: set the clock, or remove the "
        "backup by its id if the clock was wrong when it was made");
    ck_assert_str_eq(items[3].reason, "the clock may be wrong");
    /* of one that does not count nothing follows */
    items[0].good = false;
    ck_assert_str_eq(apply_rules(&policy, "UTC", now - 1), "kk--");
    ck_assert_int_eq(rc, HANGAR_OK);
}
END_TEST

START_TEST(a_clock_that_jumps_ahead_deletes_nothing)
{
    struct hg_policy policy = {.keep_days = 7};
    int64_t start = ms_of("2026-01-09T02:00:00Z"), jump = 3650 * day;
    count = 0;
    add_regular(start, day, 12);
    ck_assert_str_eq(apply_rules(&policy, "UTC", start), "kkkkkkkk----");
    /* nothing but the clock has changed: `hangar prune` */
    apply_rules(&policy, "UTC", start + jump);
    ck_assert_int_eq(rc, HANGAR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.text, "since the newest backup"));
    ck_assert_ptr_nonnull(strstr(err.text, "after 4 more backups"));
    /* and after backups with that clock, until there are some to live on */
    for (int i = 0; i < 3; i++) {
        add_good(start + jump + i * day);
        ck_assert_ptr_null(strchr(apply_rules(&policy, "UTC", start + jump + i * day), '-'));
        ck_assert_int_eq(rc, HANGAR_UNSUPPORTED);
        char promised[64];
        snprintf(promised, sizeof(promised), "after %d more backup%s", 3 - i, i == 2 ? "" : "s");
        ck_assert_msg(strstr(err.text, promised) != NULL, "%s", err.text);
    }
    add_good(start + jump + 3 * day);
    ck_assert_str_eq(apply_rules(&policy, "UTC", start + jump + 3 * day), "kkkk------------");
    ck_assert_int_eq(rc, HANGAR_OK);
}
END_TEST

START_TEST(proportionate_pauses_are_not_jumps)
{
    struct hg_policy policy = {.keep_last = 2};
    int64_t start = ms_of("2026-01-09T02:00:00Z");
    count = 0;
    add_regular(start, day, 5);
    add_good(start + 10 * day);
    apply_rules(&policy, "UTC", start + 10 * day);
    ck_assert_int_eq(rc, HANGAR_OK);
    items[0].time_ms += 10; /* a tenth of it is now a millisecond more than a day */
    apply_rules(&policy, "UTC", start + 10 * day + 10);
    ck_assert_int_eq(rc, HANGAR_UNSUPPORTED);
    /* a weekend is not a jump of the clock for hourly backups, three days are */
    count = 0;
    add_regular(start, hour, 5);
    add_good(start + 2 * day);
    apply_rules(&policy, "UTC", start + 2 * day);
    ck_assert_int_eq(rc, HANGAR_OK);
    items[0].time_ms += 1;
    apply_rules(&policy, "UTC", start + 2 * day + 1);
    ck_assert_int_eq(rc, HANGAR_UNSUPPORTED);
}
END_TEST

/* A schedule under a policy for a long time, with a prune after each backup; one is held. */
static void simulate_days(struct hg_policy policy, int64_t step, int64_t days)
{
    int64_t start = ms_of("2026-01-09T02:00:00Z");
    policy.min_keep = 2;
    count = 0;
    for (int64_t now = start; now < start + days * day; now += step) {
        add_good(now)->held = now == start + 3 * step;
        for (int again = 0; again < 2; again++) {
            size_t left = 0;
            apply_rules(&policy, "UTC", now);
            ck_assert_msg(rc == HANGAR_OK, "step %lld: %s", (long long)step, err.text);
            for (size_t i = 0; i < count; i++) {
                if (items[i].keep) {
                    items[left++] = items[i];
                }
            }
            ck_assert(!again || left == count);
            count = left;
            for (size_t i = 0; i < count; i++) { /* ids are given again */
                snprintf(ids[i], sizeof(ids[i]), "b%02zu", i);
                items[i].id = ids[i];
            }
        }
    }
}

START_TEST(retention_does_not_treat_its_own_gaps_as_a_jump)
{
    static const struct hg_policy policies[] = {
        {.keep_last = 2, .keep_monthly = 12},
        {.keep_last = 1, .keep_yearly = 5},
        {.keep_daily = 1, .keep_weekly = 4},
        {.keep_last = 1, .keep_weekly = 2, .keep_monthly = 2, .keep_yearly = 2},
        {.keep_hourly = 3, .keep_daily = 2},
        {.keep_days = 2, .keep_monthly = 3},
        {.keep_last = 2},
    };
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        simulate_days(policies[i], hour, 70);
        simulate_days(policies[i], 6 * hour, 800);
        simulate_days(policies[i], day, 800);
        simulate_days(policies[i], 7 * day, 1600);
    }
}
END_TEST

START_TEST(a_schedule_that_was_changed_is_followed)
{
    struct hg_policy policy = {.keep_last = 2};
    int64_t start = ms_of("2026-01-09T02:00:00Z");
    count = 0;
    add_regular(start, 60000, 20); /* many runs by hand */
    for (int week = 1; week <= 3; week++) {
        add_good(start + week * 7 * day);
        apply_rules(&policy, "UTC", start + week * 7 * day);
        ck_assert_int_eq(rc, week < 3 ? HANGAR_UNSUPPORTED : HANGAR_OK);
    }
}
END_TEST

START_TEST(min_keep_widens_the_guard)
{
    struct hg_policy policy = {.keep_last = 1};
    int64_t start = ms_of("2026-01-09T02:00:00Z"), jump = 3650 * day;
    policy.min_keep = 5;
    count = 0;
    add_regular(start, day, 12);
    add_regular(start + jump, day, 5);
    apply_rules(&policy, "UTC", start + jump);
    ck_assert_int_eq(rc, HANGAR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.text, "after 1 more backup"));
    add_good(start + jump + day);
    apply_rules(&policy, "UTC", start + jump + day);
    ck_assert_int_eq(rc, HANGAR_OK);
}
END_TEST

START_TEST(without_rules_the_clock_does_not_matter)
{
    struct hg_policy policy = {.min_keep = 1};
    count = 0;
    add_regular(ms_of("2036-01-09T02:00:00Z"), day, 3);
    ck_assert_str_eq(apply_rules(&policy, "UTC", ms_of("2026-01-09T02:00:00Z")), "kkk");
    ck_assert_int_eq(rc, HANGAR_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retention");
    TCase *tests = tcase_create("rules");
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, each_rule_keeps_the_backups_that_it_names, 0,
                        (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tests, the_order_given_does_not_matter);
    tcase_add_test(tests, every_decision_has_its_reasons);
    tcase_add_test(tests, long_reasons_fit);
    tcase_add_test(tests, safety_backups_are_apart);
    tcase_add_test(tests, partial_backups_are_apart_from_both);
    tcase_add_test(tests, safety_backups_do_not_count_for_the_schedule);
    tcase_add_test(tests, a_backup_from_the_future_stops_all);
    tcase_add_test(tests, a_clock_that_jumps_ahead_deletes_nothing);
    tcase_add_test(tests, proportionate_pauses_are_not_jumps);
    tcase_add_test(tests, retention_does_not_treat_its_own_gaps_as_a_jump);
    tcase_add_test(tests, a_schedule_that_was_changed_is_followed);
    tcase_add_test(tests, min_keep_widens_the_guard);
    tcase_add_test(tests, without_rules_the_clock_does_not_matter);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
