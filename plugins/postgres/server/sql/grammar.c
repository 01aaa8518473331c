/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * grammar: the lines that objects with rows may have.  A server runs some of them, and psql all
 * of them when a person restores by hand, so that nothing else may match.
 */
#include "server/sql/grammar.h"

#include <string.h>

bool pg_skip_word(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0) {
        return false;
    }
    *at += n;
    return true;
}

/* Skips a quoted name or value, in which the quote is doubled. */
static bool pg_skip_quoted(const char **at, char quote)
{
    const char *c = *at;
    if (*c++ != quote) {
        return false;
    }
    for (;; c++) {
        if (*c == '\0') {
            return false;
        }
        if (*c != quote) {
            continue;
        }
        if (c[1] != quote) {
            break;
        }
        c++;
    }
    *at = c + 1;
    return true;
}

static bool pg_skip_digits(const char **at)
{
    size_t n = strspn(*at, "0123456789");
    *at += n;
    return n > 0 && n < 21;
}

/* Skips "a", "b". */
static bool pg_skip_columns(const char **at)
{
    do {
        if (!pg_skip_quoted(at, '"')) {
            return false;
        }
    } while (pg_skip_word(at, ", "));
    return true;
}

bool pg_is_column_list(const char *text)
{
    return pg_skip_columns(&text) && !*text;
}

bool pg_is_row(const char *row, size_t size)
{
    const char *at = row, *end = row + size;
    if (memchr(row, '\r', size) || memchr(row, '\n', size) || memchr(row, '\0', size)) {
        return false;
    }
    while (at < end && (at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        if (at + 1 == end || !strchr("bfnrtvN\\", at[1])) {
            return false;
        }
        at += 2;
    }
    return true;
}

bool pg_is_copy(const char *line, const char **name_end, const char **head_end)
{
    const char *at = line;
    if (!pg_skip_word(&at, "COPY ") || !pg_skip_quoted(&at, '"') || !pg_skip_word(&at, ".") ||
        !pg_skip_quoted(&at, '"')) {
        return false;
    }
    *name_end = at;
    if (pg_skip_word(&at, " (") && (!pg_skip_columns(&at) || !pg_skip_word(&at, ")"))) {
        return false;
    }
    *head_end = at;
    return strcmp(at, " FROM stdin;\n") == 0;
}

bool pg_is_setval(const char *line)
{
    const char *at = line;
    if (!pg_skip_word(&at, "SELECT pg_catalog.setval(") || !pg_skip_quoted(&at, '\'') ||
        !pg_skip_word(&at, ", ")) {
        return false;
    }
    pg_skip_word(&at, "-");
    return pg_skip_digits(&at) && (strcmp(at, ", true);\n") == 0 || strcmp(at, ", false);\n") == 0);
}
