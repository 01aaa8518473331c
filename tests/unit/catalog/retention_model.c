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

static bool newer(const struct hg_retained *a, const struct hg_retained *b)
{
    return a->time_ms > b->time_ms || (a->time_ms == b->time_ms && strcmp(a->id, b->id) > 0);
}

static bool of_schedule(const struct hg_retained *item)
{
    return item->good && !item->safety;
}

size_t model_newer(const struct hg_retained *items, size_t count, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < count; k++) {
        n += of_schedule(&items[k]) && newer(&items[k], &items[i]);
    }
    return n;
}

static void label(const struct hg_retained *item, const char *format, char out[LABEL])
{
    time_t seconds = (time_t)(item->time_ms / 1000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    strftime(out, LABEL, format, &tm);
}

/* Is it the newest of its period, and are less than n newer periods in use? */
static bool in_periods(const char *format, int64_t n, const struct hg_retained *items, size_t count,
                       size_t i)
{
    static char met[MOST][LABEL];
    size_t periods = 0;
    char own[LABEL], other[LABEL];
    label(&items[i], format, own);
    for (size_t k = 0; k < count; k++) {
        if (!of_schedule(&items[k]) || !newer(&items[k], &items[i])) {
            continue;
        }
        label(&items[k], format, other);
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

static int64_t least(const struct hg_policy *policy)
{
    if (policy->min_keep == -1) {
        return 2;
    }
    return policy->min_keep == 0 ? 1 : policy->min_keep;
}

/* Of a safety backup: is it younger than a week, or is no other one newer? */
static bool keeps_safety(int64_t now_ms, const struct hg_retained *items, size_t count, size_t i)
{
    bool another = false;
    for (size_t k = 0; k < count; k++) {
        another = another || (items[k].good && items[k].safety && newer(&items[k], &items[i]));
    }
    return !another || now_ms - items[i].time_ms <= INT64_C(604800000);
}

bool model_keeps(const struct hg_policy *policy, int64_t now_ms, const struct hg_retained *items,
                 size_t count, size_t i)
{
    const struct {
        const char *format;
        int64_t n;
    } periods[] = {{"%Y-%m-%d %H %z", policy->keep_hourly},
                   {"%Y-%m-%d", policy->keep_daily},
                   {"%G-%V", policy->keep_weekly},
                   {"%Y-%m", policy->keep_monthly},
                   {"%Y", policy->keep_yearly}};
    bool rules = policy->keep_last != -1 || policy->keep_days != -1;
    bool keeps = false;
    if (!items[i].good || items[i].held) {
        return true;
    }
    bool safety = items[i].safety;
    int64_t rank = (int64_t)model_newer(items, count, i);
    keeps = safety ? keeps_safety(now_ms, items, count, i)
                   : rank < policy->keep_last || rank < least(policy);
    if (policy->keep_days != -1 && !safety) {
        int64_t days = policy->keep_days * 24 * 60 * 60 * 1000;
        keeps = keeps || items[i].time_ms >= now_ms - days;
    }
    for (size_t p = 0; p < 5; p++) {
        rules = rules || periods[p].n != -1;
        keeps = keeps || (!safety && in_periods(periods[p].format, periods[p].n, items, count, i));
    }
    return keeps || !rules;
}

/* The time of the backup that has `rank` newer ones among those that count. */
static int64_t time_of_rank(const struct hg_retained *items, const bool *counts, size_t count,
                            size_t rank)
{
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        for (size_t k = 0; k < count; k++) {
            before += counts[k] && newer(&items[k], &items[i]);
        }
        if (counts[i] && before == rank) {
            return items[i].time_ms;
        }
    }
    return 0;
}

static bool only_held(const struct hg_policy *policy, int64_t now_ms,
                      const struct hg_retained *items, size_t count, size_t i)
{
    static struct hg_retained let_go[MOST];
    memcpy(let_go, items, count * sizeof(*items));
    let_go[i].held = false;
    return items[i].held && !model_keeps(policy, now_ms, let_go, count, i);
}

/* The lower median. */
static int64_t median(const int64_t *gaps, size_t n)
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

bool model_refuses(const struct hg_policy *policy, int64_t now_ms, const struct hg_retained *items,
                   size_t count)
{
    const int64_t day = 24 * 60 * 60 * 1000;
    bool rules = policy->keep_last != -1 || policy->keep_days != -1 || policy->keep_hourly != -1 ||
                 policy->keep_daily != -1 || policy->keep_weekly != -1 ||
                 policy->keep_monthly != -1 || policy->keep_yearly != -1;
    size_t good = 0, looked_at = least(policy) > 3 ? (size_t)least(policy) : 3;
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
    int64_t allowed = policy->keep_weekly > 0 ? 10 : 2;
    allowed = policy->keep_monthly > 0 ? 46 : allowed;
    allowed = policy->keep_yearly > 0 ? 550 : allowed;
    static int64_t gaps[MOST];
    size_t n = 0;
    while (n < good - 1 && n < 2 * looked_at - 1) {
        gaps[n] = time_of_rank(items, counts, count, n) - time_of_rank(items, counts, count, n + 1);
        n++;
    }
    int64_t usual = median(gaps, n);
    for (size_t i = 0; i < n && i < looked_at; i++) {
        if (gaps[i] > allowed * day && gaps[i] / 10 > usual) {
            return true;
        }
    }
    int64_t silence = now_ms - time_of_rank(items, counts, count, 0);
    return silence > 2 * day && silence / 10 > usual;
}
