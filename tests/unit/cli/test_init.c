/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * init: writes a private file and never replaces one.
 */
#include "cli_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "document.h"
#include "suite.h"

START_TEST(the_sample_is_readable_only_by_its_owner)
{
    umask(0);
    ck_assert_int_eq(world_run("init"), 0);
    struct stat st;
    ck_assert_int_eq(stat("backup.yaml", &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    char *text = world_file("backup.yaml");
    ck_assert_str_eq(text, hangar_sample_config());
    free(text);
    ck_assert_str_eq(world.out, "");
    ck_assert_ptr_nonnull(strstr(world.err, "\n  hangar check\n"));
}
END_TEST

START_TEST(an_existing_file_is_not_changed)
{
    FILE *file = fopen("mine.yaml", "w");
    fputs("mine\n", file);
    fclose(file);
    ck_assert_int_eq(world_run("init mine.yaml"), 1);
    ck_assert_str_eq(world.err, "hangar: cannot write mine.yaml: the file exists\n"
                                "  hint: name another file, or move the existing one\n");
    char *text = world_file("mine.yaml");
    ck_assert_str_eq(text, "mine\n");
    free(text);
}
END_TEST

START_TEST(a_dangling_link_is_not_followed)
{
    ck_assert_int_eq(symlink("elsewhere.yaml", "backup.yaml"), 0);
    ck_assert_int_eq(world_run("init"), 1);
    ck_assert_int_eq(access("elsewhere.yaml", F_OK), -1);
}
END_TEST

START_TEST(the_next_step_names_the_given_file)
{
    ck_assert_int_eq(world_run("init other.yaml --json"), 0);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_str_eq(cli_string(doc, "file"), "other.yaml");
    json_decref(doc);
    unlink("other.yaml");
    ck_assert_int_eq(world_run("-c other.yaml init"), 0);
    ck_assert_ptr_nonnull(strstr(world.err, "\n  hangar -c other.yaml check\n"));
}
END_TEST

START_TEST(a_missing_folder_is_reported)
{
    ck_assert_int_eq(world_run("init /nonexistent/backup.yaml"), 1);
    ck_assert_str_eq(world.err,
                     "hangar: cannot write /nonexistent/backup.yaml: No such file or directory\n");
}
END_TEST

static void init_add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, folder_setup, folder_teardown);
    tcase_add_test(tests, the_sample_is_readable_only_by_its_owner);
    tcase_add_test(tests, an_existing_file_is_not_changed);
    tcase_add_test(tests, a_dangling_link_is_not_followed);
    tcase_add_test(tests, the_next_step_names_the_given_file);
    tcase_add_test(tests, a_missing_folder_is_reported);
}

int main(void)
{
    return world_main("cli init", init_add_tests);
}
