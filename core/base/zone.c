/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * zone: see zone.h.
 */
#include "base/zone.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Days are counted from 0001-01-01, which is day 1. */
enum { DAY = 86400, DAYS_TO_1970 = 719163, DAYS_TO_10000 = 3652059 };

/* More bytes than GLib needs for a zone.  GLib ends the process when it runs out of memory,
 * so their allocation is tried first. */
enum { ROOM = 512 * 1024 };

/* struct hg_zone is the GTimeZone of GLib, which counts its references. */
static GTimeZone *zone_of(const struct hg_zone *zone)
{
    return (GTimeZone *)zone;
}

/* GLib would also open other files, and print warnings about them. */
static bool is_name(const char *name)
{
    const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    return name[0] != '\0' && name[0] != '/' && name[strspn(name, allowed)] == '\0';
}

enum hangar_rc hg_zone_open(const char *name, struct hg_zone **out)
{
    if (name && !is_name(name)) {
        return HANGAR_NOT_FOUND;
    }
    void *room = malloc(ROOM);
    free(room);
    if (!room) {
        return HANGAR_NO_MEMORY;
    }
    *out = (struct hg_zone *)(name ? g_time_zone_new_identifier(name) : g_time_zone_new_local());
    return *out ? HANGAR_OK : HANGAR_NOT_FOUND;
}

void hg_zone_close(struct hg_zone *zone)
{
    if (zone) {
        g_time_zone_unref(zone_of(zone));
    }
}

/* Without a GDateTime, which would need memory. */
bool hg_zone_wall(const struct hg_zone *zone, int64_t ms, struct hg_wall *out)
{
    int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    int offset = g_time_zone_get_offset(
        zone_of(zone), g_time_zone_find_interval(zone_of(zone), G_TIME_TYPE_UNIVERSAL, seconds));
    int64_t there = seconds + offset;
    int64_t days = there / DAY - (there % DAY < 0) + DAYS_TO_1970;
    int second = (int)(there - (days - DAYS_TO_1970) * DAY);
    if (days < 1 || days > DAYS_TO_10000) {
        return false;
    }
    GDate date;
    g_date_clear(&date, 1);
    g_date_set_julian(&date, (guint32)days);
    int month = (int)g_date_get_month(&date);
    int week = (int)g_date_get_iso8601_week_of_year(&date);
    int year = g_date_get_year(&date);
    *out = (struct hg_wall){.year = year,
                            .month = month,
                            .day = g_date_get_day(&date),
                            .hour = second / 3600,
                            .minute = second / 60 % 60,
                            .weekday = (int)g_date_get_weekday(&date),
                            .week_year = month == 1 && week > 5    ? year - 1
                                         : month == 12 && week < 5 ? year + 1
                                                                   : year,
                            .week = week,
                            .offset_minutes = offset / 60};
    return true;
}
