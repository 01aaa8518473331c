/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention: which backups of a sink stay, and why.  A pure function of the
 * backups, the policy and the time; it deletes nothing itself.
 *
 * The rules.  Only whole backups of our own origin count ("good" ones); they are
 * ordered by the time at which they were finished, then by id.  A good backup
 * stays when at least one of these says so, and else is removed:
 *
 *     keep_last N       it is one of the N newest
 *     keep_days N       it is not older than N times 24 hours
 *     keep_hourly N     it is the newest of its hour, and that is one of the N
 *                       newest hours that have a backup; likewise
 *     keep_daily, keep_weekly (ISO weeks), keep_monthly, keep_yearly
 *     min_keep N        it is one of the N newest (2 unless set, and at least 1)
 *     held              somebody ordered it to stay
 *
 * Safety backups, which a restore takes of what it is about to replace, are apart: no
 * rule but `held` counts or keeps them, and min_keep does not.  One stays when
 *
 *     it is not older than 7 times 24 hours
 *     it is the newest of them
 *
 * A policy without any keep_ rule keeps everything.  What is not good is never
 * removed here: it is not hangar's to judge.
 *
 * The clock guard.  A wrong clock must not delete: nothing is removed when a good
 * backup is from the future, or when one of the newest came after a gap that is out of
 * all proportion to the others, or the newest is itself so long ago, as a clock that
 * jumped makes it look.  "Newest" are the 3 (or min_keep) newest, so that this ends by
 * itself; out of proportion is more than 10 times the median of the gaps between the
 * newest 6 (or 2 * min_keep), and more than 2 days.  A gap between backups must also be
 * longer than those that retention itself leaves: 10 days with keep_weekly, 46 with
 * keep_monthly, 550 with keep_yearly.  What is only held is left out, and so are safety
 * backups.  With less than 3 backups nobody can tell.
 */
#ifndef HG_RETENTION_H
#define HG_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/zone.h"

#define HG_MIN_KEEP_DEFAULT 2
#define HG_SAFETY_DAYS 7
#define HG_FUTURE_MS (5 * 60 * 1000) /* clocks of two machines may differ so much */

/* -1: the rule is not given. */
struct hg_policy {
    int64_t keep_last, keep_days, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly,
        min_keep;
};

struct hg_retained {
    /* in */
    const char *id; /* the caller's */
    int64_t time_ms;
    bool good, held;
    bool safety;         /* of what a restore was about to replace */
    const char *why_not; /* of one that is not good: "damaged"; the caller's, static */
    /* out */
    bool keep;
    char reason[224];
};

/* Sorts the items, newest first, and fills keep and reason of each.  When the
 * clock looks wrong all are kept, and the result is HANGAR_UNSUPPORTED with the
 * explanation in err. */
enum hangar_rc hg_retention_apply(const struct hg_policy *policy, const struct hg_zone *zone,
                                  int64_t now_ms, struct hg_retained *items, size_t count,
                                  struct hg_error *err);

#endif
