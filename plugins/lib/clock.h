/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * clock: the time, and how dates are written and read.  All functions may be called from
 * any thread; none of them depends on the time zone of the process.
 */
#ifndef PLUGIN_CLOCK_H
#define PLUGIN_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Milliseconds of a clock that never goes back, since some moment: for waiting. */
int64_t clock_monotonic_ms(void);

/* Milliseconds since 1970-01-01T00:00:00Z, by the clock of this machine. */
int64_t clock_now_ms(void);

/* Formats for clock_format. */
#define CLOCK_ISO "%Y-%m-%dT%H:%M:%SZ"      /* 2026-01-15T02:00:00Z */
#define CLOCK_ISO_COMPACT "%Y%m%dT%H%M%SZ"  /* 20260115T020000Z */
#define CLOCK_ISO_FILE "%Y-%m-%dT%H-%M-%SZ" /* 2026-01-15T02-00-00Z, for names of files */
#define CLOCK_ISO_SIZE 32                   /* bytes, enough for each of them */

/* Writes a time as UTC in a format of strftime.  A time that has no date, or that does not fit
 * into `size` bytes, gives "". */
void clock_format(int64_t ms, const char *format, char *out, size_t size)
    __attribute__((format(strftime, 2, 0)));

/* Reads a time of RFC 3339: "2026-01-15T02:00:00Z", also with a fraction (what is finer than
 * a millisecond is cut off) and with an offset ("+01:00" or "+0100") instead of Z.  False, and
 * *ms is unchanged: the text is anything else, or its date does not exist. */
bool clock_parse(const char *text, int64_t *ms);

#endif
