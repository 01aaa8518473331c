/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * zone: see zone.h.
 */
#include "base/zone.h"

#include <glib.h>
#include <string.h>

/* hg_zone is GLib's zone under our name; it counts its users itself. */
static GTimeZone *zone_of(const struct hg_zone *zone)
{
    return (GTimeZone *)zone;
}

/* GLib would also open files that are no zones, anywhere, and complain about them. */
static bool is_name(const char *name)
{
    const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    return name[0] != '\0' && name[0] != '/' && name[strspn(name, allowed)] == '\0';
}

struct hg_zone *hg_zone_open(const char *name)
{
    if (name && !is_name(name)) {
        return NULL;
    }
    return (struct hg_zone *)(name ? g_time_zone_new_identifier(name) : g_time_zone_new_local());
}

void hg_zone_close(struct hg_zone *zone)
{
    if (zone) {
        g_time_zone_unref(zone_of(zone));
    }
}

bool hg_zone_wall(const struct hg_zone *zone, int64_t ms, struct hg_wall *out)
{
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    GDateTime *utc = g_date_time_new_from_unix_utc(seconds);
    GDateTime *there = utc ? g_date_time_to_timezone(utc, zone_of(zone)) : NULL;
    if (there) {
        *out = (struct hg_wall){.year = g_date_time_get_year(there),
                                .month = g_date_time_get_month(there),
                                .day = g_date_time_get_day_of_month(there),
                                .hour = g_date_time_get_hour(there),
                                .minute = g_date_time_get_minute(there),
                                .weekday = g_date_time_get_day_of_week(there),
                                .week_year = g_date_time_get_week_numbering_year(there),
                                .week = g_date_time_get_week_of_year(there),
                                .offset_minutes =
                                    (int)(g_date_time_get_utc_offset(there) / G_TIME_SPAN_MINUTE)};
        g_date_time_unref(there);
    }
    if (utc) {
        g_date_time_unref(utc);
    }
    return there != NULL;
}
