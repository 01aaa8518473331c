/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention: see retention.h.
 */
#include "catalog/retention.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DAY_MS INT64_C(86400000)

static int newest_first(const void *a, const void *b)
{
    const struct hg_retained *x = a, *y = b;
    if (x->time_ms != y->time_ms) {
        return x->time_ms > y->time_ms ? -1 : 1;
    }
    return strcmp(y->id, x->id);
}

static void keep(struct hg_retained *item, const char *fmt, ...) HANGAR_PRINTF(2, 3);
static void keep(struct hg_retained *item, const char *fmt, ...)
{
    size_t n = item->keep ? strlen(item->reason) : 0;
    if (n > 0 && n + 2 < sizeof(item->reason)) {
        n += (size_t)snprintf(item->reason + n, sizeof(item->reason) - n, ", ");
    }
    va_list args;
    va_start(args, fmt);
    if (n < sizeof(item->reason)) {
        vsnprintf(item->reason + n, sizeof(item->reason) - n, fmt, args);
    }
    va_end(args);
    item->keep = true;
}

/* ---- the clock guard ---- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* One of the newest gaps is more than ten times the median of all, and days long. */
static const struct hg_retained *after_a_jump(const struct hg_retained *items, size_t count,
                                              size_t newest)
{
    const struct hg_retained *jumped = NULL;
    int64_t *gaps = calloc(count + 1, sizeof(*gaps));
    size_t n = 0;
    const struct hg_retained *newer = NULL;
    for (size_t i = 0; gaps && i < count; i++) {
        if (items[i].good && newer) {
            gaps[n++] = newer->time_ms - items[i].time_ms;
        }
        newer = items[i].good ? &items[i] : newer;
    }
    if (n >= 3) {
        int64_t newest_gap = 0;
        size_t at = 0;
        for (size_t i = 0; i < n && i < newest; i++) {
            if (gaps[i] > newest_gap) {
                newest_gap = gaps[i];
                at = i;
            }
        }
        qsort(gaps, n, sizeof(*gaps), by_size);
        if (newest_gap > 2 * DAY_MS && newest_gap / 10 > gaps[(n - 1) / 2]) {
            for (size_t i = 0; i < count && !jumped; i++) {
                jumped = items[i].good && at-- == 0 ? &items[i] : NULL;
            }
        }
    }
    free(gaps);
    return jumped;
}

static enum hangar_rc check_clock(const struct hg_retained *items, size_t count, int64_t now_ms,
                                  size_t newest, struct hg_error *err)
{
    char now[HG_TIME_SIZE], then[HG_TIME_SIZE];
    hg_time_format(now_ms, now);
    for (size_t i = 0; i < count; i++) {
        if (items[i].good && items[i].time_ms > now_ms + HG_FUTURE_MS) {
            hg_time_format(items[i].time_ms, then);
            return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                           "nothing is removed: %s is of %s, and the clock says %s; hint: set the "
                           "clock, or remove the backup by its id if its own clock was wrong",
                           items[i].id, then, now);
        }
    }
    const struct hg_retained *jumped = after_a_jump(items, count, newest);
    if (jumped) {
        return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                       "nothing is removed: the gap before %s is out of proportion, as if the "
                       "clock had jumped; hint: this ends by itself after %zu more backups",
                       jumped->id, newest);
    }
    return HANGAR_OK;
}

/* ---- the rules ---- */

enum period { HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY, PERIODS };

static const char *const period_names[PERIODS] = {"hourly", "daily", "weekly", "monthly", "yearly"};

static void period_of(enum period period, const struct hg_wall *wall, char *out, size_t size)
{
    switch (period) {
    case HOURLY:
        snprintf(out, size, "%04d-%02d-%02d %02dh", wall->year, wall->month, wall->day, wall->hour);
        break;
    case DAILY:
        snprintf(out, size, "%04d-%02d-%02d", wall->year, wall->month, wall->day);
        break;
    case WEEKLY:
        snprintf(out, size, "%04d-W%02d", wall->week_year, wall->week);
        break;
    case MONTHLY:
        snprintf(out, size, "%04d-%02d", wall->year, wall->month);
        break;
    default:
        snprintf(out, size, "%04d", wall->year);
    }
}

/* The newest of each of the `limit` newest periods that have one. */
static void keep_periods(struct hg_retained *items, size_t count, enum period period, int64_t limit,
                         const struct hg_zone *zone)
{
    char last[32] = "", this[32];
    for (size_t i = 0; i < count && limit > 0; i++) {
        struct hg_wall wall;
        if (!items[i].good || !hg_zone_wall(zone, items[i].time_ms, &wall)) {
            continue;
        }
        period_of(period, &wall, this, sizeof(this));
        if (strcmp(this, last) != 0) {
            keep(&items[i], "%s %s", period_names[period], this);
            memcpy(last, this, sizeof(last));
            limit--;
        }
    }
}

static void keep_newest(struct hg_retained *items, size_t count, int64_t limit, const char *rule)
{
    int64_t n = 0;
    for (size_t i = 0; i < count && n < limit; i++) {
        if (items[i].good) {
            n++;
            keep(&items[i], "%s %lld of %lld", rule, (long long)n, (long long)limit);
        }
    }
}

static void keep_all(struct hg_retained *items, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++) {
        if (!items[i].keep) {
            keep(&items[i], "%s", why);
        }
    }
}

enum hangar_rc hg_retention_apply(const struct hg_policy *policy, const struct hg_zone *zone,
                                  int64_t now_ms, struct hg_retained *items, size_t count,
                                  struct hg_error *err)
{
    const int64_t periods[PERIODS] = {policy->keep_hourly, policy->keep_daily, policy->keep_weekly,
                                      policy->keep_monthly, policy->keep_yearly};
    int64_t min_keep = policy->min_keep < 0   ? HG_MIN_KEEP_DEFAULT
                       : policy->min_keep < 1 ? 1
                                              : policy->min_keep;
    bool any = policy->keep_last >= 0 || policy->keep_days >= 0;
    if (count) {
        qsort(items, count, sizeof(*items), newest_first);
    }
    for (size_t i = 0; i < count; i++) {
        items[i].keep = false;
        snprintf(items[i].reason, sizeof(items[i].reason), "no rule keeps it");
        if (!items[i].good) {
            keep(&items[i], "not counted: %s", items[i].why_not ? items[i].why_not : "not whole");
        } else if (items[i].held) {
            keep(&items[i], "held");
        }
    }
    keep_newest(items, count, policy->keep_last, "last");
    for (size_t i = 0; policy->keep_days >= 0 && i < count; i++) {
        if (items[i].good && (now_ms - items[i].time_ms) / DAY_MS < policy->keep_days) {
            keep(&items[i], "within %lld days", (long long)policy->keep_days);
        }
    }
    for (int p = 0; p < PERIODS; p++) {
        any = any || periods[p] >= 0;
        keep_periods(items, count, (enum period)p, periods[p], zone);
    }
    keep_newest(items, count, min_keep, "min_keep");
    if (!any) {
        keep_all(items, count, "no rule removes");
        return HANGAR_OK;
    }
    enum hangar_rc rc = check_clock(items, count, now_ms, min_keep > 3 ? (size_t)min_keep : 3, err);
    if (rc != HANGAR_OK) {
        keep_all(items, count, "the clock looks wrong");
    }
    return rc;
}
