/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trust: a file is opened only where no other user could have put or changed it, and
 * a refusal names the component and the command that repairs it.
 */
#include "base/trust.h"

#include <sched.h>
#include "base/str.h"
#include "suite.h"

#define STRANGER 54321

/* The error of opening folder_path/NAME; "" when it can be opened. */
static const char *trust_opening(const char *name)
{
    static struct hg_error err;
    char path[512];
    snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : folder_path,
             name[0] == '/' ? "" : "/", name);
    hg_error_clear(&err);
    int fd = -1;
    enum hangar_rc rc = hg_trust_open(path, &fd, &err);
    if (rc != HANGAR_OK) {
        ck_assert_int_eq(fd, -1);
        ck_assert_int_eq(rc, err.rc);
        ck_assert_str_ne(err.text, "");
        return err.text;
    }
    ck_assert_int_eq(err.rc, HANGAR_OK);
    ck_assert_int_eq(close(fd), 0);
    return "";
}

/* Compares with a text in which @ stands for the folder. */
static void trust_refused(const char *name, const char *expected)
{
    struct hg_str text = {0};
    for (; *expected; expected++) {
        if (*expected == '@') {
            hg_str_add(&text, folder_path);
        } else {
            hg_str_add_n(&text, expected, 1);
        }
    }
    ck_assert_str_eq(trust_opening(name), hg_str_text(&text));
    hg_str_free(&text);
}

static void make_file(const char *name)
{
    folder_file(name, "data", 4, 0644);
}

START_TEST(a_file_of_this_user_in_folders_of_this_user_is_opened)
{
    make_file("f");
    ck_assert_int_eq(mkdir("d", 0755), 0);
    make_file("d/f");
    ck_assert_str_eq(trust_opening("f"), "");
    ck_assert_str_eq(trust_opening("d/f"), "");
    ck_assert_str_eq(trust_opening("d//f"), "");
    ck_assert_str_eq(trust_opening("d/../f"), "");
    char path[128], data[5] = "";
    snprintf(path, sizeof(path), "%s/f", folder_path);
    int fd = -1;
    ck_assert_int_eq(hg_trust_open(path, &fd, NULL), HANGAR_OK);
    ck_assert_int_eq(read(fd, data, 4), 4);
    ck_assert_str_eq(data, "data");
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
}
END_TEST

START_TEST(a_file_that_others_can_write_is_refused)
{
    make_file("f");
    chmod("f", 0664);
    trust_refused("f", "other users can write to @/f (mode 0664); hint: chmod go-w @/f");
    chmod("f", 0646);
    trust_refused("f", "other users can write to @/f (mode 0646); hint: chmod go-w @/f");
    chmod("f", 01646); /* sticky means nothing for a file */
    trust_refused("f", "other users can write to @/f (mode 1646); hint: chmod go-w @/f");
    chmod("f", 0600);
    trust_refused("f", "");
}
END_TEST

START_TEST(a_folder_that_others_can_write_is_refused_wherever_it_is)
{
    ck_assert_int_eq(system("mkdir -p a/b/c"), 0);
    make_file("a/b/c/f");
    chmod("a", 0775);
    trust_refused("a/b/c/f", "other users can write to @/a (mode 0775); hint: chmod go-w @/a");
    chmod("a", 0755);
    chmod("a/b/c", 0757);
    trust_refused("a/b/c/f",
                  "other users can write to @/a/b/c (mode 0757); hint: chmod go-w @/a/b/c");
}
END_TEST

START_TEST(a_sticky_folder_is_passed_through_but_does_not_hold_the_file)
{
    ck_assert_int_eq(mkdir("sticky", 0700), 0);
    ck_assert_int_eq(mkdir("sticky/own", 0700), 0);
    make_file("sticky/f");
    make_file("sticky/own/f");
    chmod("sticky", 01777);
    trust_refused("sticky/own/f", "");
    trust_refused("sticky/f",
                  "other users can write to @/sticky (mode 1777); hint: chmod go-w @/sticky");
    /* however many slashes stand between them */
    trust_refused("sticky//f",
                  "other users can write to @/sticky (mode 1777); hint: chmod go-w @/sticky");
    trust_refused("sticky/own//f", "");
    trust_refused("sticky/./f",
                  "other users can write to @/sticky/. (mode 1777); hint: chmod go-w @/sticky/.");
    trust_refused("sticky/own/../f",
                  "other users can write to @/sticky/own/.. (mode 1777); hint: chmod go-w "
                  "@/sticky/own/..");
}
END_TEST

/* Root gives the file away; another user opens root's file from a user namespace that
 * maps no root. */
START_TEST(a_file_of_another_user_is_refused)
{
    make_file("f");
    if (geteuid() == 0) {
        ck_assert_int_eq(chown("f", STRANGER, 0), 0);
        trust_refused("f", "@/f belongs to user 54321, who can change it; hint: chown root @/f");
        ck_assert_int_eq(mkdir("d", 0755), 0);
        make_file("d/f");
        ck_assert_int_eq(chown("d", STRANGER, 0), 0);
        trust_refused("d/f", "@/d belongs to user 54321, who can change it; hint: chown root @/d");
        return;
    }
    char map[64];
    int n = snprintf(map, sizeof(map), "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
    ck_assert_int_eq(unshare(CLONE_NEWUSER), 0);
    int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(write(fd, map, (size_t)n), n);
    close(fd);
    trust_refused("f", "/ belongs to user 65534, who can change it; hint: chown root /");
}
END_TEST

START_TEST(symbolic_links_are_refused_as_file_and_on_the_way)
{
    ck_assert_int_eq(mkdir("d", 0755), 0);
    make_file("d/f");
    ck_assert_int_eq(symlink("d/f", "link"), 0);
    ck_assert_int_eq(symlink("d", "dlink"), 0);
    ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
    trust_refused(
        "link",
        "@/link is a symbolic link, which another user could change; hint: use the path that it "
        "points to (readlink -f @/link)");
    trust_refused(
        "dlink/f",
        "@/dlink is a symbolic link, which another user could change; hint: use the path that it "
        "points to (readlink -f @/dlink)");
    trust_refused(
        "dangling",
        "@/dangling is a symbolic link, which another user could change; hint: use the path that "
        "it points to (readlink -f @/dangling)");
}
END_TEST

START_TEST(a_missing_or_irregular_file_is_refused)
{
    ck_assert_int_eq(mkdir("d", 0755), 0);
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    make_file("f");
    trust_refused("none", "cannot open @/none: No such file or directory");
    trust_refused("none/f", "cannot open @/none: No such file or directory");
    trust_refused("d", "@/d is not a regular file");
    trust_refused("d/", "@/d/ is not a regular file");
    trust_refused("fifo", "@/fifo is not a regular file");
    trust_refused("f/g", "@/f is not a directory");
    trust_refused("f/", "@/f is not a directory");
    trust_refused("/", "/ is not a regular file");
    char name[400];
    memset(name, 'n', sizeof(name));
    name[399] = '\0';
    ck_assert_ptr_nonnull(strstr(trust_opening(name), ": File name too long"));
    struct hg_error err = {0};
    int fd = -1;
    ck_assert_int_eq(hg_trust_open("f", &fd, &err), HANGAR_INTERNAL);
    ck_assert_str_eq(err.text, "f is not an absolute path");
}
END_TEST

START_TEST(missing_and_refused_files_have_different_results)
{
    char path[128];
    int fd = -1;
    snprintf(path, sizeof(path), "%s/none", folder_path);
    ck_assert_int_eq(hg_trust_open(path, &fd, NULL), HANGAR_NOT_FOUND);
    snprintf(path, sizeof(path), "%s", folder_path);
    ck_assert_int_eq(hg_trust_open(path, &fd, NULL), HANGAR_CONFIG);
}
END_TEST

/* The same for files that an operator names; "" when it is opened. */
static const char *trust_naming(const char *name)
{
    static struct hg_error err;
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder_path, name);
    hg_error_clear(&err);
    int fd = -1;
    enum hangar_rc rc = hg_trust_open_named(path, &fd, &err);
    if (rc == HANGAR_OK) {
        char data[5] = "";
        ck_assert_int_eq(read(fd, data, 4), 4);
        ck_assert_str_eq(data, "data");
        ck_assert_int_eq(close(fd), 0);
    } else {
        ck_assert_int_eq(fd, -1);
    }
    return rc == HANGAR_OK ? "" : err.text;
}

START_TEST(a_named_file_that_others_can_write_is_refused_with_the_fix)
{
    make_file("f");
    ck_assert_str_eq(trust_naming("f"), "");
    ck_assert_int_eq(chmod("f", 0666), 0);
    ck_assert_ptr_nonnull(strstr(trust_naming("f"), "/f (mode 0666); hint: chmod go-w /"));
    ck_assert_int_eq(chmod("f", 0646), 0);
    ck_assert_ptr_nonnull(strstr(trust_naming("f"), "other users can write to "));
    ck_assert_int_eq(chmod("f", 0644), 0);
    ck_assert_int_eq(mkdir("d", 0700), 0);
    make_file("d/f");
    ck_assert_int_eq(chmod("d", 0777), 0);
    ck_assert_ptr_nonnull(strstr(trust_naming("d/f"), "/d (mode 0777); hint: chmod go-w /"));
    ck_assert_int_eq(chmod("d", 01777), 0); /* others cannot replace it there */
    ck_assert_str_eq(trust_naming("d/f"), "");
    ck_assert_ptr_nonnull(strstr(trust_naming("d"), "is not a regular file"));
    ck_assert_ptr_nonnull(strstr(trust_naming("missing"), "cannot open "));
}
END_TEST

START_TEST(a_link_to_a_named_file_is_followed_and_each_folder_on_the_way_is_checked)
{
    ck_assert_int_eq(mkdir("real", 0700), 0);
    ck_assert_int_eq(mkdir("open", 0700), 0);
    make_file("real/f");
    ck_assert_int_eq(symlink("real/f", "relative"), 0);
    ck_assert_int_eq(symlink("../real", "open/dir"), 0);
    ck_assert_int_eq(symlink("loop", "loop"), 0);
    char target[512];
    snprintf(target, sizeof(target), "%s/open/dir/f", folder_path);
    ck_assert_int_eq(symlink(target, "absolute"), 0);
    ck_assert_str_eq(trust_naming("relative"), "");
    ck_assert_str_eq(trust_naming("open/dir/f"), "");
    ck_assert_str_eq(trust_naming("absolute"), "");
    ck_assert_ptr_nonnull(strstr(trust_naming("loop"), "cannot open "));
    /* another user could turn the link elsewhere */
    ck_assert_int_eq(chmod("open", 0777), 0);
    ck_assert_ptr_nonnull(strstr(trust_naming("open/dir/f"), "/open (mode 0777)"));
    ck_assert_ptr_nonnull(strstr(trust_naming("absolute"), "/open (mode 0777)"));
}
END_TEST

START_TEST(a_named_file_of_another_user_is_refused)
{
    if (geteuid() != 0) {
        return; /* only root can give a file away */
    }
    make_file("f");
    ck_assert_int_eq(chown("f", STRANGER, 0), 0);
    ck_assert_ptr_nonnull(
        strstr(trust_naming("f"), "belongs to user 54321, who can change it; hint: "));
    ck_assert_int_eq(chown("f", 0, STRANGER), 0);
    ck_assert_int_eq(chmod("f", 0664), 0);
    ck_assert_ptr_nonnull(strstr(trust_naming("f"), "other users can write to "));
    /* the group root, in which is only root, as that of each user by common convention */
    ck_assert_int_eq(chown("f", 0, 0), 0);
    ck_assert_str_eq(trust_naming("f"), "");
    ck_assert_int_eq(mkdir("d", 0700), 0);
    make_file("d/f");
    ck_assert_int_eq(symlink("d/f", "link"), 0);
    ck_assert_int_eq(lchown("link", STRANGER, 0), 0);
    ck_assert_ptr_nonnull(strstr(trust_naming("link"), "/link belongs to user 54321"));
    ck_assert_int_eq(chown("d", STRANGER, 0), 0);
    ck_assert_ptr_nonnull(strstr(trust_naming("d/f"), "/d belongs to user 54321"));
}
END_TEST

START_TEST(a_program_is_checked_unless_it_is_searched_in_path)
{
    struct hg_error err = {0};
    make_file("f");
    ck_assert_int_eq(hg_trust_program("sh", &err), HANGAR_OK);
    ck_assert_int_eq(hg_trust_program("./f", &err), HANGAR_OK);
    ck_assert_int_eq(hg_trust_program("./missing", &err), HANGAR_OK);
    ck_assert_int_eq(chmod("f", 0777), 0);
    ck_assert_int_eq(hg_trust_program("./f", &err), HANGAR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.text, "chmod go-w"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_file_of_this_user_in_folders_of_this_user_is_opened,
        a_file_that_others_can_write_is_refused,
        a_folder_that_others_can_write_is_refused_wherever_it_is,
        a_sticky_folder_is_passed_through_but_does_not_hold_the_file,
        a_file_of_another_user_is_refused,
        symbolic_links_are_refused_as_file_and_on_the_way,
        a_missing_or_irregular_file_is_refused,
        missing_and_refused_files_have_different_results,
        a_named_file_that_others_can_write_is_refused_with_the_fix,
        a_link_to_a_named_file_is_followed_and_each_folder_on_the_way_is_checked,
        a_named_file_of_another_user_is_refused,
        a_program_is_checked_unless_it_is_searched_in_path,
    };
    return SUITE_RUN("plugin/trust", tests, folder_setup, folder_teardown);
}
