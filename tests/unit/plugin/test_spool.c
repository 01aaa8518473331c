/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * spool: bytes come back in their order, within the bound, from a file that no other
 * process can open.
 */
#include "plugin/spool.h"

#include <dirent.h>
#include <stdbool.h>
#include "suite.h"

START_TEST(bytes_come_back_in_order_however_they_are_cut)
{
    struct hangar_spool *spool = NULL;
    ck_assert_int_eq(hg_spool_open(folder_path, 1 << 20, &spool, NULL), HANGAR_OK);
    unsigned char data[997], back[613];
    size_t written = 0, seen = 0, got = 1;
    for (size_t round = 0; round < 300; round++) {
        size_t n = (round * 7919) % sizeof(data);
        for (size_t i = 0; i < n; i++) {
            data[i] = (unsigned char)((written + i) * 31 % 251);
        }
        ck_assert_int_eq(hg_spool_write(spool, data, n, NULL), HANGAR_OK);
        written += n;
        ck_assert_int_eq(hg_spool_read(spool, back, (round * 104729) % sizeof(back), &got, NULL),
                         HANGAR_OK);
        for (size_t i = 0; i < got; i++) {
            if (back[i] != (seen + i) * 31 % 251) {
                ck_abort_msg("byte %zu is another", seen + i);
            }
        }
        seen += got;
        ck_assert_uint_eq(hg_spool_bytes(spool), written - seen);
    }
    while (hg_spool_bytes(spool) > 0) {
        ck_assert_int_eq(hg_spool_read(spool, back, sizeof(back), &got, NULL), HANGAR_OK);
        for (size_t i = 0; i < got; i++) {
            if (back[i] != (seen + i) * 31 % 251) {
                ck_abort_msg("byte %zu is another", seen + i);
            }
        }
        seen += got;
    }
    ck_assert_uint_eq(seen, written);
    ck_assert_int_eq(hg_spool_read(spool, back, sizeof(back), &got, NULL), HANGAR_OK);
    ck_assert_uint_eq(got, 0); /* empty just now, no error */
    ck_assert_int_eq(hg_spool_write(spool, "again", 5, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_spool_read(spool, back, sizeof(back), &got, NULL), HANGAR_OK);
    ck_assert_uint_eq(got, 5);
    ck_assert_mem_eq(back, "again", 5);
    hg_spool_close(spool);
    hg_spool_close(NULL);
}
END_TEST

START_TEST(more_than_the_bound_is_refused_and_nothing_of_it_kept)
{
    struct hangar_spool *spool = NULL;
    struct hg_error err = {0};
    ck_assert_int_eq(hg_spool_open(folder_path, 10, &spool, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_spool_write(spool, "1234567", 7, &err), HANGAR_OK);
    ck_assert_int_eq(hg_spool_write(spool, "abcd", 4, &err), HANGAR_NO_SPACE);
    ck_assert_str_eq(err.text, "the spool file is full (limit 0 MiB)");
    ck_assert_int_eq(hg_spool_write(spool, "890", 3, NULL), HANGAR_OK);
    char back[32];
    size_t got;
    ck_assert_int_eq(hg_spool_read(spool, back, 4, &got, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_spool_write(spool, "abcd", 4, NULL), HANGAR_OK); /* what was read is free */
    ck_assert_int_eq(hg_spool_read(spool, back, sizeof(back), &got, NULL), HANGAR_OK);
    ck_assert_uint_eq(got, 10);
    ck_assert_mem_eq(back, "567890abcd", 10);
    ck_assert_int_eq(hg_spool_write(spool, "x", SIZE_MAX, NULL), HANGAR_NO_SPACE);
    hg_spool_close(spool);
}
END_TEST

START_TEST(other_users_cannot_open_the_file)
{
    struct hangar_spool *spool = NULL;
    ck_assert_int_eq(hg_spool_open(folder_path, 100, &spool, NULL), HANGAR_OK);
    ck_assert_int_eq(system("test -z \"$(ls -A)\""), 0);
    bool found = false;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(dir));) {
        char target[256] = "", path[300];
        snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
        if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "/spool-")) {
            struct stat st;
            ck_assert_int_eq(stat(path, &st), 0);
            ck_assert_uint_eq(st.st_mode & 07777, 0600);
            ck_assert_uint_eq(st.st_nlink, 0);
            found = true;
        }
    }
    closedir(dir);
    ck_assert(found);
    hg_spool_close(spool);
    struct hg_error err = {0};
    ck_assert_int_eq(hg_spool_open("/nowhere", 100, &spool, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "cannot make a spool file in /nowhere: No such file or directory");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        bytes_come_back_in_order_however_they_are_cut,
        more_than_the_bound_is_refused_and_nothing_of_it_kept,
        other_users_cannot_open_the_file,
    };
    return SUITE_RUN("plugin/spool", tests, folder_setup, folder_teardown);
}
