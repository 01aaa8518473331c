/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fuzz_s3_xml: the XML of a store, in pieces of any size.  The reported elements do not depend
 * on the size of the pieces.
 */
#include "fuzz.h"

#include <string.h>

#include "format/xml.h"

/* A hash of the reported elements. */
struct fuzz_elements {
    uint64_t sum, count;
};

static void fuzz_s3_xml_add(struct fuzz_elements *elements, const char *text)
{
    for (; *text; text++) {
        elements->sum = (elements->sum ^ (unsigned char)*text) * 1099511628211u;
    }
    elements->sum = (elements->sum ^ 256) * 1099511628211u;
}

static bool fuzz_s3_xml_element(void *arg, const char *path, char *text)
{
    struct fuzz_elements *elements = arg;
    FUZZ_RULE(path && (*path || !text));
    if (!text) { /* a document begins */
        return true;
    }
    FUZZ_RULE(strlen(text) <= S3_XML_TEXT_MAX);
    fuzz_s3_xml_add(elements, path);
    fuzz_s3_xml_add(elements, text);
    memset(text, 'x', strlen(text)); /* it may be changed */
    return ++elements->count < 5000;
}

static bool read_whole(const uint8_t *data, size_t size, size_t step,
                       struct fuzz_elements *elements)
{
    struct s3_xml *xml = s3_xml_new(NULL, fuzz_s3_xml_element, elements);
    if (!xml) {
        abort();
    }
    bool good = true;
    for (size_t at = 0; at < size && good; at += step) {
        good = s3_xml_feed(xml, (const char *)data + at, step < size - at ? step : size - at);
    }
    good = good && s3_xml_end(xml);
    s3_xml_free(xml);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_elements whole = {0}, pieces = {0};
    size_t step = size ? data[0] % 16 + 1u : 1;
    bool good = read_whole(data, size, size ? size : 1, &whole);
    bool again = read_whole(data, size, step, &pieces);
    FUZZ_RULE(good == again);
    FUZZ_RULE(!good || (whole.sum == pieces.sum && whole.count == pieces.count));
    return 0;
}
