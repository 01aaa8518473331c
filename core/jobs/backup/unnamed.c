/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * unnamed: see unnamed.h.
 */
#include "jobs/backup/unnamed.h"

#include <stdlib.h>
#include <string.h>

#include "base/attrs.h"
#include "base/json.h"
#include "base/str.h"
#include "base/units.h"
#include "base/vec.h"

enum { NAMES_SHOWN = 20 };

/* The line after this one, or the end of the text. */
static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

/* Is there a line "NAME\tSIZE" with this name? */
static bool others_have(const char *others, const char *name, size_t size)
{
    while (*others != '\0') {
        if (strncmp(others, name, size) == 0 && others[size] == '\t') {
            return true;
        }
        others = next_line(others);
    }
    return false;
}

/* Does no source of the server of `one` name it? */
static bool is_unnamed(const struct hg_server_facts *u, const struct hg_server_fact *one,
                       const char *name, size_t size)
{
    for (size_t i = 0; i < u->count; i++) {
        if (strcmp(u->items[i].server, one->server) == 0 &&
            !others_have(u->items[i].others, name, size)) {
            return false;
        }
    }
    return true;
}

static bool is_first_of_server(const struct hg_server_facts *u, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(u->items[i].server, u->items[at].server) == 0) {
            return false;
        }
    }
    return true;
}

enum hangar_rc hg_unnamed_add(struct hg_server_facts *u, const struct hangar_attrs *facts,
                              json_t *shown, struct hg_error *err)
{
    const char *server = hg_attrs_get(facts, "server_id"), *others = hg_attrs_get(facts, "others");
    if (!server || !others) {
        return HANGAR_OK;
    }
    if (!HG_VEC_RESERVE(u)) {
        return hg_no_memory(err);
    }
    struct hg_server_fact *one = &u->items[u->count];
    *one = (struct hg_server_fact){strdup(server), strdup(others), shown};
    u->count++;
    json_object_del(shown, "server_id");
    json_object_del(shown, "others");
    return one->server && one->others ? HANGAR_OK : hg_no_memory(err);
}

static void show_unnamed(const struct hg_server_facts *u, const struct hg_server_fact *one)
{
    struct hg_str text = {0};
    size_t count = 0;
    for (const char *line = one->others; *line != '\0'; line = next_line(line)) {
        const size_t size = strcspn(line, "\t\n");
        if (line[size] != '\t' || !is_unnamed(u, one, line, size) || ++count > NAMES_SHOWN) {
            continue;
        }
        hg_str_addf(&text, "%s%.*s", count > 1 ? ", " : "", (int)size, line);
        if (line[size + 1] >= '0' && line[size + 1] <= '9') {
            char bytes[HG_UNITS_SIZE];
            hg_format_size(strtoull(line + size + 1, NULL, 10), bytes);
            hg_str_addf(&text, " (%s)", bytes);
        }
    }
    if (count > NAMES_SHOWN) {
        hg_str_addf(&text, " and %zu more", count - NAMES_SHOWN);
    }
    if (count > 0 && !text.failed) {
        hg_json_set_string(one->shown, "not_backed_up", hg_str_text(&text));
    }
    hg_str_free(&text);
}

void hg_unnamed_show(const struct hg_server_facts *u)
{
    for (size_t i = 0; i < u->count; i++) {
        if (is_first_of_server(u, i)) {
            show_unnamed(u, &u->items[i]);
        }
    }
}

void hg_unnamed_free(struct hg_server_facts *u)
{
    for (size_t i = 0; i < u->count; i++) {
        free(u->items[i].server);
        free(u->items[i].others);
    }
    free(u->items);
    *u = (struct hg_server_facts){0};
}
