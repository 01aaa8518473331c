/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * io: reading and writing files whole, and trees of folders.
 */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"

static enum hangar_rc rc_of(int error_number)
{
    switch (error_number) {
    case ENOENT: /* and not ENOTDIR: what is in the place of a folder may hide a file */
        return HANGAR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return HANGAR_AUTH;
    case ENOSPC:
    case EDQUOT:
        return HANGAR_NO_SPACE;
    case ENOMEM:
        return HANGAR_NO_MEMORY;
    default:
        return HANGAR_IO;
    }
}

static enum hangar_rc io_fail_errno(struct hg_error *err, const char *verb, const char *path)
{
    int saved = errno;
    return hg_fail(err, rc_of(saved), saved, "cannot %s %s", verb, path);
}

int hg_write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) { /* never for files; an endless loop otherwise */
            errno = EIO;
            return -1;
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

ssize_t hg_read_full(int fd, void *data, size_t size)
{
    char *at = data;
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, at + got, size - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

enum hangar_rc hg_read_open_file(int fd, const char *path, size_t max, struct hg_str *out,
                                 struct hg_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return io_fail_errno(err, "read", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return hg_fail(err, HANGAR_CONFIG, 0, "cannot read %s: it is not a regular file", path);
    }

    /* The size is only a hint: files of /proc report 0, and other files may grow meanwhile. */
    size_t start = out->len;
    for (;;) {
        char block[16 * 1024];
        ssize_t n = hg_read_full(fd, block, sizeof(block));
        if (n < 0) {
            return io_fail_errno(err, "read", path);
        }
        if (n == 0) {
            return HANGAR_OK;
        }
        if (out->len - start + (size_t)n > max) {
            return hg_fail(err, HANGAR_CONFIG, 0, "cannot read %s: it is larger than %zu bytes",
                           path, max);
        }
        hg_str_add_n(out, block, (size_t)n);
        if (out->failed) {
            return hg_no_memory_for(err, "cannot read %s", path);
        }
    }
}

enum hangar_rc hg_read_file(const char *path, size_t max, struct hg_str *out, struct hg_error *err)
{
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return io_fail_errno(err, "open", path);
    }
    enum hangar_rc rc = hg_read_open_file(fd, path, max, out, err);
    close(fd);
    return rc;
}

/* The folder of a path, malloc'd; NULL when out of memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return strdup(".");
    }
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int result = fsync(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

/* Writes and closes fd. */
static int fill_file(int fd, const void *data, size_t size, mode_t mode)
{
    if (hg_write_all(fd, data, size) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return close(fd);
}

enum hangar_rc hg_write_file(const char *path, const void *data, size_t size, mode_t mode,
                             struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    char *folder = folder_of(path);
    char *temp = folder ? hg_format("%s/.hangar-XXXXXX", folder) : NULL;
    if (!temp) {
        rc = hg_no_memory_for(err, "cannot write %s", path);
        goto out;
    }
    int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) {
        rc = io_fail_errno(err, "write", path);
        goto out;
    }
    if (fill_file(fd, data, size, mode) != 0 || rename(temp, path) != 0) {
        rc = io_fail_errno(err, "write", path);
        unlink(temp);
    } else if (sync_folder(folder) != 0) {
        rc = io_fail_errno(err, "write", path);
    }
out:
    free(temp);
    free(folder);
    return rc;
}

enum hangar_rc hg_open_own_file(const char *path, int flags, int *fd, struct hg_error *err)
{
    int opened = open(path, flags | O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (opened < 0) {
        return hg_fail(err, HANGAR_IO, errno, "cannot open %s", path);
    }
    struct stat st;
    if (fstat(opened, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(opened);
        return hg_fail(err, HANGAR_IO, 0, "cannot open %s: it is not a regular file", path);
    }
    *fd = opened;
    return HANGAR_OK;
}

enum hangar_rc hg_check_writable(const char *path, struct hg_error *err)
{
    char *at = strdup(path);
    if (!at) {
        return hg_no_memory(err);
    }
    int mode = R_OK | W_OK; /* of the file; of a folder, to make something in it */
    struct stat st;
    if (lstat(at, &st) == 0 && !S_ISREG(st.st_mode)) {
        free(at);
        return hg_fail(err, HANGAR_IO, 0, "cannot write %s: it is not a regular file", path);
    }
    int failed = faccessat(AT_FDCWD, at, mode, AT_EACCESS);
    while (failed != 0 && errno == ENOENT && at[0] != '\0' && strcmp(at, "/") != 0) {
        char *slash = strrchr(at, '/');
        if (slash) {
            slash[slash == at] = '\0';
        }
        failed = faccessat(AT_FDCWD, slash ? at : ".", W_OK | X_OK, AT_EACCESS);
        if (!slash) {
            break;
        }
    }
    enum hangar_rc rc =
        failed == 0 ? HANGAR_OK : hg_fail(err, HANGAR_IO, errno, "cannot write %s", at);
    free(at);
    return rc;
}

enum hangar_rc hg_make_dirs(const char *path, mode_t mode, struct hg_error *err)
{
    char *part = strdup(path);
    if (!part) {
        return hg_no_memory_for(err, "cannot create %s", path);
    }
    enum hangar_rc rc = HANGAR_OK;
    for (char *at = part; rc == HANGAR_OK && *at != '\0';) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        char end = *at;
        *at = '\0';
        struct stat st;
        if (mkdir(part, mode) != 0) {
            int saved = errno;
            /* EROFS and EACCES may come for folders that are there, too */
            if (stat(part, &st) != 0) {
                errno = saved;
                rc = io_fail_errno(err, "create", part);
            } else if (!S_ISDIR(st.st_mode)) {
                errno = ENOTDIR;
                rc = io_fail_errno(err, "create", part);
            }
        }
        *at = end;
    }
    free(part);
    return rc;
}

/*
 * Removing a tree.  Another user who may write in it could replace a folder by a
 * symbolic link meanwhile.  Therefore all names are relative to an open folder.
 * Only one folder is open at a time, however deep the tree is: the way up is
 * "..", which must be the folder that the way down came from.
 */
struct io_path_stack {
    struct io_path_level {
        dev_t dev; /* the folder that holds `name` */
        ino_t ino;
        char *name;
    } *items;
    size_t count, capacity;
};

enum { OPEN_PLACE = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* Opens the folder `name` in *fd and replaces *fd by it.  -1 with errno. */
static int io_descend(struct io_path_stack *stack, int *fd, const char *name)
{
    struct stat here, there;
    int next = openat(*fd, name, OPEN_PLACE);
    if (next < 0) {
        return -1;
    }
    char *copy = NULL;
    if (fstat(*fd, &here) != 0 || fstat(next, &there) != 0) {
        goto fail;
    }
    if (stack->count > 0 && here.st_dev != there.st_dev) {
        errno = EXDEV; /* another file system is mounted there: it is not emptied */
        goto fail;
    }
    copy = strdup(name);
    if (!copy || !HG_VEC_RESERVE(stack)) {
        errno = ENOMEM;
        goto fail;
    }
    stack->items[stack->count++] = (struct io_path_level){here.st_dev, here.st_ino, copy};
    close(*fd);
    *fd = next;
    return 0;
fail:;
    int saved = errno;
    free(copy);
    close(next);
    errno = saved;
    return -1;
}

/* Replaces the empty folder *fd by its parent, and removes it there. */
static int io_ascend(struct io_path_stack *stack, int *fd)
{
    struct io_path_level *level = &stack->items[stack->count - 1];
    int up = openat(*fd, "..", OPEN_PLACE);
    if (up < 0) {
        return -1;
    }
    close(*fd);
    *fd = up;
    struct stat st;
    if (fstat(up, &st) != 0) {
        return -1;
    }
    if (st.st_dev != level->dev || st.st_ino != level->ino) {
        errno = ESTALE; /* the folder was moved meanwhile */
        return -1;
    }
    if (unlinkat(up, level->name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
        return -1;
    }
    free(level->name);
    stack->count--;
    return 0;
}

/* Removes the files in a folder.  1 with the name of the first folder met in `folder`, 0
 * when the folder is empty, -1 with errno. */
static int io_empty_folder(int fd, char folder[NAME_MAX + 1])
{
    int real = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (real < 0) {
        return -1;
    }
    DIR *dir = fdopendir(real);
    if (!dir) {
        close(real);
        return -1;
    }
    int result = 0;
    while (result == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            result = errno == 0 ? 0 : -1;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT) {
            continue;
        }
        if (errno == EISDIR) {
            snprintf(folder, NAME_MAX + 1, "%s", entry->d_name);
            result = 1;
        } else {
            result = -1;
        }
    }
    int saved = errno;
    closedir(dir);
    errno = saved;
    return result;
}

/* Removes `name` in the folder *fd; -1 with errno. */
static int io_remove_name(struct io_path_stack *stack, int *fd, const char *name)
{
    if (unlinkat(*fd, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }
    if (errno != EISDIR || io_descend(stack, fd, name) != 0) {
        return -1;
    }
    while (stack->count > 0) {
        char folder[NAME_MAX + 1];
        int found = io_empty_folder(*fd, folder);
        if (found < 0) {
            return -1;
        }
        if ((found == 1 ? io_descend(stack, fd, folder) : io_ascend(stack, fd)) != 0) {
            return -1;
        }
    }
    return 0;
}

enum hangar_rc hg_remove_tree(const char *path, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    struct io_path_stack stack = {0};
    int fd = -1;
    char *whole = strdup(path);
    if (!whole) {
        return hg_no_memory_for(err, "cannot remove %s", path);
    }
    for (size_t len = strlen(whole); len > 1 && whole[len - 1] == '/'; len--) {
        whole[len - 1] = '\0';
    }
    const char *slash = strrchr(whole, '/');
    const char *name = slash ? slash + 1 : whole;
    char *folder = folder_of(whole);
    if (!folder) {
        rc = hg_no_memory_for(err, "cannot remove %s", path);
        goto out;
    }
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        rc = hg_fail(err, HANGAR_INTERNAL, 0, "cannot remove '%s': not the name of a folder", path);
        goto out;
    }
    fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 ? errno != ENOENT : io_remove_name(&stack, &fd, name) != 0) {
        rc = io_fail_errno(err, "remove", path);
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    for (size_t i = 0; i < stack.count; i++) {
        free(stack.items[i].name);
    }
    free(stack.items);
    free(folder);
    free(whole);
    return rc;
}

uint64_t hg_tree_bytes(const char *path)
{
    char *copy = strdup(path);
    char *const roots[] = {copy, NULL};
    FTS *fts = copy ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    uint64_t bytes = 0;
    FTSENT *entry;
    while (fts && (entry = fts_read(fts)) != NULL) {
        if (entry->fts_info == FTS_F) {
            bytes += (uint64_t)entry->fts_statp->st_size;
        }
    }
    if (fts) {
        fts_close(fts);
    }
    free(copy);
    return bytes;
}
