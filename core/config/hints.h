/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hints: the key or value that was probably meant by an unknown one.  Private to
 * config/.
 */
#ifndef HG_CONFIG_HINTS_H
#define HG_CONFIG_HINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* The hint for a key that its map does not have: a similar key, the usual word for it ("cron" is
 * "schedule"), or the place where the key belongs ("retention" belongs to a sink).  malloc'd,
 * without "; hint: "; NULL: none. */
char *hg_hint_for_key(const char *key, const char *const *known);

/* An example of a key whose value must be a map, such as "retry: { times: 3 }"; NULL: none. */
const char *hg_hint_for_map(const char *key);

/* The hint for a text that is not a schedule, with its "; hint: "; appends nothing where there is
 * none. */
void hg_hint_for_schedule(const char *text, struct hg_str *out);

/* Whether some map of the file, other than the options of plugins, has such a key. */
bool hg_hint_is_key(const char *key);

/* The hint for a text that is not a value of this type, with its "; hint: "; appends nothing
 * where there is none.  `type` is a type of plugin.h. */
void hg_hint_for_value(uint32_t type, const char *text, struct hg_str *out);

/* The hint for an error of libyaml, with its "; hint: "; "" where there is none.  `column` is
 * where the keys of the map, or the entries of the list, begin. */
void hg_hint_for_syntax(const char *problem, size_t line, size_t column, struct hg_str *out);

#endif
