/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * grammar: the lines that objects with rows may have.  A backup writes no other line, whatever
 * the server sends, and a restore runs no other one.
 */
#ifndef PG_SERVER_SQL_GRAMMAR_H
#define PG_SERVER_SQL_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

/* Skips this exact word; false, and *at stays, when it is not there. */
bool pg_skip_word(const char **at, const char *word);

/* Whether a line is COPY "s"."t" ("a", "b") FROM stdin; finds the end of the table's name,
 * and the end of all but " FROM stdin;". */
bool pg_is_copy(const char *line, const char **name_end, const char **head_end);

/* Whether a text is "a", "b": the columns of a table. */
bool pg_is_column_list(const char *text);

/* Whether these bytes are a row of COPY in text format, without its newline.  To psql, a line \.
 * ends the rows and \! runs a program; no row begins like that, because COPY writes a backslash
 * only before one of b f n r t v N \. */
bool pg_is_row(const char *row, size_t size);

/* Whether a line is SELECT pg_catalog.setval('"s"."q"', 42, true); */
bool pg_is_setval(const char *line);

#endif
