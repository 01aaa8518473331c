/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alert_rules: what of a pipeline somebody should know, as a function of its status
 * and of what is allowed.  It asks no sink, keeps nothing and tells nobody.
 */
#ifndef HG_NOTIFY_ALERT_RULES_H
#define HG_NOTIFY_ALERT_RULES_H

#include <stdbool.h>

#include "base/json.h"
#include "base/str.h"

/* What is allowed; 0: whatever it is. */
struct hg_alert_limits {
    int64_t max_age_ms;       /* of the newest good backup */
    int64_t max_duration_ms;  /* of a run */
    int64_t max_drill_age_ms; /* since the last drill; 0 also where none is scheduled */
    int64_t min_free_bytes;   /* in a sink */
    int64_t size_change;      /* percent that a backup may be off the usual */
};

/*
 * Alerts by their key:
 *     failed             the last run failed
 *     slow               the last run took, or the one under way takes, too long
 *     stale SINK         no good backup for too long, or none at all
 *     space SINK         less is free than is wanted, or than the next backup needs
 *     unreachable SINK   what a sink holds cannot be told
 *     damaged SINK       a backup in it cannot be read
 *     size SINK          the newest backup is far smaller or larger than usual
 *     drill              the last drill failed, or was too long ago
 */
struct hg_alert {
    char key[160];
    const char *sink; /* or NULL; the status's */
    struct hg_str text;
};

struct hg_alerts {
    struct hg_alert *items;
    size_t count, capacity;
    bool failed;           /* out of memory, and ... */
    struct hg_str nowhere; /* ... this takes the text of an alert for which there was no room */
};

/* Those that hold for a pipeline of hangar.status/1, at this time. */
void hg_alert_rules(const json_t *pipeline, const struct hg_alert_limits *limits, int64_t now_ms,
                    struct hg_alerts *out);
void hg_alerts_free(struct hg_alerts *alerts);

/* The memory of alerts knows a look at the pipeline that began after this one: what this
 * one saw may be over.  A time that is still to come is of a clock that was put back. */
bool hg_alert_outdated(const json_t *memory, const char *pipeline, int64_t looked_ms,
                       int64_t now_ms);

#endif
