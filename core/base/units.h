/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * units: numbers with units, as written in the configuration.  A parser accepts the
 * whole text or refuses it.  It accepts no spaces, no sign (except hg_parse_int), and
 * no leading zeros: "010" could mean 8 or 10.
 */
#ifndef HG_BASE_UNITS_H
#define HG_BASE_UNITS_H

#include <stdbool.h>
#include <stdint.h>

bool hg_parse_int(const char *text, int64_t *value);
/* 4096, 64KiB, 1.5GiB, 10MB, 0; binary KiB MiB GiB TiB, decimal kB KB MB GB TB, B */
bool hg_parse_size(const char *text, int64_t *bytes);
/* 500ms, 30s, 5m, 25h, 7d, 2w, 0 */
bool hg_parse_duration(const char *text, int64_t *ms);
/* true or false, and nothing else */
bool hg_parse_bool(const char *text, bool *value);

/* "12.3 MiB", "1 min 05 s". */
#define HG_UNITS_SIZE 32
void hg_format_size(uint64_t bytes, char out[HG_UNITS_SIZE]);
void hg_format_duration(int64_t ms, char out[HG_UNITS_SIZE]);

#endif
