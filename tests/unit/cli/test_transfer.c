/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transfer: cat, export and import: the calls of the library, and the files.
 */
#include "cli_world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static void check_file(const char *path, const char *expected)
{
    char *text = world_file(path);
    ck_assert_str_eq(text, expected);
    free(text);
}

static int files_here(void)
{
    return system("test \"$(ls -A)\" = a.tar.gz") == 0;
}

START_TEST(cat_writes_the_object_and_nothing_else)
{
    fake.answers[0].json = "the object\n";
    ck_assert_int_eq(world_run("cat latest app_db/x --pipeline p --from s"), 0);
    ck_assert_str_eq(world.out, "the object\n");
    ck_assert_str_eq(world.err, "");
    ck_assert_ptr_nonnull(strstr(fake.calls, "cat latest app_db/x pipeline=p sink=s\n"));
}
END_TEST

START_TEST(cat_of_damaged_data_ends_with_status_4)
{
    fake.answers[0] = (struct fake_answer){
        .status = HANGAR_STATUS_CORRUPT, .json = "half", .error = "it must not be used"};
    ck_assert_int_eq(world_run("cat latest x"), 4);
    ck_assert_str_eq(world.out, "half");
    ck_assert_str_eq(world.err, "hangar: it must not be used\n");
}
END_TEST

START_TEST(cat_requires_an_object_and_has_no_document)
{
    ck_assert_int_eq(world_run("cat latest"), 2);
    ck_assert_int_eq(world_run("--json cat latest x"), 2);
    ck_assert_ptr_null(strstr(fake.calls, "cat"));
}
END_TEST

START_TEST(export_publishes_a_private_file_only_when_complete)
{
    fake.answers[0].json = "{\"schema\": \"hangar.export/1\", \"status\": \"done\"}";
    umask(0);
    ck_assert_int_eq(world_run("export latest -o a.tar.gz"), 0);
    ck_assert_str_eq(world.out, "");
    ck_assert_ptr_nonnull(strstr(world.err, "exported"));
    check_file("a.tar.gz", FAKE_ARCHIVE);
    struct stat st;
    ck_assert_int_eq(stat("a.tar.gz", &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert(files_here());
    fake.answers[1] =
        (struct fake_answer){.status = HANGAR_STATUS_CORRUPT, .error = "it is damaged"};
    ck_assert_int_eq(world_run("export latest -o a.tar.gz --force"), 4);
    ck_assert_str_eq(world.err, "hangar: it is damaged\n");
    ck_assert_int_eq(world_run("export latest -o b.tar.gz"), 0);
    ck_assert_int_eq(unlink("b.tar.gz"), 0);
    check_file("a.tar.gz", FAKE_ARCHIVE);
    ck_assert(files_here());
}
END_TEST

START_TEST(export_replaces_only_when_forced)
{
    ck_assert_int_eq(system("echo mine >a.tar.gz"), 0);
    ck_assert_int_eq(world_run("export latest -o a.tar.gz"), 1);
    ck_assert_str_eq(world.err, "hangar: cannot write a.tar.gz: the file exists\n"
                                "  hint: name another file, or add --force\n");
    ck_assert_ptr_null(strstr(fake.calls, "export"));
    check_file("a.tar.gz", "mine\n");
    ck_assert_int_eq(world_run("export latest -o a.tar.gz --force"), 0);
    check_file("a.tar.gz", FAKE_ARCHIVE);
    ck_assert(files_here());
}
END_TEST

START_TEST(export_requires_a_target_that_is_not_a_terminal)
{
    ck_assert_int_eq(world_run("export latest"), 2);
    ck_assert_int_eq(world_run("--json export latest -o -"), 2);
    world.io.out_tty = true;
    ck_assert_int_eq(world_run("export latest -o -"), 2);
    ck_assert_ptr_null(strstr(fake.calls, "export"));
    ck_assert_int_eq(world_run("export latest -o missing/a.tar.gz"), 1);
    ck_assert_ptr_nonnull(strstr(world.err, "No such file or directory"));
    ck_assert_int_eq(world_run("export latest -o ./"), 1);
}
END_TEST

START_TEST(import_reads_a_file_and_prints_the_id)
{
    fake.answers[0].json =
        "{\"schema\": \"hangar.import/1\", \"status\": \"done\", \"id\": \"backup_x\"}";
    ck_assert_int_eq(system("printf data >a.tar.gz"), 0);
    ck_assert_int_eq(world_run("import a.tar.gz --pipeline p --to s"), 0);
    ck_assert_str_eq(world.out, "backup_x\n");
    ck_assert_ptr_nonnull(strstr(fake.calls, "import pipeline=p sink=s data=data\n"));
    ck_assert_int_eq(world_run("import missing.tar.gz"), 1);
    ck_assert_str_eq(world.err, "hangar: cannot read missing.tar.gz: No such file or directory\n");
    ck_assert_int_eq(world_run("import ."), 1);
    ck_assert_ptr_nonnull(strstr(world.err, "Is a directory"));
    ck_assert_int_eq(world_run("import"), 2);
}
END_TEST

static void transfer_add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, folder_setup, folder_teardown);
    tcase_add_test(tcase, cat_writes_the_object_and_nothing_else);
    tcase_add_test(tcase, cat_of_damaged_data_ends_with_status_4);
    tcase_add_test(tcase, cat_requires_an_object_and_has_no_document);
    tcase_add_test(tcase, export_publishes_a_private_file_only_when_complete);
    tcase_add_test(tcase, export_replaces_only_when_forced);
    tcase_add_test(tcase, export_requires_a_target_that_is_not_a_terminal);
    tcase_add_test(tcase, import_reads_a_file_and_prints_the_id);
}

int main(void)
{
    return world_main("export", transfer_add_tests);
}
