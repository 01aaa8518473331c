/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * text: a string that grows, with the escaping that URLs of S3 need.  It knows nothing
 * of requests.  An allocation that fails, or a text beyond its limit, is noted and ends
 * all further growth, so that a caller checks once, at the end.
 */
#ifndef S3_TEXT_H
#define S3_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define S3_TEXT_MAX ((size_t)4 << 20)

struct s3_text {
    char *data; /* NULL while empty */
    size_t size, capacity;
    bool failed;
};

void s3_text_add_n(struct s3_text *text, const char *bytes, size_t size);
void s3_text_add(struct s3_text *text, const char *string);
void s3_text_addf(struct s3_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Percent-escapes all but A-Za-z0-9-_.~, in upper-case hex, as signatures want it. */
void s3_text_escape(struct s3_text *text, const char *string, bool keep_slash);
/* Escapes for the content of an XML element. */
void s3_text_xml(struct s3_text *text, const char *string);
void s3_text_clear(struct s3_text *text);
void s3_text_free(struct s3_text *text);
/* The string, "" while empty. */
const char *s3_text_get(const struct s3_text *text);

/* Undoes percent-escapes in place; false, with the string unspecified, when one is
 * not complete or is a NUL. */
bool s3_unescape(char *string);

#endif
