/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * quote: names and values quoted for SQL, pg_dump, shells, connection strings, JSON
 * and the names of objects.
 */
#ifndef PG_SERVER_SQL_QUOTE_H
#define PG_SERVER_SQL_QUOTE_H

#include <stdbool.h>
#include "text.h"

void pg_add_ident(struct text *text, const char *name);    /* "name" */
void pg_add_literal(struct text *text, const char *value); /* 'value' */

/* The value of a setting, as ALTER DATABASE ... SET takes it.  The server stores a list of names as
 * one text, "a", b: each name becomes a literal of its own.  Any other value is one literal. */
void pg_add_setting_value(struct text *text, const char *setting, const char *value);

void pg_add_shell(struct text *text, const char *word);    /* 'word' for bash, in one line */
void pg_add_conninfo(struct text *text, const char *name); /* dbname='name' */

/* A database's name as a part of an object's name: other bytes become =XX. */
void pg_add_folder(struct text *text, const char *name);

/* A pattern SCHEMA.TABLE or TABLE, with * and ?: as a condition on two columns, and as
 * an argument of pg_dump. */
void pg_add_match(struct text *text, const char *pattern, const char *schema_column,
                  const char *table_column);
void pg_add_dump_pattern(struct text *text, const char *pattern);

/* A JSON string.  Control characters, and in a text that is not UTF-8 all bytes
 * beyond ASCII, become \u00XX, one for each byte. */
void pg_add_json(struct text *text, const char *value, bool utf8);

#endif
