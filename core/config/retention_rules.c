/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention_rules: see retention_rules.h.
 */
#include "config/retention_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An hour that is repeated when clocks are set back is another period: its name has the
 * distance from UTC. */
static void hour_of(const struct hg_wall *wall, char out[HG_PERIOD_SIZE])
{
    snprintf(out, HG_PERIOD_SIZE, "%04d-%02d-%02d %02d:00%c%02d:%02d", wall->year, wall->month,
             wall->day, wall->hour, wall->offset_minutes < 0 ? '-' : '+',
             abs(wall->offset_minutes) / 60, abs(wall->offset_minutes) % 60);
}

static void day_of(const struct hg_wall *wall, char out[HG_PERIOD_SIZE])
{
    snprintf(out, HG_PERIOD_SIZE, "%04d-%02d-%02d", wall->year, wall->month, wall->day);
}

static void week_of(const struct hg_wall *wall, char out[HG_PERIOD_SIZE])
{
    snprintf(out, HG_PERIOD_SIZE, "%04d-W%02d", wall->week_year, wall->week);
}

static void month_of(const struct hg_wall *wall, char out[HG_PERIOD_SIZE])
{
    snprintf(out, HG_PERIOD_SIZE, "%04d-%02d", wall->year, wall->month);
}

static void year_of(const struct hg_wall *wall, char out[HG_PERIOD_SIZE])
{
    snprintf(out, HG_PERIOD_SIZE, "%04d", wall->year);
}

#define RULE(name, least, ...)                                                                     \
    {.key = #name, .offset = offsetof(struct hg_policy, name), __VA_ARGS__},
const struct hg_retention_rule hg_retention_rules[] = {HG_RETENTION_RULES(RULE){.key = NULL}};
#undef RULE

int64_t hg_policy_limit(const struct hg_policy *policy, const struct hg_retention_rule *rule)
{
    int64_t limit;
    memcpy(&limit, (const char *)policy + rule->offset, sizeof(limit));
    return limit;
}

void hg_policy_set_limit(struct hg_policy *policy, const struct hg_retention_rule *rule,
                         int64_t limit)
{
    memcpy((char *)policy + rule->offset, &limit, sizeof(limit));
}

int64_t hg_policy_kept_age_ms(const struct hg_policy *policy)
{
    int64_t most = 0;
    for (const struct hg_retention_rule *rule = hg_retention_rules; rule->key; rule++) {
        if (rule->kind == HG_RULE_AGE && hg_policy_limit(policy, rule) * rule->unit_ms > most) {
            most = hg_policy_limit(policy, rule) * rule->unit_ms;
        }
    }
    return most;
}
