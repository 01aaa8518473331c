/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * zone: what the calendar and the clock on the wall say in a time zone (tzdata by
 * way of GLib, which needs no change of the process's own zone).
 */
#ifndef HG_ZONE_H
#define HG_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* Immutable; any thread.  NULL when there is no such zone.  `name` as in tzdata
 * ("Europe/Berlin"), "UTC", or NULL for the machine's own. */
struct hg_zone *hg_zone_open(const char *name);
void hg_zone_close(struct hg_zone *zone);

struct hg_wall {
    int year, month, day, hour, minute, weekday; /* month, day from 1; weekday 1 is Monday */
    int week_year, week;                         /* ISO 8601 */
    int offset_minutes;                          /* of this clock against UTC, eastwards */
};

/* The wall clock at a time in ms; false outside the years 1 to 9999. */
bool hg_zone_wall(const struct hg_zone *zone, int64_t ms, struct hg_wall *out);

#endif
