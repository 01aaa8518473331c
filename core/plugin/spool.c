/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * spool: see spool.h.
 */
#include "plugin/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"

#define PUNCH_BYTES (64ull << 20) /* release disk space in steps of this size */

struct hangar_spool {
    int fd;
    uint64_t max_bytes;
    uint64_t head, tail; /* offsets in the file of the next byte to read, to write */
    uint64_t punched;
};

enum hangar_rc hg_spool_open(const char *dir, uint64_t max_bytes, struct hangar_spool **out,
                             struct hg_error *err)
{
    struct hangar_spool *spool = calloc(1, sizeof(*spool));
    char *path = hg_format("%s/spool-XXXXXX", dir);
    if (!spool || !path) {
        free(spool);
        free(path);
        return hg_no_memory(err);
    }
    spool->fd = mkostemp(path, O_CLOEXEC);
    if (spool->fd < 0) {
        enum hangar_rc rc = hg_fail(err, HANGAR_IO, errno, "cannot make a spool file in %s", dir);
        free(spool);
        free(path);
        return rc;
    }
    unlink(path);
    free(path);
    spool->max_bytes = max_bytes;
    *out = spool;
    return HANGAR_OK;
}

enum hangar_rc hg_spool_write(struct hangar_spool *spool, const void *data, size_t size,
                              struct hg_error *err)
{
    if (spool->tail - spool->head + size > spool->max_bytes) {
        return hg_fail(err, HANGAR_NO_SPACE, 0, "the spool file is full (limit %llu MiB)",
                       (unsigned long long)(spool->max_bytes >> 20));
    }
    const char *at = data;
    while (size) {
        ssize_t n = pwrite(spool->fd, at, size, (off_t)spool->tail);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            bool full = n == 0 || errno == ENOSPC || errno == EDQUOT;
            return hg_fail(err, full ? HANGAR_NO_SPACE : HANGAR_IO, errno,
                           "cannot write the spool file");
        }
        at += n;
        size -= (size_t)n;
        spool->tail += (uint64_t)n;
    }
    return HANGAR_OK;
}

enum hangar_rc hg_spool_read(struct hangar_spool *spool, void *data, size_t size, size_t *got,
                             struct hg_error *err)
{
    uint64_t left = spool->tail - spool->head;
    size_t want = size < left ? size : (size_t)left;
    size_t done = 0;
    while (done < want) {
        ssize_t n = pread(spool->fd, (char *)data + done, want - done, (off_t)spool->head);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return hg_fail(err, HANGAR_IO, n ? errno : 0, "cannot read the spool file");
        }
        done += (size_t)n;
        spool->head += (uint64_t)n;
    }
    if (spool->head - spool->punched >= PUNCH_BYTES) {
        /* failures are ignored: not every file system supports it */
        (void)!fallocate(spool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         (off_t)spool->punched, (off_t)(spool->head - spool->punched));
        spool->punched = spool->head;
    }
    *got = done;
    return HANGAR_OK;
}

uint64_t hg_spool_bytes(const struct hangar_spool *spool)
{
    return spool->tail - spool->head;
}

void hg_spool_close(struct hangar_spool *spool)
{
    if (spool) {
        close(spool->fd);
        free(spool);
    }
}
