/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * str: a growing string.  `failed` records that memory ran out, so that a caller can
 * build a text without a check for each piece, and check `failed` at the end.
 */
#ifndef HG_BASE_STR_H
#define HG_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <hangar/plugin.h>

/* Zero it before use; `data` is NULL while empty, else ended by a NUL. */
struct hg_str {
    char *data;
    size_t len, capacity;
    bool failed;
};

void hg_str_add(struct hg_str *s, const char *text);
void hg_str_add_n(struct hg_str *s, const void *bytes, size_t n);
void hg_str_addf(struct hg_str *s, const char *fmt, ...) HANGAR_PRINTF(2, 3);
void hg_str_addv(struct hg_str *s, const char *fmt, va_list args) HANGAR_PRINTF(2, 0);
void hg_str_free(struct hg_str *s);

/* The text, "" when empty. */
const char *hg_str_text(const struct hg_str *s);

/* Returns the text, which the caller frees, and empties `s`; NULL when out of memory. */
char *hg_str_take(struct hg_str *s);

/* malloc'd results, NULL when out of memory. */
char *hg_format(const char *fmt, ...) HANGAR_PRINTF(1, 2);

bool hg_starts_with(const char *text, const char *prefix);

/* Appends `text` quoted for a POSIX shell, unquoted where that is safe. */
void hg_str_add_shell(struct hg_str *s, const char *text);

/* Is it a valid object name: [A-Za-z0-9._/=-]+, relative, no empty, "." or ".." component,
 * at most `max` bytes? */
bool hg_object_name_ok(const char *name, size_t max);

/* The entry of `choices` (NULL-terminated) that `word` was probably meant to be, or NULL. */
const char *hg_did_you_mean(const char *word, const char *const *choices);

#endif
