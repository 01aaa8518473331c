/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * document: the library's JSON documents, read for printing.  Every string in
 * one is made safe for a terminal when it is read, so that what prints it need
 * not think of that.  Missing members read as empty: a failed job's document
 * may lack any of them.
 */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "output.h"

/* NULL when the text is not a document, or out of memory. */
json_t *cli_document(const char *text, bool utf8);
/* The same with all texts as they are: not for a terminal. */
json_t *cli_document_as_it_is(const char *text);

/* "", 0, false, an empty array, -1 when missing or null. */
const char *cli_string(const json_t *object, const char *key);
int64_t cli_integer(const json_t *object, const char *key);
uint64_t cli_bytes(const json_t *object, const char *key);
bool cli_flag(const json_t *object, const char *key);
const json_t *cli_array(const json_t *object, const char *key);
int64_t cli_instant(const json_t *object, const char *key);

/* Whether the member is there and not null. */
bool cli_has(const json_t *object, const char *key);

/* Whether one of the objects of an array has it. */
bool cli_any_has(const json_t *array, const char *key);

/* Whether its "status" is "done". */
bool cli_done(const json_t *object);

/* The text of a scalar of any type, "" for others; lives in `out` or the value. */
const char *cli_scalar(const json_t *value, char out[32]);

/* The strings of an array with ", " between them; malloc'd, NULL when out of memory. */
char *cli_join(const json_t *array);

/* What the last verification came to, and when: "drill 2 h ago", after a tick or a
 * cross; "-" when there was none.  `style` is how to show it. */
const char *cli_verified(const json_t *verified, const struct cli_view *view, char out[CLI_SHORT],
                         enum cli_style *style);

#endif
