/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * globals_text: whether the output of pg_dumpall is safe to run with psql.
 */
#ifndef PG_BACKUP_PLAN_GLOBALS_TEXT_H
#define PG_BACKUP_PLAN_GLOBALS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum pg_globals_state {
    PG_GLOBALS_SQL,
    PG_GLOBALS_COMMENT, /* to the end of the line */
    PG_GLOBALS_QUOTED,
    PG_GLOBALS_COMMAND /* a line that begins with a backslash */
};

/* Zero it before use. */
struct pg_globals_text {
    enum pg_globals_state state;
    char quote, last, before; /* the quote that ends it; the two bytes before this one */
    bool escapes, escaped;    /* E'...'; the byte before was a backslash */
    bool behind_escapes;      /* a quote now would go on with E'...' */
    char command[96];
    size_t command_len;
    bool bad;
};

/* Reads the next bytes.  False from the first byte on that psql would not take for SQL which
 * pg_dumpall writes. */
bool pg_globals_text_add(struct pg_globals_text *text, const char *bytes, size_t size);

/* Whether the text may end here. */
bool pg_globals_text_ends(const struct pg_globals_text *text);

#endif
