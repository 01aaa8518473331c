/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * globals_text: reads globals.sql as psql does, when a person follows RESTORE.txt.
 *
 * psql runs commands of its own wherever a backslash stands outside quotes and comments: \! runs a
 * program.  A server can send names with line ends, which old versions of pg_dumpall write into
 * comments as they are.  pg_dumpall itself writes a backslash outside quotes only in \restrict and
 * \unrestrict, and neither variables (:) nor dollar quotes nor comments in slashes.
 */
#include "backup/plan/globals_text.h"

#include <ctype.h>
#include <string.h>

static bool is_part_of_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c > 127;
}

/* The line is \restrict KEY or \unrestrict KEY. */
static bool is_restriction(const struct pg_globals_text *text)
{
    static const char *const commands[] = {"\\restrict ", "\\unrestrict "};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        size_t n = strlen(commands[i]);
        if (text->command_len > n && memcmp(text->command, commands[i], n) == 0) {
            for (; n < text->command_len && isalnum((unsigned char)text->command[n]); n++) {
            }
            return n == text->command_len;
        }
    }
    return false;
}

static bool add_command_byte(struct pg_globals_text *text, char c)
{
    if (c == '\n') {
        text->state = PG_GLOBALS_SQL;
        return is_restriction(text);
    }
    if (text->command_len == sizeof(text->command)) {
        return false;
    }
    text->command[text->command_len++] = c;
    return true;
}

static void add_quoted_byte(struct pg_globals_text *text, char c)
{
    if (text->escaped) {
        text->escaped = false;
    } else if (text->escapes && c == '\\') {
        text->escaped = true;
    } else if (c == text->quote) {
        text->state = PG_GLOBALS_SQL; /* a doubled quote begins the next quoted text */
        text->behind_escapes = text->escapes;
    }
}

/* E begins a text with escapes, unless it is the end of a name; and so does a quote right behind
 * such a text. */
static bool begin_quotes(struct pg_globals_text *text, char c)
{
    bool marked = text->last == 'E' || text->last == 'e';
    if (c == '\'' && ((marked && is_part_of_name(text->before)) ||
                      (text->behind_escapes && text->last != '\''))) {
        return false;
    }
    text->escapes = c == '\'' && (marked || (text->escapes && text->last == '\''));
    text->quote = c;
    text->state = PG_GLOBALS_QUOTED;
    return true;
}

static bool add_sql_byte(struct pg_globals_text *text, char c)
{
    bool line_begins = !text->last || text->last == '\n';
    if (!isspace((unsigned char)c) && c != '-' && c != '\'') {
        text->behind_escapes = false;
    }
    switch (c) {
    case '\\':
        text->state = PG_GLOBALS_COMMAND;
        text->command_len = 1;
        text->command[0] = c;
        return line_begins;
    case '\'':
    case '"':
        return begin_quotes(text, c);
    case '-':
        if (text->last == '-') {
            text->state = PG_GLOBALS_COMMENT;
        }
        return true;
    case '$':
    case ':':
    case '\r':
    case '\0':
        return false;
    default:
        return !(c == '*' && text->last == '/');
    }
}

static bool add_byte(struct pg_globals_text *text, char c)
{
    switch (text->state) {
    case PG_GLOBALS_QUOTED:
        add_quoted_byte(text, c);
        return c != '\0';
    case PG_GLOBALS_COMMENT:
        if (c == '\n') {
            text->state = PG_GLOBALS_SQL;
        }
        return c != '\r' && c != '\0';
    case PG_GLOBALS_COMMAND:
        return add_command_byte(text, c);
    default:
        return add_sql_byte(text, c);
    }
}

bool pg_globals_text_add(struct pg_globals_text *text, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size && !text->bad; i++) {
        text->bad = !add_byte(text, bytes[i]);
        text->before = text->last;
        text->last = bytes[i];
    }
    return !text->bad;
}

bool pg_globals_text_ends(const struct pg_globals_text *text)
{
    return !text->bad && text->state != PG_GLOBALS_QUOTED && text->state != PG_GLOBALS_COMMAND;
}
