/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * expand: see expand.h.  The text around a variable may be a password that contains a
 * dollar sign, so messages contain the names of variables and no other text.
 */
#include "config/expand.h"

#include <stdlib.h>
#include <string.h>

enum { EXPANDED_MAX = 64 * 1024 };

struct place {
    size_t line, column;
    struct hg_problems *problems;
};

static bool expand_begins_name(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static size_t expand_name_length(const char *text)
{
    if (!expand_begins_name(*text)) {
        return 0;
    }
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
}

/* Adds text[0..size) with $ for $$.  A $ that is not before a name stays. */
static bool expand_add_plain(struct hg_str *out, const char *text, size_t size,
                             const struct place *at)
{
    for (size_t i = 0; i < size; i++) {
        char next = i + 1 < size ? text[i + 1] : '\0';
        if (text[i] == '$' && next == '{') {
            hg_problem_add(at->problems, at->line, at->column,
                           "a variable cannot stand inside the default of another");
            return false;
        }
        if (text[i] == '$' && expand_begins_name(next)) {
            hg_problem_add(at->problems, at->line, at->column,
                           "a \"$\" is before a name; hint: write \"${NAME}\" for a variable, "
                           "and \"$$\" for a dollar sign");
            return false;
        }
        if (text[i] == '$' && next == '$') {
            i++;
        }
        hg_str_add_n(out, &text[i], 1);
    }
    return true;
}

/* Expands the text between "${" and `end`, its "}". */
static bool expand_add_variable(struct hg_str *out, const char *text, const char *end,
                                const struct place *at)
{
    size_t len = expand_name_length(text);
    if (len == 0) {
        hg_problem_add(at->problems, at->line, at->column,
                       "a variable has no valid name; hint: names consist of letters, digits and "
                       "\"_\"; write \"$$\" for a dollar sign");
        return false;
    }
    char *name = strndup(text, len);
    if (!name) {
        out->failed = true;
        return true;
    }
    const char *rest = text + len;
    size_t size = (size_t)(end - rest);
    bool has_default = size >= 2 && rest[0] == ':' && rest[1] == '-';
    bool has_message = size >= 2 && rest[0] == ':' && rest[1] == '?';
    const char *value = getenv(name);
    if (value && value[0] == '\0' && (has_default || has_message)) {
        value = NULL;
    }

    bool ok = true;
    if (size > 0 && !has_default && !has_message) {
        hg_problem_add(at->problems, at->line, at->column,
                       "\"}\", \":-\" or \":?\" must follow the name of variable %s", name);
        ok = false;
    } else if (value) {
        hg_str_add(out, value);
    } else if (has_default) {
        ok = expand_add_plain(out, rest + 2, size - 2, at);
    } else if (has_message && size > 2) {
        hg_problem_add(at->problems, at->line, at->column, "variable %s is not set: %.*s", name,
                       (int)(size - 2), rest + 2);
        ok = false;
    } else {
        hg_problem_add(at->problems, at->line, at->column,
                       "variable %s is not set; hint: set it, or write \"${%s:-default}\"", name,
                       name);
        ok = false;
    }
    free(name);
    return ok;
}

char *hg_expand(const char *text, size_t line, size_t column, struct hg_problems *problems)
{
    const struct place at = {line, column, problems};
    struct hg_str out = {0};
    bool ok = true;
    while (ok && *text != '\0' && out.len <= EXPANDED_MAX) {
        const char *variable = strstr(text, "$");
        /* "$${" is not a variable: skip pairs of "$" */
        while (variable && variable[1] != '{') {
            variable = strstr(variable + (variable[1] == '$' ? 2 : 1), "$");
        }
        if (!variable) {
            ok = expand_add_plain(&out, text, strlen(text), &at);
            break;
        }
        ok = expand_add_plain(&out, text, (size_t)(variable - text), &at);
        const char *end = strchr(variable, '}');
        if (ok && !end) {
            hg_problem_add(problems, line, column,
                           "\"${\" has no \"}\"; hint: write \"$$\" for a dollar sign");
            ok = false;
        }
        if (ok) {
            ok = expand_add_variable(&out, variable + 2, end, &at);
            text = end + 1;
        }
    }
    if (ok && out.len > EXPANDED_MAX) {
        hg_problem_add(problems, line, column, "the text is longer than 64 KiB");
        ok = false;
    }
    if (!ok) {
        hg_str_free(&out);
        return NULL;
    }
    char *result = hg_str_take(&out);
    if (!result) {
        problems->failed = true;
    }
    return result;
}
