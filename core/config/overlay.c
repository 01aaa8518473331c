/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overlay: see overlay.h.
 */
#include "config/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "config/secret.h"

/* The length of the name of the option that a key sets: a secret option has a key for
 * each form. */
static size_t overlay_name_length(const struct hangar_option *table, const char *key)
{
    for (enum hg_secret_form form = HG_SECRET_FILE; form < HG_SECRET_FORMS; form++) {
        size_t length = hg_secret_name_length(key, form);
        for (const struct hangar_option *o = table; length > 0 && o->name; o++) {
            if ((o->flags & HANGAR_OPT_SECRET) != 0 && strlen(o->name) == length &&
                strncmp(o->name, key, length) == 0) {
                return length;
            }
        }
    }
    return strlen(key);
}

static bool overlay_has_option(const struct hangar_option *table, const struct hg_yaml *map,
                               const char *key)
{
    size_t length = overlay_name_length(table, key);
    for (size_t i = 0; i < map->count; i++) {
        const char *other = map->keys[i].text;
        if (overlay_name_length(table, other) == length && strncmp(other, key, length) == 0) {
            return true;
        }
    }
    return false;
}

static void overlay_append(struct hg_yaml *out, const struct hg_yaml *map, size_t i)
{
    out->keys[out->count] = map->keys[i];
    out->items[out->count++] = map->items[i];
}

bool hg_overlay_make(const struct hangar_option *table, const struct hg_yaml *under,
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
        hg_overlay_free(out);
        return false;
    }
    for (size_t i = 0; i < under->count; i++) {
        if (!overlay_has_option(table, over, under->keys[i].text)) {
            overlay_append(out, under, i);
        }
    }
    for (size_t i = 0; i < over->count; i++) {
        overlay_append(out, over, i);
    }
    return true;
}

void hg_overlay_free(struct hg_yaml *overlay)
{
    free(overlay->keys);
    free(overlay->items);
    *overlay = (struct hg_yaml){.type = HG_YAML_MAP};
}
