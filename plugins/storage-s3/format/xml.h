/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * xml: reads the XML answers of S3 as they arrive.  It calls a function at the end of each element,
 * with the path of names to the element and its text.  It must not know any particular answer.
 * Constructs that no S3 store sends (document types, deep nesting, huge texts, tags or comments)
 * end the reading, because an answer is untrusted input.
 */
#ifndef S3_FORMAT_XML_H
#define S3_FORMAT_XML_H

#include <stdbool.h>
#include <stddef.h>

#define S3_XML_TEXT_MAX 8192
#define S3_XML_SILENT_MAX 65536 /* bytes of one tag, comment or the like */

/* Called at the end of an element: `path` is for example "Error/Code", without name spaces, and
 * `text` is the text directly in the element, which the function may change.  Path "" with text
 * NULL: a document begins, and the function discards what it read before.  False: ends the
 * reading. */
typedef bool s3_xml_element(void *arg, const char *path, char *text);

struct s3_xml;

/* NULL: out of memory.  A document whose root element is neither `root` nor "Error" is not
 * acceptable: it may be a page of a proxy or a login.  root NULL: any root element.  `root` must
 * outlive the reader. */
struct s3_xml *s3_xml_new(const char *root, s3_xml_element *element, void *arg);
void s3_xml_free(struct s3_xml *xml);
/* Begins a new document. */
bool s3_xml_restart(struct s3_xml *xml);
/* False: the document is not acceptable; so are all further calls until s3_xml_restart. */
bool s3_xml_feed(struct s3_xml *xml, const char *data, size_t size);
/* Ends the document.  True: it is complete and well formed; white space alone is not. */
bool s3_xml_end(struct s3_xml *xml);

#endif
