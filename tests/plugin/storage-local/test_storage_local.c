/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_storage_local: the contract of sinks, and modes, symbolic links, full disks, leftovers of
 * dead processes, and system calls that fail.  root.c has the tests of the root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "directory.h"
#include "fake_host.h"
#include "faults.h"
#include "sink_suite.h"

static void without_renameat2(void)
{
    faults_no_renameat2(1);
    directory_make();
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    ck_assert_msg(!lstat(path, &st), "%s: %s", path, strerror(errno));
    return st.st_mode & 07777;
}

START_TEST(files_are_private_with_every_umask)
{
    static const mode_t masks[] = {0, 0022, 0777};
    for (size_t i = 0; i < 3; i++) {
        root = testing_path(testing_dir(), "deep/er/store");
        void *in;
        struct fake_host *host = sink_open(&directory_store, &in);
        umask(masks[i]);
        sink_must_store(host, in, "p/b/object", "text");
        umask(0022);
        ck_assert_uint_eq(mode_of(root), 0700);
        ck_assert_uint_eq(mode_of(testing_path(root, "p")), 0700);
        ck_assert_uint_eq(mode_of(testing_path(root, "p/b")), 0700);
        ck_assert_uint_eq(mode_of(testing_path(root, "p/b/object")), 0600);
        fake_host_close(host);
    }
}
END_TEST

START_TEST(empty_folders_are_removed_with_their_last_object)
{
    sink_must_store(fake, inst, "p/a/one", "1");
    sink_must_store(fake, inst, "p/b/c/two", "2");
    ck_assert_int_eq(sink_table(fake)->remove(inst, "p/b/c/two"), HANGAR_OK);
    ck_assert_int_eq(access(testing_path(root, "p/b"), F_OK), -1);
    ck_assert_int_eq(access(testing_path(root, "p/a"), F_OK), 0);
    ck_assert_int_eq(sink_table(fake)->remove(inst, "p/a/one"), HANGAR_OK);
    ck_assert_int_eq(directory_count(), 0);
    ck_assert_int_eq(access(root, F_OK), 0);
    struct hangar_put *put;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "x/y/z", 0, 0, &put), HANGAR_OK);
    sink_table(fake)->put_abort(put);
    ck_assert_int_eq(directory_count(), 0);
}
END_TEST

START_TEST(a_leftover_is_invisible_and_is_removed)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        void *in;
        struct fake_host *host = sink_open(&directory_store, &in);
        sink_must_store(host, in, "p/b/run.json", "{}");
        struct hangar_put *put;
        if (sink_table(host)->put_open(in, "p/b/db/object", 0, 0, &put) ||
            sink_table(host)->put_write(put, "half", 4)) {
            _exit(1);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    ck_assert_int_eq(directory_count(), 5); /* p, b, run.json, db, the temporary file */
    size_t count;
    char *names = sink_list(fake, inst, "p/b/", '/', &count);
    ck_assert_str_eq(names, "p/b/run.json\n");
    free(names);
    ck_assert_int_eq(sink_table(fake)->remove(inst, "p/b/run.json"), HANGAR_OK);
    ck_assert_int_eq(directory_count(), 0);
}
END_TEST

START_TEST(a_temporary_file_of_a_live_process_is_not_removed)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    sink_must_store(fake, inst, "p/one", "1");
    struct hangar_put *put;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "p/two", 0, 0, &put), HANGAR_OK);
    ck_assert_int_eq(sink_table(fake)->remove(inst, "p/one"), HANGAR_OK);
    ck_assert_int_eq(sink_table(fake)->put_write(put, "2", 1), HANGAR_OK);
    testing_expect(fake, sink_table(fake)->put_commit(put, &entry), HANGAR_OK, "commit");
    sink_must_have(fake, inst, "p/two", "2", 1);
}
END_TEST

START_TEST(temporary_names_cannot_be_used)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    char name[300];
    sink_must_store(fake, inst, "object", "text");
    struct hangar_put *put;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "other", 0, 0, &put), HANGAR_OK);
    DIR *dir = opendir(root);
    for (struct dirent *found; (found = readdir(dir));) {
        if (strncmp(found->d_name, ".tmp-", 5) != 0) {
            continue;
        }
        snprintf(name, sizeof(name), "%s", found->d_name);
        struct hangar_get *get;
        directory_must_fail(sink_table(fake)->get_open(inst, name, 0, &get), HANGAR_CONFIG,
                            "invalid object name");
        directory_must_fail(sink_table(fake)->stat(inst, name, &entry), HANGAR_CONFIG,
                            "invalid object name");
        directory_must_fail(sink_table(fake)->remove(inst, name), HANGAR_CONFIG,
                            "invalid object name");
        name[0] = '!';
    }
    closedir(dir);
    ck_assert_int_eq(name[0], '!'); /* the loop has found one */
    sink_table(fake)->put_abort(put);
}
END_TEST

START_TEST(symbolic_links_are_not_followed)
{
    const char *outside = testing_dir();
    sink_must_store(fake, inst, "p/object", "text");
    testing_write_file(testing_path(outside, "secret"), "secret", 6);
    ck_assert_int_eq(symlink(outside, testing_path(root, "link")), 0);
    ck_assert_int_eq(symlink(testing_path(outside, "secret"), testing_path(root, "p/file")), 0);
    directory_must_fail(directory_store_text("link/x", "x", 0), HANGAR_IO,
                        "link: it is a symbolic link");
    struct hangar_get *get;
    directory_must_fail(sink_table(fake)->get_open(inst, "link/secret", 0, &get), HANGAR_IO,
                        "symbolic link");
    directory_must_fail(sink_table(fake)->remove(inst, "link/secret"), HANGAR_IO, "symbolic link");
    directory_must_fail(sink_table(fake)->get_open(inst, "p/file", 0, &get), HANGAR_NOT_FOUND,
                        "no such");
    ck_assert_int_eq(access(testing_path(outside, "secret"), F_OK), 0);
    ck_assert_int_eq(access(testing_path(outside, "x"), F_OK), -1);
    size_t count;
    char *names = sink_list(fake, inst, "", 0, &count);
    ck_assert_str_eq(names, "p/object\n");
    free(names);
    /* a link that has the name of the object is replaced */
    ck_assert_int_eq(directory_store_text("p/file", "mine", 0), HANGAR_OK);
    sink_must_have(fake, inst, "p/file", "mine", 4);
}
END_TEST

START_TEST(other_kinds_of_files_are_not_objects)
{
    sink_must_store(fake, inst, "p/object", "text");
    ck_assert_int_eq(mkfifo(testing_path(root, "p/fifo"), 0600), 0);
    ck_assert_int_eq(mkdir(testing_path(root, "lost+found"), 0), 0);
    struct hangar_get *get;
    directory_must_fail(sink_table(fake)->get_open(inst, "p/fifo", 0, &get), HANGAR_NOT_FOUND,
                        "no such");
    directory_must_fail(directory_store_text("p/object/below", "x", 0), HANGAR_IO,
                        "cannot create directory");
    directory_must_fail(directory_store_text("p", "x", 0), HANGAR_IO, "cannot rename p");
    directory_must_fail(directory_store_text("p", "x", HANGAR_PUT_CREATE_ONLY), HANGAR_EXISTS,
                        "it already exists");
    size_t count;
    char *names = sink_list(fake, inst, "", 0, &count);
    ck_assert_str_eq(names, "p/object\n");
    free(names);
}
END_TEST

/* Writes until the disk is full, and expects this failure. */
static void fill_up(enum hangar_rc expected, const char *text)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    unsigned char *data = testing_data(DATA_RANDOM, 1 << 20);
    sink_must_store(fake, inst, "p/before", "text");
    struct hangar_put *put;
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "q/large", 0, 0, &put), HANGAR_OK);
    enum hangar_rc rc = HANGAR_OK;
    for (int i = 0; i < 64 && rc == HANGAR_OK; i++) {
        rc = sink_table(fake)->put_write(put, data, 1 << 20);
    }
    directory_must_fail(rc, expected, text);
    /* commit fails, too */
    ck_assert_int_eq(sink_table(fake)->put_commit(put, &entry), expected);
    ck_assert_int_eq(access(testing_path(root, "q"), F_OK), -1);
    sink_must_have(fake, inst, "p/before", "text", 4);
    sink_must_store(fake, inst, "p/after", "text");
    free(data);
}

START_TEST(a_full_disk_fails_the_put_and_nothing_else)
{
    const char *disk = testing_dir();
    /* A small file system that only this process sees. */
    if (!unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
        !mount("tmpfs", disk, "tmpfs", 0, "size=8m")) {
        fake_host_close(fake);
        root = testing_path(disk, "store");
        fake = sink_open(&directory_store, &inst);
        fill_up(HANGAR_NO_SPACE, "No space left on device; hint: free space");
        struct hangar_put *put;
        directory_must_fail(sink_table(fake)->put_open(inst, "large", 1 << 30, 0, &put),
                            HANGAR_NO_SPACE, "1.0 GiB needed");
        ck_assert_int_eq(umount2(disk, MNT_DETACH), 0);
        return;
    }
    /* Without the right to mount, a limit of the size of files has the same effect. */
    fprintf(stderr, "cannot mount a small disk (%s): using a limit of the size of files\n",
            strerror(errno));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){8 << 20, 8 << 20}), 0);
    fill_up(HANGAR_NO_SPACE, "File too large; hint: raise the limit");
}
END_TEST

START_TEST(min_free_is_left_free)
{
    struct hangar_space space = {.struct_size = sizeof(space)};
    min_free = "100TiB";
    void *in;
    struct fake_host *host = sink_open(&directory_store, &in);
    struct hangar_put *put;
    testing_expect(host, sink_table(host)->put_open(in, "p/object", 1, 0, &put), HANGAR_NO_SPACE,
                   "put_open");
    ck_assert_ptr_nonnull(strstr(fake_host_error(host), "needed, 100.0 TiB reserved by min_free"));
    ck_assert_int_eq(directory_count(), 0);
    ck_assert_int_eq(sink_table(host)->space(in, &space), HANGAR_OK);
    ck_assert_uint_eq(space.free_bytes, 0);
    ck_assert_uint_gt(space.total_bytes, 0);
    fake_host_close(host);
}
END_TEST

/* Whichever call fails: either put_commit succeeded and the object is complete, or nothing
 * exists. */
START_TEST(a_failed_call_leaves_a_complete_object_or_none)
{
    static const int errors[] = {EIO, ENOSPC, EDQUOT};
    for (size_t e = 0; e < 6; e++) {
        int error_number = errors[e / 2], n = 0, failures = 0;
        uint32_t flags = e % 2 ? HANGAR_PUT_CREATE_ONLY : 0;
        for (;;) {
            faults_set(++n, error_number);
            enum hangar_rc rc = directory_store_text("p/b/object", "text", flags);
            bool through = faults_calls() < n;
            faults_set(0, 0);
            if (rc != HANGAR_OK) {
                directory_must_fail(rc, error_number == EIO ? HANGAR_IO : HANGAR_NO_SPACE,
                                    "cannot");
                failures++;
            } else {
                sink_must_have(fake, inst, "p/b/object", "text", 4);
                ck_assert_int_eq(sink_table(fake)->remove(inst, "p/b/object"), HANGAR_OK);
            }
            /* When the sync after a rename fails, the object may stay, as the rename may have
             * replaced another one; put_commit has failed. */
            if (rc && !flags) {
                ck_assert_int_eq(sink_table(fake)->remove(inst, "p/b/object"), HANGAR_OK);
            }
            fake_host_clear(fake);
            ck_assert_int_eq(access(root, F_OK) ? 0 : directory_count(), 0);
            if (through) {
                break;
            }
        }
        /* create, make two folders, write, sync, close, rename, sync the folders */
        ck_assert_int_ge(failures, 8);
    }
}
END_TEST

START_TEST(short_and_interrupted_writes_are_continued)
{
    unsigned char *data = testing_data(DATA_RANDOM, 100000);
    faults_short_writes(777);
    enum hangar_rc rc =
        sink_store(fake, inst, &(struct sink_object){"object", data, 100000, 5000, 0}, NULL);
    faults_short_writes(0);
    testing_expect(fake, rc, HANGAR_OK, "store");
    sink_must_have(fake, inst, "object", data, 100000);
    free(data);
}
END_TEST

START_TEST(missing_permissions_are_reported)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    const char *parent = testing_dir();
    sink_must_store(fake, inst, "p/object", "text");
    ck_assert_int_eq(chmod(root, 0755), 0);
    ck_assert_int_eq(chmod(testing_path(root, "p"), 0500), 0);
    if (!getuid()) { /* root has all permissions */
        ck_assert_int_eq(chown(root, 65534, 65534), 0);
        ck_assert_int_eq(chown(testing_path(root, "p"), 65534, 65534), 0);
        for (const char *slash = root; (slash = strchr(slash + 1, '/'));) {
            char *above = strndup(root, (size_t)(slash - root));
            if (strstr(above, "hangar-fake-")) {
                ck_assert_int_eq(chmod(above, 0755), 0);
            }
            free(above);
        }
        ck_assert_int_eq(seteuid(65534), 0);
    }
    directory_must_fail(directory_store_text("p/other", "x", 0), HANGAR_AUTH,
                        "Permission denied; hint: the user that runs hangar needs");
    ck_assert_int_eq(chmod(testing_path(root, "p"), 0), 0);
    struct hangar_get *get;
    directory_must_fail(sink_table(fake)->get_open(inst, "p/object", 0, &get), HANGAR_AUTH,
                        "/p: Permission");
    struct hangar_page *page = fake_page_new("p/", 0);
    directory_must_fail(sink_table(fake)->list(inst, page), HANGAR_AUTH, "/p/: Permission denied");
    fake_page_free(page);
    ck_assert_int_eq(chmod(testing_path(root, "p"), 0700), 0);
    ck_assert_int_eq(chmod(root, 0500), 0);
    directory_must_fail(sink_table(fake)->probe(inst, attrs), HANGAR_AUTH,
                        "cannot write to directory");
    ck_assert_int_eq(seteuid(getuid()), 0);
    ck_assert_int_eq(chmod(root, 0700), 0);
    (void)parent;
    fake_attrs_free(attrs);
}
END_TEST

/* Not there, there and unknown are three answers: what cannot be read is an entry of its own. */
static void storage_local_must_list(const char *prefix, char delimiter, const char *expected)
{
    struct hg_str names = {0};
    struct hangar_page *page = fake_page_new(prefix, delimiter);
    testing_expect(fake, sink_table(fake)->list(inst, page), HANGAR_OK, "list");
    for (size_t i = 0; i < fake_page_count(page); i++) {
        const struct hangar_entry *entry = fake_page_entry(page, i);
        hg_str_addf(&names, "%s%s ", entry->name,
                    entry->flags & HANGAR_ENTRY_UNREADABLE ? "?" : "");
    }
    ck_assert_str_eq(hg_str_text(&names), expected);
    hg_str_free(&names);
    fake_page_free(page);
}

START_TEST(a_folder_that_cannot_be_read_is_listed_as_unknown_and_hides_no_other)
{
    static const char *const names[] = {"p/a/x", "p/b/db/x", "p/b/y", "p/c/x", "q/x"};
    for (size_t i = 0; i < 5; i++) {
        sink_must_store(fake, inst, names[i], "text");
    }
    storage_local_must_list("p/", '/', "p/a/ p/b/ p/c/ ");
    faults_unreadable("db", EIO); /* readdir fails there */
    storage_local_must_list("p/", 0, "p/a/x p/b/db/? p/b/y p/c/x ");
    storage_local_must_list("p/", '/', "p/a/ p/b/ p/c/ ");
    storage_local_must_list("p/b/", '/', "p/b/db/? p/b/y ");
    faults_unreadable("b", EIO);
    storage_local_must_list("p/", 0, "p/a/x p/b/? p/c/x ");
    storage_local_must_list("p/", '/', "p/a/ p/b/? p/c/ ");
    storage_local_must_list("", '/', "p/ q/ ");
    struct hangar_page *page = fake_page_new("p/b/", 0);
    directory_must_fail(sink_table(fake)->list(inst, page), HANGAR_IO, "/p/b/: Input/output error");
    fake_page_free(page);
    faults_unreadable("p", ESTALE);
    storage_local_must_list("", 0, "p/? q/x ");
    page = fake_page_new("p/", '/');
    directory_must_fail(sink_table(fake)->list(inst, page), HANGAR_IO, "/p/: Stale file handle");
    fake_page_free(page);
    faults_unreadable("p", EMFILE); /* of the process, not of the folder */
    page = fake_page_new("", 0);
    directory_must_fail(sink_table(fake)->list(inst, page), HANGAR_RETRY, "Too many open files");
    fake_page_free(page);
    faults_unreadable(NULL, 0);
    storage_local_must_list("", 0, "p/a/x p/b/db/x p/b/y p/c/x q/x ");
}
END_TEST

START_TEST(an_instance_describes_its_directory)
{
    char expected[4200];
    snprintf(expected, sizeof(expected), "directory %s", root);
    ck_assert_str_eq(fake_host_plugin(fake)->describe(inst), expected);
}
END_TEST

int main(void)
{
    static const struct sink_under_test fallback = {.plugin = "storage-local",
                                                    .set_up = without_renameat2,
                                                    .configure = directory_configure,
                                                    .create_only = true,
                                                    .many = 1100};
    bool old_kernel = getenv("TEST_WITHOUT_RENAMEAT2") != NULL;
    Suite *suite = suite_create("storage-local");
    sink_suite_add(suite, "every sink", old_kernel ? &fallback : &directory_store);
    TCase *tcase = tcase_create("directory");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, directory_set_up, directory_tear_down);
    tcase_add_test(tcase, files_are_private_with_every_umask);
    tcase_add_test(tcase, empty_folders_are_removed_with_their_last_object);
    tcase_add_test(tcase, a_leftover_is_invisible_and_is_removed);
    tcase_add_test(tcase, a_temporary_file_of_a_live_process_is_not_removed);
    tcase_add_test(tcase, temporary_names_cannot_be_used);
    tcase_add_test(tcase, symbolic_links_are_not_followed);
    tcase_add_test(tcase, other_kinds_of_files_are_not_objects);
    tcase_add_test(tcase, a_full_disk_fails_the_put_and_nothing_else);
    tcase_add_test(tcase, min_free_is_left_free);
    tcase_add_test(tcase, a_failed_call_leaves_a_complete_object_or_none);
    tcase_add_test(tcase, short_and_interrupted_writes_are_continued);
    tcase_add_test(tcase, missing_permissions_are_reported);
    tcase_add_test(tcase, a_folder_that_cannot_be_read_is_listed_as_unknown_and_hides_no_other);
    tcase_add_test(tcase, an_instance_describes_its_directory);
    directory_add_root(tcase);
    suite_add_tcase(suite, tcase);
    return testing_main(suite);
}
