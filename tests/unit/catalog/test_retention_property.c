/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * property: for random policies and backups, retention decides as the model does, and
 * never removes a backup that must stay.  The test prints its seed; HANGAR_RETENTION_SEED
 * repeats the cases of a seed, and HANGAR_RETENTION_CASES is their number.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "retention_model.h"
#include "suite.h"

enum { CASES = 20000, MOST = 60, ROUND = 500 };

static const int64_t hour = 3600000, day = 86400000;

static const char *const zones[] = {
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Niue",
    "Asia/Kathmandu",
    "America/Santiago",
    "Asia/Beirut",
    "Pacific/Kiritimati",
    "Pacific/Apia",
};

struct sample {
    struct hg_policy policy;
    int64_t now_ms;
    struct hg_retention_item items[MOST];
    size_t count;
};

static char ids[MOST][24];
static uint64_t state;

/* SplitMix64 */
static uint64_t random_bits(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static int64_t retention_property_below(int64_t n)
{
    return (int64_t)(random_bits() % (uint64_t)n);
}

/* A random limit of a rule; -1, not given, when the model does not have the rule. */
static int64_t random_limit(const struct hg_retention_rule *rule)
{
    const struct model_rule *model = model_rule_of(rule);
    if (!model || (rule->kind == HG_RULE_MINIMUM ? retention_property_below(2) > 0
                                                 : retention_property_below(3) > 0)) {
        return -1;
    }
    return retention_property_below(model->largest + 1);
}

static void make_times(struct sample *s)
{
    static const int64_t steps[] = {600000, 3600000, 21600000, 86400000, 604800000, 2592000000};
    int64_t step = steps[retention_property_below(6)], time = s->now_ms;
    int64_t kind = retention_property_below(4);
    for (size_t i = 0; i < s->count; i++) {
        if (kind == 0) { /* anywhere in two years */
            time = s->now_ms - retention_property_below(730 * day);
        } else if (kind == 1) { /* a schedule, exactly */
            time -= step;
        } else if (kind == 2) { /* a schedule, about, with pauses */
            time -= step / 2 + retention_property_below(step) +
                    (retention_property_below(12) == 0 ? retention_property_below(40 * step) : 0);
        } else { /* often at the same time, and around midnight */
            time -= retention_property_below(3) * (day / 2);
            time -= retention_property_below(2) * (time % hour);
        }
        s->items[i].time_ms = time;
    }
    if (retention_property_below(15) == 0 && s->count) { /* a wrong clock */
        s->items[retention_property_below((int64_t)s->count)].time_ms =
            s->now_ms + retention_property_below(3650 * day);
    }
}

static void retention_property_make(struct sample *s)
{
    memset(s, 0, sizeof(*s));
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        hg_policy_set_limit(&s->policy, rule, random_limit(rule));
    }
    /* 2012 to 2036, half of the time to the hour */
    s->now_ms = INT64_C(1325376000000) + retention_property_below(24 * 365 * day);
    s->now_ms -= retention_property_below(2) ? s->now_ms % hour : 0;
    s->count = (size_t)retention_property_below(retention_property_below(4) == 0 ? MOST : 20);
    make_times(s);
    for (size_t i = 0; i < s->count; i++) {
        struct hg_retention_item *item = &s->items[i];
        snprintf(ids[i], sizeof(ids[i]), "backup_%03d",
                 (int)retention_property_below(1000) * 100 + (int)i);
        item->id = ids[i];
        item->good = retention_property_below(8) > 0;
        item->held = retention_property_below(10) == 0;
        item->safety = retention_property_below(6) == 0;
        item->partial = !item->safety && retention_property_below(6) == 0;
        item->why_not = retention_property_below(2) ? "damaged" : NULL;
    }
}

static const struct hg_retention_item *retention_property_find(const struct sample *s,
                                                               const char *id)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->items[i].id, id) == 0) {
            return &s->items[i];
        }
    }
    return NULL;
}

static enum hangar_rc retention_property_apply(struct sample *s, const struct hg_zone *zone)
{
    struct hg_error err = {0};
    enum hangar_rc rc = hg_retention_apply(&s->policy, zone, s->now_ms, s->items, s->count, &err);
    ck_assert(rc == HANGAR_OK || (rc == HANGAR_UNSUPPORTED && err.text[0]));
    return rc;
}

/* The decision equals that of the model, and removes nothing that must stay. */
static bool decided_well(const struct sample *s, enum hangar_rc rc)
{
    bool refused = model_refuses(&s->policy, s->now_ms, s->items, s->count);
    int64_t min_keep = s->policy.min_keep == -1 ? 2 : s->policy.min_keep;
    ck_assert_int_eq(rc == HANGAR_UNSUPPORTED, refused);
    bool removes = false;
    for (size_t i = 0; i < s->count; i++) {
        const struct hg_retention_item *item = &s->items[i];
        bool keeps = refused || model_keeps(&s->policy, s->now_ms, s->items, s->count, i);
        ck_assert_msg(item->keep == keeps, "%s: kept %d and not %d: %s", item->id, item->keep,
                      keeps, item->reason);
        ck_assert(item->reason[0] != '\0');
        ck_assert(i == 0 || s->items[i - 1].time_ms >= item->time_ms);
        if (!item->keep) {
            size_t newer = model_newer(s->items, s->count, i);
            ck_assert(item->good && !item->held);
            const bool apart = item->safety || item->partial;
            ck_assert(apart || (newer > 0 && (int64_t)newer >= min_keep));
            ck_assert(!apart || s->now_ms - item->time_ms > 7 * day);
            removes = true;
        }
    }
    return removes;
}

/* What is left stays, now. */
static void check_idempotent(const struct sample *s, const struct hg_zone *zone)
{
    struct sample left = *s;
    left.count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].keep) {
            left.items[left.count++] = s->items[i];
        }
    }
    retention_property_apply(&left, zone);
    for (size_t i = 0; i < left.count; i++) {
        ck_assert_msg(left.items[i].keep, "%s goes the second time", left.items[i].id);
    }
}

static int64_t retention_property_more(int64_t n)
{
    return n + retention_property_below(3) + (n == -1 && retention_property_below(2) ? 1 : 0);
}

/* A more generous policy, or one more hold, takes nothing that would have stayed. */
static void check_monotone(const struct sample *s, const struct hg_zone *zone)
{
    struct sample other = *s;
    struct hg_policy *p = &other.policy;
    if (retention_property_below(2)) {
        /* a first rule would make a difference of another kind: without one all stays */
        for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
            if (rule->kind != HG_RULE_MINIMUM) {
                hg_policy_set_limit(p, rule, retention_property_more(hg_policy_limit(p, rule)));
            }
        }
    } else if (other.count) {
        other.items[retention_property_below((int64_t)other.count)].held = true;
    }
    retention_property_apply(&other, zone);
    for (size_t i = 0; i < s->count; i++) {
        const struct hg_retention_item *before = &s->items[i];
        ck_assert_msg(!before->keep || retention_property_find(&other, before->id)->keep,
                      "%s goes with more rules", before->id);
    }
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(retention_decides_as_the_model)
{
    uint64_t cases = number_from("HANGAR_RETENTION_CASES", CASES);
    uint64_t seed = number_from("HANGAR_RETENTION_SEED", (uint64_t)hg_now_ms());
    size_t removing = 0, refusing = 0;
    printf("%llu cases with HANGAR_RETENTION_SEED=%llu\n", (unsigned long long)cases,
           (unsigned long long)seed);
    fflush(stdout);
    state = seed;
    struct hg_zone *zone = NULL;
    for (uint64_t i = 0; i < cases; i++) {
        if (i % ROUND == 0) {
            const char *name = zones[i / ROUND % (sizeof(zones) / sizeof(zones[0]))];
            hg_zone_close(zone);
            ck_assert_int_eq(hg_zone_open(name, &zone), HANGAR_OK);
            setenv("TZ", name, 1);
            tzset();
        }
        struct sample s;
        retention_property_make(&s);
        enum hangar_rc rc = retention_property_apply(&s, zone);
        removing += decided_well(&s, rc);
        refusing += rc != HANGAR_OK;
        check_idempotent(&s, zone);
        if (rc == HANGAR_OK && model_has_rules(&s.policy)) {
            check_monotone(&s, zone);
        }
    }
    hg_zone_close(zone);
    /* it was worth the while */
    ck_assert_uint_gt(removing, cases / 10);
    ck_assert_uint_gt(refusing, cases / 100);
    printf("%zu removed something, %zu were refused\n", removing, refusing);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("retention");
    TCase *tests = tcase_create("property");
    tcase_set_timeout(tests, 0); /* the number of cases is an option */
    tcase_add_test(tests, retention_decides_as_the_model);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
