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
#define HELD "held"

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

/* Is it one that the rules are about? */
static bool counts(const struct hg_retained *item)
{
    return item->good && !item->safety;
}

/* ---- the clock guard ---- */

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* What a gap is measured by: so many of the newest, so that it follows a schedule
 * that was changed. */
#define GAPS_COMPARED(newest) (2 * (newest) - 1)

struct jump {
    const struct hg_retained *after; /* the backup before which the gap lies; NULL: now */
    size_t until;                    /* so many more backups, and it is history */
};

/* The longest gap that is nothing unusual: retention makes some itself. */
static int64_t usual_gap(const struct hg_policy *policy)
{
    return policy->keep_yearly > 0    ? 550 * DAY_MS
           : policy->keep_monthly > 0 ? 46 * DAY_MS
           : policy->keep_weekly > 0  ? 10 * DAY_MS
                                      : 2 * DAY_MS;
}

/* Does it tell how often backups are made?  What only an order keeps stands alone. */
static bool tells_time(const struct hg_retained *item)
{
    return counts(item) && strcmp(item->reason, HELD) != 0;
}

/* Is the time since the newest backup, or one of the newest gaps, long and more than ten
 * times what is usual? */
static enum hangar_rc find_jump(const struct hg_policy *policy, const struct hg_retained *items,
                                size_t count, int64_t now_ms, size_t newest, bool *found,
                                struct jump *jump, struct hg_error *err)
{
    const struct hg_retained **good = calloc(count + 1, sizeof(struct hg_retained *));
    int64_t *gaps = calloc(count + 1, sizeof(*gaps));
    size_t n = 0;
    if (!good || !gaps) {
        free(good);
        free(gaps);
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (tells_time(&items[i])) {
            good[n++] = &items[i];
        }
    }
    *found = false;
    if (n >= 3) {
        int64_t silence = now_ms - good[0]->time_ms, largest = 0;
        size_t compared = n - 1 < GAPS_COMPARED(newest) ? n - 1 : GAPS_COMPARED(newest);
        for (size_t i = 0; i < compared; i++) {
            gaps[i] = good[i]->time_ms - good[i + 1]->time_ms;
            if (i < newest && gaps[i] > largest) {
                largest = gaps[i];
                *jump = (struct jump){.after = good[i], .until = newest - i};
            }
        }
        qsort(gaps, compared, sizeof(*gaps), by_size);
        int64_t usual = gaps[(compared - 1) / 2];
        *found = largest > usual_gap(policy) && largest / 10 > usual;
        if (silence > 2 * DAY_MS && silence / 10 > usual) {
            *jump = (struct jump){.after = NULL, .until = newest + 1};
            *found = true;
        }
    }
    free(good);
    free(gaps);
    return HANGAR_OK;
}

static enum hangar_rc check_clock(const struct hg_policy *policy, const struct hg_retained *items,
                                  size_t count, int64_t now_ms, size_t newest, struct hg_error *err)
{
    char now[HG_TIME_SIZE], then[HG_TIME_SIZE];
    bool jumped = false;
    struct jump jump = {0};
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
    enum hangar_rc rc = find_jump(policy, items, count, now_ms, newest, &jumped, &jump, err);
    if (rc == HANGAR_OK && jumped) {
        rc = hg_fail(err, HANGAR_UNSUPPORTED, 0,
                     "nothing is removed: the time %s%s is out of proportion to that between "
                     "other backups, as if the clock, which says %s, had jumped; hint: if the "
                     "clock is right, this ends by itself with %zu more backup%s",
                     jump.after ? "before " : "since the newest backup",
                     jump.after ? jump.after->id : "", now, jump.until, jump.until == 1 ? "" : "s");
    }
    return rc;
}

/* ---- the rules ---- */

enum period { HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY, PERIODS };

static const char *const period_names[PERIODS] = {"hourly", "daily", "weekly", "monthly", "yearly"};

static void period_of(enum period period, const struct hg_wall *wall, char *out, size_t size)
{
    switch (period) {
    case HOURLY:
        snprintf(out, size, "%04d-%02d-%02d %02d:00%c%02d:%02d", wall->year, wall->month, wall->day,
                 wall->hour, wall->offset_minutes < 0 ? '-' : '+', abs(wall->offset_minutes) / 60,
                 abs(wall->offset_minutes) % 60);
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

/* The newest of each of the `limit` newest periods that have one.  Clocks that are put
 * back repeat a part of a day, even of the one before: what is not before the last
 * period was met already.  Repeated hours differ in their distance from UTC. */
static void keep_periods(struct hg_retained *items, size_t count, enum period period, int64_t limit,
                         const struct hg_zone *zone)
{
    char last[32] = "", this[32];
    for (size_t i = 0; i < count && limit > 0; i++) {
        struct hg_wall wall;
        if (!counts(&items[i]) || !hg_zone_wall(zone, items[i].time_ms, &wall)) {
            continue;
        }
        period_of(period, &wall, this, sizeof(this));
        int order = strcmp(this, last);
        if (last[0] == '\0' || order < 0 || (period == HOURLY && order != 0)) {
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
        if (counts(&items[i])) {
            n++;
            keep(&items[i], "%s %lld of %lld", rule, (long long)n, (long long)limit);
        }
    }
}

static void keep_safety(struct hg_retained *items, size_t count, int64_t now_ms)
{
    bool newest = true;
    for (size_t i = 0; i < count; i++) {
        if (!items[i].good || !items[i].safety) {
            continue;
        }
        if (newest) {
            keep(&items[i], "the newest safety backup");
        }
        if (now_ms - items[i].time_ms <= HG_SAFETY_DAYS * DAY_MS) {
            keep(&items[i], "a safety backup, within %d days", HG_SAFETY_DAYS);
        }
        newest = false;
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
            keep(&items[i], HELD);
        }
    }
    keep_newest(items, count, policy->keep_last, "last");
    for (size_t i = 0; policy->keep_days >= 0 && i < count; i++) {
        if (counts(&items[i]) && now_ms - items[i].time_ms <= policy->keep_days * DAY_MS) {
            keep(&items[i], "within %lld days", (long long)policy->keep_days);
        }
    }
    for (int p = 0; p < PERIODS; p++) {
        any = any || periods[p] >= 0;
        keep_periods(items, count, (enum period)p, periods[p], zone);
    }
    keep_newest(items, count, min_keep, "min_keep");
    keep_safety(items, count, now_ms);
    if (!any) {
        keep_all(items, count, "no rule removes");
        return HANGAR_OK;
    }
    enum hangar_rc rc =
        check_clock(policy, items, count, now_ms, min_keep > 3 ? (size_t)min_keep : 3, err);
    if (rc != HANGAR_OK) {
        keep_all(items, count, "the clock looks wrong");
    }
    return rc;
}
