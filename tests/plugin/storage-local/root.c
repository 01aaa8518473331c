/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * root: a root that is moved, unmounted, missing or not a folder.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <errno.h>
#include "directory.h"

static const char *const GONE = "unmounted, moved or replaced while this job used it; hint: ";

/* The root has gone: every call fails, and nothing is made in its place. */
static void must_notice_the_loss(struct hangar_put *open_put)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    directory_must_fail(sink_table(fake)->put_commit(open_put, &entry), HANGAR_IO, GONE);
    directory_must_fail(directory_store_text("p/new", "x", 0), HANGAR_IO, GONE);
    struct hangar_get *get;
    directory_must_fail(sink_table(fake)->get_open(inst, "p/before", 0, &get), HANGAR_IO, GONE);
    directory_must_fail(sink_table(fake)->stat(inst, "p/before", &entry), HANGAR_IO, GONE);
    directory_must_fail(sink_table(fake)->remove(inst, "p/before"), HANGAR_IO, GONE);
    struct hangar_page *page = fake_page_new("", 0);
    directory_must_fail(sink_table(fake)->list(inst, page), HANGAR_IO, GONE);
    fake_page_free(page);
}

static struct hangar_put *put_under_way(void)
{
    struct hangar_put *put;
    sink_must_store(fake, inst, "p/before", "text");
    ck_assert_int_eq(sink_table(fake)->put_open(inst, "q/b/object", 0, 1, &put), HANGAR_OK);
    ck_assert_int_eq(sink_table(fake)->put_write(put, "text", 4), HANGAR_OK);
    return put;
}

START_TEST(a_root_that_is_moved_is_not_made_again)
{
    const char *moved = testing_path(testing_dir(), "moved");
    struct hangar_put *put = put_under_way();
    ck_assert_int_eq(rename(root, moved), 0);
    must_notice_the_loss(put);
    ck_assert_int_eq(access(root, F_OK), -1);
    ck_assert_int_eq(access(testing_path(moved, "q"), F_OK), -1);
    ck_assert_int_eq(mkdir(root, 0700), 0);
    directory_must_fail(directory_store_text("p/new", "x", 0), HANGAR_IO, GONE);
    ck_assert_int_eq(directory_count(), 0);
    ck_assert_int_eq(rmdir(root), 0);
    ck_assert_int_eq(rename(moved, root), 0);
    sink_must_have(fake, inst, "p/before", "text", 4);
    sink_must_store(fake, inst, "p/new", "text");
}
END_TEST

/* A disk is unmounted, or another is mounted over it, while an object is stored. */
START_TEST(a_disk_that_disappears_is_detected)
{
    const char *disk = testing_path(testing_dir(), "disk");
    ck_assert_int_eq(mkdir(disk, 0700), 0);
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        fprintf(stderr, "cannot mount (%s): only a moved root is tested\n", strerror(errno));
        return;
    }
    for (int over = 0; over < 2; over++) {
        ck_assert_int_eq(mount("tmpfs", disk, "tmpfs", 0, "size=8m"), 0);
        fake_host_close(fake);
        root = disk;
        fake = sink_open(&directory_store, &inst);
        struct hangar_put *put = put_under_way();
        if (over) {
            ck_assert_int_eq(mount("tmpfs", disk, "tmpfs", 0, "size=8m"), 0);
        } else {
            ck_assert_int_eq(umount2(disk, MNT_DETACH), 0);
        }
        must_notice_the_loss(put);
        ck_assert_int_eq(directory_count(), 0);
    }
}
END_TEST

START_TEST(a_probe_makes_no_root_and_warns_of_its_mode)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    struct hangar_space space = {.struct_size = sizeof(space)};
    ck_assert_int_eq(access(root, F_OK), -1);
    ck_assert_int_eq(sink_table(fake)->space(inst, &space), HANGAR_OK);
    ck_assert_uint_gt(space.free_bytes, 0);
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_int_eq(access(root, F_OK), -1);
    ck_assert_str_ne(fake_attr(attrs, "directory"), "");
    ck_assert_str_ne(fake_attr(attrs, "free"), "");
    ck_assert_str_ne(fake_attr(attrs, "filesystem"), "");
    ck_assert_str_eq(fake_host_log(fake), "");
    ck_assert_int_eq(mkdir(root, 0755), 0);
    ck_assert_int_eq(chmod(root, 0755), 0);
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_int_eq(directory_count(), 0);
    ck_assert_ptr_nonnull(
        strstr(fake_host_log(fake), "warn: other users have access to directory"));
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(a_probe_warns_of_a_limit_of_the_size_of_files)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    struct rlimit before, limited;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limited = before;
    limited.rlim_cur = 1 << 20;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limited), 0);
    testing_expect(fake, sink_table(fake)->probe(inst, attrs), HANGAR_OK, "probe");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert_ptr_nonnull(
        strstr(fake_host_log(fake), "warn: objects of more than 1.0 MiB cannot be stored in"));
    ck_assert_ptr_nonnull(strstr(fake_host_log(fake), "ulimit -f"));
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(a_root_that_must_exist_is_not_made)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    static const char *const MISSING = "it does not exist, and `create` is false; hint: mount";
    create = "false";
    fake_host_close(fake);
    fake = sink_open(&directory_store, &inst);
    directory_must_fail(directory_store_text("object", "x", 0), HANGAR_IO, MISSING);
    directory_must_fail(sink_table(fake)->probe(inst, attrs), HANGAR_IO, MISSING);
    struct hangar_page *page = fake_page_new("", 0);
    directory_must_fail(sink_table(fake)->list(inst, page), HANGAR_IO, MISSING);
    fake_page_free(page);
    ck_assert_int_eq(access(root, F_OK), -1);
    ck_assert_int_eq(mkdir(root, 0700), 0);
    sink_must_store(fake, inst, "object", "text");
    fake_attrs_free(attrs);
}
END_TEST

START_TEST(a_root_that_is_a_file_is_refused)
{
    struct hangar_attrs *attrs = fake_attrs_new();
    testing_write_file(root, "text", 4);
    directory_must_fail(sink_table(fake)->probe(inst, attrs), HANGAR_IO, "cannot open directory");
    directory_must_fail(directory_store_text("object", "x", 0), HANGAR_IO, "Not a directory");
    fake_attrs_free(attrs);
}
END_TEST

void directory_add_root(TCase *tcase)
{
    tcase_add_test(tcase, a_root_that_is_moved_is_not_made_again);
    tcase_add_test(tcase, a_disk_that_disappears_is_detected);
    tcase_add_test(tcase, a_root_that_must_exist_is_not_made);
    tcase_add_test(tcase, a_probe_makes_no_root_and_warns_of_its_mode);
    tcase_add_test(tcase, a_probe_warns_of_a_limit_of_the_size_of_files);
    tcase_add_test(tcase, a_root_that_is_a_file_is_refused);
}
