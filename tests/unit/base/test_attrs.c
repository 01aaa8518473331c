/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * attrs: a small set keeps its order and its limits.
 */
#include "base/attrs.h"

#include "suite.h"

START_TEST(values_are_set_replaced_and_found)
{
    struct hangar_attrs *a = hg_attrs_new();
    hg_attrs_set(a, "server", "15.4");
    hg_attrs_setf(a, "size.mb", "%d", 12);
    hg_attrs_set(a, "server", "16.0");
    hg_attrs_set(a, "server", NULL);
    ck_assert_str_eq(hg_attrs_get(a, "server"), "16.0");
    ck_assert_str_eq(hg_attrs_get(a, "size.mb"), "12");
    ck_assert_ptr_null(hg_attrs_get(a, "other"));
    ck_assert_ptr_null(hg_attrs_get(NULL, "other"));
    ck_assert_uint_eq(a->count, 2);
    ck_assert_ptr_null(a->problem);
    hg_attrs_free(a);
    hg_attrs_free(NULL);
}
END_TEST

START_TEST(misuse_is_remembered_and_changes_nothing)
{
    char name[66], value[16 * 1024 + 2];
    memset(name, 'n', 65);
    name[65] = '\0';
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    static const char *const bad[] = {"", "Upper", "with space", "a/b", NULL};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hangar_attrs *a = hg_attrs_new();
        hg_attrs_set(a, bad[i], "x");
        ck_assert_str_eq(a->problem, "an attribute has an invalid name");
        ck_assert_uint_eq(a->count, 0);
        hg_attrs_free(a);
    }
    struct hangar_attrs *a = hg_attrs_new();
    hg_attrs_set(a, name, "x");
    ck_assert_str_eq(a->problem, "an attribute has an invalid name");
    hg_attrs_set(a, "big", value);
    ck_assert_str_eq(a->problem, "an attribute has an invalid name"); /* the first one stays */
    hg_attrs_free(a);

    a = hg_attrs_new();
    hg_attrs_set(a, "big", value);
    ck_assert_str_eq(a->problem, "an attribute is longer than 16 KiB");
    value[sizeof(value) - 2] = '\0';
    hg_attrs_set(a, "big", value);
    ck_assert_uint_eq(strlen(hg_attrs_get(a, "big")), 16 * 1024);
    hg_attrs_free(a);
}
END_TEST

START_TEST(a_set_is_bounded)
{
    struct hangar_attrs *a = hg_attrs_new();
    for (int i = 0; i < 256; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        hg_attrs_set(a, name, "x");
    }
    ck_assert_ptr_null(a->problem);
    hg_attrs_set(a, "n7", "replaced");
    ck_assert_ptr_null(a->problem);
    hg_attrs_set(a, "one.more", "x");
    ck_assert_str_eq(a->problem, "there are more than 256 attributes");
    ck_assert_uint_eq(a->count, 256);
    hg_attrs_free(a);
}
END_TEST

START_TEST(json_brings_a_set_back_in_order)
{
    struct hangar_attrs *a = hg_attrs_new();
    hg_attrs_set(a, "z", "1");
    hg_attrs_set(a, "a", "two\nlines");
    hg_attrs_set(a, "m", "");
    json_t *json = hg_attrs_to_json(a);
    char *text = json_dumps(json, 0);
    ck_assert_str_eq(text, "{\"z\": \"1\", \"a\": \"two\\nlines\", \"m\": \"\"}");
    free(text);
    struct hangar_attrs *back = NULL;
    ck_assert_int_eq(hg_attrs_from_json(json, &back), HANGAR_OK);
    ck_assert_uint_eq(back->count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(back->items[i].name, a->items[i].name);
        ck_assert_str_eq(back->items[i].value, a->items[i].value);
    }
    json_decref(json);
    hg_attrs_free(back);
    hg_attrs_free(a);
}
END_TEST

START_TEST(json_of_another_type_is_not_a_set)
{
    static const char *const bad[] = {"[]", "{\"a\": 1}", "{\"A b\": \"x\"}", "{\"a\": null}",
                                      "{\"a\": \"x\\u0000y\"}"};
    struct hangar_attrs *none = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *json = json_loads(bad[i], JSON_ALLOW_NUL, NULL);
        ck_assert_ptr_nonnull(json);
        ck_assert_int_eq(hg_attrs_from_json(json, &none), HANGAR_CORRUPT);
        ck_assert_ptr_null(none);
        json_decref(json);
    }
    ck_assert_int_eq(hg_attrs_from_json(NULL, &none), HANGAR_CORRUPT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        values_are_set_replaced_and_found,
        misuse_is_remembered_and_changes_nothing,
        a_set_is_bounded,
        json_brings_a_set_back_in_order,
        json_of_another_type_is_not_a_set,
    };
    return SUITE_RUN("attrs", tests, NULL, NULL);
}
