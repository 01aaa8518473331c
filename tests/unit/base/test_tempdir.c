/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tempdir: a folder is gone after its removal, and one that a dead process left
 * is removed by the next process.
 */
#include "base/tempdir.h"

#include <sys/file.h>
#include <sys/wait.h>
#include "suite.h"

static struct hg_tempdir dir;

static void make_tempdir(void)
{
    ck_assert_int_eq(hg_tempdir_make(folder_path, &dir, NULL), HANGAR_OK);
}

static void remove_tempdir(void)
{
    ck_assert_int_eq(hg_tempdir_remove(&dir, NULL), HANGAR_OK);
    ck_assert_ptr_null(dir.path);
}

START_TEST(the_folder_of_a_dead_process_is_removed_and_of_a_living_one_is_not)
{
    ck_assert_int_eq(system("mkdir -p hangar-job-dead0 hangar-job-alive hangar-job-other other && "
                            "touch hangar-job-dead0/lock hangar-job-dead0/data "
                            "hangar-job-alive/lock hangar-job-other/data other/lock && "
                            "ln -s other hangar-job-link1"),
                     0);
    int held = open("hangar-job-alive/lock", O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(held, LOCK_EX | LOCK_NB), 0);
    make_tempdir();
    ck_assert(!folder_has("hangar-job-dead0"));
    ck_assert(folder_has("hangar-job-alive/lock"));
    ck_assert(
        folder_has("hangar-job-other")); /* with files and without a lock: it may not be hangar's */
    ck_assert(folder_has("other/lock") && folder_has("hangar-job-link1"));
    remove_tempdir();
    close(held);
}
END_TEST

START_TEST(a_folder_that_was_made_or_removed_only_in_part_is_removed)
{
    ck_assert_int_eq(system("mkdir hangar-job-empty hangar-new-dead00 hangar-new-alive0 && "
                            "touch hangar-new-dead00/lock && "
                            "touch -d '2 hours ago' hangar-new-dead00"),
                     0);
    make_tempdir();
    ck_assert(!folder_has("hangar-job-empty") && !folder_has("hangar-new-dead00"));
    ck_assert(folder_has("hangar-new-alive0")); /* a process may be about to lock it */
    remove_tempdir();
}
END_TEST

START_TEST(the_folder_of_another_user_is_not_removed)
{
    ck_assert_int_eq(system("mkdir hangar-job-strange && touch hangar-job-strange/lock"), 0);
    if (geteuid() != 0) {
        return; /* only root can give a folder away: test_trust shows the other way */
    }
    ck_assert_int_eq(chown("hangar-job-strange", 54321, 54321), 0);
    make_tempdir();
    ck_assert(folder_has("hangar-job-strange/lock"));
    remove_tempdir();
}
END_TEST

START_TEST(the_folder_of_a_killed_process_is_removed_by_the_next)
{
    pid_t child = fork();
    if (child == 0) {
        _exit(hg_tempdir_make(folder_path, &dir, NULL) == HANGAR_OK ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(system("test $(ls | wc -l) = 1"), 0);
    make_tempdir();
    ck_assert_int_eq(system("test $(ls | wc -l) = 1"), 0);
    remove_tempdir();
    ck_assert_int_eq(system("test -z \"$(ls -A)\""), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_folder_of_a_dead_process_is_removed_and_of_a_living_one_is_not,
        a_folder_that_was_made_or_removed_only_in_part_is_removed,
        the_folder_of_another_user_is_not_removed,
        the_folder_of_a_killed_process_is_removed_by_the_next,
    };
    return SUITE_RUN("base/tempdir", tests, folder_setup, folder_teardown);
}
