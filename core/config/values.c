/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * values: see values.h.  Messages contain the value, shortened, unless it is a secret.
 */
#include "config/values.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "config/expand.h"
#include "config/hints.h"

enum { LIST_MAX = 10000, SHOWN_SIZE = 64 };

void hg_value_fail(const struct hg_value_place *at, const char *fmt, ...)
{
    struct hg_str text = {0};
    hg_str_add(&text, at->prefix);
    va_list args;
    va_start(args, fmt);
    hg_str_addv(&text, fmt, args);
    va_end(args);
    hg_problem_add(at->problems, at->line, at->column, "%s", hg_str_text(&text));
    hg_str_free(&text);
}

static const char *value_type_name(const struct hg_yaml *node)
{
    return node->type == HG_YAML_LIST ? "a list" : node->type == HG_YAML_MAP ? "a map" : "a text";
}

char *hg_value_text(const struct hg_value_place *at, const struct hg_yaml *node)
{
    if (node->type != HG_YAML_SCALAR) {
        hg_value_fail(at, "%s must be a single value, not %s", at->name, value_type_name(node));
        return NULL;
    }
    if (hg_yaml_is_null(node)) {
        hg_value_fail(at, "%s has no value; hint: remove the key, or write \"\" for an empty text",
                      at->name);
        return NULL;
    }
    return hg_expand(node->text, node->line, node->column, at->problems);
}

void hg_value_free_list(char **list)
{
    for (size_t i = 0; list && list[i]; i++) {
        free(list[i]);
    }
    free(list);
}

bool hg_value_list(const struct hg_value_place *at, const struct hg_yaml *node, char ***list)
{
    if (node->type == HG_YAML_MAP) {
        hg_value_fail(at, "%s must be a list, not a map", at->name);
        return false;
    }
    const struct hg_yaml *items = node->type == HG_YAML_LIST ? node->items : node;
    size_t count = node->type == HG_YAML_LIST ? node->count : 1;
    if (count > LIST_MAX) {
        hg_value_fail(at, "%s has more than %d entries", at->name, LIST_MAX);
        return false;
    }
    char **texts = calloc(count + 1, sizeof(char *));
    if (!texts) {
        at->problems->failed = true;
        return false;
    }
    bool ok = true;
    size_t filled = 0;
    for (size_t i = 0; i < count; i++) { /* also after a problem: all problems are reported */
        struct hg_value_place entry = *at;
        entry.line = items[i].line;
        entry.column = items[i].column;
        char *text = hg_value_text(&entry, &items[i]);
        if (text) {
            texts[filled++] = text;
        }
        ok = ok && text;
    }
    if (ok) {
        *list = texts;
    } else {
        hg_value_free_list(texts);
    }
    return ok;
}

char *hg_value_path(const char *dir, const char *path)
{
    if (path[0] == '/') {
        return strdup(path);
    }
    while (hg_starts_with(path, "./")) {
        path += 2;
        path += strspn(path, "/");
    }
    if (path[0] == '\0' || strcmp(path, ".") == 0) {
        return strdup(dir);
    }
    return hg_format(strcmp(dir, "/") == 0 ? "%s%s" : "%s/%s", dir, path);
}

/* The value for messages: shortened, and "***" for a secret. */
static const char *value_shown(const struct hg_value_place *at, const char *text,
                               char out[SHOWN_SIZE])
{
    if (at->secret) {
        return "***";
    }
    size_t len = strlen(text);
    if (len < SHOWN_SIZE) {
        return text;
    }
    len = SHOWN_SIZE - 4;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
        len--;
    }
    memcpy(out, text, len);
    memcpy(out + len, "...", 4);
    return out;
}

static void value_format_limit(uint32_t type, int64_t n, char out[HG_UNITS_SIZE])
{
    if (type == HANGAR_OPT_SIZE && n >= 0) {
        hg_format_size((uint64_t)n, out);
    } else if (type == HANGAR_OPT_DURATION) {
        hg_format_duration(n, out);
    } else {
        snprintf(out, HG_UNITS_SIZE, "%" PRId64, n);
    }
}

static bool value_check_range(const struct hg_value_place *at, const struct hangar_option *option,
                              const char *text, int64_t n)
{
    if ((option->min == 0 && option->max == 0) || (n >= option->min && n <= option->max)) {
        return true;
    }
    char low[HG_UNITS_SIZE], high[HG_UNITS_SIZE], value[SHOWN_SIZE];
    value_format_limit(option->type, option->min, low);
    value_format_limit(option->type, option->max, high);
    const char *is = value_shown(at, text, value);
    if (option->max == INT64_MAX) {
        hg_value_fail(at, "%s must be at least %s, not \"%s\"", at->name, low, is);
    } else if (option->min == INT64_MIN) {
        hg_value_fail(at, "%s must be at most %s, not \"%s\"", at->name, high, is);
    } else {
        hg_value_fail(at, "%s must be from %s to %s, not \"%s\"", at->name, low, high, is);
    }
    return false;
}

static bool value_has_leading_zero(const char *text)
{
    text += *text == '-';
    return text[0] == '0' && text[1] >= '0' && text[1] <= '9' &&
           text[strspn(text, "0123456789")] == '\0';
}

/* "NAME must be WHAT, not TEXT", with the hint for this text. */
static void value_fail_type(const struct hg_value_place *at, const struct hangar_option *option,
                            const char *text, const char *what)
{
    char value[SHOWN_SIZE];
    struct hg_str hint = {0};
    hg_hint_for_value(option->type, at->secret ? "" : text, &hint);
    hg_value_fail(at, "%s must be %s, not \"%s\"%s", at->name, what, value_shown(at, text, value),
                  hg_str_text(&hint));
    hg_str_free(&hint);
}

static bool value_convert_int(const struct hg_value_place *at, const struct hangar_option *option,
                              const char *text, int64_t *number)
{
    if (hg_parse_int(text, number)) {
        return value_check_range(at, option, text, *number);
    }
    if (value_has_leading_zero(text)) {
        char value[SHOWN_SIZE];
        hg_value_fail(at, "%s must be a decimal number without leading zeros, not \"%s\"", at->name,
                      value_shown(at, text, value));
    } else {
        value_fail_type(at, option, text, "a whole number");
    }
    return false;
}

static bool value_convert_bool(const struct hg_value_place *at, const struct hangar_option *option,
                               const char *text, int64_t *number)
{
    bool truth;
    if (hg_parse_bool(text, &truth)) {
        *number = truth;
        return true;
    }
    value_fail_type(at, option, text, "true or false");
    return false;
}

static bool value_convert_enum(const struct hg_value_place *at, const struct hangar_option *option,
                               const char *text)
{
    struct hg_str choices = {0};
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            hg_str_free(&choices);
            return true;
        }
        hg_str_addf(&choices, "%s%s", i > 0 ? ", " : "", option->choices[i]);
    }
    const char *meant = option->choices ? hg_did_you_mean(text, option->choices) : NULL;
    char value[SHOWN_SIZE];
    hg_value_fail(at, "%s must be one of %s, not \"%s\"%s%s%s", at->name, hg_str_text(&choices),
                  value_shown(at, text, value), meant ? "; hint: did you mean \"" : "",
                  meant ? meant : "", meant ? "\"?" : "");
    hg_str_free(&choices);
    return false;
}

static bool value_convert_path(const struct hg_value_place *at, const char *dir, char **text)
{
    if ((*text)[0] == '\0') {
        hg_value_fail(at, "%s is empty", at->name);
        return false;
    }
    if ((*text)[0] == '~' && ((*text)[1] == '/' || (*text)[1] == '\0')) {
        hg_value_fail(at, "%s cannot begin with \"~\"; hint: write \"${HOME}\"", at->name);
        return false;
    }
    char *path = hg_value_path(dir, *text);
    if (!path) {
        at->problems->failed = true;
        return false;
    }
    free(*text);
    *text = path;
    return true;
}

bool hg_value_convert(const struct hg_value_place *at, const struct hangar_option *option,
                      const char *dir, char **text, int64_t *number)
{
    switch (option->type) {
    case HANGAR_OPT_INT:
        return value_convert_int(at, option, *text, number);
    case HANGAR_OPT_BOOL:
        return value_convert_bool(at, option, *text, number);
    case HANGAR_OPT_SIZE:
        if (hg_parse_size(*text, number)) {
            return value_check_range(at, option, *text, *number);
        }
        value_fail_type(at, option, *text, "a size");
        return false;
    case HANGAR_OPT_DURATION:
        if (hg_parse_duration(*text, number)) {
            return value_check_range(at, option, *text, *number);
        }
        value_fail_type(at, option, *text, "a duration");
        return false;
    case HANGAR_OPT_ENUM:
        return value_convert_enum(at, option, *text);
    case HANGAR_OPT_PATH:
        return value_convert_path(at, dir, text);
    default:
        return true;
    }
}
