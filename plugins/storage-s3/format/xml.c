/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * xml: see xml.h.  expat does the parsing.
 */
#include "format/xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 512
#define STEP_BYTES 4096

struct s3_xml {
    XML_Parser parser;
    s3_xml_element *element;
    void *arg;
    const char *root;
    bool failed, begun;
    size_t silent; /* bytes since expat last reported anything */
    size_t path_size, text_size;
    char path[PATH_SIZE]; /* names, each with a slash before it */
    char text[S3_XML_TEXT_MAX];
};

static void s3_xml_stop(struct s3_xml *xml)
{
    xml->failed = true;
    XML_StopParser(xml->parser, XML_FALSE);
}

static void XMLCALL s3_xml_on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    (void)attributes;
    struct s3_xml *xml = arg;
    xml->silent = 0;
    const char *colon = strrchr(name, ':');
    const char *bare = colon ? colon + 1 : name;
    size_t size = strlen(bare);
    bool is_foreign =
        xml->root && !xml->path_size && strcmp(bare, xml->root) != 0 && strcmp(bare, "Error") != 0;
    if (!size || is_foreign || xml->path_size + size + 2 > sizeof(xml->path)) {
        s3_xml_stop(xml);
        return;
    }
    xml->path[xml->path_size] = '/';
    memcpy(xml->path + xml->path_size + 1, bare, size + 1);
    xml->path_size += size + 1;
    xml->text_size = 0;
}

static void XMLCALL s3_xml_on_end(void *arg, const XML_Char *name)
{
    (void)name;
    struct s3_xml *xml = arg;
    xml->silent = 0;
    if (xml->failed) { /* expat reports the end of an empty element even after a stop */
        return;
    }
    xml->text[xml->text_size] = '\0';
    if (!xml->element(xml->arg, xml->path + 1, xml->text)) {
        s3_xml_stop(xml);
    }
    char *slash = strrchr(xml->path, '/');
    *slash = '\0';
    xml->path_size = (size_t)(slash - xml->path);
    xml->text_size = 0;
}

static void XMLCALL s3_xml_on_text(void *arg, const XML_Char *text, int size)
{
    struct s3_xml *xml = arg;
    xml->silent = 0;
    if (xml->text_size + (size_t)size >= sizeof(xml->text)) {
        s3_xml_stop(xml);
        return;
    }
    memcpy(xml->text + xml->text_size, text, (size_t)size);
    xml->text_size += (size_t)size;
}

static void XMLCALL s3_xml_on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                                      const XML_Char *public_id, int has_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    s3_xml_stop(arg);
}

bool s3_xml_restart(struct s3_xml *xml)
{
    xml->failed = !XML_ParserReset(xml->parser, NULL);
    xml->begun = false;
    xml->path_size = xml->text_size = xml->silent = 0;
    xml->path[0] = '\0';
    XML_SetUserData(xml->parser, xml);
    XML_SetElementHandler(xml->parser, s3_xml_on_start, s3_xml_on_end);
    XML_SetCharacterDataHandler(xml->parser, s3_xml_on_text);
    XML_SetStartDoctypeDeclHandler(xml->parser, s3_xml_on_doctype);
    if (!xml->failed) {
        xml->element(xml->arg, "", NULL);
    }
    return !xml->failed;
}

struct s3_xml *s3_xml_new(const char *root, s3_xml_element *element, void *arg)
{
    struct s3_xml *xml = calloc(1, sizeof(*xml));
    if (!xml) {
        return NULL;
    }
    xml->root = root;
    xml->element = element;
    xml->arg = arg;
    xml->parser = XML_ParserCreate(NULL);
    if (!xml->parser || !s3_xml_restart(xml)) {
        s3_xml_free(xml);
        return NULL;
    }
    return xml;
}

void s3_xml_free(struct s3_xml *xml)
{
    if (!xml) {
        return;
    }
    if (xml->parser) {
        XML_ParserFree(xml->parser);
    }
    free(xml);
}

bool s3_xml_feed(struct s3_xml *xml, const char *data, size_t size)
{
    /* a store may send blanks before the declaration to keep the connection open */
    while (size && !xml->begun && *data && strchr(" \t\r\n", *data)) {
        data++;
        size--;
    }
    xml->begun = xml->begun || size;
    /* in small steps: expat reads an unfinished tag again from its beginning at each step, so a
     * tag without an end must be detected soon */
    while (size && !xml->failed) {
        size_t step = size < STEP_BYTES ? size : STEP_BYTES;
        xml->silent += step;
        if (XML_Parse(xml->parser, data, (int)step, 0) != XML_STATUS_OK ||
            xml->silent > S3_XML_SILENT_MAX) {
            xml->failed = true;
        }
        data += step;
        size -= step;
    }
    return !xml->failed;
}

bool s3_xml_end(struct s3_xml *xml)
{
    if (!xml->failed && XML_Parse(xml->parser, "", 0, 1) != XML_STATUS_OK) {
        xml->failed = true;
    }
    return !xml->failed;
}
