/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention: which backups of a sink are kept, and why.  A pure function of the
 * backups, the policy and the time; it removes nothing itself.
 *
 * The rules.  Only whole backups of this origin count (they are "good").  They
 * are ordered by the time at which they finished, then by id.  A good backup is
 * kept when a rule of the policy keeps it, or a hold; otherwise it is removed.
 * The rules are listed in config/retention_rules.h.  min_keep is 2 when it is
 * not given, and at least 1.
 *
 * A policy without any other rule than min_keep keeps everything.  A backup that
 * is not good is never removed here.
 *
 * Safety backups, which a restore makes of the data that it will replace, are
 * separate: the rules neither count nor keep them, only a hold does.  A safety
 * backup is also kept when it is not older than 7 times 24 hours, or when it is
 * the newest of them.
 *
 * Partial backups, of some sources of a pipeline, are treated like safety backups, and counted
 * apart from them.
 *
 * The clock guard.  A wrong clock must not remove backups.  Nothing is removed in
 * two cases:
 *
 *  1. A good backup is from the future, by more than 5 minutes.
 *  2. One of the gaps before the newest 3 (or min_keep) backups, or the time since
 *     the newest backup, is unusually long, as a clock that jumped makes it look.
 *     Unusual is more than 10 times the median of the gaps between the newest 6
 *     (or 2 * min_keep) backups, and more than 2 days.  A gap between backups must
 *     also be longer than the gaps that the rules leave: 10 days with keep_weekly,
 *     46 with keep_monthly, 550 with keep_yearly.
 *
 * The second case passes when enough newer backups have been made.  Backups that
 * only a hold keeps, and safety backups, are left out of it.  It needs at least
 * 3 backups.
 */
#ifndef HG_CATALOG_RETENTION_H
#define HG_CATALOG_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include "base/error.h"
#include "base/zone.h"
#include "config/retention_rules.h"

#define HG_MIN_KEEP_DEFAULT 2
#define HG_SAFETY_DAYS 7
#define HG_FUTURE_MS (5 * 60 * 1000) /* the clocks of two machines may differ by so much */

/* Does this time lie ahead, by more than clocks may differ?  Then it does not show how new a
 * backup is. */
bool hg_is_future(int64_t time_ms, int64_t now_ms);

/* Why a backup is kept. */
enum hg_keep_reason {
    HG_KEPT_NOT_COUNTED, /* it is not good */
    HG_KEPT_HELD,
    HG_KEPT_BY_RULE, /* of the policy */
    HG_KEPT_NEWEST_SAFETY,
    HG_KEPT_YOUNG_SAFETY,
    HG_KEPT_NEWEST_PARTIAL,
    HG_KEPT_YOUNG_PARTIAL,
    HG_KEPT_NO_RULE,  /* the policy has no rule that removes */
    HG_KEPT_CLOCK,    /* the clock guard refused */
    HG_KEPT_BY_STORE, /* a lock of the store */
};
#define HG_KEPT_BIT(reason) (1U << (reason))

struct hg_retention_item {
    /* in */
    const char *id; /* the caller's */
    size_t index;   /* the caller's: where it found the backup */
    int64_t time_ms;
    bool good, held;
    bool safety;         /* a safety backup */
    bool partial;        /* a partial backup */
    const char *why_not; /* of one that is not good: "damaged"; static */
    /* out */
    bool keep;
    unsigned kept_by; /* HG_KEPT_BIT of each reason; 0: it is removed */
    char reason[224]; /* the reasons as text, for documents and the log */
};

/* Do the rules apply to it? */
bool hg_retention_item_counts(const struct hg_retention_item *item);

/* Keeps an item for one more reason.  `detail` follows the words of the reason: "7 days"; or "". */
void hg_retention_item_keep(struct hg_retention_item *item, enum hg_keep_reason reason,
                            const char *detail);

/* Sorts the items, newest first, and sets the out fields of each.  UNSUPPORTED, with the
 * explanation in err, when the clock guard refuses: then all items are kept. */
enum hangar_rc hg_retention_apply(const struct hg_policy *policy, const struct hg_zone *zone,
                                  int64_t now_ms, struct hg_retention_item *items, size_t count,
                                  struct hg_error *err);

/* After hg_retention_apply: keeps also what the rules keep by age when it is `store_ms`, the time
 * by the store's clock.  A host whose clock is ahead must not remove what is still young.  Items
 * that are from the future by that clock are left as they are. */
void hg_retention_keep_young(const struct hg_policy *policy, int64_t store_ms,
                             struct hg_retention_item *items, size_t count);

/* The rules given, as JSON for manifests and documents: { "keep_days": 7 }. */
json_t *hg_policy_json(const struct hg_policy *policy);

#endif
