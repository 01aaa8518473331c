/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tags: see tags.h.
 */
#include "catalog/tags.h"

#include <stdlib.h>
#include <string.h>

bool hg_tag_is_valid(const char *tag)
{
    const size_t n = strlen(tag);
    return n > 0 && n <= HG_TAG_MAX_BYTES && strchr("._:/@+=-", tag[0]) == NULL &&
           strspn(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+=-") ==
               n;
}

bool hg_tags_add(struct hg_tags *tags, const char *tag)
{
    if (!tags->items) {
        tags->items = calloc(HG_TAGS_MAX, sizeof(*tags->items));
    }
    char *copy = tags->items && tags->count < HG_TAGS_MAX ? strdup(tag) : NULL;
    if (copy) {
        tags->items[tags->count++] = copy;
    }
    return copy != NULL;
}

bool hg_tags_copy(const struct hg_tags *from, struct hg_tags *to)
{
    bool ok = true;
    *to = (struct hg_tags){0};
    for (size_t i = 0; ok && i < from->count; i++) {
        ok = hg_tags_add(to, from->items[i]);
    }
    if (!ok) {
        hg_tags_free(to);
    }
    return ok;
}

void hg_tags_free(struct hg_tags *tags)
{
    for (size_t i = 0; i < tags->count; i++) {
        free(tags->items[i]);
    }
    free(tags->items);
    *tags = (struct hg_tags){0};
}

bool hg_tags_have(const struct hg_tags *tags, const char *tag)
{
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->items[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

void hg_tags_to_json(const struct hg_tags *tags, json_t *object)
{
    if (tags->count == 0) {
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < tags->count; i++) {
        hg_json_add(array, json_string(tags->items[i]));
    }
    hg_json_set(object, "tags", array);
}

bool hg_tags_are_valid(const json_t *array)
{
    bool good = !array || (json_is_array(array) && json_array_size(array) <= HG_TAGS_MAX);
    for (size_t i = 0; good && i < json_array_size(array); i++) {
        const char *tag = json_string_value(json_array_get(array, i));
        good = tag && hg_tag_is_valid(tag);
    }
    return good;
}

bool hg_tags_from_json(const json_t *array, struct hg_tags *out)
{
    bool ok = true;
    *out = (struct hg_tags){0};
    for (size_t i = 0; ok && i < json_array_size(array); i++) {
        ok = hg_tags_add(out, json_string_value(json_array_get(array, i)));
    }
    if (!ok) {
        hg_tags_free(out);
    }
    return ok;
}
