/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * values: one value of the configuration, from a node of the tree to text, list,
 * number or path.  What is wrong is reported at its place.  Private to config/.
 */
#ifndef HG_VALUES_H
#define HG_VALUES_H

#include "config/problems.h"
#include "config/yaml.h"

/* Where a value stands and how messages call it. */
struct hg_value_place {
    struct hg_problems *problems;
    size_t line, column;
    const char *prefix; /* of messages: "", "--set: " */
    const char *name;
    bool secret; /* its value must not be shown */
};

void hg_value_fail(const struct hg_value_place *at, const char *fmt, ...) HANGAR_PRINTF(2, 3);

/* A scalar with its variables expanded; NULL, reported, when it is none. */
char *hg_value_text(const struct hg_value_place *at, const struct hg_yaml *node);

/* A list of scalars, or one scalar as a list of one; NULL-terminated.  False,
 * reported, when it is neither. */
bool hg_value_list(const struct hg_value_place *at, const struct hg_yaml *node, char ***list);
void hg_value_free_list(char **list);

/* Checks *text against the declaration, and sets the number of INT, SIZE,
 * DURATION and BOOL; a PATH is made absolute.  False when it was reported. */
bool hg_value_convert(const struct hg_value_place *at, const struct hangar_option *option,
                      const char *dir, char **text, int64_t *number);

/* `path` against the folder `dir`; malloc'd. */
char *hg_value_path(const char *dir, const char *path);

#endif
