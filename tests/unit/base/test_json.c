/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * json: documents are whole or refused; what is built is whole or not printed.
 */
#include "base/json.h"

#include "suite.h"

static enum hangar_rc json_parse(const char *text, json_t **out, struct hg_error *err)
{
    *err = (struct hg_error){0};
    return hg_json_parse(text, strlen(text), "manifest.json", out, err);
}

START_TEST(a_document_is_read)
{
    struct hg_error err;
    json_t *doc = NULL;
    ck_assert_int_eq(json_parse("{\"a\": \"x\", \"n\": 7}", &doc, &err), HANGAR_OK);
    ck_assert_str_eq(hg_json_string(doc, "a", "-"), "x");
    ck_assert_int_eq(hg_json_int(doc, "n", -1), 7);
    ck_assert_str_eq(hg_json_string(doc, "n", "fallback"), "fallback");
    ck_assert_int_eq(hg_json_int(doc, "missing", -1), -1);
    ck_assert_ptr_null(hg_json_string(NULL, "a", NULL));
    json_decref(doc);
}
END_TEST

START_TEST(several_documents_are_refused_with_their_place)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        {"", "cannot read manifest.json: line 1, column 0: "},
        {"{\"a\": 1,\n\"a\": 2}", "cannot read manifest.json: line 2, column "},
        {"{} {}", "cannot read manifest.json: line 1, column "},
        {"{\"a\": \"\xE4\"}", "cannot read manifest.json: line 1, column "},
        {"{\"a\": \"\\u0000\"}", "cannot read manifest.json: line 1, column "},
        {"{", "cannot read manifest.json: line 1, column "},
        {"7", "cannot read manifest.json: line 1, column "},
        {"{\"a\": 99999999999999999999}", "cannot read manifest.json: line 1, column "},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hg_error err;
        json_t *doc = NULL;
        ck_assert_int_eq(json_parse(bad[i].text, &doc, &err), HANGAR_CORRUPT);
        ck_assert_ptr_null(doc);
        ck_assert_msg(strncmp(err.text, bad[i].error, strlen(bad[i].error)) == 0, "%s", err.text);
    }
}
END_TEST

START_TEST(depth_is_limited_before_anything_recurses)
{
    enum { HUGE = 1000000 };
    char *text = malloc(HUGE + 1);
    memset(text, '[', HUGE);
    text[HUGE] = '\0';
    struct hg_error err;
    json_t *doc = NULL;
    ck_assert_int_eq(json_parse(text, &doc, &err), HANGAR_CORRUPT);
    ck_assert_str_eq(err.text, "cannot read manifest.json: nested more than 64 deep");
    free(text);

    char deep[64 * 2 + 1] = "";
    memset(deep, '[', 64);
    memset(deep + 64, ']', 64);
    ck_assert_int_eq(json_parse(deep, &doc, &err), HANGAR_OK);
    json_decref(doc);
    ck_assert_int_eq(
        json_parse("{\"a\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                   "[[[[[[\\\"[[[[[[\"}",
                   &doc, &err),
        HANGAR_OK);
    json_decref(doc);
}
END_TEST

/* "[", then `count` times `item`, then "0]"; free it. */
static char *json_repeated(const char *item, size_t count)
{
    size_t n = strlen(item);
    char *text = malloc(n * count + 4);
    ck_assert_ptr_nonnull(text);
    text[0] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy(text + 1 + i * n, item, n);
    }
    strcpy(text + 1 + n * count, "0]");
    return text;
}

START_TEST(the_number_of_values_is_limited_before_anything_is_parsed)
{
    static const struct {
        const char *item;
        size_t good, bad;
    } cases[] = {
        {"{},", HG_JSON_CONTAINERS_MAX - 1, HG_JSON_CONTAINERS_MAX},
        {"[],", HG_JSON_CONTAINERS_MAX - 1, 22000000},
        {"0,", HG_JSON_VALUES_MAX - 2, HG_JSON_VALUES_MAX - 1},
        {"\"\",", HG_JSON_VALUES_MAX - 2, 22000000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = json_repeated(cases[i].item, cases[i].good);
        ck_assert(hg_json_is_small(text, strlen(text)));
        struct hg_error err;
        json_t *doc = NULL;
        ck_assert_int_eq(json_parse(text, &doc, &err), HANGAR_OK);
        json_decref(doc);
        free(text);
        doc = NULL;
        text = json_repeated(cases[i].item, cases[i].bad);
        ck_assert(!hg_json_is_small(text, strlen(text)));
        ck_assert_int_eq(json_parse(text, &doc, &err), HANGAR_CORRUPT);
        ck_assert_ptr_null(doc);
        ck_assert_str_eq(err.text, "cannot read manifest.json: more than 2000000 values, or 500000 "
                                   "lists and maps");
        free(text);
    }
}
END_TEST

START_TEST(values_inside_a_string_do_not_count)
{
    char *text = json_repeated("[,{", 1000000);
    text[0] = '"';
    text[strlen(text) - 1] = '"';
    char *list = NULL;
    ck_assert_int_gt(asprintf(&list, "[%s]", text), 0);
    struct hg_error err;
    json_t *doc = NULL;
    ck_assert_int_eq(json_parse(list, &doc, &err), HANGAR_OK);
    json_decref(doc);
    free(list);
    free(text);
}
END_TEST

START_TEST(a_document_is_printed_with_indentation)
{
    json_t *doc = json_object();
    hg_json_set_string(doc, "a", "x");
    hg_json_set_string(doc, "none", NULL);
    hg_json_set_int(doc, "n", -3);
    hg_json_set_bool(doc, "b", true);
    hg_json_set_time(doc, "t", 0);
    hg_json_set_time(doc, "never", -1);
    json_t *list = json_array();
    hg_json_add(list, json_integer(1));
    hg_json_set(doc, "l", list);
    char *text = hg_json_text(doc);
    ck_assert_str_eq(text, "{\n  \"a\": \"x\",\n  \"none\": null,\n  \"n\": -3,\n  \"b\": true,\n"
                           "  \"t\": \"1970-01-01T00:00:00.000Z\",\n  \"never\": null,\n"
                           "  \"l\": [\n    1\n  ]\n}\n");
    free(text);
    json_decref(doc);
}
END_TEST

START_TEST(texts_that_are_not_utf8_are_escaped)
{
    json_t *doc = json_object();
    hg_json_set_string(doc, "a", "caf\xE9");
    ck_assert_str_eq(hg_json_string(doc, "a", ""), "caf\\xe9");
    json_decref(doc);
}
END_TEST

START_TEST(a_text_becomes_an_array_of_its_lines)
{
    const struct {
        const char *text, *json;
    } cases[] = {{NULL, "[]"},
                 {"", "[]"},
                 {"\n\n", "[]"},
                 {"one", "[\"one\"]"},
                 {"one\ntwo\n", "[\"one\",\"two\"]"},
                 {"\none\n\ncaf\xE9", "[\"one\",\"caf\\\\xe9\"]"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *lines = hg_json_lines(cases[i].text);
        char *text = json_dumps(lines, JSON_COMPACT);
        ck_assert_str_eq(text, cases[i].json);
        free(text);
        json_decref(lines);
    }
}
END_TEST

START_TEST(a_document_that_lost_a_member_is_not_printed)
{
    json_t *doc = json_object(), *list = json_array();
    hg_json_set_int(doc, "kept", 1);
    hg_json_set(doc, "list", list);
    hg_json_add(list, NULL); /* as when an allocation failed */
    ck_assert_ptr_null(hg_json_text(doc));
    hg_json_add(list, json_integer(1)); /* and stays so */
    ck_assert_ptr_null(hg_json_text(doc));
    list->type = JSON_ARRAY; /* so that the test gives all of it back */
    json_decref(doc);
    ck_assert_ptr_null(hg_json_text(NULL));
    hg_json_set(NULL, "a", json_integer(1));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_document_is_read,
        several_documents_are_refused_with_their_place,
        depth_is_limited_before_anything_recurses,
        the_number_of_values_is_limited_before_anything_is_parsed,
        values_inside_a_string_do_not_count,
        a_document_is_printed_with_indentation,
        texts_that_are_not_utf8_are_escaped,
        a_text_becomes_an_array_of_its_lines,
        a_document_that_lost_a_member_is_not_printed,
    };
    return SUITE_RUN("json", tests, NULL, NULL);
}
