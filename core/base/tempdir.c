/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tempdir: see tempdir.h.  A folder gets its final name after it is locked, so
 * that no other process treats it as the folder of a dead process.
 */
#include "base/tempdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"

#define LOCKED_PREFIX "hangar-job-"
#define NEW_PREFIX "hangar-new-" /* for the moment until it is locked */
#define NEW_GRACE_MS 3600000     /* older ones were left by a dead process */

/* Removes the lock last: a folder that is removed only in part stays recognisable. */
static enum hangar_rc tempdir_remove_all(const char *path, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    DIR *dir = opendir(path);
    for (struct dirent *entry; rc == HANGAR_OK && dir && (entry = readdir(dir));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock") == 0) {
            continue;
        }
        char *inside = hg_format("%s/%s", path, name);
        rc = inside ? hg_remove_tree(inside, err) : hg_no_memory_for(err, "cannot remove %s", path);
        free(inside);
    }
    if (dir) {
        closedir(dir);
    }
    return rc == HANGAR_OK ? hg_remove_tree(path, err) : rc;
}

/* Removes a folder whose lock is free.  A folder without a lock file is removed only when
 * it is empty: a removal was cut short.  With files in it, it may not be hangar's. */
static void tempdir_sweep_one(const char *path)
{
    char *lock_path = hg_format("%s/lock", path);
    int fd = lock_path ? open(lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd >= 0) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            tempdir_remove_all(path, NULL);
        }
        close(fd);
    } else if (lock_path && errno == ENOENT) {
        rmdir(path);
    }
    free(lock_path);
}

/* Removes the folders that dead processes left. */
static void tempdir_sweep(const char *base)
{
    DIR *dir = opendir(base);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        bool is_new = hg_starts_with(entry->d_name, NEW_PREFIX);
        if (!is_new && !hg_starts_with(entry->d_name, LOCKED_PREFIX)) {
            continue;
        }
        char *path = hg_format("%s/%s", base, entry->d_name);
        struct stat st;
        if (path && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid()) {
            if (!is_new) {
                tempdir_sweep_one(path);
            } else if (hg_now_ms() - (int64_t)st.st_mtime * 1000 > NEW_GRACE_MS) {
                hg_remove_tree(path, NULL);
            }
        }
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
}

/* Makes a folder with a locked file in it.  Returns the lock's descriptor, or -1 with
 * errno: then nothing was made. */
static int tempdir_make_locked(char *path)
{
    if (!mkdtemp(path)) {
        return -1;
    }
    char *lock_path = hg_format("%s/lock", path);
    int fd = lock_path ? open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    free(lock_path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return fd;
    }
    int error_number = errno;
    if (fd >= 0) {
        close(fd);
    }
    hg_remove_tree(path, NULL);
    errno = error_number;
    return -1;
}

enum hangar_rc hg_tempdir_make(const char *base, struct hg_tempdir *out, struct hg_error *err)
{
    tempdir_sweep(base);
    char *new_path = hg_format("%s/" NEW_PREFIX "XXXXXX", base);
    if (!new_path) {
        return hg_no_memory(err);
    }
    enum hangar_rc rc = HANGAR_OK;
    int fd = tempdir_make_locked(new_path);
    if (fd < 0) {
        rc = hg_fail(err, HANGAR_IO, errno, "cannot make a temporary directory in %s", base);
        goto out;
    }
    char *path = hg_format("%s/" LOCKED_PREFIX "%s", base, strrchr(new_path, '-') + 1);
    if (!path || rename(new_path, path) != 0) {
        rc =
            path ? hg_fail(err, HANGAR_IO, errno, "cannot rename %s", new_path) : hg_no_memory(err);
        hg_remove_tree(new_path, NULL);
        close(fd);
        free(path);
        goto out;
    }
    *out = (struct hg_tempdir){.path = path, .lock_fd = fd};
out:
    free(new_path);
    return rc;
}

enum hangar_rc hg_tempdir_remove(struct hg_tempdir *dir, struct hg_error *err)
{
    if (!dir->path) {
        return HANGAR_OK;
    }
    /* A second try: the first may have failed because memory was short for a moment. */
    enum hangar_rc rc = tempdir_remove_all(dir->path, NULL);
    if (rc != HANGAR_OK) {
        rc = tempdir_remove_all(dir->path, err);
    }
    close(dir->lock_fd);
    free(dir->path);
    *dir = (struct hg_tempdir){0};
    return rc;
}
