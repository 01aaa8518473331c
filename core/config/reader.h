/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reader: what the readers of the sections of backup.yaml have in common.
 * Private to config/.
 */
#ifndef HG_READER_H
#define HG_READER_H

#include "base/zone.h"
#include "config/config.h"
#include "config/values.h"

/* The model being made, and what is wrong with it. */
struct hg_reader {
    struct hg_config *config;
    struct hg_problems *problems;
};

/* Reports the keys of a map that are not in `known`; `hint` (may be NULL) is for
 * those that look like none of them. */
void hg_reader_check_keys(struct hg_reader *r, const struct hg_yaml *map, const char *const *known,
                          const char *hint);

/* The map under a key; NULL when there is none, when it is empty, and when it is
 * no map, which is reported. */
const struct hg_yaml *hg_reader_map(struct hg_reader *r, const struct hg_yaml *map,
                                    const char *key);

struct hg_value_place hg_reader_place(struct hg_reader *r, const struct hg_yaml *node,
                                      const char *name);

/* A number, duration, size or truth of a map; `otherwise` when it is not given, or wrong,
 * which is reported. */
int64_t hg_reader_number(struct hg_reader *r, const struct hg_yaml *map,
                         const struct hangar_option *option, int64_t otherwise);

/* A letter, then letters, digits and the characters of `others`; all lower case. */
bool hg_reader_is_name(const char *text, const char *others);

/* Reports a bad name of an instance or a pipeline. */
void hg_reader_check_name(struct hg_reader *r, const struct hg_yaml_key *key);

/* A time zone, NULL for the machine's own; that there is none of that name is reported. */
struct hg_zone *hg_reader_zone(struct hg_reader *r, const char *name, size_t line, size_t column);

#endif
