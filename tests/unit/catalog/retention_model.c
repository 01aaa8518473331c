/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention_model: see retention_model.h.
 */
#include "retention_model.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LABEL = 40, MOST = 4096 };

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static const struct model_rule model_rules[] = {
    {.key = "keep_last", .largest = 8},
    {.key = "keep_days", .unit_ms = DAY_MS, .largest = 30},
    {.key = "keep_hourly", .format = "%Y-%m-%d %H %z", .largest = 30},
    {.key = "keep_daily", .format = "%Y-%m-%d", .largest = 15},
    {.key = "keep_weekly", .format = "%G-%V", .gap_days = 10, .largest = 8},
    {.key = "keep_monthly", .format = "%Y-%m", .gap_days = 46, .largest = 8},
    {.key = "keep_yearly", .format = "%Y", .gap_days = 550, .largest = 3},
    {.key = "min_keep", .largest = 5},
};

const struct model_rule *model_rule_of(const struct hg_retention_rule *rule)
{
    for (size_t i = 0; i < sizeof(model_rules) / sizeof(model_rules[0]); i++) {
        if (strcmp(model_rules[i].key, rule->key) == 0) {
            return &model_rules[i];
        }
    }
    return NULL;
}

bool model_has_rules(const struct hg_policy *policy)
{
    bool found = false;
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        found = found || (rule->kind != HG_RULE_MINIMUM && hg_policy_limit(policy, rule) != -1);
    }
    return found;
}

static bool retention_model_newer(const struct hg_retention_item *a,
                                  const struct hg_retention_item *b)
{
    return a->time_ms > b->time_ms || (a->time_ms == b->time_ms && strcmp(a->id, b->id) > 0);
}

static bool of_schedule(const struct hg_retention_item *item)
{
    return item->good && !item->safety && !item->partial;
}

size_t model_newer(const struct hg_retention_item *items, size_t count, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < count; k++) {
        n += of_schedule(&items[k]) && retention_model_newer(&items[k], &items[i]);
    }
    return n;
}

static void retention_model_label(const struct hg_retention_item *item, const char *format,
                                  char out[LABEL])
{
    time_t seconds = (time_t)(item->time_ms / 1000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    strftime(out, LABEL, format, &tm);
}

/* Is it the newest of its period, and are less than n newer periods in use? */
static bool in_periods(const char *format, int64_t n, const struct hg_retention_item *items,
                       size_t count, size_t i)
{
    static char met[MOST][LABEL];
    size_t periods = 0;
    char own[LABEL], other[LABEL];
    retention_model_label(&items[i], format, own);
    for (size_t k = 0; k < count; k++) {
        if (!of_schedule(&items[k]) || !retention_model_newer(&items[k], &items[i])) {
            continue;
        }
        retention_model_label(&items[k], format, other);
        if (strcmp(other, own) == 0) {
            return false;
        }
        bool known = false;
        for (size_t p = 0; p < periods; p++) {
            known = known || strcmp(met[p], other) == 0;
        }
        if (!known) {
            snprintf(met[periods++], LABEL, "%s", other);
        }
    }
    return (int64_t)periods < n;
}

static int64_t retention_model_least(const struct hg_policy *policy)
{
    if (policy->min_keep == -1) {
        return 2;
    }
    return policy->min_keep == 0 ? 1 : policy->min_keep;
}

/* Of a safety backup, or a partial one: is it younger than a week, or is no other one newer? */
static bool keeps_apart(int64_t now_ms, const struct hg_retention_item *items, size_t count,
                        size_t i)
{
    bool another = false;
    for (size_t k = 0; k < count; k++) {
        another = another || (items[k].good && items[k].safety == items[i].safety &&
                              items[k].partial == items[i].partial &&
                              retention_model_newer(&items[k], &items[i]));
    }
    return !another || now_ms - items[i].time_ms <= INT64_C(604800000);
}

/* Does this rule with the limit n keep items[i], a good backup of the schedule? */
static bool keeps_by_rule(const struct hg_retention_rule *rule, int64_t n, int64_t now_ms,
                          const struct hg_retention_item *items, size_t count, size_t i)
{
    const struct model_rule *model = model_rule_of(rule);
    if (!model || n == -1) {
        return false;
    }
    switch (rule->kind) {
    case HG_RULE_NEWEST:
        return (int64_t)model_newer(items, count, i) < n;
    case HG_RULE_AGE:
        return items[i].time_ms >= now_ms - n * model->unit_ms;
    case HG_RULE_PERIOD:
        return in_periods(model->format, n, items, count, i);
    case HG_RULE_MINIMUM:
        return false; /* see least() */
    }
    return false;
}

bool model_keeps(const struct hg_policy *policy, int64_t now_ms,
                 const struct hg_retention_item *items, size_t count, size_t i)
{
    if (!items[i].good || items[i].held || !model_has_rules(policy)) {
        return true;
    }
    if (items[i].safety || items[i].partial) {
        return keeps_apart(now_ms, items, count, i);
    }
    bool keeps = (int64_t)model_newer(items, count, i) < retention_model_least(policy);
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        keeps =
            keeps || keeps_by_rule(rule, hg_policy_limit(policy, rule), now_ms, items, count, i);
    }
    return keeps;
}

/* The longest gap in days that the clock guard allows between two backups. */
static int64_t allowed_gap_days(const struct hg_policy *policy)
{
    int64_t allowed = 2;
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        const struct model_rule *model = model_rule_of(rule);
        if (model && hg_policy_limit(policy, rule) > 0 && model->gap_days > allowed) {
            allowed = model->gap_days;
        }
    }
    return allowed;
}

/* The time of the backup that has `rank` newer ones among those that count. */
static int64_t time_of_rank(const struct hg_retention_item *items, const bool *counts, size_t count,
                            size_t rank)
{
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        for (size_t k = 0; k < count; k++) {
            before += counts[k] && retention_model_newer(&items[k], &items[i]);
        }
        if (counts[i] && before == rank) {
            return items[i].time_ms;
        }
    }
    return 0;
}

static bool only_held(const struct hg_policy *policy, int64_t now_ms,
                      const struct hg_retention_item *items, size_t count, size_t i)
{
    static struct hg_retention_item let_go[MOST];
    memcpy(let_go, items, count * sizeof(*items));
    let_go[i].held = false;
    return items[i].held && !model_keeps(policy, now_ms, let_go, count, i);
}

/* The lower median. */
static int64_t retention_model_median(const int64_t *gaps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t smaller = 0, same = 0;
        for (size_t k = 0; k < n; k++) {
            smaller += gaps[k] < gaps[i];
            same += gaps[k] == gaps[i];
        }
        if (smaller <= (n - 1) / 2 && (n - 1) / 2 < smaller + same) {
            return gaps[i];
        }
    }
    return 0;
}

bool model_refuses(const struct hg_policy *policy, int64_t now_ms,
                   const struct hg_retention_item *items, size_t count)
{
    bool rules = model_has_rules(policy);
    size_t good = 0, looked_at = retention_model_least(policy) > 3
                                     ? (size_t)retention_model_least(policy)
                                     : 3;
    for (size_t i = 0; i < count; i++) {
        if (rules && items[i].good && items[i].time_ms > now_ms + 5 * 60 * 1000) {
            return true;
        }
    }
    static bool counts[MOST];
    for (size_t i = 0; i < count; i++) {
        counts[i] = of_schedule(&items[i]) && !only_held(policy, now_ms, items, count, i);
        good += counts[i];
    }
    if (!rules || good < 3) {
        return false;
    }
    int64_t allowed_ms = allowed_gap_days(policy) * DAY_MS;
    static int64_t gaps[MOST];
    size_t n = 0;
    while (n < good - 1 && n < 2 * looked_at - 1) {
        gaps[n] = time_of_rank(items, counts, count, n) - time_of_rank(items, counts, count, n + 1);
        n++;
    }
    int64_t usual = retention_model_median(gaps, n);
    for (size_t i = 0; i < n && i < looked_at; i++) {
        if (gaps[i] > allowed_ms && gaps[i] / 10 > usual) {
            return true;
        }
    }
    int64_t silence = now_ms - time_of_rank(items, counts, count, 0);
    return silence > 2 * DAY_MS && silence / 10 > usual;
}
