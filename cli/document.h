/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * document: reads the JSON documents of the library for printing.  Each string is made
 * safe for a terminal when the document is parsed, so no renderer has to.  Missing members
 * read as empty: the document of a failed job may lack any of them.
 */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "output.h"

/* Parses a document; NULL when the text is not one, or out of memory. */
json_t *cli_document(const char *text, bool utf8);
/* The same with all strings unchanged: not for a terminal. */
json_t *cli_document_as_it_is(const char *text);

/* "", 0, false, an empty array, -1 when missing or null. */
const char *cli_string(const json_t *object, const char *key);
int64_t cli_integer(const json_t *object, const char *key);
uint64_t cli_bytes(const json_t *object, const char *key);
bool cli_flag(const json_t *object, const char *key);
const json_t *cli_array(const json_t *object, const char *key);
int64_t cli_instant(const json_t *object, const char *key);

/* Whether the member exists and is not null. */
bool cli_has(const json_t *object, const char *key);

/* Whether one of the objects of an array has it. */
bool cli_any_has(const json_t *array, const char *key);

/* Whether its "status" is "done". */
bool cli_done(const json_t *object);

/* The text of a scalar of any type, "" for others; lives in `out` or the value. */
const char *cli_scalar(const json_t *value, char out[32]);

/* The strings of an array with ", " between them; malloc'd, NULL when out of memory. */
char *cli_join(const json_t *array);

/* The mark of a verification: good, bad, or (CLI_BANG) not judged. */
enum cli_symbol cli_outcome(const json_t *verified);

/* The result and the age of the last verification: "drill 2 h ago" after a tick or a
 * cross; "-" when there was none.  Sets the style to print it in. */
const char *cli_verified(const json_t *verified, const struct cli_view *view, char out[CLI_SHORT],
                         enum cli_style *style);

#endif
