/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * values: converts a node of the tree to a text, list, number or path.  Problems are
 * reported with their position.  Private to config/.
 */
#ifndef HG_CONFIG_VALUES_H
#define HG_CONFIG_VALUES_H

#include "config/problems.h"
#include "config/yaml.h"

/* The position of a value, and its name in messages. */
struct hg_value_place {
    struct hg_problems *problems;
    size_t line, column;
    const char *prefix; /* of messages: "", "--set: " */
    const char *name;
    bool secret; /* messages must not contain its value */
};

void hg_value_fail(const struct hg_value_place *at, const char *fmt, ...) HANGAR_PRINTF(2, 3);

/* The text of a scalar with variables expanded; NULL, reported, when it is not one. */
char *hg_value_text(const struct hg_value_place *at, const struct hg_yaml *node);

/* A list of scalars, or one scalar as a list of one; NULL-terminated.  False,
 * reported, when it is neither. */
bool hg_value_list(const struct hg_value_place *at, const struct hg_yaml *node, char ***list);
void hg_value_free_list(char **list);

/* Checks *text against the declaration.  Sets *number for INT, SIZE, DURATION and BOOL,
 * and makes a PATH absolute.  False when a problem was reported. */
bool hg_value_convert(const struct hg_value_place *at, const struct hangar_option *option,
                      const char *dir, char **text, int64_t *number);

/* `path`, or if it is relative the path below `dir`; malloc'd, NULL when out of memory. */
char *hg_value_path(const char *dir, const char *path);

#endif
