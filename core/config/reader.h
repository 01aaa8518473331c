/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reader: the functions that the readers of all sections of backup.yaml use.  Private
 * to config/.
 */
#ifndef HG_CONFIG_READER_H
#define HG_CONFIG_READER_H

#include "base/zone.h"
#include "config/config.h"
#include "config/values.h"

/* The model that is being made, and its problems. */
struct hg_reader {
    struct hg_config *config;
    struct hg_problems *problems;
};

/* Reports the keys of a map that are not in `known`.  `hint` (may be NULL) is added for
 * a key that is similar to none of them. */
void hg_reader_check_keys(struct hg_reader *r, const struct hg_yaml *map, const char *const *known,
                          const char *hint);

/* The map under a key; NULL when it is missing, or when it has no value or is not a map, which
 * is reported. */
const struct hg_yaml *hg_reader_map(struct hg_reader *r, const struct hg_yaml *map,
                                    const char *key);

struct hg_value_place hg_reader_place(struct hg_reader *r, const struct hg_yaml *node,
                                      const char *name);

/* A number, duration, size or boolean of a map; `otherwise` when it is not given, or
 * invalid, which is reported. */
int64_t hg_reader_number(struct hg_reader *r, const struct hg_yaml *map,
                         const struct hangar_option *option, int64_t otherwise);

/* The index of an ENUM among the choices of its option; 0 when it is not given, or wrong, which
 * is reported. */
size_t hg_reader_choice(struct hg_reader *r, const struct hg_yaml *map,
                        const struct hangar_option *option);

/* A letter, then letters, digits and the characters of `others`; all lower case. */
bool hg_reader_is_name(const char *text, const char *others);

/* Reports an invalid name of an instance or a pipeline. */
void hg_reader_check_name(struct hg_reader *r, const struct hg_yaml_key *key);

/* Opens a time zone; name NULL: that of the machine.  NULL, reported, when it does not
 * exist. */
struct hg_zone *hg_reader_zone(struct hg_reader *r, const char *name, size_t line, size_t column);

#endif
