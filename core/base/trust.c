/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * trust: see trust.h.  Each component of the path is opened, then checked, and the
 * next one is opened below it, so that the checked file is the opened file.
 */
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

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

/* ---- files that an operator names ---- */

#define LINKS_MAX 40
#define NAMES_BUFFER 16384 /* for an entry of the databases of users and groups */

/* The way to a file.  The folder that is open is fd; `done` is its path, `rest` follows. */
struct trust_walk {
    int fd;
    unsigned links;
    char done[PATH_MAX], rest[PATH_MAX];
};

/* Is the owner of a file the only member of its group?  By the convention of private groups. */
static bool trust_group_is_private(const struct stat *st)
{
    struct passwd user, *user_found = NULL;
    struct group group, *group_found = NULL;
    char *names = malloc(2 * (size_t)NAMES_BUFFER);
    bool private =
        names && getpwuid_r(st->st_uid, &user, names, NAMES_BUFFER, &user_found) == 0 &&
        user_found && user.pw_gid == st->st_gid &&
        getgrgid_r(st->st_gid, &group, names + NAMES_BUFFER, NAMES_BUFFER, &group_found) == 0 &&
        group_found && strcmp(group.gr_name, user.pw_name) == 0;
    for (char **member = private ? group.gr_mem : NULL; member && *member; member++) {
        private = private && strcmp(*member, user.pw_name) == 0;
    }
    free(names);
    return private;
}

static bool trust_is_read_only(int fd)
{
    struct statvfs fs;
    return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

/* Checks an open folder, link or file. */
static enum hangar_rc trust_check_named(int fd, const char *path, struct hg_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return hg_fail(err, HANGAR_IO, errno, "cannot read the permissions of %s", path);
    }
    if (trust_is_read_only(fd)) {
        return HANGAR_OK;
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "%s belongs to user %u, who can change it; hint: chown root %s, or mount it "
                       "read-only",
                       path, (unsigned)st.st_uid, path);
    }
    bool sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX);
    bool writable =
        (st.st_mode & S_IWOTH) || ((st.st_mode & S_IWGRP) && !trust_group_is_private(&st));
    if (writable && !sticky && !S_ISLNK(st.st_mode)) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "other users can write to %s (mode %04o); hint: chmod go-w %s", path,
                       (unsigned)(st.st_mode & 07777), path);
    }
    return HANGAR_OK;
}

/* Puts the target of a link before the rest of the way. */
static enum hangar_rc trust_follow(struct trust_walk *w, int link, const char *path,
                                   struct hg_error *err)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
    if (n < 0) {
        return hg_fail(err, HANGAR_IO, errno, "cannot read the link %s", path);
    }
    target[n] = '\0';
    int size = snprintf(rest, sizeof(rest), "%s/%s", target, w->rest);
    if (++w->links > LINKS_MAX || size >= (int)sizeof(rest)) {
        return hg_fail(err, HANGAR_IO, ELOOP, "cannot open %s", path);
    }
    memcpy(w->rest, rest, (size_t)size + 1);
    if (target[0] == '/') {
        int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0) {
            return hg_fail(err, HANGAR_IO, errno, "cannot open /");
        }
        close(w->fd);
        w->fd = root;
        w->done[0] = '\0';
    }
    return HANGAR_OK;
}

/* Takes the next component of the rest.  False: there is none. */
static bool trust_next_name(struct trust_walk *w, char name[NAME_MAX + 1])
{
    size_t start = strspn(w->rest, "/"), length = strcspn(w->rest + start, "/");
    if (length == 0 || length > NAME_MAX) {
        return false;
    }
    memcpy(name, w->rest + start, length);
    name[length] = '\0';
    memmove(w->rest, w->rest + start + length, strlen(w->rest + start + length) + 1);
    return true;
}

static bool trust_is_last(const struct trust_walk *w)
{
    return w->rest[strspn(w->rest, "/")] == '\0';
}

/* Steps into one component. */
static enum hangar_rc trust_step(struct trust_walk *w, const char *name, struct hg_error *err)
{
    char path[PATH_MAX + NAME_MAX + 2];
    snprintf(path, sizeof(path), "%s/%s", w->done, name);
    int fd = trust_open_component(w->fd, name, 0, strlen(name), trust_is_last(w));
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int why = errno;
        if (fd >= 0) {
            close(fd);
        }
        return hg_fail(err, why == ENOENT ? HANGAR_NOT_FOUND : HANGAR_IO, why, "cannot open %s",
                       path);
    }
    enum hangar_rc rc = trust_check_named(fd, path, err);
    if (rc == HANGAR_OK && S_ISLNK(st.st_mode)) {
        rc = trust_follow(w, fd, path, err);
        close(fd);
        return rc;
    }
    close(w->fd);
    w->fd = fd;
    if (rc == HANGAR_OK && strlen(path) >= sizeof(w->done)) {
        rc = hg_fail(err, HANGAR_IO, ENAMETOOLONG, "cannot open %s", path);
    }
    snprintf(w->done, sizeof(w->done), "%.*s", PATH_MAX - 1, path);
    return rc;
}

enum hangar_rc hg_trust_open_named(const char *path, int *fd_out, struct hg_error *err)
{
    char here[PATH_MAX] = "", name[NAME_MAX + 1];
    struct trust_walk w = {.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (w.fd < 0 || (path[0] != '/' && !getcwd(here, sizeof(here)))) {
        int why = errno;
        if (w.fd >= 0) {
            close(w.fd);
        }
        return hg_fail(err, HANGAR_IO, why, "cannot open the folder of %s", path);
    }
    enum hangar_rc rc = trust_check_named(w.fd, "/", err);
    if (snprintf(w.rest, sizeof(w.rest), "%s/%s", here, path) >= (int)sizeof(w.rest)) {
        rc = hg_fail(err, HANGAR_IO, ENAMETOOLONG, "cannot open %s", path);
    }
    while (rc == HANGAR_OK && trust_next_name(&w, name)) {
        rc = trust_step(&w, name, err);
    }
    struct stat st;
    if (rc == HANGAR_OK && (fstat(w.fd, &st) != 0 || !S_ISREG(st.st_mode) || !trust_is_last(&w))) {
        rc = hg_fail(err, HANGAR_CONFIG, 0, "%s is not a regular file", path);
    }
    if (rc != HANGAR_OK) {
        close(w.fd);
        return rc;
    }
    *fd_out = w.fd;
    return HANGAR_OK;
}

enum hangar_rc hg_trust_program(const char *program, struct hg_error *err)
{
    if (!strchr(program, '/')) {
        return HANGAR_OK;
    }
    struct hg_error why = {0};
    int fd;
    enum hangar_rc rc = hg_trust_open_named(program, &fd, &why);
    if (rc == HANGAR_OK) {
        close(fd);
    }
    /* what cannot be opened is reported by the call that runs it */
    return rc == HANGAR_CONFIG ? hg_error_move(err, &why) : HANGAR_OK;
}
