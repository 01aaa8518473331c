/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * escape: escaping for the URLs and XML documents of S3.  It must not know about requests.
 */
#ifndef S3_FORMAT_ESCAPE_H
#define S3_FORMAT_ESCAPE_H

#include "text.h"

/* Appends the string with all bytes but A-Za-z0-9-_.~ percent-escaped in upper-case hex, which
 * signatures require. */
void s3_add_escaped(struct text *text, const char *string, bool keep_slash);
/* Appends the string, escaped for the content of an XML element. */
void s3_add_xml(struct text *text, const char *string);

/* Replaces percent-escapes in place.  False, with an undefined string: an escape is incomplete or a
 * NUL. */
bool s3_unescape(char *string);

#endif
