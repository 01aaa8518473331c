/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * error: the first error counts, texts are bounded and whole.
 */
#include "base/error.h"

#include <errno.h>
#include "suite.h"

START_TEST(an_error_holds_its_text_and_the_cause)
{
    struct hg_error err = {0};
    ck_assert_int_eq(hg_fail(&err, HANGAR_NO_SPACE, ENOSPC, "cannot write %s", "a/b"),
                     HANGAR_NO_SPACE);
    ck_assert_int_eq(err.rc, HANGAR_NO_SPACE);
    ck_assert_str_eq(err.text, "cannot write a/b: No space left on device");
}
END_TEST

START_TEST(the_cause_comes_before_the_hint)
{
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_NO_SPACE, ENOSPC, "cannot write %s; hint: use another disk", "a/b");
    ck_assert_str_eq(err.text, "cannot write a/b: No space left on device; hint: use another disk");
}
END_TEST

START_TEST(a_lack_of_memory_has_one_text)
{
    struct hg_error err = {0};
    ck_assert_int_eq(hg_no_memory(&err), HANGAR_NO_MEMORY);
    ck_assert_str_eq(err.text, "out of memory");
    ck_assert_int_eq(hg_no_memory_for(&err, "cannot read %s", "a/b"), HANGAR_NO_MEMORY);
    ck_assert_str_eq(err.text, "out of memory"); /* the first error stays */
    hg_error_clear(&err);
    ck_assert_int_eq(hg_no_memory_for(&err, "cannot read %s", "a/b"), HANGAR_NO_MEMORY);
    ck_assert_int_eq(err.rc, HANGAR_NO_MEMORY);
    ck_assert_str_eq(err.text, "cannot read a/b: out of memory");
    char name[2 * sizeof(err.text)];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    hg_error_clear(&err);
    hg_no_memory_for(&err, "cannot read %s", name);
    ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
    ck_assert_str_eq(err.text + strlen(err.text) - 18, "...: out of memory");
    ck_assert_int_eq(hg_no_memory_for(NULL, "cannot read"), HANGAR_NO_MEMORY);
}
END_TEST

START_TEST(the_first_error_stays)
{
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_IO, 0, "first");
    ck_assert_int_eq(hg_fail(&err, HANGAR_CANCELLED, 0, "second"), HANGAR_CANCELLED);
    ck_assert_int_eq(err.rc, HANGAR_IO);
    ck_assert_str_eq(err.text, "first");
    hg_error_clear(&err);
    ck_assert_int_eq(err.rc, HANGAR_OK);
    ck_assert_str_eq(err.text, "");
    hg_fail(&err, HANGAR_AUTH, 0, "third");
    ck_assert_str_eq(err.text, "third");
}
END_TEST

START_TEST(an_error_may_be_null)
{
    ck_assert_int_eq(hg_fail(NULL, HANGAR_IO, EIO, "lost"), HANGAR_IO);
    ck_assert_int_eq(hg_context(NULL, "nowhere"), HANGAR_INTERNAL);
    hg_error_clear(NULL);
}
END_TEST

START_TEST(a_context_goes_before_the_text)
{
    struct hg_error err = {0};
    ck_assert_int_eq(hg_context(&err, "no error"), HANGAR_OK);
    ck_assert_str_eq(err.text, "");
    hg_fail(&err, HANGAR_CORRUPT, 0, "bad magic");
    ck_assert_int_eq(hg_context(&err, "object %d", 7), HANGAR_CORRUPT);
    ck_assert_str_eq(err.text, "object 7: bad magic");
}
END_TEST

START_TEST(a_context_does_not_repeat_what_the_text_begins_with)
{
    static const struct {
        const char *context, *text, *expected;
    } cases[] = {
        {"sink a", "sink a: disk full", "sink a: disk full"},
        {"sink a: p/b", "sink a: disk full", "sink a: p/b: disk full"},
        {"sink a: p/b", "sink a: p/b: cut short", "sink a: p/b: cut short"},
        {"sink a", "sink ab: disk full", "sink a: sink ab: disk full"},
        {"sink a", "source a: gone", "sink a: source a: gone"},
        {"a", "a", "a: a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hg_error err = {0};
        hg_fail(&err, HANGAR_IO, 0, "%s", cases[i].text);
        hg_context(&err, "%s", cases[i].context);
        ck_assert_str_eq(err.text, cases[i].expected);
    }
    ck_assert_str_eq(hg_error_without("sink a: full", "sink", "a"), "full");
    ck_assert_str_eq(hg_error_without("sink ab: full", "sink", "a"), "sink ab: full");
    ck_assert_str_eq(hg_error_without("sink a", "sink", "a"), "sink a");
    ck_assert_str_eq(hg_error_without("source a: full", "sink", "a"), "source a: full");
}
END_TEST

START_TEST(a_moved_error_is_recorded_once)
{
    struct hg_error to = {0}, from = {0};
    ck_assert_int_eq(hg_error_move(&to, &from), HANGAR_OK);
    ck_assert_int_eq(to.rc, HANGAR_OK);

    hg_fail(&from, HANGAR_IO, 0, "cannot read a");
    ck_assert_int_eq(hg_error_move(&to, &from), HANGAR_IO);
    ck_assert_int_eq(from.rc, HANGAR_OK);
    ck_assert_int_eq(to.rc, HANGAR_IO);
    ck_assert_str_eq(to.text, "cannot read a");

    ck_assert_int_eq(hg_no_memory(&from), HANGAR_NO_MEMORY);
    ck_assert_int_eq(hg_error_move(&to, &from), HANGAR_NO_MEMORY);
    ck_assert_int_eq(to.rc, HANGAR_IO); /* the first error stays */
    ck_assert_str_eq(to.text, "cannot read a");
    hg_fail(&from, HANGAR_IO, 0, "cannot read b");
    ck_assert_int_eq(hg_error_move(NULL, &from), HANGAR_IO);
}
END_TEST

START_TEST(a_long_text_is_cut_and_keeps_its_cause)
{
    char longer[2 * sizeof(((struct hg_error *)NULL)->text)];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_IO, EIO, "%s", longer);
    const char *end = "...: Input/output error";
    size_t len = strlen(err.text);
    ck_assert_uint_eq(len, sizeof(err.text) - 1);
    ck_assert_str_eq(err.text + len - strlen(end), end);

    hg_context(&err, "%s", longer);
    len = strlen(err.text);
    ck_assert_uint_lt(len, sizeof(err.text));
    ck_assert_str_eq(err.text + len - 3, "...");
}
END_TEST

START_TEST(a_character_is_never_cut_in_two)
{
    for (size_t shift = 0; shift < 4; shift++) {
        char text[6000];
        size_t len = 0;
        memset(text, 'x', shift);
        for (len = shift; len < sizeof(text) - 4; len += 3) {
            memcpy(text + len, "\xE2\x82\xAC", 3);
        }
        text[len] = '\0';
        struct hg_error err = {0};
        hg_fail(&err, HANGAR_IO, 0, "%s", text);
        size_t cut = strlen(err.text);
        ck_assert_str_eq(err.text + cut - 3, "...");
        ck_assert_uint_eq((cut - 3 - shift) % 3, 0);
    }
}
END_TEST

START_TEST(every_result_has_a_text)
{
    for (int rc = HANGAR_OK; rc <= HANGAR_INTERNAL; rc++) {
        ck_assert_int_gt((int)strlen(hg_rc_text((enum hangar_rc)rc)), 0);
    }
    ck_assert_str_eq(hg_rc_text(HANGAR_NO_SPACE), "no space left");
    ck_assert_str_eq(hg_rc_text((enum hangar_rc)99), "unknown result");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_error_holds_its_text_and_the_cause,
        the_cause_comes_before_the_hint,
        a_lack_of_memory_has_one_text,
        the_first_error_stays,
        an_error_may_be_null,
        a_context_goes_before_the_text,
        a_context_does_not_repeat_what_the_text_begins_with,
        a_moved_error_is_recorded_once,
        a_long_text_is_cut_and_keeps_its_cause,
        a_character_is_never_cut_in_two,
        every_result_has_a_text,
    };
    return SUITE_RUN("error", tests, NULL, NULL);
}
