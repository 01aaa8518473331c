/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * escape: the escaping that URLs and documents of S3 need.  It knows nothing of requests.
 */
#ifndef S3_ESCAPE_H
#define S3_ESCAPE_H

#include "text.h"

/* Percent-escapes all but A-Za-z0-9-_.~, in upper-case hex, as signatures want it. */
void s3_add_escaped(struct text *text, const char *string, bool keep_slash);
/* Escapes for the content of an XML element. */
void s3_add_xml(struct text *text, const char *string);

/* Undoes percent-escapes in place; false, with the string unspecified, when one is
 * not complete or is a NUL. */
bool s3_unescape(char *string);

#endif
