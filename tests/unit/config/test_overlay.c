/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * overlay: the options under `scratch:` replace those under `options:`.
 */
#include "config/overlay.h"

#include <string.h>
#include "suite.h"
#include "config_world.h"

static const struct hangar_option table[] = {
    {.name = "host", .type = HANGAR_OPT_STRING},
    {.name = "log_file", .type = HANGAR_OPT_STRING},
    {.name = "log", .type = HANGAR_OPT_STRING},
    {.name = "password", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_SECRET},
    {.name = NULL},
};

/* `under` with `over` over it: "key=value" in order, separated by blanks. */
static const char *overlay_overlaid(const char *under, const char *over)
{
    static char words[256];
    struct hg_problems problems = {.file = "test"};
    struct hg_yaml *low = under ? hg_yaml_parse(under, strlen(under), &problems) : NULL;
    struct hg_yaml *high = hg_yaml_parse(over, strlen(over), &problems);
    struct hg_yaml both;
    ck_assert_uint_eq(problems.errors, 0);
    ck_assert(hg_overlay_make(table, low, high, &both));
    words[0] = '\0';
    for (size_t i = 0; i < both.count; i++) {
        snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s=%s", i ? " " : "",
                 both.keys[i].text, both.items[i].text);
    }
    hg_overlay_free(&both);
    if (low) {
        hg_yaml_free(low);
    }
    hg_yaml_free(high);
    hg_problems_free(&problems);
    return words;
}

START_TEST(the_upper_layer_replaces_equal_keys_and_the_rest_stays)
{
    ck_assert_str_eq(overlay_overlaid("{host: a, log: b}", "{host: c}"), "log=b host=c");
    ck_assert_str_eq(overlay_overlaid("{host: a}", "{log: b}"), "host=a log=b");
    ck_assert_str_eq(overlay_overlaid(NULL, "{host: a}"), "host=a");
}
END_TEST

START_TEST(a_secret_replaces_all_its_forms)
{
    ck_assert_str_eq(overlay_overlaid("{password_file: a}", "{password: b}"), "password=b");
    ck_assert_str_eq(overlay_overlaid("{password: a}", "{password_command: b}"),
                     "password_command=b");
    ck_assert_str_eq(overlay_overlaid("{password_credential: a, host: h}", "{password_file: b}"),
                     "host=h password_file=b");
}
END_TEST

START_TEST(what_only_looks_like_a_form_of_another_is_left_alone)
{
    ck_assert_str_eq(overlay_overlaid("{log_file: a}", "{log: b}"), "log_file=a log=b");
    ck_assert_str_eq(overlay_overlaid("{log: a}", "{log_file: b}"), "log=a log_file=b");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_upper_layer_replaces_equal_keys_and_the_rest_stays,
        a_secret_replaces_all_its_forms,
        what_only_looks_like_a_form_of_another_is_left_alone,
    };
    return SUITE_RUN("overlay", tests, folder_setup, folder_teardown);
}
