/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fault-files: a source whose objects are the files of a folder, and that restores
 * them into an empty one.  A run with it takes milliseconds, so that thousands of
 * faults can be tried, and what comes back can be compared with what was there.
 * It is written like a plugin that ships: every call may fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <hangar/plugin.h>

#define FILES_MOST 64

struct files {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *path;
    pthread_mutex_t mutex; /* guards next */
    char *names[FILES_MOST];
    size_t count, next;
    int made; /* a restore has begun */
};

struct hangar_object {
    struct files *files;
    int fd;
    uint64_t bytes;
    char path[600];
    char name[];
};

static const struct hangar_option options[] = {
    {.name = "path", .type = HANGAR_OPT_PATH, .flags = HANGAR_OPT_REQUIRED, .help = "the folder"},
    {.name = NULL}};

static enum hangar_rc fault_files_fail(struct files *f, int error_number, const char *verb,
                                       const char *what)
{
    enum hangar_rc rc = error_number == ENOMEM   ? HANGAR_NO_MEMORY
                        : error_number == ENOSPC ? HANGAR_NO_SPACE
                                                 : HANGAR_IO;
    return f->host->fail(f->ctx, rc, error_number, "cannot %s %s", verb, what);
}

static enum hangar_rc fault_files_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                         void **out)
{
    struct files *f = calloc(1, sizeof(*f));
    if (!f) {
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    f->host = host;
    f->ctx = ctx;
    f->path = host->opt_string(ctx, "path");
    pthread_mutex_init(&f->mutex, NULL);
    *out = f;
    return HANGAR_OK;
}

static void fault_files_destroy(void *inst)
{
    struct files *f = inst;
    while (f->count) {
        free(f->names[--f->count]);
    }
    pthread_mutex_destroy(&f->mutex);
    free(f);
}

static uint32_t fault_files_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static uint32_t fault_files_jobs(void *inst)
{
    (void)inst;
    return 2;
}

/* Stores the names of the files in the folder. */
static enum hangar_rc fault_files_stat(struct files *f)
{
    DIR *dir = opendir(f->path);
    if (!dir) {
        return fault_files_fail(f, errno, "open", f->path);
    }
    enum hangar_rc rc = HANGAR_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry && errno) {
            rc = fault_files_fail(f, errno, "read", f->path);
        }
        if (!entry || rc != HANGAR_OK) {
            break;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        char *name = f->count < FILES_MOST ? strdup(entry->d_name) : NULL;
        if (name) {
            f->names[f->count++] = name;
        } else {
            rc = fault_files_fail(f, ENOMEM, "list", f->path);
        }
    }
    closedir(dir);
    return rc;
}

static enum hangar_rc fault_files_check(void *inst, struct hangar_attrs *facts)
{
    struct files *f = inst;
    f->host->attr_set(facts, "path", f->path);
    return HANGAR_OK;
}

static enum hangar_rc fault_files_prepare(void *inst)
{
    return fault_files_stat(inst);
}

static enum hangar_rc fault_files_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    struct files *f = inst;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    f->host->attr_setf(point, "files", "%zu", f->count);
    return HANGAR_OK;
}

static enum hangar_rc open_object(struct files *f, const char *name, int flags,
                                  struct hangar_object **out)
{
    struct hangar_object *o = calloc(1, sizeof(*o) + strlen(name) + 1);
    if (!o) {
        return fault_files_fail(f, ENOMEM, "open", name);
    }
    o->files = f;
    memcpy(o->name, name, strlen(name) + 1);
    snprintf(o->path, sizeof(o->path), "%.400s/%.190s", f->path, name);
    do {
        o->fd = open(o->path, flags | O_CLOEXEC, 0600);
    } while (o->fd < 0 && errno == EINTR);
    if (o->fd < 0) {
        enum hangar_rc rc = fault_files_fail(f, errno, "open", o->path);
        free(o);
        return rc;
    }
    *out = o;
    return HANGAR_OK;
}

static enum hangar_rc fault_files_next(void *inst, struct hangar_object_info *info,
                                       struct hangar_object **out)
{
    struct files *f = inst;
    pthread_mutex_lock(&f->mutex);
    size_t number = f->next < f->count ? f->next++ : f->count;
    pthread_mutex_unlock(&f->mutex);
    if (number == f->count) {
        return HANGAR_EOF;
    }
    struct hangar_object *o;
    enum hangar_rc rc = open_object(f, f->names[number], O_RDONLY, &o);
    if (rc != HANGAR_OK) {
        return rc;
    }
    info->name = o->name;
    info->phase = (uint32_t)(number % 2);
    struct stat st;
    info->size_hint = fstat(o->fd, &st) ? 0 : (uint64_t)st.st_size;
    *out = o;
    return HANGAR_OK;
}

static enum hangar_rc fault_files_read_object(struct hangar_object *o, void *buffer, size_t size,
                                              size_t *got)
{
    ssize_t n;
    do {
        n = read(o->fd, buffer, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return fault_files_fail(o->files, errno, "read", o->path);
    }
    o->bytes += (uint64_t)n;
    *got = (size_t)n;
    return HANGAR_OK;
}

static enum hangar_rc fault_files_close_object(struct hangar_object *o, struct hangar_attrs *attrs)
{
    if (attrs) {
        o->files->host->attr_setf(attrs, "bytes", "%llu", (unsigned long long)o->bytes);
    }
    close(o->fd); /* only read: no error to check */
    free(o);
    return HANGAR_OK;
}

static enum hangar_rc fault_files_end(void *inst, struct hangar_attrs *facts)
{
    struct files *f = inst;
    if (facts) {
        f->host->attr_setf(facts, "files", "%zu", f->count);
    }
    return HANGAR_OK;
}

/* ---- restore ---- */

static enum hangar_rc fault_files_restore_prepare(void *inst, const struct hangar_restore *how)
{
    struct files *f = inst;
    f->host->text(how->plan, "write %zu files into %s\n", how->object_count, f->path);
    enum hangar_rc rc = fault_files_stat(f);
    if (rc == HANGAR_OK && f->count) {
        rc = f->host->fail(f->ctx, HANGAR_EXISTS, 0, "%s is not empty", f->path);
    }
    f->made = rc == HANGAR_OK && !(how->flags & HANGAR_RESTORE_DRY_RUN);
    return rc;
}

static enum hangar_rc fault_files_restore_open(void *inst, const struct hangar_object_info *info,
                                               struct hangar_object **out)
{
    return open_object(inst, info->name, O_WRONLY | O_CREAT | O_EXCL, out);
}

static enum hangar_rc fault_files_restore_write(struct hangar_object *o, const void *data,
                                                size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t n = write(o->fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fault_files_fail(o->files, n ? errno : EIO, "write", o->path);
        }
        at += n;
        size -= (size_t)n;
    }
    return HANGAR_OK;
}

static enum hangar_rc fault_files_restore_close(struct hangar_object *o, int complete)
{
    enum hangar_rc rc = HANGAR_OK;
    if (complete && fsync(o->fd)) {
        rc = fault_files_fail(o->files, errno, "sync", o->path);
    }
    if (close(o->fd) && rc == HANGAR_OK && complete) {
        rc = fault_files_fail(o->files, errno, "close", o->path);
    }
    free(o);
    return rc;
}

static enum hangar_rc fault_files_restore_end(void *inst, struct hangar_attrs *report)
{
    struct files *f = inst;
    if (report) {
        f->host->attr_set(report, "restored", "all");
    }
    if (report || !f->made) {
        return HANGAR_OK;
    }
    while (
        f->count) { /* the restore made all files, as before it the folder had only hidden files */
        free(f->names[--f->count]);
    }
    fault_files_stat(f);
    for (size_t i = 0; i < f->count; i++) {
        char path[600];
        snprintf(path, sizeof(path), "%.400s/%.190s", f->path, f->names[i]);
        unlink(path);
    }
    return HANGAR_OK;
}

static const struct hangar_source source = {.struct_size = sizeof(source),
                                            .check = fault_files_check,
                                            .jobs = fault_files_jobs,
                                            .prepare = fault_files_prepare,
                                            .begin = fault_files_begin,
                                            .next = fault_files_next,
                                            .read = fault_files_read_object,
                                            .close = fault_files_close_object,
                                            .end = fault_files_end,
                                            .restore_prepare = fault_files_restore_prepare,
                                            .restore_open = fault_files_restore_open,
                                            .restore_write = fault_files_restore_write,
                                            .restore_close = fault_files_restore_close,
                                            .restore_end = fault_files_restore_end};

static const struct hangar_plugin plugin = {HANGAR_PLUGIN_HEADER,
                                            .name = "fault-files",
                                            .version = "1.0.0",
                                            .summary = "files of a folder",
                                            .license = "Apache-2.0",
                                            .options = options,
                                            .create = fault_files_create,
                                            .destroy = fault_files_destroy,
                                            .threads = fault_files_threads,
                                            .source = &source};
HANGAR_PLUGIN(plugin)
