/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention_rules: the table of the rules of retention.  A rule is one line of
 * HG_RETENTION_RULES.  From this table come the keys of `retention:` in
 * backup.yaml, the fields of struct hg_policy, the evaluation
 * (catalog/retention.h), the locks of objects, and the JSON of a policy in
 * manifests and documents.  The table itself is documented in
 * docs/configuration.md.
 */
#ifndef HG_CONFIG_RETENTION_RULES_H
#define HG_CONFIG_RETENTION_RULES_H

#include <stddef.h>
#include <stdint.h>
#include "base/zone.h"

#define HG_DAY_MS INT64_C(86400000)
#define HG_PERIOD_SIZE 32

/* What a rule with the limit N keeps. */
enum hg_rule_kind {
    HG_RULE_NEWEST,  /* the N newest backups */
    HG_RULE_AGE,     /* each backup that is not older than N units */
    HG_RULE_PERIOD,  /* the newest backup of each of the N newest periods that have one */
    HG_RULE_MINIMUM, /* the N newest; a policy with this rule alone removes nothing */
};

/*   name         least value, then the fields of struct hg_retention_rule */
#define HG_RETENTION_RULES(RULE)                                                                   \
    RULE(keep_last, 0, .kind = HG_RULE_NEWEST, .text = "last")                                     \
    RULE(keep_days, 0, .kind = HG_RULE_AGE, .unit_ms = HG_DAY_MS, .text = "days")                  \
    RULE(keep_hourly, 0, .kind = HG_RULE_PERIOD, .period = hour_of, .hours = true,                 \
         .text = "hourly")                                                                         \
    RULE(keep_daily, 0, .kind = HG_RULE_PERIOD, .period = day_of, .text = "daily")                 \
    RULE(keep_weekly, 0, .kind = HG_RULE_PERIOD, .period = week_of, .gap_days = 10,                \
         .text = "weekly")                                                                         \
    RULE(keep_monthly, 0, .kind = HG_RULE_PERIOD, .period = month_of, .gap_days = 46,              \
         .text = "monthly")                                                                        \
    RULE(keep_yearly, 0, .kind = HG_RULE_PERIOD, .period = year_of, .gap_days = 550,               \
         .text = "yearly")                                                                         \
    RULE(min_keep, 1, .kind = HG_RULE_MINIMUM, .text = "min_keep")

struct hg_retention_rule {
    const char *key;  /* in backup.yaml and in JSON */
    size_t offset;    /* of the limit in struct hg_policy */
    const char *text; /* in the reason why a backup is kept: "last 1 of 2", "within 7 days" */
    enum hg_rule_kind kind;
    int64_t unit_ms; /* AGE */
    /* PERIOD: the name of the period, "2026-01-15".  Names sort by time. */
    void (*period)(const struct hg_wall *wall, char out[HG_PERIOD_SIZE]);
    bool hours;       /* PERIOD: shorter than the hour that a change of clocks repeats */
    int64_t gap_days; /* the longest gap between backups that the rule leaves; 0: no long one */
};

extern const struct hg_retention_rule hg_retention_rules[]; /* ends with a NULL key */

/* The limit N of each rule of a sink; -1: the rule is not given. */
struct hg_policy {
#define HG_POLICY_FIELD(name, ...) int64_t name;
    HG_RETENTION_RULES(HG_POLICY_FIELD)
#undef HG_POLICY_FIELD
};

int64_t hg_policy_limit(const struct hg_policy *policy, const struct hg_retention_rule *rule);
void hg_policy_set_limit(struct hg_policy *policy, const struct hg_retention_rule *rule,
                         int64_t limit);

/* The age in ms until which the policy keeps every backup, whatever other backups there
 * are or will be; 0 when no rule promises that. */
int64_t hg_policy_kept_age_ms(const struct hg_policy *policy);

#endif
