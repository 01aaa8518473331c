/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * target: see target.h.
 */
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"

static int target_fail(struct cli_target *t, const char *what, int error)
{
    if (!t->error) {
        t->error = error ? error : EIO;
        t->failed = what;
    }
    return -1;
}

int cli_target_open(struct cli_target *t)
{
    if (!t->path) {
        return 0;
    }
    const char *slash = strrchr(t->path, '/'), *name = slash ? slash + 1 : t->path;

    t->fd = -1;
    if (!*name) {
        return target_fail(t, "write", EISDIR);
    }
    if (!t->replace && access(t->path, F_OK) == 0) {
        return target_fail(t, "write", EEXIST);
    }
    t->folder = slash ? strndup(t->path, (size_t)(slash - t->path) + 1) : strdup("./");
    /* hidden, and readable only by its owner */
    if (!t->folder || asprintf(&t->temporary, "%s.%s.XXXXXX", t->folder, name) < 0) {
        t->temporary = NULL;
        return target_fail(t, "write", ENOMEM);
    }
    t->fd = mkostemp(t->temporary, O_CLOEXEC);
    return t->fd < 0 ? target_fail(t, "write", errno) : 0;
}

int cli_target_write(void *target, const void *data, size_t size)
{
    struct cli_target *t = target;
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(t->fd, at, size);
        if (n < 0 && errno == EINTR && !cli_interrupted()) {
            continue;
        }
        if (n <= 0) {
            return target_fail(t, "write", errno);
        }
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static int target_sync_folder(struct cli_target *t)
{
    int fd = open(t->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || (fsync(fd) != 0 && errno != EINVAL)
                 ? target_fail(t, "sync the folder of", errno)
                 : 0;

    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* Gives the complete file its name. */
static int target_publish(struct cli_target *t)
{
    if (fchmod(t->fd, t->mode) != 0) {
        return target_fail(t, "write", errno);
    }
    if (fsync(t->fd) != 0) {
        return target_fail(t, "sync", errno);
    }
    if (t->replace) {
        return rename(t->temporary, t->path) == 0 ? 0 : target_fail(t, "replace", errno);
    }
    if (renameat2(AT_FDCWD, t->temporary, AT_FDCWD, t->path, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return target_fail(t, "write", errno);
    }
    /* the file system lacks RENAME_NOREPLACE: a hard link does the same */
    if (link(t->temporary, t->path) != 0) {
        return target_fail(t, "write", errno);
    }
    unlink(t->temporary);
    return 0;
}

void cli_target_close(struct cli_target *t, bool whole)
{
    if (!t->path) {
        return;
    }
    bool published = whole && target_publish(t) == 0;
    if (t->fd >= 0 && !published) {
        unlink(t->temporary);
    }
    if (t->fd >= 0 && close(t->fd) != 0 && whole) {
        target_fail(t, "close", errno);
    }
    if (published) {
        target_sync_folder(t);
    }
    free(t->folder);
    free(t->temporary);
}

void cli_target_text(const struct cli_target *t, const char *exists_hint, char *out, size_t size)
{
    bool exists = t->error == EEXIST;

    snprintf(out, size, "cannot %s %s: %s%s%s", t->failed, t->path ? t->path : "standard output",
             exists ? "the file exists" : strerror(t->error), exists ? "; hint: " : "",
             exists ? exists_hint : "");
}
