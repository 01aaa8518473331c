/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_rules: which alerts a pipeline has, as a pure function of its status and of the configured
 * limits.  It reads no sink, remembers nothing and sends nothing.
 */
#ifndef HG_JOBS_NOTIFY_ALERT_RULES_H
#define HG_JOBS_NOTIFY_ALERT_RULES_H

#include <stdbool.h>

#include "base/str.h"
#include "jobs/report/status.h"

/* 0: no limit. */
struct hg_alert_limits {
    int64_t max_age_ms;       /* of the newest good backup */
    int64_t max_duration_ms;  /* of a run */
    int64_t max_drill_age_ms; /* since the last drill; 0 also where none is scheduled */
    int64_t min_free_bytes;   /* in a sink */
    int64_t size_change;      /* percent by which a backup may differ from the usual size */
};

/* Those from HG_ALERT_STALE to HG_ALERT_SIZE are of a sink. */
enum hg_alert_kind {
    HG_ALERT_FAILED,      /* the last run failed */
    HG_ALERT_SLOW,        /* the last run took, or the one under way takes, too long */
    HG_ALERT_STALE,       /* no good backup for too long, or none at all */
    HG_ALERT_SPACE,       /* less is free than the limit, or than the next backup needs */
    HG_ALERT_UNREACHABLE, /* the sink, a folder in it, or its free space cannot be read */
    HG_ALERT_DAMAGED,     /* a backup in it is not good (goodness.h) */
    HG_ALERT_FUTURE,      /* a backup in it is from the future */
    HG_ALERT_SIZE,        /* the newest backup is far smaller or larger than usual */
    HG_ALERT_DRILL        /* the last drill failed, or was too long ago */
};

struct hg_alert {
    enum hg_alert_kind kind;
    const char *sink; /* the configuration's; NULL: of no sink */
    char key[160];    /* its name in documents: "failed", "stale SINK" */
    bool quiet;       /* it does not begin now, but one that is firing lasts: a run that was
                       * interrupted, or that is tried again, shows no failure, and no success */
    bool none_yet;    /* the sink has no backup, perhaps because none was due yet */
    struct hg_str text;
};

struct hg_alerts {
    struct hg_alert *items;
    size_t count, capacity;
    bool failed;          /* out of memory: alerts may be missing */
    struct hg_str unused; /* receives the text of an alert for which there was no memory */
};

/* The alerts of a pipeline at this time.  Free with hg_alerts_free. */
void hg_alert_rules(const struct hg_pipeline_status *pipeline, const struct hg_alert_limits *limits,
                    int64_t now_ms, struct hg_alerts *out);
void hg_alerts_free(struct hg_alerts *alerts);

#endif
