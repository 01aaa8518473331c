/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tags: a list of words stays what it was, through copies and documents.
 */
#include "catalog/tags.h"

#include "suite.h"

START_TEST(a_list_takes_as_many_words_as_are_allowed)
{
    struct hg_tags tags = {0}, copy;
    ck_assert(!hg_tags_have(&tags, ""));
    for (int i = 0; i < HG_TAGS_MAX; i++) {
        char word[20];
        snprintf(word, sizeof(word), "t%d", i);
        ck_assert(hg_tags_add(&tags, word));
    }
    ck_assert(!hg_tags_add(&tags, "one-more"));
    ck_assert_uint_eq(tags.count, HG_TAGS_MAX);
    ck_assert(hg_tags_copy(&tags, &copy));
    hg_tags_free(&tags);
    ck_assert_uint_eq(copy.count, HG_TAGS_MAX);
    ck_assert(hg_tags_have(&copy, "t0"));
    ck_assert(hg_tags_have(&copy, "t15"));
    ck_assert(!hg_tags_have(&copy, "t"));
    ck_assert(!hg_tags_have(&copy, "one-more"));
    hg_tags_free(&copy);
}
END_TEST

START_TEST(a_document_without_tags_has_no_such_member)
{
    struct hg_tags tags = {0}, back;
    json_t *doc = json_object();
    hg_tags_to_json(&tags, doc);
    ck_assert_ptr_null(json_object_get(doc, "tags"));
    ck_assert(hg_tags_are_valid(NULL));
    ck_assert(hg_tags_from_json(NULL, &back));
    ck_assert_uint_eq(back.count, 0);
    ck_assert(hg_tags_add(&tags, "release=1.2"));
    ck_assert(hg_tags_add(&tags, "before-upgrade"));
    hg_tags_to_json(&tags, doc);
    const json_t *member = json_object_get(doc, "tags");
    ck_assert(hg_tags_are_valid(member));
    ck_assert(hg_tags_from_json(member, &back));
    ck_assert_uint_eq(back.count, 2);
    ck_assert_str_eq(back.items[0], "release=1.2");
    ck_assert_str_eq(back.items[1], "before-upgrade");
    hg_tags_free(&back);
    hg_tags_free(&tags);
    json_decref(doc);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_list_takes_as_many_words_as_are_allowed,
        a_document_without_tags_has_no_such_member,
    };
    return SUITE_RUN("catalog/tags", tests, NULL, NULL);
}
