/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * grammar.h: the lines that objects with rows may have.
 */
#ifndef PG_GRAMMAR_H
#define PG_GRAMMAR_H

#include <stdbool.h>

/* Skips this exact word; false, and *at stays, when it is not there. */
bool pg_skip_word(const char **at, const char *word);

/* Whether a line is COPY "s"."t" ("a", "b") FROM stdin; finds the end of the table's name,
 * and the end of all but " FROM stdin;". */
bool pg_is_copy(const char *line, const char **name_end, const char **head_end);

/* Whether a line is SELECT pg_catalog.setval('"s"."q"', 42, true); */
bool pg_is_setval(const char *line);

#endif
