/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * reader: see reader.h.
 */
#include "config/reader.h"

#include <stdlib.h>
#include <string.h>

#include "config/hints.h"

enum { NAME_LENGTH_MAX = 64 };

void hg_reader_check_keys(struct hg_reader *r, const struct hg_yaml *map, const char *const *known,
                          const char *hint)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct hg_yaml_key *key = &map->keys[i];
        size_t k = 0;
        while (known[k] && strcmp(known[k], key->text) != 0) {
            k++;
        }
        if (known[k]) {
            continue;
        }
        /* further problems are only counted */
        char *meant =
            r->problems->count < HG_PROBLEMS_MAX ? hg_hint_for_key(key->text, known) : NULL;
        const char *shown = meant ? meant : hint;
        hg_problem_add(r->problems, key->line, key->column, "unknown key \"%s\"%s%s", key->text,
                       shown ? "; hint: " : "", shown ? shown : "");
        free(meant);
    }
}

static void reader_report_empty(struct hg_reader *r, const struct hg_yaml *node, const char *key)
{
    hg_problem_add(r->problems, node->line, node->column,
                   "%s has no value; hint: indent below it what belongs to it, or remove the key",
                   key);
}

const struct hg_yaml *hg_reader_map(struct hg_reader *r, const struct hg_yaml *map, const char *key)
{
    const struct hg_yaml *node = hg_yaml_get(map, key);
    if (!node || node->type == HG_YAML_MAP) {
        return node;
    }
    if (hg_yaml_is_null(node)) {
        reader_report_empty(r, node, key);
    } else {
        const char *example = hg_hint_for_map(key);
        hg_problem_add(r->problems, node->line, node->column,
                       "%s must be a map of keys and values%s%s", key,
                       example ? "; hint: write " : "", example ? example : "");
    }
    return NULL;
}

struct hg_value_place hg_reader_place(struct hg_reader *r, const struct hg_yaml *node,
                                      const char *name)
{
    return (struct hg_value_place){r->problems, node->line, node->column, "", name, false};
}

int64_t hg_reader_number(struct hg_reader *r, const struct hg_yaml *map,
                         const struct hangar_option *option, int64_t otherwise)
{
    const struct hg_yaml *node = hg_yaml_get(map, option->name);
    if (!node) {
        return otherwise;
    }
    struct hg_value_place at = hg_reader_place(r, node, option->name);
    int64_t number = otherwise;
    char *text = hg_value_text(&at, node);
    if (text) {
        hg_value_convert(&at, option, "", &text, &number);
    }
    free(text);
    return number;
}

size_t hg_reader_choice(struct hg_reader *r, const struct hg_yaml *map,
                        const struct hangar_option *option)
{
    const struct hg_yaml *node = hg_yaml_get(map, option->name);
    if (!node) {
        return 0;
    }
    struct hg_value_place at = hg_reader_place(r, node, option->name);
    size_t choice = 0;
    int64_t unused;
    char *text = hg_value_text(&at, node);
    if (text && hg_value_convert(&at, option, "", &text, &unused)) {
        while (strcmp(option->choices[choice], text) != 0) {
            choice++;
        }
    }
    free(text);
    return choice;
}

bool hg_reader_is_name(const char *text, const char *others)
{
    if (text[0] < 'a' || text[0] > 'z' || strlen(text) > NAME_LENGTH_MAX) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!(*text >= 'a' && *text <= 'z') && !(*text >= '0' && *text <= '9') &&
            !strchr(others, *text)) {
            return false;
        }
    }
    return true;
}

void hg_reader_check_name(struct hg_reader *r, const struct hg_yaml_key *key)
{
    if (!hg_reader_is_name(key->text, "_-")) {
        hg_problem_add(
            r->problems, key->line, key->column,
            "\"%s\" is not a valid name; hint: a name consists of a-z, 0-9, \"_\" and \"-\", "
            "begins with a letter and has at most %d characters",
            key->text, NAME_LENGTH_MAX);
    }
}

struct hg_zone *hg_reader_zone(struct hg_reader *r, const char *name, size_t line, size_t column)
{
    struct hg_zone *zone = NULL;
    enum hangar_rc rc = hg_zone_open(name, &zone);
    if (rc == HANGAR_NOT_FOUND && name) {
        hg_problem_add(r->problems, line, column,
                       "unknown time zone \"%.60s\"; hint: use a name of tzdata, such as "
                       "Europe/Berlin or UTC",
                       name);
    }
    if (rc == HANGAR_NO_MEMORY) {
        r->problems->failed = true;
    }
    return zone;
}
