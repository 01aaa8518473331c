/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tree: directories and file names beneath the root.
 */
#include "local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define DIR_MODE 0700
#define FILE_MODE 0600
#define MAKE_TRIES 100 /* when others keep removing what was just made */

/* Follows no link and accepts nothing but a directory. */
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

bool local_is_component(const char *name)
{
    size_t size = strlen(name);
    return size && size <= COMPONENT_MAX && strcmp(name, ".") && strcmp(name, "..") &&
           strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)) &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=-") ==
               size;
}

/* Copies the component at `name` and gives what follows its slash, NULL at the
 * end; a component that is too long comes out empty. */
static const char *next_component(const char *name, char component[COMPONENT_MAX + 1])
{
    const char *slash = strchr(name, '/');
    size_t size = slash ? (size_t)(slash - name) : strlen(name);
    if (size > COMPONENT_MAX) {
        size = 0;
    }
    memcpy(component, name, size);
    component[size] = '\0';
    return slash ? slash + 1 : NULL;
}

enum hangar_rc local_check_name(struct local *local, const char *name)
{
    char component[COMPONENT_MAX + 1];
    bool good = strlen(name) <= NAME_SIZE_MAX;
    for (const char *rest = name; rest && good;) {
        rest = next_component(rest, component);
        good = local_is_component(component);
    }
    if (good) {
        return HANGAR_OK;
    }
    return local->host->fail(local->ctx, HANGAR_CONFIG, 0,
                             "cannot use %.*s as the name of an object in %s: it is not allowed",
                             NAME_SIZE_MAX, name, local->root);
}

size_t local_depth(const char *name)
{
    size_t depth = 0;
    for (const char *c = name; *c; c++) {
        depth += *c == '/';
    }
    return depth;
}

int local_open_dir(int dir, const char *name)
{
    return openat(dir, name, DIR_FLAGS);
}

/* Makes a directory with its mode whatever the umask.  That another made it
 * first is as good. */
static int make_dir(int dir, const char *name)
{
    if (mkdirat(dir, name, DIR_MODE)) {
        return errno == EEXIST ? 0 : -1;
    }
    return fchmodat(dir, name, DIR_MODE, 0);
}

/* Makes the root with the directories above it, each durable in the one before.
 * Above the root symbolic links are the administrator's and are followed. */
static int make_root(const char *root)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/", root) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int above = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (char *at = path, *slash; above >= 0 && (slash = strchr(at, '/')); at = slash + 1) {
        *slash = '\0';
        if (slash == at) {
            continue;
        }
        int next = openat(above, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (next < 0 && errno == ENOENT && !make_dir(above, at) && !fsync(above)) {
            next = openat(above, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        int error_number = errno;
        close(above);
        errno = error_number;
        above = next;
    }
    return above;
}

enum hangar_rc local_open_root(struct local *local, bool make, int *fd)
{
    int root = open(local->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && errno == ENOENT) {
        if (!make) {
            return HANGAR_NOT_FOUND;
        }
        root = make_root(local->root);
        if (root < 0) {
            return local_fail(local, errno, "create directory %s", local->root);
        }
    }
    if (root < 0) {
        return local_fail(local, errno, "open directory %s", local->root);
    }
    *fd = root;
    return HANGAR_OK;
}

static void sweep(struct local *local, int dir, const char *but);

/* Opens the directory of `name` below `dir`, which it takes, in *at.  0, or an
 * errno and how much of the name leads to the component that failed; *at is then
 * the directory that it is in. */
static int descend(struct local *local, int dir, const char *name, bool make, int *at,
                   size_t *failed)
{
    char component[COMPONENT_MAX + 1];
    *at = dir;
    for (const char *rest = name; strchr(rest, '/');) {
        const char *next = next_component(rest, component);
        int below = local_open_dir(*at, component);
        if (below < 0 && errno == ENOENT && make && !make_dir(*at, component)) {
            below = local_open_dir(*at, component);
            if (below >= 0) {
                sweep(local, *at, component);
            }
        }
        if (below < 0) {
            *failed = (size_t)(rest - name) + strlen(component);
            return errno;
        }
        close(*at);
        *at = below;
        rest = next;
    }
    return 0;
}

/* Says why a component could not be entered. */
static enum hangar_rc fail_enter(struct local *local, int dir, const char *name, size_t size,
                                 int error_number, bool make)
{
    struct stat st;
    char path[NAME_SIZE_MAX + 1];
    snprintf(path, sizeof(path), "%.*s", (int)size, name);
    const char *slash = strrchr(path, '/');
    bool there = !fstatat(dir, slash ? slash + 1 : path, &st, AT_SYMLINK_NOFOLLOW);
    if (there && S_ISLNK(st.st_mode)) {
        return local->host->fail(local->ctx, HANGAR_IO, 0,
                                 "cannot open %s/%s: it is a symbolic link, and none is followed "
                                 "below the root",
                                 local->root, path);
    }
    if (error_number == ENOENT || (there && !S_ISDIR(st.st_mode) && !make)) {
        return HANGAR_NOT_FOUND;
    }
    return local_fail(local, error_number, "%s directory %s/%s", make ? "create" : "open",
                      local->root, path);
}

enum hangar_rc local_open_parent(struct local *local, const char *name, bool make, int *fd,
                                 const char **base)
{
    int root, dir;
    size_t failed = 0;
    enum hangar_rc rc = local_open_root(local, make, &root);
    if (rc) {
        return rc;
    }
    int error_number = descend(local, root, name, make, &dir, &failed);
    if (error_number) {
        rc = fail_enter(local, dir, name, failed, error_number, make);
        close(dir);
        return rc;
    }
    const char *slash = strrchr(name, '/');
    *fd = dir;
    *base = slash ? slash + 1 : name;
    return HANGAR_OK;
}

int local_sync_up(int dir, size_t depth)
{
    int at = dir, failed = fsync(dir);
    for (size_t i = 0; i < depth && !failed; i++) {
        int above = openat(at, "..", DIR_FLAGS);
        if (at != dir) {
            close(at);
        }
        at = above;
        failed = at < 0 ? -1 : fsync(at);
    }
    int error_number = errno;
    if (at >= 0 && at != dir) {
        close(at);
    }
    errno = error_number;
    return failed;
}

/* ------------------------------------------------------------------------ *
 * Removing what holds no object
 * ------------------------------------------------------------------------ */

enum kind { OTHER, OBJECT, DIRECTORY, TEMPORARY };

static enum kind kind_of(int dir, const struct dirent *entry)
{
    struct stat st;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN && !fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
        type = (unsigned char)IFTODT(st.st_mode);
    }
    bool temporary = !strncmp(entry->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX));
    if (type == DT_REG && temporary) {
        return TEMPORARY;
    }
    if (!local_is_component(entry->d_name)) {
        return OTHER;
    }
    return type == DT_REG ? OBJECT : type == DT_DIR ? DIRECTORY : OTHER;
}

static DIR *open_stream(int dir)
{
    DIR *stream = dir < 0 ? NULL : fdopendir(dir);
    if (!stream && dir >= 0) {
        close(dir);
    }
    return stream;
}

bool local_has_object(int dir)
{
    bool found = false;
    DIR *stream = open_stream(dir);
    for (struct dirent *entry; stream && !found && (entry = readdir(stream));) {
        enum kind kind = kind_of(dir, entry);
        found = kind == OBJECT ||
                (kind == DIRECTORY && local_has_object(local_open_dir(dir, entry->d_name)));
    }
    if (stream) {
        closedir(stream);
    }
    return found;
}

/* Whose process is dead: then nobody holds its lock. */
static void remove_stale(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (!flock(fd, LOCK_EX | LOCK_NB)) {
        unlinkat(dir, name, 0);
    }
    close(fd);
}

/* Removes the directory `name` in `dir` with leftovers and directories in it;
 * false when something that counts is there.  Stops at the first object, so a
 * full directory costs no more than a look. */
static bool remove_empty(int dir, const char *name)
{
    if (!unlinkat(dir, name, AT_REMOVEDIR)) {
        return true;
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
        return errno == ENOENT;
    }
    int fd = local_open_dir(dir, name);
    bool empty = fd >= 0;
    DIR *stream = open_stream(fd);
    for (struct dirent *entry; stream && empty && (entry = readdir(stream));) {
        enum kind kind = kind_of(fd, entry);
        if (kind == TEMPORARY) {
            remove_stale(fd, entry->d_name);
        } else if (kind == DIRECTORY) {
            empty = remove_empty(fd, entry->d_name);
        } else {
            empty = kind == OTHER;
        }
    }
    if (stream) {
        closedir(stream);
    }
    return empty && !unlinkat(dir, name, AT_REMOVEDIR);
}

/* Once in the life of an instance: what processes have left in `dir` that died before
 * they stored anything.  Nothing there is an object, so that nobody would ever ask to
 * have it removed. */
static void sweep(struct local *local, int dir, const char *but)
{
    if (atomic_flag_test_and_set(&local->swept)) {
        return;
    }
    DIR *stream = open_stream(openat(dir, ".", DIR_FLAGS));
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        enum kind kind = kind_of(dir, entry);
        if (kind == TEMPORARY) {
            remove_stale(dir, entry->d_name);
        } else if (kind == DIRECTORY && strcmp(entry->d_name, but) != 0) {
            remove_empty(dir, entry->d_name);
        }
    }
    if (stream) {
        closedir(stream);
    }
}

/* An attempt: what cannot be removed stays, and nothing is recorded. */
void local_tidy(struct local *local, const char *name)
{
    char path[NAME_SIZE_MAX + 1];
    snprintf(path, sizeof(path), "%s", name);
    for (char *slash; (slash = strrchr(path, '/'));) {
        *slash = '\0';
        int dir, root = open(local->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t failed;
        if (root < 0) {
            return;
        }
        int error_number = descend(local, root, path, false, &dir, &failed);
        slash = strrchr(path, '/');
        /* when one above is missing too, look further up */
        bool removed =
            error_number ? error_number == ENOENT : remove_empty(dir, slash ? slash + 1 : path);
        close(dir);
        if (!removed) {
            return;
        }
    }
}

/* ------------------------------------------------------------------------ *
 * Files
 * ------------------------------------------------------------------------ */

int local_make_temp(int dir, char name[TEMP_NAME_SIZE])
{
    for (int i = 0; i < MAKE_TRIES; i++) {
        uint64_t number;
        if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
            continue;
        }
        snprintf(name, TEMP_NAME_SIZE, TEMP_PREFIX "%016llx", (unsigned long long)number);
        int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (fd < 0 && errno == EEXIST) {
            continue;
        }
        if (fd < 0) {
            return -1;
        }
        /* Somebody who tidies up may have taken it for a dead process's before
         * the lock was on it.  File systems without locks have no such tidying. */
        struct stat st;
        bool lost = flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
        if (!lost && !fchmod(fd, FILE_MODE) && !fstat(fd, &st) && st.st_nlink) {
            return fd;
        }
        unlinkat(dir, name, 0);
        close(fd);
    }
    errno = EBUSY;
    return -1;
}

int local_rename(int dir, const char *from, const char *to, bool exclusive)
{
    if (!exclusive) {
        return renameat(dir, from, dir, to);
    }
    if (!renameat2(dir, from, dir, to, RENAME_NOREPLACE)) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    /* a file system, or a kernel, that cannot do that */
    if (linkat(dir, from, dir, to, 0)) {
        return -1;
    }
    unlinkat(dir, from, 0); /* if it stays, it is tidied up later */
    return 0;
}
