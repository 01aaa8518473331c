/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * yaml: see yaml.h.  Builds the tree from the events of libyaml.  The text is checked
 * before, so that invalid bytes are reported with their position.  Every limit is
 * checked before memory is allocated.
 */
#include "config/yaml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/vec.h"
#include "config/hints.h"

enum { KEY_MAX = 256 };

struct builder {
    yaml_parser_t parser;
    struct hg_problems *problems;
    const char *text;
    size_t size;
    size_t nodes;
    bool stopped; /* the rest of the file cannot be parsed */
    bool broken;  /* the tree is incomplete and is not returned */
};

/* ---- the text ---- */

/* The code of the character at text[*i], and *i past it; UINT32_MAX when it is not
 * valid UTF-8. */
static uint32_t yaml_next_character(const unsigned char *text, size_t size, size_t *i)
{
    unsigned char c = text[(*i)++];
    if (c < 0x80) {
        return c;
    }
    size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (c < 0xC2 || c > 0xF4 || size - *i < more) {
        return UINT32_MAX;
    }
    uint32_t code = c & (0x3Fu >> more);
    for (size_t k = 0; k < more; k++) {
        unsigned char next = text[(*i)++];
        if ((next & 0xC0) != 0x80) {
            return UINT32_MAX;
        }
        code = code << 6 | (next & 0x3Fu);
    }
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return UINT32_MAX;
    }
    return code;
}

/* Control characters, and characters that YAML treats as the end of a line, are not. */
static bool yaml_is_allowed(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' ||
           (c >= 0x20 && !(c >= 0x7F && c < 0xA0) && c != 0x2028 && c != 0x2029 && c != 0xFEFF &&
            c != 0xFFFE && c != 0xFFFF);
}

static bool yaml_check_text(const char *text, size_t size, struct hg_problems *problems)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t line = 1, column = 1;
    for (size_t i = 0; i < size;) {
        uint32_t c = yaml_next_character(bytes, size, &i);
        if (c == UINT32_MAX) {
            hg_problem_add(problems, line, column, "the text is not valid UTF-8");
            return false;
        }
        if (!yaml_is_allowed(c)) {
            hg_problem_add(problems, line, column, "the character U+%04" PRIX32 " is not allowed",
                           c);
            return false;
        }
        column++;
        if (c == '\n' || (c == '\r' && (i == size || text[i] != '\n'))) {
            line++;
            column = 1;
        }
    }
    return true;
}

/* ---- the tree ---- */

static void yaml_free_node(struct hg_yaml *node)
{
    for (size_t i = 0; i < node->count; i++) {
        yaml_free_node(&node->items[i]);
        if (node->keys) {
            free(node->keys[i].text);
        }
    }
    free(node->items);
    free(node->keys);
    free(node->text);
}

static void yaml_no_memory(struct builder *b)
{
    b->problems->failed = true;
    b->stopped = true;
}

static void yaml_stop(struct builder *b, yaml_mark_t mark, const char *what)
{
    hg_problem_add(b->problems, mark.line + 1, mark.column + 1, "%s", what);
    b->stopped = true;
}

/* The byte at a mark: libyaml counts characters. */
static char yaml_byte_at(const struct builder *b, yaml_mark_t mark)
{
    size_t characters = 0;
    for (size_t i = 0; i < b->size; i++) {
        if (((unsigned char)b->text[i] & 0xC0) != 0x80 && characters++ == mark.index) {
            return b->text[i];
        }
    }
    return '\0';
}

/* Reports the error of libyaml, with a hint at the usual cause. */
static void yaml_report_syntax(struct builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        yaml_no_memory(b);
        return;
    }
    b->stopped = true;
    yaml_mark_t mark = parser->problem_mark;
    size_t line = mark.line + 1, column = mark.column + 1;
    if (yaml_byte_at(b, mark) == '\t') {
        hg_problem_add(b->problems, line, column, "a tab cannot indent; hint: use spaces");
        return;
    }
    struct hg_str hint = {0};
    hg_hint_for_syntax(parser->problem, parser->context_mark.line + 1,
                       parser->context_mark.column + 1, &hint);
    if (parser->context && parser->context_mark.line != mark.line) {
        hg_problem_add(b->problems, line, column,
                       "not valid YAML: %s, %s that begins in line %zu%s", parser->problem,
                       parser->context, parser->context_mark.line + 1, hg_str_text(&hint));
    } else {
        hg_problem_add(b->problems, line, column, "not valid YAML: %s%s", parser->problem,
                       hg_str_text(&hint));
    }
    hg_str_free(&hint);
}

static bool yaml_next_event(struct builder *b, yaml_event_t *event)
{
    if (b->stopped) {
        return false;
    }
    if (!yaml_parser_parse(&b->parser, event)) {
        yaml_report_syntax(b);
        return false;
    }
    return true;
}

static void yaml_refuse_properties(struct builder *b, yaml_mark_t mark, const yaml_char_t *anchor,
                                   const yaml_char_t *tag)
{
    if (anchor) {
        hg_problem_add(b->problems, mark.line + 1, mark.column + 1,
                       "anchors (&) are not supported; hint: write the value where it is used");
    }
    if (tag) {
        hg_problem_add(b->problems, mark.line + 1, mark.column + 1,
                       "tags (!) are not supported; hint: quote a text that begins with \"!\"");
    }
}

static int yaml_compare_keys(const void *a, const void *b)
{
    const struct hg_yaml_key *x = *(const struct hg_yaml_key *const *)a;
    const struct hg_yaml_key *y = *(const struct hg_yaml_key *const *)b;
    int order = strcmp(x->text, y->text);
    if (order != 0) {
        return order;
    }
    return x < y ? -1 : 1; /* of equal keys, the first in the file */
}

/* Sorts the keys: comparing each with each would take too long for many keys. */
static void yaml_refuse_duplicates(struct builder *b, struct hg_yaml *map)
{
    if (map->count < 2) {
        return;
    }
    struct hg_yaml_key **sorted = calloc(map->count, sizeof(struct hg_yaml_key *));
    if (!sorted) {
        yaml_no_memory(b);
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        sorted[i] = &map->keys[i];
    }
    qsort(sorted, map->count, sizeof(struct hg_yaml_key *), yaml_compare_keys);
    const struct hg_yaml_key *first = sorted[0];
    for (size_t i = 1; i < map->count; i++) {
        if (strcmp(sorted[i]->text, first->text) == 0) {
            hg_problem_add(b->problems, sorted[i]->line, sorted[i]->column,
                           "duplicate key \"%s\"; hint: it is given in line %zu already",
                           first->text, first->line);
        } else {
            first = sorted[i];
        }
    }
    free(sorted);
}

static bool yaml_build_node(struct builder *b, const yaml_event_t *event, struct hg_yaml *out,
                            size_t depth);

static bool yaml_build_key(struct builder *b, const yaml_event_t *event, struct hg_yaml_key *out)
{
    if (event->type != YAML_SCALAR_EVENT) {
        yaml_stop(b, event->start_mark,
                  event->type == YAML_ALIAS_EVENT ? "aliases (*) are not supported"
                                                  : "a key must be a text, not a list or a map");
        return false;
    }
    if (event->data.scalar.length > KEY_MAX) {
        yaml_stop(b, event->start_mark, "a key is longer than 256 bytes");
        return false;
    }
    yaml_refuse_properties(b, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length) {
        yaml_stop(b, event->start_mark, "a key holds the character U+0000");
        return false;
    }
    *out = (struct hg_yaml_key){strdup(text), event->start_mark.line + 1,
                                event->start_mark.column + 1};
    if (!out->text) {
        yaml_no_memory(b);
    }
    return out->text != NULL;
}

/* Builds the entries of a list or a map up to `end`; `out` owns them, also on failure. */
static bool yaml_build_items(struct builder *b, struct hg_yaml *out, yaml_event_type_t end,
                             size_t depth)
{
    size_t item_capacity = 0, key_capacity = 0;
    for (;;) {
        yaml_event_t event;
        if (!yaml_next_event(b, &event)) {
            return false;
        }
        if (event.type == end) {
            yaml_event_delete(&event);
            return true;
        }
        bool ok =
            hg_vec_reserve((void **)&out->items, out->count, &item_capacity, sizeof(*out->items)) &&
            (out->type != HG_YAML_MAP ||
             hg_vec_reserve((void **)&out->keys, out->count, &key_capacity, sizeof(*out->keys)));
        if (!ok) {
            yaml_no_memory(b);
        }
        if (ok && out->type == HG_YAML_MAP) {
            ok = yaml_build_key(b, &event, &out->keys[out->count]);
            yaml_event_delete(&event);
            if (!ok) {
                return false;
            }
            if (!yaml_next_event(b, &event)) {
                free(out->keys[out->count].text);
                return false;
            }
        }
        if (ok) {
            struct hg_yaml *item = &out->items[out->count++];
            *item = (struct hg_yaml){0};
            ok = yaml_build_node(b, &event, item, depth + 1);
        }
        yaml_event_delete(&event);
        if (!ok) {
            return false;
        }
    }
}

static bool yaml_build_scalar(struct builder *b, const yaml_event_t *event, struct hg_yaml *out)
{
    yaml_refuse_properties(b, event->start_mark, event->data.scalar.anchor, event->data.scalar.tag);
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length) {
        yaml_stop(b, event->start_mark, "a text holds the character U+0000");
        return false;
    }
    out->type = HG_YAML_SCALAR;
    out->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    out->text = strdup(text);
    if (!out->text) {
        yaml_no_memory(b);
    }
    return out->text != NULL;
}

static bool yaml_build_node(struct builder *b, const yaml_event_t *event, struct hg_yaml *out,
                            size_t depth)
{
    out->line = event->start_mark.line + 1;
    out->column = event->start_mark.column + 1;
    if (depth > HG_YAML_DEPTH_MAX) {
        yaml_stop(b, event->start_mark, "the file is nested more than 32 deep");
        return false;
    }
    if (++b->nodes > HG_YAML_NODES_MAX) {
        yaml_stop(b, event->start_mark, "the file has more than 100000 values");
        return false;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return yaml_build_scalar(b, event, out);
    case YAML_SEQUENCE_START_EVENT:
        yaml_refuse_properties(b, event->start_mark, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag);
        out->type = HG_YAML_LIST;
        return yaml_build_items(b, out, YAML_SEQUENCE_END_EVENT, depth);
    case YAML_MAPPING_START_EVENT:
        yaml_refuse_properties(b, event->start_mark, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag);
        out->type = HG_YAML_MAP;
        if (!yaml_build_items(b, out, YAML_MAPPING_END_EVENT, depth)) {
            return false;
        }
        yaml_refuse_duplicates(b, out);
        return !b->stopped;
    default: /* an alias: no other event is possible here */
        hg_problem_add(b->problems, out->line, out->column,
                       "aliases (*) are not supported; hint: write the value here, or quote a text "
                       "that begins with \"*\"");
        b->broken = true;
        return true;
    }
}

static void yaml_build_document(struct builder *b, struct hg_yaml *root)
{
    yaml_event_t event;
    while (yaml_next_event(b, &event)) {
        bool more = true;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (root->line != 0) {
                yaml_stop(b, event.start_mark,
                          "a second document begins; hint: one file, one document");
            }
            break;
        case YAML_STREAM_END_EVENT:
            more = false;
            break;
        default:
            yaml_build_node(b, &event, root, 1);
        }
        yaml_event_delete(&event);
        if (!more) {
            return;
        }
    }
}

struct hg_yaml *hg_yaml_parse(const char *text, size_t size, struct hg_problems *problems)
{
    if (size > HG_YAML_MAX_BYTES) {
        hg_problem_add(problems, 1, 1, "the file is larger than 1 MiB");
        return NULL;
    }
    if (size >= 3 &&
        memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* some editors write a byte order mark */
        text += 3;
        size -= 3;
    }
    if (!yaml_check_text(text, size, problems)) {
        return NULL;
    }

    struct builder b = {.problems = problems, .text = text, .size = size};
    struct hg_yaml *root = calloc(1, sizeof(*root));
    if (!root || !yaml_parser_initialize(&b.parser)) {
        free(root);
        problems->failed = true;
        return NULL;
    }
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, size);
    yaml_build_document(&b, root);
    yaml_parser_delete(&b.parser);

    if (!b.stopped && root->line == 0) {
        hg_problem_add(problems, 1, 1, "the file is empty");
        b.broken = true;
    }
    if (b.stopped || b.broken) {
        hg_yaml_free(root);
        return NULL;
    }
    return root;
}

void hg_yaml_free(struct hg_yaml *root)
{
    if (!root) {
        return;
    }
    yaml_free_node(root);
    free(root);
}

struct hg_yaml *hg_yaml_get(const struct hg_yaml *map, const char *key)
{
    if (!map || map->type != HG_YAML_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i].text, key) == 0) {
            return &map->items[i];
        }
    }
    return NULL;
}

bool hg_yaml_is_null(const struct hg_yaml *node)
{
    if (node->type != HG_YAML_SCALAR || node->quoted) {
        return false;
    }
    return node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}
