/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * xml: answers of S3, read as they arrive.  Each element is told when it ends, with the
 * names on the way to it and its text.  It knows no particular answer.  What no S3 store
 * sends (document types, deep nesting, huge texts) ends the reading: an answer is input.
 */
#ifndef S3_XML_H
#define S3_XML_H

#include <stdbool.h>
#include <stddef.h>

#define S3_XML_TEXT_MAX 8192

/* The end of an element: `path` is "Error/Code", without name spaces, and `text` is what
 * stood directly in it, which the function may change.  Path "" without a text: a document
 * begins, and what was read before does not count.  False: nothing more is wanted. */
typedef bool s3_xml_element(void *arg, const char *path, char *text);

struct s3_xml;

struct s3_xml *s3_xml_new(s3_xml_element *element, void *arg); /* NULL: memory is short */
void s3_xml_free(struct s3_xml *xml);
/* Begins a new document. */
bool s3_xml_restart(struct s3_xml *xml);
/* False: this is no XML that we take, now and for the rest of this document. */
bool s3_xml_feed(struct s3_xml *xml, const char *data, size_t size);
/* The document is complete and well formed.  White space alone is not. */
bool s3_xml_end(struct s3_xml *xml);

#endif
