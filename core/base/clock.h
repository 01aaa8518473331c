/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clock: wall time for users and manifests, monotonic time for waiting, and the two
 * text forms of times.
 */
#ifndef HG_BASE_CLOCK_H
#define HG_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t hg_now_ms(void);  /* since 1970-01-01T00:00:00Z */
int64_t hg_mono_ms(void); /* monotonic, from an arbitrary start */

#define HG_TIME_SIZE 32
/* "2026-01-15T02:00:00.000Z" */
void hg_time_format(int64_t ms, char out[HG_TIME_SIZE]);
/* Parses such a text; the milliseconds may be missing.  False when it is invalid. */
bool hg_time_parse(const char *text, int64_t *ms);

#define HG_BACKUP_ID_SIZE 48
/* "backup_2026-01-15T02-00-00-000Z" */
void hg_backup_id_format(int64_t ms, char out[HG_BACKUP_ID_SIZE]);
/* Parses such an id; false when it is invalid or its date does not exist. */
bool hg_backup_id_parse(const char *text, int64_t *ms);

/* The date of a day, counted from 1970-01-01. */
struct hg_date {
    int64_t year;
    int month, day; /* from 1 */
};
struct hg_date hg_date_of_day(int64_t days);

#endif
