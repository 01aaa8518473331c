/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * io: files are read and written whole, and trees removed without leaving them.
 */
#include "base/io.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include "suite.h"

START_TEST(a_file_is_written_whole_and_read_back)
{
    struct hg_error err = {0};
    char data[50000];
    memset(data, 'd', sizeof(data));
    ck_assert_int_eq(hg_write_file("f", "old", 3, 0644, &err), HANGAR_OK);
    ck_assert_int_eq(hg_write_file("f", data, sizeof(data), 0640, &err), HANGAR_OK);
    struct stat st;
    ck_assert_int_eq(stat("f", &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    struct hg_str text = {0};
    ck_assert_int_eq(hg_read_file("f", sizeof(data), &text, &err), HANGAR_OK);
    ck_assert_uint_eq(text.len, sizeof(data));
    ck_assert_mem_eq(text.data, data, sizeof(data));
    hg_str_free(&text);
    ck_assert_int_eq(system("test \"$(ls -A)\" = f"), 0); /* no temporary file is left */
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_reported_with_the_reason)
{
    struct hg_error err = {0};
    struct hg_str text = {0};
    ck_assert_int_eq(hg_read_file("none", 10, &text, &err), HANGAR_NOT_FOUND);
    ck_assert_str_eq(err.text, "cannot open none: No such file or directory");
    hg_error_clear(&err);
    folder_file("eleven", "12345678901", 11, 0600);
    ck_assert_int_eq(hg_read_file("eleven", 10, &text, &err), HANGAR_CONFIG);
    ck_assert_str_eq(err.text, "cannot read eleven: it is larger than 10 bytes");
    hg_str_free(&text);
    hg_error_clear(&err);
    ck_assert_int_eq(hg_read_file("eleven", 11, &text, &err), HANGAR_OK);
    hg_str_free(&text);
    ck_assert_int_eq(hg_read_file(".", 10, &text, &err), HANGAR_CONFIG);
    ck_assert_str_eq(err.text, "cannot read .: it is not a regular file");
    hg_error_clear(&err);
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    ck_assert_int_eq(hg_read_file("fifo", 10, &text, &err), HANGAR_CONFIG);
    ck_assert_str_eq(err.text, "cannot read fifo: it is not a regular file");
}
END_TEST

START_TEST(a_file_that_cannot_be_written_leaves_the_old_one)
{
    struct hg_error err = {0};
    ck_assert_int_eq(hg_write_file("no/f", "x", 1, 0600, &err), HANGAR_NOT_FOUND);
    ck_assert_str_eq(err.text, "cannot write no/f: No such file or directory");
    hg_error_clear(&err);
    ck_assert_int_eq(mkdir("folder", 0700), 0);
    ck_assert_int_eq(hg_write_file("folder", "x", 1, 0600, &err), HANGAR_IO);
    ck_assert_int_eq(system("test \"$(ls -A)\" = folder"), 0);

    folder_file("f", "old", 3, 0600);
    char big[100000] = "";
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){50000, 50000}), 0);
    hg_error_clear(&err);
    ck_assert_int_eq(hg_write_file("f", big, sizeof(big), 0600, &err), HANGAR_IO);
    struct hg_str text = {0};
    hg_error_clear(&err);
    ck_assert_int_eq(hg_read_file("f", 10, &text, &err), HANGAR_OK);
    ck_assert_str_eq(text.data, "old");
    hg_str_free(&text);
    ck_assert_int_eq(system("test \"$(ls -A | wc -l)\" = 2"), 0);
}
END_TEST

static void *io_feed(void *arg)
{
    int fd = *(int *)arg;
    static char data[300000];
    memset(data, 'p', sizeof(data));
    if (hg_write_all(fd, data, sizeof(data)) != 0) {
        abort();
    }
    close(fd);
    return NULL;
}

START_TEST(short_reads_and_writes_are_continued)
{
    int ends[2]; /* a pipe takes and gives 64 KiB at a time */
    ck_assert_int_eq(pipe(ends), 0);
    pthread_t thread;
    pthread_create(&thread, NULL, io_feed, &ends[1]);
    static char data[400000];
    ck_assert_int_eq(hg_read_full(ends[0], data, 100), 100);
    ck_assert_int_eq(hg_read_full(ends[0], data, sizeof(data)), 299900);
    ck_assert_int_eq(hg_read_full(ends[0], data, sizeof(data)), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(hg_read_full(-1, data, 1), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(hg_write_all(-1, data, 1), -1);
}
END_TEST

START_TEST(folders_are_made_with_those_above)
{
    struct hg_error err = {0};
    char path[128];
    snprintf(path, sizeof(path), "%s/a//b/c/", folder_path);
    ck_assert_int_eq(hg_make_dirs(path, 0700, &err), HANGAR_OK);
    ck_assert_int_eq(hg_make_dirs("a/b/d", 0700, &err), HANGAR_OK);
    ck_assert_int_eq(hg_make_dirs("a", 0700, &err), HANGAR_OK);
    ck_assert_int_eq(hg_make_dirs("/", 0700, &err), HANGAR_OK);
    struct stat st;
    ck_assert_int_eq(stat("a/b/c", &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    folder_file("f", "", 0, 0600);
    ck_assert_int_eq(hg_make_dirs("f/x", 0700, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "cannot create f: Not a directory");
}
END_TEST

START_TEST(a_tree_is_removed_with_all_in_it)
{
    struct hg_error err = {0};
    ck_assert_int_eq(system("mkdir -p t/a/b t/c .keep; touch t/x t/a/y t/a/b/z t/.hidden; "
                            "ln -s ../.keep t/c/link; ln -s nowhere t/dangling; mkfifo t/fifo; "
                            "touch .keep/file"),
                     0);
    ck_assert_int_eq(hg_remove_tree("t/", &err), HANGAR_OK);
    ck_assert(!folder_has("t"));
    ck_assert(folder_has(".keep/file"));
    ck_assert_int_eq(hg_remove_tree("t", &err), HANGAR_OK);
    ck_assert_int_eq(hg_remove_tree("no/where", &err), HANGAR_OK);
    folder_file("f", "x", 1, 0600);
    ck_assert_int_eq(hg_remove_tree("f", &err), HANGAR_OK);
    ck_assert(!folder_has("f"));
}
END_TEST

START_TEST(a_symlink_is_removed_and_not_followed)
{
    struct hg_error err = {0};
    ck_assert_int_eq(system("mkdir keep; touch keep/file; ln -s keep link"), 0);
    ck_assert_int_eq(hg_remove_tree("link", &err), HANGAR_OK);
    ck_assert(!folder_has("link"));
    ck_assert(folder_has("keep/file"));
}
END_TEST

START_TEST(what_is_not_a_name_is_never_removed)
{
    static const char *const bad[] = {"/", "//", ".", "..", "", "x/..", "x/."};
    ck_assert_int_eq(mkdir("x", 0700), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hg_error err = {0};
        ck_assert_int_eq(hg_remove_tree(bad[i], &err), HANGAR_INTERNAL);
    }
    ck_assert(folder_has("x"));
}
END_TEST

START_TEST(a_deep_tree_needs_few_descriptors)
{
    enum { DEPTH = 300 };
    for (int i = 0; i < DEPTH; i++) {
        ck_assert_int_eq(mkdir("deep", 0700), 0);
        folder_file("file", "x", 1, 0600);
        ck_assert_int_eq(chdir("deep"), 0);
    }
    ck_assert_int_eq(chdir(folder_path), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, 16}), 0);
    struct hg_error err = {0};
    ck_assert_int_eq(hg_remove_tree("deep", &err), HANGAR_OK);
    ck_assert(!folder_has("deep"));
}
END_TEST

START_TEST(a_wide_tree_is_removed)
{
    struct hg_error err = {0};
    ck_assert_int_eq(system("mkdir w; cd w; for i in 1 2 3 4 5 6 7 8 9; do mkdir -p $i/a $i/b; "
                            "seq 40 | sed \"s|^|$i/|\" | xargs touch; done"),
                     0);
    ck_assert_int_eq(hg_remove_tree("w", &err), HANGAR_OK);
    ck_assert(!folder_has("w"));
}
END_TEST

START_TEST(bytes_of_a_tree_are_added_up)
{
    ck_assert_uint_eq(hg_tree_bytes("none"), 0);
    ck_assert_int_eq(system("mkdir -p t/a; printf 12345 >t/x; printf 1234567 >t/a/y; ln -s x t/l"),
                     0);
    ck_assert_uint_eq(hg_tree_bytes("t"), 12);
    ck_assert_uint_eq(hg_tree_bytes("t/x"), 5);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_file_is_written_whole_and_read_back,
        a_file_that_cannot_be_read_is_reported_with_the_reason,
        a_file_that_cannot_be_written_leaves_the_old_one,
        short_reads_and_writes_are_continued,
        folders_are_made_with_those_above,
        a_tree_is_removed_with_all_in_it,
        a_symlink_is_removed_and_not_followed,
        what_is_not_a_name_is_never_removed,
        a_deep_tree_needs_few_descriptors,
        a_wide_tree_is_removed,
        bytes_of_a_tree_are_added_up,
    };
    return SUITE_RUN("io", tests, folder_setup, folder_teardown);
}
