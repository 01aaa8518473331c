/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overlay: options written over others, as `scratch:` over `options:`.
 */
#include <stdlib.h>
#include <string.h>
#include "config/options.h"

/* The bytes of a key that name the option: those before the suffix of a secret's form. */
static size_t base_length(const struct hangar_option *table, const char *key)
{
    static const char *const suffixes[] = {"_file", "_command", "_credential"};
    size_t length = strlen(key);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t suffix = strlen(suffixes[i]);
        if (length <= suffix || strcmp(key + length - suffix, suffixes[i]) != 0) {
            continue;
        }
        for (const struct hangar_option *o = table; o->name; o++) {
            if ((o->flags & HANGAR_OPT_SECRET) != 0 && strlen(o->name) == length - suffix &&
                strncmp(o->name, key, length - suffix) == 0) {
                return length - suffix;
            }
        }
    }
    return length;
}

static bool gives(const struct hangar_option *table, const struct hg_yaml *map, const char *key)
{
    size_t length = base_length(table, key);
    for (size_t i = 0; i < map->count; i++) {
        const char *other = map->keys[i].text;
        if (base_length(table, other) == length && strncmp(other, key, length) == 0) {
            return true;
        }
    }
    return false;
}

static void append(struct hg_yaml *out, const struct hg_yaml *map, size_t i)
{
    out->keys[out->count] = map->keys[i];
    out->items[out->count++] = map->items[i];
}

bool hg_options_overlay(const struct hangar_option *table, const struct hg_yaml *under,
                        const struct hg_yaml *over, struct hg_yaml *out)
{
    static const struct hg_yaml none = {.type = HG_YAML_MAP};
    if (!under || under->type != HG_YAML_MAP) {
        under = &none;
    }
    size_t most = under->count + over->count + 1;
    *out = (struct hg_yaml){.type = HG_YAML_MAP, .line = over->line, .column = over->column};
    out->keys = calloc(most, sizeof(*out->keys));
    out->items = calloc(most, sizeof(*out->items));
    if (!out->keys || !out->items) {
        hg_options_overlay_free(out);
        return false;
    }
    for (size_t i = 0; i < under->count; i++) {
        if (!gives(table, over, under->keys[i].text)) {
            append(out, under, i);
        }
    }
    for (size_t i = 0; i < over->count; i++) {
        append(out, over, i);
    }
    return true;
}

void hg_options_overlay_free(struct hg_yaml *overlay)
{
    free(overlay->keys);
    free(overlay->items);
    *overlay = (struct hg_yaml){.type = HG_YAML_MAP};
}
