/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention_model: what retention must decide, written a second time from its description,
 * for one backup at a time and without regard to speed.  It shares nothing with the core but
 * the types and the limits of a policy; its calendar is the C library's, in the zone of the
 * variable TZ.
 */
#ifndef TEST_UNIT_CATALOG_RETENTION_MODEL_H
#define TEST_UNIT_CATALOG_RETENTION_MODEL_H

#include "catalog/retention.h"

/* A rule of retention as the model understands it. */
struct model_rule {
    const char *key;
    const char *format; /* PERIOD: of strftime, for the name of the period */
    int64_t unit_ms;    /* AGE */
    int64_t gap_days;   /* PERIOD: the longest gap that the clock guard allows; 0: the usual */
    int64_t largest;    /* limit of a random policy */
};

/* NULL: the model has no such rule.  Then it is right only for policies without the rule. */
const struct model_rule *model_rule_of(const struct hg_retention_rule *rule);

/* Has the policy a rule other than the minimum? */
bool model_has_rules(const struct hg_policy *policy);

/* Must the clock guard refuse? */
bool model_refuses(const struct hg_policy *policy, int64_t now_ms,
                   const struct hg_retention_item *items, size_t count);

/* Must items[i] stay, when the guard does not refuse? */
bool model_keeps(const struct hg_policy *policy, int64_t now_ms,
                 const struct hg_retention_item *items, size_t count, size_t i);

/* How many good backups, but for safety backups, are newer than items[i]? */
size_t model_newer(const struct hg_retention_item *items, size_t count, size_t i);

#endif
