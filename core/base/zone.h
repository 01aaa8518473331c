/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * zone: calendar and local time in a time zone.  It uses tzdata through GLib, which does
 * not depend on the time zone of the process.
 */
#ifndef HG_BASE_ZONE_H
#define HG_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>
#include <hangar/plugin.h>

struct hg_zone;

/* Opens a zone, which is immutable and may be used by any thread.  `name` is one of tzdata
 * ("Europe/Berlin"), "UTC", or NULL for the zone of the machine.  NOT_FOUND, or NO_MEMORY;
 * no text.  To be called early: GLib ends the process when it runs out of memory. */
enum hangar_rc hg_zone_open(const char *name, struct hg_zone **out);
void hg_zone_close(struct hg_zone *zone);

struct hg_wall {
    int year, month, day, hour, minute, weekday; /* month, day from 1; weekday 1 is Monday */
    int week_year, week;                         /* ISO 8601 */
    int offset_minutes;                          /* of local time from UTC, positive to the east */
};

/* The local time at a time in ms; false outside the years 1 to 9999.  Allocates nothing. */
bool hg_zone_wall(const struct hg_zone *zone, int64_t ms, struct hg_wall *out);

#endif
