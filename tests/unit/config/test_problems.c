/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * problems: reported in the order of the file, one line each, up to a limit.
 */
#include "config/problems.h"

#include "suite.h"

static char *problems_text_of(struct hg_problems *p, bool warnings)
{
    struct hg_str text = {0};
    hg_problems_text(p, warnings, &text);
    return hg_str_take(&text);
}

START_TEST(problems_are_reported_in_the_order_of_the_file)
{
    struct hg_problems p = {.file = "b.yaml"};
    hg_problem_add(&p, 9, 1, "late");
    hg_problem_add(&p, 2, 7, "second");
    hg_problem_warn(&p, 2, 5, "a warning");
    hg_problem_add(&p, 2, 3, "first");
    hg_problem_add(&p, 2, 7, "third");
    hg_problem_add(&p, 0, 0, "of no place");
    char *errors = problems_text_of(&p, false), *warnings = problems_text_of(&p, true);
    ck_assert_str_eq(errors, "of no place\nb.yaml:2:3: first\nb.yaml:2:7: second\n"
                             "b.yaml:2:7: third\nb.yaml:9:1: late");
    ck_assert_str_eq(warnings, "b.yaml:2:5: a warning");
    ck_assert_uint_eq(p.errors, 5);
    free(errors);
    free(warnings);
    hg_problems_free(&p);
}
END_TEST

START_TEST(the_first_error_sets_the_result)
{
    struct hg_problems p = {0};
    hg_problem_warn(&p, 1, 1, "a warning");
    ck_assert_int_eq(p.rc, HANGAR_OK);
    ck_assert_uint_eq(p.errors, 0);
    hg_problem_add_rc(&p, HANGAR_AUTH, 5, 1, "a secret");
    hg_problem_add(&p, 1, 1, "a key");
    ck_assert_int_eq(p.rc, HANGAR_AUTH);
    struct hg_error err = {0};
    ck_assert_int_eq(hg_problems_fail(&p, &err), HANGAR_AUTH);
    ck_assert_str_eq(err.text, "a key\na secret");
    hg_problems_free(&p);
    ck_assert_int_eq(p.rc, HANGAR_OK);
}
END_TEST

START_TEST(a_problem_is_one_bounded_line)
{
    struct hg_problems p = {.file = "f"};
    char longer[5000];
    memset(longer, 'k', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    hg_problem_add(&p, 1, 1, "unknown key \"\x1b[2J\n\"");
    hg_problem_add(&p, 2, 1, "unknown key \"%s\"", longer);
    ck_assert_str_eq(p.items[0].text, "unknown key \"\\x1b[2J\\x0a\"");
    ck_assert_uint_lt(strlen(p.items[1].text), 2048);
    hg_problems_free(&p);
}
END_TEST

START_TEST(a_hundred_problems_are_kept_and_the_rest_counted)
{
    struct hg_problems p = {.file = "f"};
    for (size_t i = 1; i <= 1000; i++) {
        hg_problem_add(&p, i, 1, "wrong");
    }
    ck_assert_uint_eq(p.count, HG_PROBLEMS_MAX);
    ck_assert_uint_eq(p.errors, 1000);
    char *errors = problems_text_of(&p, false);
    const char *end = "f:100:1: wrong\n900 more errors";
    ck_assert_str_eq(errors + strlen(errors) - strlen(end), end);
    free(errors);
    hg_problems_free(&p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        problems_are_reported_in_the_order_of_the_file,
        the_first_error_sets_the_result,
        a_problem_is_one_bounded_line,
        a_hundred_problems_are_kept_and_the_rest_counted,
    };
    return SUITE_RUN("problems", tests, NULL, NULL);
}
