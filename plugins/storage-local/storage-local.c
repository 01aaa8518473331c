/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * storage-local: a sink that stores objects as files in a directory; the name of an object is its
 * path.  Once commit returns HANGAR_OK the object is on the disk; before, it is not visible.  This
 * file has the options, the instance and reading.
 */
#include "local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hangar_get {
    struct local_sink *local;
    int fd;
    char name[];
};

static const struct hangar_option options[] = {
    {.name = "path",
     .type = HANGAR_OPT_PATH,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "Directory to store in."},
    {.name = "create",
     .type = HANGAR_OPT_BOOL,
     .default_value = "true",
     .help = "Create the directory when it does not exist. With `false` that is a failure, also "
             "for reading."},
    {.name = "min_free",
     .type = HANGAR_OPT_SIZE,
     .default_value = "0",
     .min = 0,
     .max = INT64_MAX,
     .help = "Space to leave free on the disk. Storing fails when less would remain."},
    {0},
};

static enum hangar_rc local_not_found(struct local_sink *local, const char *name)
{
    return local->host->fail(local->ctx, HANGAR_NOT_FOUND, 0,
                             "cannot open %s in %s: no such object", name, local->root);
}

static enum hangar_rc local_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   void **out)
{
    struct local_sink *local = calloc(1, sizeof(*local));
    const char *root = host->opt_string(ctx, "path");
    if (!local || asprintf(&local->description, "directory %s", root) < 0) {
        free(local);
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "cannot set up directory %s", root);
    }
    local->host = host;
    local->ctx = ctx;
    local->root = root;
    local->min_free = (uint64_t)host->opt_int(ctx, "min_free");
    local->create = host->opt_bool(ctx, "create");
    local->root_fd = -1;
    pthread_mutex_init(&local->root_mutex, NULL);
    *out = local;
    return HANGAR_OK;
}

static void local_destroy(void *inst)
{
    struct local_sink *local = inst;
    if (!local) {
        return;
    }
    if (local->root_fd >= 0) {
        close(local->root_fd);
    }
    pthread_mutex_destroy(&local->root_mutex);
    free(local->description);
    free(local);
}

static uint32_t local_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static const char *local_describe(void *inst)
{
    struct local_sink *local = inst;
    return local->description;
}

/* Opens the file of an object and reads its properties. */
static enum hangar_rc local_open_object(struct local_sink *local, const char *name, int *fd,
                                        struct stat *st)
{
    const char *base;
    int dir;
    enum hangar_rc rc = local_check_name(local, name);
    if (rc == HANGAR_OK) {
        rc = local_open_parent(local, name, false, &dir, &base);
    }
    if (rc == HANGAR_NOT_FOUND) {
        return local_not_found(local, name);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    /* O_NONBLOCK: opening a fifo of this name must not block */
    int file = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int error_number = errno;
    close(dir);
    if (file < 0 && (error_number == ENOENT || error_number == ELOOP || error_number == ENXIO)) {
        return local_not_found(local, name);
    }
    if (file < 0) {
        return local_fail(local, error_number, "open %s in %s", name, local->root);
    }
    if (fstat(file, st) != 0) {
        rc = local_fail(local, errno, "read the properties of %s in %s", name, local->root);
    } else if (!S_ISREG(st->st_mode)) {
        rc = local_not_found(local, name);
    }
    if (rc != HANGAR_OK) {
        close(file);
        return rc;
    }
    *fd = file;
    return HANGAR_OK;
}

static enum hangar_rc local_get_open(void *inst, const char *name, uint64_t offset,
                                     struct hangar_get **out)
{
    struct local_sink *local = inst;
    struct stat st;
    int fd = -1;
    enum hangar_rc rc = local_open_object(local, name, &fd, &st);
    if (rc != HANGAR_OK) {
        return rc;
    }
    /* Reading from beyond the end gives no bytes, as at the end. */
    off_t start = offset < (uint64_t)st.st_size ? (off_t)offset : st.st_size;
    size_t size = strlen(name) + 1;
    struct hangar_get *get = malloc(sizeof(*get) + size);
    if (!get || lseek(fd, start, SEEK_SET) < 0) {
        rc = local_fail(local, get ? errno : ENOMEM, "read %s in %s", name, local->root);
        free(get);
        close(fd);
        return rc;
    }
    get->local = local;
    get->fd = fd;
    memcpy(get->name, name, size);
    posix_fadvise(fd, start, 0, POSIX_FADV_SEQUENTIAL);
    *out = get;
    return HANGAR_OK;
}

static enum hangar_rc local_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got)
{
    ssize_t n;
    do {
        n = read(get->fd, buffer, size < SSIZE_MAX ? size : SSIZE_MAX);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return local_fail(get->local, errno, "read %s in %s", get->name, get->local->root);
    }
    *got = (size_t)n;
    return HANGAR_OK;
}

static void local_get_close(struct hangar_get *get)
{
    close(get->fd);
    free(get);
}

static enum hangar_rc local_stat(void *inst, const char *name, struct hangar_entry *entry)
{
    struct stat st;
    int fd = -1;
    enum hangar_rc rc = local_open_object(inst, name, &fd, &st);
    if (rc != HANGAR_OK) {
        return rc;
    }
    close(fd);
    local_fill_entry(entry, &st);
    return HANGAR_OK;
}

static enum hangar_rc local_remove(void *inst, const char *name)
{
    struct local_sink *local = inst;
    const char *base;
    int dir;
    enum hangar_rc rc = local_check_name(local, name);
    if (rc == HANGAR_OK) {
        rc = local_open_parent(local, name, false, &dir, &base);
    }
    if (rc == HANGAR_OK) {
        /* EISDIR: a directory is not an object, so none has this name. */
        if (unlinkat(dir, base, 0) != 0 && errno != ENOENT && errno != EISDIR) {
            rc = local_fail(local, errno, "remove %s in %s", name, local->root);
        } else if (fsync(dir) != 0) {
            rc = local_fail(local, errno, "sync the directory of %s in %s", name, local->root);
        }
        close(dir);
    } else if (rc == HANGAR_NOT_FOUND) {
        rc = HANGAR_OK;
    }
    if (rc == HANGAR_OK) {
        local_tidy(local, name);
    }
    return rc;
}

static const struct hangar_sink sink = {
    .struct_size = sizeof(sink),
    .probe = local_probe,
    .put_open = local_put_open,
    .put_write = local_put_write,
    .put_commit = local_put_commit,
    .put_abort = local_put_abort,
    .get_open = local_get_open,
    .get_read = local_get_read,
    .get_close = local_get_close,
    .stat = local_stat,
    .list = local_list,
    .remove = local_remove,
    .space = local_space,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,
    .name = "storage-local",
    .version = HANGAR_PLUGIN_VERSION,
    .summary = "stores backups in a directory",
    .license = "Apache-2.0",
    .options = options,
    .create = local_create,
    .destroy = local_destroy,
    .threads = local_threads,
    .describe = local_describe,
    .sink = &sink,
};
HANGAR_PLUGIN(plugin)
