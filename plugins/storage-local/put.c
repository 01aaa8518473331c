/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * put: an object on its way in.  It is written under a temporary name, synced,
 * closed and renamed, and its directories are synced; whatever of that fails is
 * a failure of the put, which then leaves nothing.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define OPEN_TRIES 100 /* when others keep removing the directory, empty just then */
#define WINDOW_BYTES ((uint64_t)8 << 20) /* is handed to the disk while the next one comes */

struct hangar_put {
    struct local *local;
    int dir, fd;
    uint32_t flags;
    enum hangar_rc failed;
    uint64_t size, handed; /* bytes written; handed to the disk */
    char temp[TEMP_NAME_SIZE];
    const char *base;
    char name[];
};

static enum hangar_rc check_space(struct local *local, int dir, const char *name, uint64_t need)
{
    struct statvfs fs;
    char free_text[SIZE_TEXT_SIZE], need_text[SIZE_TEXT_SIZE], keep_text[SIZE_TEXT_SIZE];
    if (!need && !local->min_free) {
        return HANGAR_OK;
    }
    if (fstatvfs(dir, &fs)) {
        return local_fail(local, errno, "tell the free space of %s", local->root);
    }
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= local->min_free && free_bytes - local->min_free >= need) {
        return HANGAR_OK;
    }
    local_size_text(free_bytes, free_text);
    local_size_text(need, need_text);
    local_size_text(local->min_free, keep_text);
    return local->host->fail(local->ctx, HANGAR_NO_SPACE, 0,
                             "cannot store %s in %s: %s are free, %s are needed and %s must stay "
                             "free (min_free)",
                             name, local->root, free_text, need_text, keep_text);
}

static enum hangar_rc open_temp(struct hangar_put *put)
{
    struct local *local = put->local;
    for (int i = 0; i < OPEN_TRIES; i++) {
        enum hangar_rc rc = local_open_parent(local, put->name, true, &put->dir, &put->base);
        if (rc == HANGAR_NOT_FOUND) {
            continue; /* removed between making and opening it */
        }
        if (rc) {
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
                             "cannot create a file for %s in %s: its directory keeps disappearing",
                             put->name, local->root);
}

enum hangar_rc local_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                              struct hangar_put **out)
{
    struct local *local = inst;
    enum hangar_rc rc = local_check_name(local, name);
    if (rc) {
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
    rc = open_temp(put);
    if (rc) {
        local_tidy(local, name); /* directories that were made on the way */
        free(put);
        return rc;
    }
    rc = check_space(local, put->dir, name, size_hint);
    if (rc) {
        local_put_abort(put);
        return rc;
    }
    *out = put;
    return HANGAR_OK;
}

static enum hangar_rc fail_write(struct hangar_put *put, int error_number)
{
    put->failed =
        local_fail(put->local, error_number, "write %s in %s", put->name, put->local->root);
    return put->failed;
}

enum hangar_rc local_put_write(struct hangar_put *put, const void *data, size_t size)
{
    const unsigned char *next = data;
    while (size && !put->failed) {
        ssize_t n = write(put->fd, next, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail_write(put, n ? errno : EIO);
        }
        next += n;
        size -= (size_t)n;
        put->size += (uint64_t)n;
    }
    if (put->failed || put->size - put->handed < WINDOW_BYTES) {
        return put->failed;
    }
    /* Starts the disk early, so that the sync at the end is short.  Only that
     * one says whether all is well. */
    sync_file_range(put->fd, (off_t)put->handed, (off_t)(put->size - put->handed),
                    SYNC_FILE_RANGE_WRITE);
    put->handed = put->size;
    put->failed = check_space(put->local, put->dir, put->name, 0);
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

/* The content is on the disk and the file closed without an error.  A second
 * descriptor holds the lock on the temporary name meanwhile. */
static int sync_and_close(struct hangar_put *put, struct stat *st)
{
    if (fsync(put->fd) || fstat(put->fd, st)) {
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

static enum hangar_rc publish(struct hangar_put *put)
{
    struct local *local = put->local;
    bool exclusive = put->flags & HANGAR_PUT_CREATE_ONLY;
    if (local_rename(put->dir, put->temp, put->base, exclusive)) {
        if (exclusive && errno == EEXIST) {
            return local->host->fail(local->ctx, HANGAR_EXISTS, 0,
                                     "cannot store %s in %s: it is there already", put->name,
                                     local->root);
        }
        return local_fail(local, errno, "rename %s in %s", put->name, local->root);
    }
    if (local_sync_up(put->dir, local_depth(put->name))) {
        int error_number = errno;
        if (exclusive) { /* a failed put leaves nothing, where nothing was */
            unlinkat(put->dir, put->base, 0);
        }
        return local_fail(local, error_number, "sync the directory of %s in %s", put->name,
                          local->root);
    }
    return HANGAR_OK;
}

enum hangar_rc local_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    struct stat st;
    enum hangar_rc rc = put->failed;
    if (!rc && sync_and_close(put, &st)) {
        rc = local_fail(put->local, errno, "sync %s in %s", put->name, put->local->root);
    }
    if (!rc) {
        rc = publish(put);
    }
    if (rc) {
        local_put_abort(put);
        return rc;
    }
    local_fill_entry(entry, &st);
    put_free(put);
    return HANGAR_OK;
}
