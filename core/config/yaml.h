/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * yaml: a YAML file as a tree of nodes with their lines and columns.  It must not know
 * hangar.  It refuses features that cause accidents: aliases, anchors, tags, duplicate
 * keys, a second document, NUL, invalid UTF-8.
 */
#ifndef HG_CONFIG_YAML_H
#define HG_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include "config/problems.h"

enum hg_yaml_type { HG_YAML_SCALAR, HG_YAML_LIST, HG_YAML_MAP };

/* The root owns all nodes; hg_yaml_free frees it. */
struct hg_yaml {
    enum hg_yaml_type type;
    size_t line, column;   /* from 1 */
    char *text;            /* of a scalar, as written; NULL otherwise */
    bool quoted;           /* the scalar was quoted or a block: always a string */
    struct hg_yaml *items; /* of a list or a map: its values */
    struct hg_yaml_key {
        char *text;
        size_t line, column;
    } *keys; /* of a map, beside items */
    size_t count;
};

/* Limits that bound time and memory on any input. */
#define HG_YAML_MAX_BYTES (1024 * 1024)
#define HG_YAML_DEPTH_MAX 32
#define HG_YAML_NODES_MAX 100000

/* Parses a text.  NULL, with a problem reported, when no complete tree can be made.  Duplicate
 * keys, anchors and tags are reported as errors, but give a tree, so that the rest is checked
 * in the same pass. */
struct hg_yaml *hg_yaml_parse(const char *text, size_t size, struct hg_problems *problems);
void hg_yaml_free(struct hg_yaml *root);

/* The value of a key of a map, or NULL. */
struct hg_yaml *hg_yaml_get(const struct hg_yaml *map, const char *key);

/* A null: empty and not quoted, "~" or "null". */
bool hg_yaml_is_null(const struct hg_yaml *node);

#endif
