/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_s3_xml: a document is read the same in pieces of any size, and documents that no store sends
 * are refused.
 */
#include <string.h>
#include "suite.h"
#include "text.h"
#include "format/xml.h"

static struct text seen;

static bool on_element_seen(void *arg, const char *path, char *text)
{
    const char *stop_at = arg;
    if (!text) {
        text_clear(&seen);
    } else {
        text_addf(&seen, "%s=%s;", path, text);
    }
    return !text || !stop_at || strcmp(path, stop_at) != 0;
}

/* Feeds a document in pieces.  True: it is complete and acceptable. */
static bool xml_read_all(struct s3_xml *xml, const char *document, size_t step)
{
    size_t size = strlen(document);
    bool taken = s3_xml_restart(xml);
    for (size_t at = 0; at < size && taken; at += step) {
        taken = s3_xml_feed(xml, document + at, step < size - at ? step : size - at);
    }
    return s3_xml_end(xml) && taken;
}

START_TEST(elements_are_reported_with_their_paths)
{
    static const char document[] =
        " \n<?xml version=\"1.0\"?>\n<L xmlns=\"http://s3/\" xmlns:x=\"y\"><Name>b</Name>"
        "<C><Key>a&amp;b&#10;&lt;</Key><S>1</S></C><x:C><Key/></x:C></L>";
    struct s3_xml *xml = s3_xml_new(NULL, on_element_seen, NULL);
    for (size_t step = 1; step <= sizeof(document); step += 7) {
        ck_assert(xml_read_all(xml, document, step));
        ck_assert_str_eq(seen.data, "L/Name=b;L/C/Key=a&b\n<;L/C/S=1;L/C=;L/C/Key=;L/C=;L=;");
    }
    s3_xml_free(xml);
}
END_TEST

START_TEST(invalid_documents_are_refused)
{
    static const char *const documents[] = {
        "",
        "   \n",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "not xml",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
        "<!DOCTYPE a><a/>",
        "<a>\xff</a>",
        "{\"a\": 1}",
    };
    struct s3_xml *xml = s3_xml_new(NULL, on_element_seen, NULL);
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        ck_assert_msg(!xml_read_all(xml, documents[i], 3), "%s", documents[i]);
    }
    ck_assert(xml_read_all(xml, "<a/>", 1)); /* the next document is read again */
    s3_xml_free(xml);
}
END_TEST

START_TEST(a_document_with_another_root_is_refused)
{
    static const char *const refused[] = {
        "<html><body>login</body></html>", "<b><a/></b>", "<A/>", "<aa/>", "<x><Error/></x>",
    };
    static const char *const accepted[] = {"<a/>", "<x:a xmlns:x=\"y\"><b/></x:a>", "<Error/>"};
    struct s3_xml *xml = s3_xml_new("a", on_element_seen, NULL);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        ck_assert_msg(!xml_read_all(xml, refused[i], 3), "%s", refused[i]);
        ck_assert_str_eq(text_str(&seen), "");
    }
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        ck_assert_msg(xml_read_all(xml, accepted[i], 3), "%s", accepted[i]);
    }
    s3_xml_free(xml);
}
END_TEST

START_TEST(depth_and_text_are_bounded)
{
    struct text deep = {0}, wide = {0};
    struct s3_xml *xml = s3_xml_new(NULL, on_element_seen, NULL);
    for (size_t i = 0; i < 2000; i++) {
        text_add(&deep, "<a>");
    }
    ck_assert(!xml_read_all(xml, deep.data, 100));
    text_add(&wide, "<a>");
    for (size_t i = 0; i < S3_XML_TEXT_MAX; i++) {
        text_add(&wide, "x");
    }
    text_add(&wide, "</a>");
    ck_assert(!xml_read_all(xml, wide.data, 100));
    s3_xml_free(xml);
    text_free(&deep);
    text_free(&wide);
}
END_TEST

/* The end of the tag never comes: the store could send it for ever. */
START_TEST(a_tag_or_comment_without_an_end_is_refused)
{
    static const char *const begins[] = {"<a b=\"", "<!--", "<?x ", "<a></a", "<a><![CDATA["};
    struct s3_xml *xml = s3_xml_new(NULL, on_element_seen, NULL);
    struct text filling = {0};
    for (size_t i = 0; i < S3_XML_SILENT_MAX / 8; i++) {
        text_add(&filling, "        ");
    }
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        bool accepted = s3_xml_restart(xml) && s3_xml_feed(xml, begins[i], strlen(begins[i]));
        for (size_t k = 0; k < 3 && accepted; k++) {
            accepted = s3_xml_feed(xml, filling.data, filling.size);
        }
        ck_assert_msg(!accepted, "%s", begins[i]);
    }
    s3_xml_free(xml);
    text_free(&filling);
}
END_TEST

START_TEST(the_function_can_end_the_reading)
{
    struct s3_xml *xml = s3_xml_new(NULL, on_element_seen, (char *)"a/b");
    ck_assert(!xml_read_all(xml, "<a><b/><c/></a>", 100));
    ck_assert_str_eq(seen.data, "a/b=;");
    s3_xml_free(xml);
}
END_TEST

static void free_seen(void)
{
    text_free(&seen);
}

int main(void)
{
    const TTest *const tests[] = {
        elements_are_reported_with_their_paths,     invalid_documents_are_refused,
        a_document_with_another_root_is_refused,    depth_and_text_are_bounded,
        a_tag_or_comment_without_an_end_is_refused, the_function_can_end_the_reading,
    };
    return SUITE_RUN("s3 answers", tests, free_seen, free_seen);
}
