/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * unnamed: what no source of a server names is shown once, with its size.
 */

#include "base/attrs.h"
#include "base/json.h"
#include "base/str.h"
#include "jobs/backup/unnamed.h"
#include "suite.h"

static struct hg_server_facts sources;
static json_t *shown[3];

/* Source n, with the facts that its plugin reports; NULL: none. */
static void unnamed_add_source(int n, const char *server, const char *others)
{
    struct hangar_attrs *facts = hg_attrs_new();
    hg_attrs_set(facts, "size", "5");
    if (server) {
        hg_attrs_set(facts, "server_id", server);
        hg_attrs_set(facts, "others", others);
    }
    shown[n] = hg_attrs_to_json(facts);
    struct hg_error err = {0};
    ck_assert_int_eq(hg_unnamed_add(&sources, facts, shown[n], &err), HANGAR_OK);
    hg_attrs_free(facts);
}

static const char *unnamed_text_of(int n)
{
    return hg_json_string(shown[n], "not_backed_up", "");
}

static void unnamed_finish(void)
{
    for (int i = 0; i < 3; i++) {
        json_decref(shown[i]);
        shown[i] = NULL;
    }
    hg_unnamed_free(&sources);
}

START_TEST(databases_of_another_source_are_not_shown)
{
    unnamed_add_source(0, "s1", "app two\t1048576\ncrm\t2147483648\nlogs\t\n");
    unnamed_add_source(1, "s1", "app\t1024\nlogs\t\ncrm\t2147483648\n");
    unnamed_add_source(2, "s2", "app\t1024\n");
    hg_unnamed_show(&sources);
    ck_assert_str_eq(unnamed_text_of(0), "crm (2 GiB), logs");
    ck_assert_str_eq(unnamed_text_of(1), "");
    ck_assert_str_eq(unnamed_text_of(2), "app (1 KiB)");
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_null(json_object_get(shown[i], "server_id"));
        ck_assert_ptr_null(json_object_get(shown[i], "others"));
        ck_assert_ptr_nonnull(json_object_get(shown[i], "size"));
    }
    unnamed_finish();
}
END_TEST

START_TEST(a_server_without_others_or_without_these_facts_shows_nothing)
{
    unnamed_add_source(0, "s1", "");
    unnamed_add_source(1, NULL, NULL);
    unnamed_add_source(2, "s3", "odd");
    hg_unnamed_show(&sources);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(unnamed_text_of(i), "");
    }
    unnamed_finish();
}
END_TEST

START_TEST(many_are_counted)
{
    struct hg_str others = {0};
    for (int i = 0; i < 23; i++) {
        hg_str_addf(&others, "db%02d\t1\n", i);
    }
    unnamed_add_source(0, "s1", hg_str_text(&others));
    hg_unnamed_show(&sources);
    ck_assert_ptr_nonnull(strstr(unnamed_text_of(0), "db19 (1 B) and 3 more"));
    ck_assert_ptr_null(strstr(unnamed_text_of(0), "db20"));
    hg_str_free(&others);
    unnamed_finish();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        databases_of_another_source_are_not_shown,
        a_server_without_others_or_without_these_facts_shows_nothing,
        many_are_counted,
    };
    return SUITE_RUN("backup/unnamed", tests, NULL, NULL);
}
