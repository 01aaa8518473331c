/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * suite: shared by the unit tests: running a suite, and a fresh folder for each test.  It is
 * independent of hangar.
 */
#ifndef TEST_LIB_SUITE_H
#define TEST_LIB_SUITE_H

#include <check.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Runs all tests in `tests` as one suite with one case.  Returns the exit status for main. */
static inline int suite_run(const char *name, const TTest *const *tests, size_t count, SFun setup,
                            SFun teardown)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 120);
    if (setup) {
        tcase_add_checked_fixture(tcase, setup, teardown);
    }
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define SUITE_RUN(name, tests, setup, teardown)                                                    \
    suite_run(name, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)

/* A folder of the test's own, absolute; made by folder_setup, the working folder
 * of the test, and removed by folder_teardown. */
static char folder_path[64];

static inline void folder_setup(void)
{
    snprintf(folder_path, sizeof(folder_path), "/tmp/hangar-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder_path));
    ck_assert_int_eq(chdir(folder_path), 0);
}

static inline void folder_teardown(void)
{
    char command[192];
    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", folder_path, folder_path);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

/* Is there a file, a folder or a link of this name? */
static inline bool folder_has(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* Writes a file of this mode, whatever the umask. */
static inline void folder_file(const char *path, const char *text, size_t size, mode_t mode)
{
    unlink(path); /* one of an earlier mode might not be writable */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

#endif
