/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * files: a source of plain files, such as the configuration files of the database servers that
 * hangar backs up.  Each file is an object, whose name is its path.  docs/writing-plugins.md
 * explains this file.  Of hangar it includes hangar/plugin.h only.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <hangar/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct hangar_option options[] = {
    {.name = "files",
     .type = HANGAR_OPT_LIST,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "Absolute paths of files, or patterns such as /etc/redis/*.conf."},
    {.name = "into",
     .type = HANGAR_OPT_PATH,
     .help = "Folder of a restore, which must not contain these files yet."},
    {0},
};

struct files {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    glob_t found;                     /* zeroed while there is no list */
    size_t next;                      /* index in found */
    const struct hangar_restore *how; /* during a restore */
    char description[64];
};

/* A file that is read or written. */
struct hangar_object {
    struct files *files;
    int fd;
    struct stat before; /* its properties when it was opened; on restore only the mode */
    char path[4096], part[4096 + 8]; /* part: the name until it is complete */
};

/* ---- the instance ---- */

static enum hangar_rc files_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                   void **out)
{
    struct files *files = calloc(1, sizeof(*files));
    if (!files) {
        return host->fail(ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    files->host = host;
    files->ctx = ctx;
    size_t count = 0;
    for (const char *path; (path = host->opt_list(ctx, "files", count)); count++) {
        if (path[0] != '/') {
            free(files);
            return host->fail_option(ctx, "files", "\"%s\" is not an absolute path", path);
        }
    }
    const char *into = host->opt_string(ctx, "into");
    snprintf(files->description, sizeof(files->description), "%s%.50s",
             into ? "files in " : "files", into ? into : "");
    *out = files;
    return HANGAR_OK;
}

static void files_destroy(void *inst)
{
    struct files *files = inst;
    globfree(&files->found);
    free(files);
}

static const char *files_describe(void *inst)
{
    return ((struct files *)inst)->description;
}

/* ---- backup ---- */

static enum hangar_rc files_find(struct files *files)
{
    const char *pattern;
    for (size_t i = 0; (pattern = files->host->opt_list(files->ctx, "files", i)); i++) {
        int rc = glob(pattern, i > 0 ? GLOB_APPEND : 0, NULL, &files->found);
        if (rc == GLOB_NOMATCH) {
            return files->host->fail(files->ctx, HANGAR_NOT_FOUND, 0,
                                     "cannot find %s: no such file", pattern);
        }
        if (rc != 0) {
            return files->host->fail(files->ctx, HANGAR_IO, errno, "cannot search for %s", pattern);
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc files_check(void *inst, struct hangar_attrs *facts)
{
    struct files *files = inst;
    enum hangar_rc rc = files_find(files);
    for (size_t i = 0; rc == HANGAR_OK && i < files->found.gl_pathc; i++) {
        if (access(files->found.gl_pathv[i], R_OK) != 0) {
            rc = files->host->fail(files->ctx, HANGAR_AUTH, errno, "cannot read %s",
                                   files->found.gl_pathv[i]);
        }
    }
    files->host->attr_setf(facts, "files", "%zu", files->found.gl_pathc);
    return rc;
}

static enum hangar_rc files_prepare(void *inst)
{
    return files_find(inst);
}

/* Files have no snapshot: the recovery point is the time at which reading begins. */
static enum hangar_rc files_begin(void *inst, int64_t *time_ms, struct hangar_attrs *point)
{
    (void)inst;
    (void)point;
    *time_ms = (int64_t)time(NULL) * 1000;
    return HANGAR_OK;
}

static enum hangar_rc files_next(void *inst, struct hangar_object_info *info,
                                 struct hangar_object **out)
{
    struct files *files = inst;
    if (files->next == files->found.gl_pathc) {
        return HANGAR_EOF;
    }
    const char *path = files->found.gl_pathv[files->next++];
    struct hangar_object *object = calloc(1, sizeof(*object));
    if (!object) {
        return files->host->fail(files->ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    object->files = files;
    snprintf(object->path, sizeof(object->path), "%s", path);
    object->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (object->fd < 0 || fstat(object->fd, &object->before) != 0 ||
        !S_ISREG(object->before.st_mode)) {
        enum hangar_rc rc = files->host->fail(
            files->ctx, HANGAR_IO, object->fd < 0 ? errno : 0,
            object->fd < 0 ? "cannot open %s" : "cannot read %s: not a regular file", path);
        if (object->fd >= 0) {
            close(object->fd);
        }
        free(object);
        return rc;
    }
    info->name = object->path + 1; /* relative: without the slash */
    info->size_hint = (uint64_t)object->before.st_size;
    *out = object;
    return HANGAR_OK;
}

static enum hangar_rc files_read(struct hangar_object *object, void *buffer, size_t size,
                                 size_t *got)
{
    ssize_t n;
    do {
        n = read(object->fd, buffer, size);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return object->files->host->fail(object->files->ctx, HANGAR_IO, errno, "cannot read %s",
                                         object->path);
    }
    *got = (size_t)n;
    return HANGAR_OK;
}

/* A file that changed while it was read may be half old and half new.  HANGAR_RETRY makes the core
 * begin the run again. */
static enum hangar_rc files_close(struct hangar_object *object, struct hangar_attrs *attrs)
{
    const struct hangar_host *host = object->files->host;
    struct stat now;
    enum hangar_rc rc = HANGAR_OK;
    if (attrs && (fstat(object->fd, &now) != 0 || now.st_size != object->before.st_size ||
                  memcmp(&now.st_mtim, &object->before.st_mtim, sizeof(now.st_mtim)) != 0)) {
        rc = host->fail(object->files->ctx, HANGAR_RETRY, 0,
                        "cannot read %s: it changed while it was read", object->path);
    }
    if (attrs) {
        host->attr_setf(attrs, "mode", "%o", (unsigned)object->before.st_mode & 07777);
    }
    close(object->fd);
    free(object);
    return rc;
}

static enum hangar_rc files_end(void *inst, struct hangar_attrs *facts)
{
    struct files *files = inst;
    if (facts) {
        files->host->attr_setf(facts, "files", "%zu", files->found.gl_pathc);
    }
    globfree(&files->found);
    memset(&files->found, 0, sizeof(files->found));
    files->next = 0;
    return HANGAR_OK;
}

/* ---- restore ---- */

/* Writes the path of an object.  The core has checked that no name contains "..". */
static enum hangar_rc files_target(struct files *files, const char *name, char out[4096])
{
    const char *into = files->host->opt_string(files->ctx, "into");
    if (!into) {
        return files->host->fail_option(files->ctx, "into", "is needed to restore");
    }
    if (snprintf(out, 4096, "%s/%s", into, name) >= 4096) {
        return files->host->fail(files->ctx, HANGAR_CONFIG, 0,
                                 "cannot restore %s: its path is too long", name);
    }
    return HANGAR_OK;
}

static enum hangar_rc files_restore_prepare(void *inst, const struct hangar_restore *how)
{
    struct files *files = inst;
    const struct hangar_host *host = files->host;
    if ((how->flags & ~(uint32_t)HANGAR_RESTORE_DRY_RUN) != 0) {
        return host->fail(files->ctx, HANGAR_UNSUPPORTED, 0,
                          "cannot replace or compare files; hint: restore into an empty folder");
    }
    for (size_t i = 0; i < how->object_count; i++) {
        char path[4096];
        enum hangar_rc rc = files_target(files, how->objects[i].name, path);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (access(path, F_OK) == 0) {
            return host->fail(files->ctx, HANGAR_EXISTS, 0,
                              "cannot restore %s: it already exists; hint: set into to another "
                              "folder",
                              path);
        }
        host->text(how->plan, "write %s\n", path);
    }
    /* from now on restore_end(NULL) removes files of these names */
    files->how = (how->flags & HANGAR_RESTORE_DRY_RUN) != 0 ? NULL : how;
    return HANGAR_OK;
}

static void files_make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0755); /* a failure is reported by open */
        *slash = '/';
    }
}

static enum hangar_rc files_restore_open(void *inst, const struct hangar_object_info *info,
                                         struct hangar_object **out)
{
    struct files *files = inst;
    struct hangar_object *object = calloc(1, sizeof(*object));
    if (!object) {
        return files->host->fail(files->ctx, HANGAR_NO_MEMORY, 0, "out of memory");
    }
    object->files = files;
    const char *mode = files->host->attr_get(info->attrs, "mode");
    object->before.st_mode = (mode_t)strtoul(mode ? mode : "600", NULL, 8);
    enum hangar_rc rc = files_target(files, info->name, object->path);
    if (rc == HANGAR_OK) {
        files_make_folders(object->path);
        snprintf(object->part, sizeof(object->part), "%s.part", object->path);
        object->fd = open(object->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (object->fd < 0) {
            rc = files->host->fail(files->ctx, HANGAR_IO, errno, "cannot create %s", object->part);
        }
    }
    if (rc != HANGAR_OK) {
        free(object);
        return rc;
    }
    *out = object;
    return HANGAR_OK;
}

static enum hangar_rc files_restore_write(struct hangar_object *object, const void *data,
                                          size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t n = write(object->fd, at, size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return object->files->host->fail(object->files->ctx,
                                             errno == ENOSPC ? HANGAR_NO_SPACE : HANGAR_IO, errno,
                                             "cannot write %s", object->part);
        }
        at += n;
        size -= (size_t)n;
    }
    return HANGAR_OK;
}

static enum hangar_rc files_restore_close(struct hangar_object *object, int complete)
{
    const struct files *files = object->files;
    enum hangar_rc rc = HANGAR_OK;
    int bad =
        complete && (fchmod(object->fd, object->before.st_mode) != 0 || fsync(object->fd) != 0);
    bad = close(object->fd) != 0 || bad;
    if (!complete || bad || rename(object->part, object->path) != 0) {
        rc = files->host->fail(files->ctx, HANGAR_IO, errno, "cannot finish %s", object->path);
        unlink(object->part);
    }
    free(object);
    return rc;
}

static enum hangar_rc files_restore_end(void *inst, struct hangar_attrs *report)
{
    struct files *files = inst;
    for (size_t i = 0; !report && files->how && i < files->how->object_count; i++) {
        char path[4096];
        if (files_target(files, files->how->objects[i].name, path) == HANGAR_OK) {
            unlink(path);
        }
    }
    if (report && files->how) {
        files->host->attr_setf(report, "files", "%zu", files->how->object_count);
    }
    files->how = NULL;
    return HANGAR_OK;
}

/* ---- the descriptor ---- */

static const struct hangar_source source = {
    .struct_size = sizeof(source),
    .check = files_check,
    .prepare = files_prepare,
    .begin = files_begin,
    .next = files_next,
    .read = files_read,
    .close = files_close,
    .end = files_end,
    .restore_prepare = files_restore_prepare,
    .restore_open = files_restore_open,
    .restore_write = files_restore_write,
    .restore_close = files_restore_close,
    .restore_end = files_restore_end,
};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,       .name = "files",
    .version = "1.0.0",         .summary = "backs up plain files",
    .license = "Apache-2.0",    .options = options,
    .create = files_create,     .destroy = files_destroy,
    .describe = files_describe, .source = &source,
};
HANGAR_PLUGIN(plugin)
