/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention: see retention.h.
 */
#include "catalog/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

#define USUAL_GAP_DAYS 2
#define DETAIL_SIZE 80 /* of one reason */

static int compare_newest_first(const void *a, const void *b)
{
    const struct hg_retention_item *x = a, *y = b;
    if (x->time_ms != y->time_ms) {
        return x->time_ms > y->time_ms ? -1 : 1;
    }
    return strcmp(y->id, x->id);
}

static const char *const keep_words[] = {
    [HG_KEPT_NOT_COUNTED] = "not counted: ",
    [HG_KEPT_HELD] = "held",
    [HG_KEPT_BY_RULE] = "",
    [HG_KEPT_NEWEST_SAFETY] = "newest safety backup",
    [HG_KEPT_YOUNG_SAFETY] = "safety backup within ",
    [HG_KEPT_NEWEST_PARTIAL] = "newest partial backup",
    [HG_KEPT_YOUNG_PARTIAL] = "partial backup within ",
    [HG_KEPT_NO_RULE] = "no rule removes",
    [HG_KEPT_CLOCK] = "the clock may be wrong",
    [HG_KEPT_BY_STORE] = "kept by the store: ",
};

void hg_retention_item_keep(struct hg_retention_item *item, enum hg_keep_reason reason,
                            const char *detail)
{
    const size_t n = item->keep ? strlen(item->reason) : 0;
    snprintf(item->reason + n, sizeof(item->reason) - n, "%s%s%s", n > 0 ? ", " : "",
             keep_words[reason], detail);
    item->kept_by |= HG_KEPT_BIT(reason);
    item->keep = true;
}

bool hg_retention_item_counts(const struct hg_retention_item *item)
{
    return item->good && !item->safety && !item->partial;
}

/* ---- the clock guard ---- */

static int compare_gaps(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The gaps that the median is made of.  They are few, so that the median follows a
 * schedule that was changed. */
#define GAPS_COMPARED(newest) (2 * (newest) - 1)

/* A gap between backups that is unusually long. */
struct clock_jump {
    bool found;
    const struct hg_retention_item *after; /* the backup behind the gap; NULL: the gap ends now */
    size_t backups_left;                   /* after so many more backups the gap is ignored */
};

/* The longest gap between backups that is usual, as the rules themselves leave gaps. */
static int64_t usual_gap_ms(const struct hg_policy *policy)
{
    int64_t days = USUAL_GAP_DAYS;
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        if (hg_policy_limit(policy, rule) > 0 && rule->gap_days > days) {
            days = rule->gap_days;
        }
    }
    return days * HG_DAY_MS;
}

/* Does it show how often backups are made?  One that only a hold keeps does not. */
static bool shows_schedule(const struct hg_retention_item *item)
{
    return hg_retention_item_counts(item) && item->kept_by != HG_KEPT_BIT(HG_KEPT_HELD);
}

/* Searches the gaps of `good`: at least three backups, the newest first.  `gaps` has room for as
 * many. */
static struct clock_jump find_clock_jump(const struct hg_policy *policy,
                                         const struct hg_retention_item *const *good, size_t count,
                                         int64_t now_ms, size_t newest, int64_t *gaps)
{
    struct clock_jump jump = {0};
    int64_t since_newest = now_ms - good[0]->time_ms, largest = 0;
    size_t compared = count - 1 < GAPS_COMPARED(newest) ? count - 1 : GAPS_COMPARED(newest);
    for (size_t i = 0; i < compared; i++) {
        gaps[i] = good[i]->time_ms - good[i + 1]->time_ms;
        if (i < newest && gaps[i] > largest) {
            largest = gaps[i];
            jump = (struct clock_jump){.after = good[i], .backups_left = newest - i};
        }
    }
    qsort(gaps, compared, sizeof(*gaps), compare_gaps);
    int64_t median = gaps[(compared - 1) / 2];
    jump.found = largest > usual_gap_ms(policy) && largest / 10 > median;
    if (since_newest > USUAL_GAP_DAYS * HG_DAY_MS && since_newest / 10 > median) {
        jump = (struct clock_jump){.found = true, .backups_left = newest + 1};
    }
    return jump;
}

/* Fails when the clock seems to have jumped. */
static enum hangar_rc check_gaps(const struct hg_policy *policy,
                                 const struct hg_retention_item *items, size_t count,
                                 int64_t now_ms, size_t newest, struct hg_error *err)
{
    const struct hg_retention_item **good = calloc(count + 1, sizeof(struct hg_retention_item *));
    int64_t *gaps = calloc(count + 1, sizeof(*gaps));
    struct clock_jump jump = {0};
    size_t n = 0;
    if (!good || !gaps) {
        free(good);
        free(gaps);
        return hg_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (shows_schedule(&items[i])) {
            good[n++] = &items[i];
        }
    }
    if (n >= 3) {
        jump = find_clock_jump(policy, good, n, now_ms, newest, gaps);
    }
    free(good);
    free(gaps);
    if (!jump.found) {
        return HANGAR_OK;
    }
    char now[HG_TIME_SIZE];
    hg_time_format(now_ms, now);
    return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                   "nothing is removed: the time %s%s is unusually long, so the clock (%s) may "
                   "be wrong; hint: if the clock is right, retention continues after %zu more "
                   "backup%s",
                   jump.after ? "before backup " : "since the newest backup",
                   jump.after ? jump.after->id : "", now, jump.backups_left,
                   jump.backups_left == 1 ? "" : "s");
}

bool hg_is_future(int64_t time_ms, int64_t now_ms)
{
    return time_ms > now_ms + HG_FUTURE_MS;
}

static enum hangar_rc check_clock(const struct hg_policy *policy,
                                  const struct hg_retention_item *items, size_t count,
                                  int64_t now_ms, size_t newest, struct hg_error *err)
{
    char now[HG_TIME_SIZE], then[HG_TIME_SIZE];
    hg_time_format(now_ms, now);
    for (size_t i = 0; i < count; i++) {
        if (items[i].good && hg_is_future(items[i].time_ms, now_ms)) {
            hg_time_format(items[i].time_ms, then);
            return hg_fail(err, HANGAR_UNSUPPORTED, 0,
                           "nothing is removed: backup %s is from the future (%s, the clock shows "
                           "%s); hint: set the clock, or remove the backup by its id if the clock "
                           "was wrong when it was made",
                           items[i].id, then, now);
        }
    }
    return check_gaps(policy, items, count, now_ms, newest, err);
}

/* ---- the rules ---- */

/* When clocks are set back, a part of the day is repeated, perhaps of the day before.
 * Then a period returns that was seen already: its name is not before the last one.  Hours
 * are the exception: a repeated hour has a name of its own. */
static void keep_periods(const struct hg_retention_rule *rule, int64_t limit,
                         const struct hg_zone *zone, struct hg_retention_item *items, size_t count)
{
    char last[HG_PERIOD_SIZE] = "", this[HG_PERIOD_SIZE], detail[DETAIL_SIZE];
    for (size_t i = 0; i < count && limit > 0; i++) {
        struct hg_wall wall;
        if (!hg_retention_item_counts(&items[i]) || !hg_zone_wall(zone, items[i].time_ms, &wall)) {
            continue;
        }
        rule->period(&wall, this);
        int order = strcmp(this, last);
        if (last[0] == '\0' || order < 0 || (rule->hours && order != 0)) {
            snprintf(detail, sizeof(detail), "%s %s", rule->text, this);
            hg_retention_item_keep(&items[i], HG_KEPT_BY_RULE, detail);
            memcpy(last, this, sizeof(last));
            limit--;
        }
    }
}

static void keep_newest(const struct hg_retention_rule *rule, int64_t limit,
                        struct hg_retention_item *items, size_t count)
{
    int64_t n = 0;
    for (size_t i = 0; i < count && n < limit; i++) {
        if (hg_retention_item_counts(&items[i])) {
            n++;
            char detail[DETAIL_SIZE];
            snprintf(detail, sizeof(detail), "%s %lld of %lld", rule->text, (long long)n,
                     (long long)limit);
            hg_retention_item_keep(&items[i], HG_KEPT_BY_RULE, detail);
        }
    }
}

static void keep_young(const struct hg_retention_rule *rule, int64_t limit, int64_t now_ms,
                       struct hg_retention_item *items, size_t count)
{
    char detail[DETAIL_SIZE];
    snprintf(detail, sizeof(detail), "within %lld %s", (long long)limit, rule->text);
    for (size_t i = 0; limit >= 0 && i < count; i++) {
        if (hg_retention_item_counts(&items[i]) &&
            now_ms - items[i].time_ms <= limit * rule->unit_ms) {
            hg_retention_item_keep(&items[i], HG_KEPT_BY_RULE, detail);
        }
    }
}

static void keep_young_apart(struct hg_retention_item *item, int64_t now_ms)
{
    char detail[DETAIL_SIZE];
    if (now_ms - item->time_ms <= HG_SAFETY_DAYS * HG_DAY_MS) {
        snprintf(detail, sizeof(detail), "%d days", HG_SAFETY_DAYS);
        hg_retention_item_keep(item, item->safety ? HG_KEPT_YOUNG_SAFETY : HG_KEPT_YOUNG_PARTIAL,
                               detail);
    }
}

/* Safety backups, or partial ones. */
static void keep_apart(struct hg_retention_item *items, size_t count, int64_t now_ms, bool safety)
{
    bool newest = true;
    for (size_t i = 0; i < count; i++) {
        if (!items[i].good || !(safety ? items[i].safety : items[i].partial)) {
            continue;
        }
        if (newest) {
            hg_retention_item_keep(&items[i],
                                   safety ? HG_KEPT_NEWEST_SAFETY : HG_KEPT_NEWEST_PARTIAL, "");
        }
        keep_young_apart(&items[i], now_ms);
        newest = false;
    }
}

static void keep_all(struct hg_retention_item *items, size_t count, enum hg_keep_reason why)
{
    for (size_t i = 0; i < count; i++) {
        if (!items[i].keep) {
            hg_retention_item_keep(&items[i], why, "");
        }
    }
}

static void keep_without_rules(struct hg_retention_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i].keep = false;
        items[i].kept_by = 0;
        snprintf(items[i].reason, sizeof(items[i].reason), "no rule keeps it");
        if (!items[i].good) {
            hg_retention_item_keep(&items[i], HG_KEPT_NOT_COUNTED,
                                   items[i].why_not ? items[i].why_not : "incomplete");
        } else if (items[i].held) {
            hg_retention_item_keep(&items[i], HG_KEPT_HELD, "");
        }
    }
}

static int64_t limit_in_force(const struct hg_policy *policy, const struct hg_retention_rule *rule)
{
    int64_t limit = hg_policy_limit(policy, rule);
    if (rule->kind != HG_RULE_MINIMUM) {
        return limit;
    }
    return limit < 0 ? HG_MIN_KEEP_DEFAULT : limit < 1 ? 1 : limit;
}

enum hangar_rc hg_retention_apply(const struct hg_policy *policy, const struct hg_zone *zone,
                                  int64_t now_ms, struct hg_retention_item *items, size_t count,
                                  struct hg_error *err)
{
    size_t newest = 3;
    bool removes = false;
    if (count) {
        qsort(items, count, sizeof(*items), compare_newest_first);
    }
    keep_without_rules(items, count);
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        int64_t limit = limit_in_force(policy, rule);
        switch (rule->kind) {
        case HG_RULE_NEWEST:
            keep_newest(rule, limit, items, count);
            break;
        case HG_RULE_AGE:
            keep_young(rule, limit, now_ms, items, count);
            break;
        case HG_RULE_PERIOD:
            keep_periods(rule, limit, zone, items, count);
            break;
        case HG_RULE_MINIMUM:
            keep_newest(rule, limit, items, count);
            newest = (size_t)limit > newest ? (size_t)limit : newest;
            break;
        }
        removes = removes || (rule->kind != HG_RULE_MINIMUM && limit >= 0);
    }
    keep_apart(items, count, now_ms, true);
    keep_apart(items, count, now_ms, false);
    if (!removes) {
        keep_all(items, count, HG_KEPT_NO_RULE);
        return HANGAR_OK;
    }
    enum hangar_rc rc = check_clock(policy, items, count, now_ms, newest, err);
    if (rc != HANGAR_OK) {
        keep_all(items, count, HG_KEPT_CLOCK);
    }
    return rc;
}

void hg_retention_keep_young(const struct hg_policy *policy, int64_t store_ms,
                             struct hg_retention_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hg_retention_item *item = &items[i];
        if (item->keep || !item->good || hg_is_future(item->time_ms, store_ms)) {
            continue;
        }
        if (!hg_retention_item_counts(item)) {
            keep_young_apart(item, store_ms);
            continue;
        }
        for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
            if (rule->kind == HG_RULE_AGE) {
                keep_young(rule, hg_policy_limit(policy, rule), store_ms, item, 1);
            }
        }
    }
}

json_t *hg_policy_json(const struct hg_policy *policy)
{
    json_t *json = json_object();
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        int64_t limit = hg_policy_limit(policy, rule);
        if (limit >= 0) {
            hg_json_set_int(json, rule->key, limit);
        }
    }
    return json;
}
