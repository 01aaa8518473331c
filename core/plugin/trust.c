/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trust: see trust.h.  Each component of the path is opened, then checked, and the
 * next one is opened below it, so that the checked file is the opened file.
 */
#include "plugin/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

/* Is the open component safe?  `end` is the length of its path within `path`. */
static enum hangar_rc trust_check_component(int fd, const char *path, size_t end, bool is_last,
                                            bool holds_file, struct hg_error *err)
{
    struct stat st;
    int len = end ? (int)end : 1;
    if (fstat(fd, &st) != 0) {
        return hg_fail(err, HANGAR_IO, errno, "cannot read the permissions of %.*s", len, path);
    }
    if (S_ISLNK(st.st_mode)) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "%.*s is a symbolic link, which another user could change; hint: use the "
                       "path that it points to (readlink -f %.*s)",
                       len, path, len, path);
    }
    if (is_last ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode)) {
        return hg_fail(err, HANGAR_CONFIG, 0, "%.*s is not a %s", len, path,
                       is_last ? "regular file" : "directory");
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "%.*s belongs to user %u, who can change it; hint: chown root %.*s", len,
                       path, (unsigned)st.st_uid, len, path);
    }
    bool passed_through = !is_last && !holds_file && (st.st_mode & S_ISVTX);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !passed_through) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "other users can write to %.*s (mode %04o); hint: chmod go-w %.*s", len,
                       path, (unsigned)(st.st_mode & 07777), len, path);
    }
    return HANGAR_OK;
}

/* Opens the component path[start..end) in `dir`; folders and links without reading. */
static int trust_open_component(int dir, const char *path, size_t start, size_t end, bool is_last)
{
    char name[256];
    size_t n = end - start;
    if (n >= sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, path + start, n);
    name[n] = '\0';
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || !is_last || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return fd;
    }
    close(fd);
    return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
}

/* The first character from `at` on that is not a slash. */
static size_t trust_skip_slashes(const char *path, size_t at)
{
    return at + strspn(path + at, "/");
}

/* Does the folder that ends at `end` contain the file?  Several slashes count as one:
 * "/tmp//x.so" is in /tmp. */
static bool trust_contains_file(const char *path, size_t end)
{
    size_t next = trust_skip_slashes(path, end);
    return path[next] != '\0' && !strchr(path + next, '/');
}

enum hangar_rc hg_trust_open(const char *path, int *fd_out, struct hg_error *err)
{
    if (path[0] != '/') {
        return hg_fail(err, HANGAR_INTERNAL, 0, "%s is not an absolute path", path);
    }
    int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return hg_fail(err, HANGAR_IO, errno, "cannot open /");
    }
    enum hangar_rc rc =
        trust_check_component(fd, path, 0, false, trust_contains_file(path, 0), err);
    bool is_last = false;
    for (size_t at = trust_skip_slashes(path, 1); rc == HANGAR_OK && path[at];) {
        size_t end = at + strcspn(path + at, "/");
        is_last = path[end] == '\0';
        int next = trust_open_component(fd, path, at, end, is_last);
        if (next < 0) {
            int why = errno;
            rc = hg_fail(err, why == ENOENT ? HANGAR_NOT_FOUND : HANGAR_IO, why, "cannot open %.*s",
                         (int)end, path);
            break;
        }
        close(fd);
        fd = next;
        rc = trust_check_component(fd, path, end, is_last, trust_contains_file(path, end), err);
        at = trust_skip_slashes(path, end);
    }
    if (rc == HANGAR_OK && !is_last) { /* it ends in a slash */
        rc = hg_fail(err, HANGAR_CONFIG, 0, "%s is not a regular file", path);
    }
    if (rc != HANGAR_OK) {
        close(fd);
        return rc;
    }
    *fd_out = fd;
    return HANGAR_OK;
}
