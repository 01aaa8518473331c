/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * testing: for test programs of plugins, besides the fake host: a folder that is removed at
 * their end, sample data, and the stock tools.
 */
#ifndef TEST_LIB_TESTING_H
#define TEST_LIB_TESTING_H

#include <check.h>
#include <stddef.h>
#include <hangar/plugin.h>

/* For loops and threads: check's own assertions write to a file each time, also
 * when they hold. */
#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

/* Runs the suite as a test program's main does, with a fresh folder as $TMPDIR
 * that is removed afterwards, also when tests fail.  The exit status. */
int testing_main(Suite *suite);

/* A new empty folder below it, mode 0700; lives as long as the test. */
const char *testing_dir(void);
/* dir/name; lives as long as the test. */
const char *testing_path(const char *dir, const char *name);

/* Sample data, the same in each run: typical content of backups, and extremes. */
enum testing_data { DATA_TEXT, DATA_RANDOM, DATA_ZEROS, DATA_KINDS };
unsigned char *testing_data(enum testing_data kind, size_t size); /* free it */

void testing_write_file(const char *path, const void *data, size_t size);
unsigned char *testing_read_file(const char *path, size_t *size); /* free it */

/* Runs a command of the shell; its exit status. */
int testing_shell(const char *fmt, ...) HANGAR_PRINTF(1, 2);

/* Ends the test with the recorded error when the result of a call is not `want`. */
struct fake_host;
void testing_expect(struct fake_host *fake, enum hangar_rc got, enum hangar_rc want,
                    const char *what);

#endif
