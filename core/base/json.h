/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * json: what jansson leaves to its users.
 */
#ifndef HG_BASE_JSON_H
#define HG_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include "base/error.h"

/* The limits of a document, which bound the memory that it takes: some 300 MiB. */
#define HG_JSON_DEPTH_MAX 64
#define HG_JSON_CONTAINERS_MAX 500000 /* lists and maps */
#define HG_JSON_VALUES_MAX 2000000    /* of all kinds */

/* Does a text keep these limits? */
bool hg_json_is_small(const char *text, size_t size);

/* Parses a document; refuses duplicate keys, one beyond the limits (before it takes memory), and
 * text behind it.  `what` names it in the error ("manifest.json"). */
enum hangar_rc hg_json_parse(const char *text, size_t size, const char *what, json_t **out,
                             struct hg_error *err);

/* As text, indented by 2, with a final newline; malloc'd, NULL when out of memory. */
char *hg_json_text(const json_t *doc);
/* The same as one line. */
char *hg_json_line(const json_t *doc);

/* A string or integer member, or the fallback when it is missing or of another type. */
const char *hg_json_string(const json_t *object, const char *key, const char *fallback);
int64_t hg_json_int(const json_t *object, const char *key, int64_t fallback);

/* Sets a member; a NULL text or a negative time becomes null.  Out of memory
 * shows when the document is printed: hg_json_text gives NULL. */
void hg_json_set_string(json_t *object, const char *key, const char *value);
void hg_json_set_int(json_t *object, const char *key, int64_t value);
void hg_json_set_bool(json_t *object, const char *key, bool value);
void hg_json_set_time(json_t *object, const char *key, int64_t ms);
/* Hands a child over. */
void hg_json_set(json_t *object, const char *key, json_t *child);
void hg_json_add(json_t *array, json_t *child);
/* An array of a text's lines, without the empty ones; of NULL an empty array. */
json_t *hg_json_lines(const char *text);

#endif
