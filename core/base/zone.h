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
#include <hangar/plugin.h>

struct hg_zone;

/* Immutable; any thread.  NOT_FOUND when there is no such zone, NO_MEMORY; no text.
 * `name` as in tzdata ("Europe/Berlin"), "UTC", or NULL for the machine's own.  To be
 * done early: GLib ends the process when memory runs out in here. */
enum hangar_rc hg_zone_open(const char *name, struct hg_zone **out);
void hg_zone_close(struct hg_zone *zone);

struct hg_wall {
    int year, month, day, hour, minute, weekday; /* month, day from 1; weekday 1 is Monday */
    int week_year, week;                         /* ISO 8601 */
    int offset_minutes;                          /* of this clock against UTC, eastwards */
};

/* The wall clock at a time in ms; false outside the years 1 to 9999.  Needs no memory. */
bool hg_zone_wall(const struct hg_zone *zone, int64_t ms, struct hg_wall *out);

#endif
