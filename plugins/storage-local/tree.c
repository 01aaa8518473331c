/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tree: directories and file names below the root.
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
#include <sys/statvfs.h>
#include <unistd.h>

#include "random.h"

#define DIR_MODE 0700
#define FILE_MODE 0600
#define MAKE_TRIES 100 /* other processes may remove a file that was just made */

/* Opens directories only, and no symbolic links. */
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

bool local_is_component(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= COMPONENT_MAX && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strncmp(name, TEMP_PREFIX, strlen(TEMP_PREFIX)) != 0 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=-") ==
               size;
}

/* Copies the first component of `name` and returns what follows its slash, NULL at the end.  The
 * copy of a component that is too long is empty. */
static const char *tree_next_component(const char *name, char component[COMPONENT_MAX + 1])
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

enum hangar_rc local_check_name(struct local_sink *local, const char *name)
{
    bool good = strlen(name) <= NAME_SIZE_MAX;
    for (const char *rest = name; rest && good;) {
        char component[COMPONENT_MAX + 1];
        rest = tree_next_component(rest, component);
        good = local_is_component(component);
    }
    if (good) {
        return HANGAR_OK;
    }
    return local->host->fail(local->ctx, HANGAR_CONFIG, 0, "invalid object name %.*s in %s",
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

/* Makes a directory with DIR_MODE whatever the umask is.  0, also when it exists; -1 with errno. */
static int tree_make_dir(int dir, const char *name)
{
    if (mkdirat(dir, name, DIR_MODE) != 0) {
        return errno == EEXIST ? 0 : -1;
    }
    return fchmodat(dir, name, DIR_MODE, 0);
}

/* Opens the root; makes it and the directories above it where they are missing, and syncs the
 * parent of each.  Symbolic links above the root belong to the administrator and are followed. */
static int tree_make_root(const char *root)
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
        if (next < 0 && errno == ENOENT && tree_make_dir(above, at) == 0 && fsync(above) == 0) {
            next = openat(above, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        }
        int error_number = errno;
        close(above);
        errno = error_number;
        above = next;
    }
    return above;
}

/* Opens the root for the life of the instance; with the mutex held. */
static enum hangar_rc tree_keep_root(struct local_sink *local, bool make)
{
    int root = open(local->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && errno == ENOENT) {
        if (!local->create) {
            return local->host->fail(local->ctx, HANGAR_IO, 0,
                                     "cannot open directory %s: it does not exist, and `create` "
                                     "is false; hint: mount its disk, or create it",
                                     local->root);
        }
        if (!make) {
            return HANGAR_NOT_FOUND;
        }
        root = tree_make_root(local->root);
        if (root < 0) {
            return local_fail(local, errno, "create directory %s", local->root);
        }
    }
    struct stat st;
    if (root < 0 || fstat(root, &st) != 0) {
        enum hangar_rc rc = local_fail(local, errno, "open directory %s", local->root);
        if (root >= 0) {
            close(root);
        }
        return rc;
    }
    local->root_fd = root;
    local->root_dev = st.st_dev;
    local->root_ino = st.st_ino;
    return HANGAR_OK;
}

enum hangar_rc local_check_root(struct local_sink *local)
{
    struct stat st;
    if (stat(local->root, &st) == 0) {
        if (st.st_dev == local->root_dev && st.st_ino == local->root_ino) {
            return HANGAR_OK;
        }
    } else if (errno != ENOENT && errno != ENOTDIR) {
        return local_fail(local, errno, "open directory %s", local->root);
    }
    return local->host->fail(local->ctx, HANGAR_IO, 0,
                             "cannot use directory %s: it was unmounted, moved or replaced while "
                             "this job used it; hint: make it available again and repeat the job",
                             local->root);
}

enum hangar_rc local_open_root(struct local_sink *local, bool make, int *fd)
{
    pthread_mutex_lock(&local->root_mutex);
    const bool open_before = local->root_fd >= 0;
    enum hangar_rc rc = open_before ? HANGAR_OK : tree_keep_root(local, make);
    pthread_mutex_unlock(&local->root_mutex);
    if (rc == HANGAR_OK && open_before) {
        rc = local_check_root(local);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    int root = local_open_dir(local->root_fd, "."); /* with a position of its own */
    if (root < 0) {
        return local_fail(local, errno, "open directory %s", local->root);
    }
    *fd = root;
    return HANGAR_OK;
}

static void tree_remove_leftovers(struct local_sink *local, int dir, const char *but);

/* Opens the directory of `name` below `dir`, as *at, and closes `dir`.  Returns 0 or an errno; then
 * *at is the directory whose component could not be opened, and *failed the length of the name up
 * to the end of that component. */
static int tree_descend(struct local_sink *local, int dir, const char *name, bool make, int *at,
                        size_t *failed)
{
    *at = dir;
    for (const char *rest = name; strchr(rest, '/');) {
        char component[COMPONENT_MAX + 1];
        const char *next = tree_next_component(rest, component);
        int below = local_open_dir(*at, component);
        if (below < 0 && errno == ENOENT && make && tree_make_dir(*at, component) == 0) {
            below = local_open_dir(*at, component);
            if (below >= 0) {
                tree_remove_leftovers(local, *at, component);
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

/* Records why a component of a name could not be opened; HANGAR_NOT_FOUND is not recorded. */
static enum hangar_rc tree_fail_component(struct local_sink *local, int dir, const char *name,
                                          size_t size, int error_number, bool make)
{
    char path[NAME_SIZE_MAX + 1];
    snprintf(path, sizeof(path), "%.*s", (int)size, name);
    const char *slash = strrchr(path, '/');
    struct stat st;
    bool exists = fstatat(dir, slash ? slash + 1 : path, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && S_ISLNK(st.st_mode)) {
        return local->host->fail(
            local->ctx, HANGAR_IO, 0,
            "cannot open %s/%s: it is a symbolic link, and links below the root are not followed",
            local->root, path);
    }
    if (error_number == ENOENT || (exists && !S_ISDIR(st.st_mode) && !make)) {
        return HANGAR_NOT_FOUND;
    }
    return local_fail(local, error_number, "%s directory %s/%s", make ? "create" : "open",
                      local->root, path);
}

enum hangar_rc local_open_parent(struct local_sink *local, const char *name, bool make, int *fd,
                                 const char **base)
{
    int root, dir;
    enum hangar_rc rc = local_open_root(local, make, &root);
    if (rc != HANGAR_OK) {
        return rc;
    }
    size_t failed = 0;
    int error_number = tree_descend(local, root, name, make, &dir, &failed);
    if (error_number != 0) {
        rc = tree_fail_component(local, dir, name, failed, error_number, make);
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
    for (size_t i = 0; i < depth && failed == 0; i++) {
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
 * Removing directories without objects
 * ------------------------------------------------------------------------ */

enum entry_kind { ENTRY_OTHER, ENTRY_OBJECT, ENTRY_DIRECTORY, ENTRY_TEMPORARY, ENTRY_UNKNOWN };

static enum entry_kind tree_entry_kind(int dir, const struct dirent *entry)
{
    struct stat st;
    unsigned char type = entry->d_type;
    if (type == DT_UNKNOWN) {
        if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno == ENOENT ? ENTRY_OTHER : ENTRY_UNKNOWN;
        }
        type = (unsigned char)IFTODT(st.st_mode);
    }
    bool temporary = strncmp(entry->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)) == 0;
    if (type == DT_REG && temporary) {
        return ENTRY_TEMPORARY;
    }
    if (!local_is_component(entry->d_name)) {
        return ENTRY_OTHER;
    }
    return type == DT_REG ? ENTRY_OBJECT : type == DT_DIR ? ENTRY_DIRECTORY : ENTRY_OTHER;
}

static DIR *tree_open_stream(int dir)
{
    DIR *stream = dir < 0 ? NULL : fdopendir(dir);
    if (!stream && dir >= 0) {
        close(dir);
    }
    return stream;
}

int local_has_object(int dir)
{
    int found = 0;
    DIR *stream = tree_open_stream(dir);
    if (!stream) {
        return -1;
    }
    while (found <= 0) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            found = errno ? -1 : found;
            break;
        }
        enum entry_kind kind = tree_entry_kind(dir, entry);
        int below = kind == ENTRY_OBJECT ? 1 : kind == ENTRY_UNKNOWN ? -1 : 0;
        if (kind == ENTRY_DIRECTORY) {
            int fd = local_open_dir(dir, entry->d_name);
            below = fd < 0 && errno == ENOENT ? 0 : local_has_object(fd);
        }
        found = below ? below : found;
    }
    closedir(stream);
    return found;
}

/* Removes a temporary file when its process is dead, which has released its lock. */
static void tree_remove_stale(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(dir, name, 0);
    }
    close(fd);
}

/* Removes the directory `name` in `dir`, with the leftovers and the directories in it.  False: it
 * contains an object or a file of a live process.  Stops at the first object, so that a directory
 * with many objects costs no time. */
static bool tree_remove_empty(int dir, const char *name)
{
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0) {
        return true;
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
        return errno == ENOENT;
    }
    int fd = local_open_dir(dir, name);
    bool empty = fd >= 0;
    DIR *stream = tree_open_stream(fd);
    for (struct dirent *entry; stream && empty && (entry = readdir(stream));) {
        enum entry_kind kind = tree_entry_kind(fd, entry);
        if (kind == ENTRY_TEMPORARY) {
            tree_remove_stale(fd, entry->d_name);
        } else if (kind == ENTRY_DIRECTORY) {
            empty = tree_remove_empty(fd, entry->d_name);
        } else {
            empty = kind == ENTRY_OTHER;
        }
    }
    if (stream) {
        closedir(stream);
    }
    return empty && unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/* Removes what dead processes have left in `dir`, except in the directory `but`, once in the life
 * of an instance.  No object is there, so the core never asks to remove it. */
static void tree_remove_leftovers(struct local_sink *local, int dir, const char *but)
{
    if (atomic_flag_test_and_set(&local->swept)) {
        return;
    }
    DIR *stream = tree_open_stream(openat(dir, ".", DIR_FLAGS));
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        enum entry_kind kind = tree_entry_kind(dir, entry);
        if (kind == ENTRY_TEMPORARY) {
            tree_remove_stale(dir, entry->d_name);
        } else if (kind == ENTRY_DIRECTORY && strcmp(entry->d_name, but) != 0) {
            tree_remove_empty(dir, entry->d_name);
        }
    }
    if (stream) {
        closedir(stream);
    }
}

static int tree_dup_root(struct local_sink *local)
{
    pthread_mutex_lock(&local->root_mutex);
    const int root = local->root_fd;
    pthread_mutex_unlock(&local->root_mutex);
    return root < 0 ? -1 : local_open_dir(root, ".");
}

void local_tidy(struct local_sink *local, const char *name)
{
    char path[NAME_SIZE_MAX + 1];
    snprintf(path, sizeof(path), "%s", name);
    for (char *slash; (slash = strrchr(path, '/'));) {
        *slash = '\0';
        /* of the root that the instance has opened, also when the path leads elsewhere now */
        int dir, root = tree_dup_root(local);
        if (root < 0) {
            return;
        }
        size_t failed;
        int error_number = tree_descend(local, root, path, false, &dir, &failed);
        slash = strrchr(path, '/');
        /* when a directory above is missing too, continue further up */
        bool removed = error_number != 0 ? error_number == ENOENT
                                         : tree_remove_empty(dir, slash ? slash + 1 : path);
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
        if (!random_fill(&number, sizeof(number))) {
            return -1;
        }
        snprintf(name, TEMP_NAME_SIZE, TEMP_PREFIX "%016llx", (unsigned long long)number);
        int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
        if (fd < 0 && errno == EEXIST) {
            continue;
        }
        if (fd < 0) {
            return -1;
        }
        /* Until it is locked, another process may remove it as one of a dead process.  On a file
         * system without locks no process does. */
        struct stat st;
        bool lost = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (!lost && fchmod(fd, FILE_MODE) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0) {
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
    if (renameat2(dir, from, dir, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    /* the file system or the kernel does not support that */
    if (linkat(dir, from, dir, to, 0) != 0) {
        return -1;
    }
    unlinkat(dir, from, 0); /* when this fails it is a leftover, which is removed later */
    return 0;
}

void local_fill_entry(struct hangar_entry *entry, const struct stat *st)
{
    entry->flags = 0;
    entry->name = NULL;
    entry->size = (uint64_t)st->st_size;
    entry->time_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    /* st_ctim: a program that changes a file can set the other time back, but not this one */
    snprintf(entry->etag, sizeof(entry->etag), "%llx-%llx%09lx-%llx%09lx-%llx",
             (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
             (unsigned long)st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec,
             (unsigned long)st->st_ctim.tv_nsec, (unsigned long long)st->st_ino);
}

/* A root that does not exist yet will be on the file system of the nearest folder above it. */
enum hangar_rc local_space(void *inst, struct hangar_space *space)
{
    struct local_sink *local = inst;
    struct statvfs fs;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", local->root);
    while (statvfs(path, &fs) != 0) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || !slash) {
            return local_fail(local, errno, "determine the free space of %s", local->root);
        }
        slash[slash == path] = '\0';
    }
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    space->free_bytes = free_bytes > local->min_free ? free_bytes - local->min_free : 0;
    space->total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
    return HANGAR_OK;
}
