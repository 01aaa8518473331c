/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * expand: variables become text, and never anything else.
 */
#include "config/expand.h"

#include "suite.h"

static void set_variables(void)
{
    setenv("HG_HOST", "db1", 1);
    setenv("HG_EMPTY", "", 1);
    setenv("HG_TRAP", "${HG_HOST} $$ $HG_HOST: [a, b]\n- c", 1);
    unsetenv("HG_NONE");
}

static const struct {
    const char *text, *result;
} right[] = {
    {"", ""},
    {"plain", "plain"},
    {"${HG_HOST}", "db1"},
    {"a${HG_HOST}b${HG_HOST}", "adb1bdb1"},
    {"${HG_EMPTY}", ""},
    {"${HG_HOST:-x}", "db1"},
    {"${HG_NONE:-x}", "x"},
    {"${HG_NONE:-}", ""},
    {"${HG_EMPTY:-x}", "x"},
    {"${HG_NONE:-a:-b:?c}", "a:-b:?c"},
    {"${HG_NONE:-$$5}", "$5"},
    {"${HG_HOST:?must be set}", "db1"},
    {"$$", "$"},
    {"$$$$", "$$"},
    {"$${HG_HOST}", "${HG_HOST}"},
    {"$$${HG_HOST}", "$db1"},
    {"^a$", "^a$"},
    {"(a$|b$)", "(a$|b$)"},
    {"$5", "$5"},
    {"}", "}"},
    {"${HG_TRAP}", "${HG_HOST} $$ $HG_HOST: [a, b]\n- c"},
};

START_TEST(variables_become_their_text)
{
    set_variables();
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        struct hg_problems p = {.file = "f"};
        char *result = hg_expand(right[i].text, 3, 9, &p);
        ck_assert_msg(result != NULL, "%s: %s", right[i].text, p.count > 0 ? p.items[0].text : "");
        ck_assert_str_eq(result, right[i].result);
        ck_assert_uint_eq(p.count, 0);
        free(result);
    }
}
END_TEST

#define BAD_NAME                                                                                   \
    "a variable has no valid name; hint: names consist of letters, digits and \"_\"; write "       \
    "\"$$\" for a dollar sign"
#define BAD_NEXT(name) "\"}\", \":-\" or \":?\" must follow the name of variable " name

static const struct {
    const char *text, *error;
} wrong[] = {
    {"${HG_NONE}", "variable HG_NONE is not set; hint: set it, or write \"${HG_NONE:-default}\""},
    {"${HG_NONE:?}", "variable HG_NONE is not set; hint: set it, or write \"${HG_NONE:-default}\""},
    {"${HG_NONE:?run init first}", "variable HG_NONE is not set: run init first"},
    {"${HG_EMPTY:?run init first}", "variable HG_EMPTY is not set: run init first"},
    {"${}", BAD_NAME},
    {"${1X}", BAD_NAME},
    {"${ HG_HOST}", BAD_NAME},
    {"${HG_HOST-x}", BAD_NEXT("HG_HOST")},
    {"${HG_HOST:x}", BAD_NEXT("HG_HOST")},
    {"${HG_HOST }", BAD_NEXT("HG_HOST")},
    {"${HG_HOST", "\"${\" has no \"}\"; hint: write \"$$\" for a dollar sign"},
    {"secret${", "\"${\" has no \"}\"; hint: write \"$$\" for a dollar sign"},
    {"pa$word", "a \"$\" is before a name; hint: write \"${NAME}\" for a variable, and \"$$\" "
                "for a dollar sign"},
    {"${HG_NONE:-$HG_HOST}", "a \"$\" is before a name; hint: write \"${NAME}\" for a "
                             "variable, and \"$$\" for a dollar sign"},
    {"${HG_NONE:-${HG_HOST}}", "a variable cannot stand inside the default of another"},
};

START_TEST(failed_expansions_are_reported_with_their_place)
{
    set_variables();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct hg_problems p = {.file = "f"};
        ck_assert_ptr_null(hg_expand(wrong[i].text, 3, 9, &p));
        ck_assert_uint_eq(p.errors, 1);
        ck_assert_uint_eq(p.items[0].line, 3);
        ck_assert_uint_eq(p.items[0].column, 9);
        ck_assert_str_eq(p.items[0].text, wrong[i].error);
        hg_problems_free(&p);
    }
}
END_TEST

START_TEST(an_expansion_is_bounded)
{
    char big[1000];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    setenv("HG_BIG", big, 1);
    struct hg_str text = {0};
    for (int i = 0; i < 60; i++) {
        hg_str_add(&text, "${HG_BIG}");
    }
    struct hg_problems p = {.file = "f"};
    char *result = hg_expand(hg_str_text(&text), 1, 1, &p);
    ck_assert_uint_eq(strlen(result), 60 * 999);
    free(result);
    for (int i = 0; i < 100000; i++) {
        hg_str_add(&text, "${HG_BIG}");
    }
    ck_assert_ptr_null(hg_expand(hg_str_text(&text), 1, 1, &p));
    ck_assert_str_eq(p.items[0].text, "the text is longer than 64 KiB");
    hg_problems_free(&p);
    hg_str_free(&text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        variables_become_their_text,
        failed_expansions_are_reported_with_their_place,
        an_expansion_is_bounded,
    };
    return SUITE_RUN("expand", tests, NULL, NULL);
}
