/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tags: the words that a user gave to a backup, for finding it.
 */
#ifndef HG_CATALOG_TAGS_H
#define HG_CATALOG_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

#define HG_TAGS_MAX 16
#define HG_TAG_MAX_BYTES 128

/* Zeroed: none.  Owns the words. */
struct hg_tags {
    char **items;
    size_t count;
};

/* True for a word, or KEY=VALUE, of letters, digits and . _ : / @ + = -, which begins with a letter
 * or digit: safe to print, and in a shell. */
bool hg_tag_is_valid(const char *tag);

/* Appends a copy of one more word, of at most HG_TAGS_MAX; false when out of memory. */
bool hg_tags_add(struct hg_tags *tags, const char *tag);
/* Makes *to a copy; false when out of memory, then *to has none. */
bool hg_tags_copy(const struct hg_tags *from, struct hg_tags *to);
void hg_tags_free(struct hg_tags *tags);

bool hg_tags_have(const struct hg_tags *tags, const char *tag);

/* Sets the member "tags" of a document, an array; not where there are none. */
void hg_tags_to_json(const struct hg_tags *tags, json_t *object);

/* May this be the member of a document?  NULL: it has none. */
bool hg_tags_are_valid(const json_t *array);
/* Reads one that is valid; false when out of memory, then *out has none. */
bool hg_tags_from_json(const json_t *array, struct hg_tags *out);

#endif
