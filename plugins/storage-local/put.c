/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * put: stores an object: writes it under a temporary name, syncs, closes and renames it, and syncs
 * its directories.  When one of these steps fails the put fails and leaves nothing.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define OPEN_TRIES 100 /* other processes may remove the directory while it is empty */
#define WINDOW_BYTES ((uint64_t)8 << 20) /* written back while the next ones arrive */

struct hangar_put {
    struct local_sink *local;
    int dir, fd;
    uint32_t flags;
    enum hangar_rc failed;
    uint64_t size, flushed; /* bytes written; bytes whose write-back has begun */
    char temp[TEMP_NAME_SIZE];
    const char *base;
    char name[];
};

/* Are `need` bytes free, beside those of min_free?  Records the failure when they are not. */
static enum hangar_rc local_check_space(struct local_sink *local, int dir, const char *name,
                                        uint64_t need)
{
    if (need == 0 && local->min_free == 0) {
        return HANGAR_OK;
    }
    struct statvfs fs;
    if (fstatvfs(dir, &fs) != 0) {
        return local_fail(local, errno, "determine the free space of %s", local->root);
    }
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= local->min_free && free_bytes - local->min_free >= need) {
        return HANGAR_OK;
    }
    char free_text[SIZE_TEXT_SIZE], need_text[SIZE_TEXT_SIZE], keep_text[SIZE_TEXT_SIZE];
    local_size_text(free_bytes, free_text);
    local_size_text(need, need_text);
    local_size_text(local->min_free, keep_text);
    return local->host->fail(
        local->ctx, HANGAR_NO_SPACE, 0, "cannot store %s in %s: %s free, %s needed%s%s%s", name,
        local->root, free_text, need_text, local->min_free > 0 ? ", " : "",
        local->min_free > 0 ? keep_text : "", local->min_free > 0 ? " reserved by min_free" : "");
}

/* Opens the directory of the object and makes the temporary file there. */
static enum hangar_rc put_open_temp(struct hangar_put *put)
{
    struct local_sink *local = put->local;
    for (int i = 0; i < OPEN_TRIES; i++) {
        enum hangar_rc rc = local_open_parent(local, put->name, true, &put->dir, &put->base);
        if (rc == HANGAR_NOT_FOUND) {
            continue; /* another process removed the directory just now */
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        put->fd = local_make_temp(put->dir, put->temp);
        if (put->fd >= 0) {
            return HANGAR_OK;
        }
        int error_number = errno;
        close(put->dir);
        if (error_number != ENOENT) {
            return local_fail(local, error_number, "create a file for %s in %s", put->name,
                              local->root);
        }
    }
    return local->host->fail(local->ctx, HANGAR_RETRY, 0,
                             "cannot create a file for %s in %s: other processes keep removing its "
                             "directory",
                             put->name, local->root);
}

enum hangar_rc local_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                              struct hangar_put **out)
{
    struct local_sink *local = inst;
    enum hangar_rc rc = local_check_name(local, name);
    if (rc != HANGAR_OK) {
        return rc;
    }
    size_t size = strlen(name) + 1;
    struct hangar_put *put = calloc(1, sizeof(*put) + size);
    if (!put) {
        return local_fail(local, ENOMEM, "store %s", name);
    }
    put->local = local;
    put->flags = flags;
    memcpy(put->name, name, size);
    rc = put_open_temp(put);
    if (rc != HANGAR_OK) {
        local_tidy(local, name); /* the directories made for it */
        free(put);
        return rc;
    }
    rc = local_check_space(local, put->dir, name, size_hint);
    if (rc != HANGAR_OK) {
        local_put_abort(put);
        return rc;
    }
    *out = put;
    return HANGAR_OK;
}

static enum hangar_rc put_fail_write(struct hangar_put *put, int error_number)
{
    put->failed =
        local_fail(put->local, error_number, "write %s in %s", put->name, put->local->root);
    return put->failed;
}

enum hangar_rc local_put_write(struct hangar_put *put, const void *data, size_t size)
{
    const unsigned char *next = data;
    while (size > 0 && put->failed == HANGAR_OK) {
        ssize_t n = write(put->fd, next, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return put_fail_write(put, n < 0 ? errno : EIO);
        }
        next += n;
        size -= (size_t)n;
        put->size += (uint64_t)n;
    }
    if (put->failed != HANGAR_OK || put->size - put->flushed < WINDOW_BYTES) {
        return put->failed;
    }
    /* Starts write-back early, so that the fsync at the end is short.  Errors are reported by that
     * fsync. */
    sync_file_range(put->fd, (off_t)put->flushed, (off_t)(put->size - put->flushed),
                    SYNC_FILE_RANGE_WRITE);
    put->flushed = put->size;
    put->failed = local_check_space(put->local, put->dir, put->name, 0);
    return put->failed;
}

static void put_free(struct hangar_put *put)
{
    if (put->fd >= 0) {
        close(put->fd);
    }
    close(put->dir);
    free(put);
}

void local_put_abort(struct hangar_put *put)
{
    unlinkat(put->dir, put->temp, 0);
    local_tidy(put->local, put->name);
    put_free(put);
}

/* Syncs and closes the file; 0, or -1 with errno.  A second descriptor keeps the lock on the
 * temporary file. */
static int put_sync_and_close(struct hangar_put *put)
{
    if (fsync(put->fd) != 0) {
        return -1;
    }
    int lock = fcntl(put->fd, F_DUPFD_CLOEXEC, 0);
    if (lock < 0) {
        return -1;
    }
    int failed = close(put->fd);
    put->fd = lock;
    return failed;
}

/* *st describes the file under its name: a rename changes the time of the inode. */
static enum hangar_rc put_publish(struct hangar_put *put, struct stat *st)
{
    struct local_sink *local = put->local;
    bool exclusive = (put->flags & HANGAR_PUT_CREATE_ONLY) != 0;
    if (local_rename(put->dir, put->temp, put->base, exclusive) != 0) {
        if (exclusive && errno == EEXIST) {
            return local->host->fail(local->ctx, HANGAR_EXISTS, 0,
                                     "cannot store %s in %s: it already exists", put->name,
                                     local->root);
        }
        return local_fail(local, errno, "rename %s in %s", put->name, local->root);
    }
    enum hangar_rc rc = HANGAR_OK;
    if (local_sync_up(put->dir, local_depth(put->name)) != 0) {
        rc = local_fail(local, errno, "sync the directory of %s in %s", put->name, local->root);
    } else if (fstat(put->fd, st) != 0) {
        rc = local_fail(local, errno, "examine %s in %s", put->name, local->root);
    } else {
        rc = local_check_root(local); /* else the object is on a disk that readers do not find */
    }
    if (rc != HANGAR_OK && exclusive) { /* a failed put leaves nothing */
        unlinkat(put->dir, put->base, 0);
    }
    return rc;
}

enum hangar_rc local_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    struct stat st;
    enum hangar_rc rc = put->failed;
    if (rc == HANGAR_OK && put_sync_and_close(put) != 0) {
        rc = local_fail(put->local, errno, "sync %s in %s", put->name, put->local->root);
    }
    if (rc == HANGAR_OK) {
        rc = put_publish(put, &st);
    }
    if (rc != HANGAR_OK) {
        local_put_abort(put);
        return rc;
    }
    local_fill_entry(entry, &st);
    put_free(put);
    return HANGAR_OK;
}
