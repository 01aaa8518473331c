/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sink: stores objects as files of one folder, with "%" for "/".  It is built from a
 * frozen header.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <hangar/plugin.h>

struct sink {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *path;
};

struct hangar_put {
    struct sink *sink;
    char name[600], file[1200], temp[1300];
    uint32_t flags;
    int fd;
    uint64_t size;
};

struct hangar_get {
    struct sink *sink;
    int fd;
};

static const struct hangar_option options[] = {
    {.name = "path", .type = HANGAR_OPT_PATH, .flags = HANGAR_OPT_REQUIRED, .help = "the folder"},
    {.name = NULL}};

static void abi_sink_file_of(const struct sink *s, const char *name, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s/", s->path);
    for (; *name && n + 1 < size; name++) {
        out[n++] = *name == '/' ? '%' : *name;
    }
    out[n] = '\0';
}

static enum hangar_rc abi_sink_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                      void **out)
{
    struct sink *s = calloc(1, sizeof(*s));
    *s = (struct sink){.host = host, .ctx = ctx, .path = host->opt_string(ctx, "path")};
    mkdir(s->path, 0700);
    *out = s;
    return HANGAR_OK;
}

static void abi_sink_destroy(void *inst)
{
    free(inst);
}

static uint32_t abi_sink_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static enum hangar_rc abi_sink_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct sink *s = inst;
    s->host->attr_set(capabilities, "create_only", "yes");
    return HANGAR_OK;
}

static enum hangar_rc abi_sink_put_open(void *inst, const char *name, uint64_t size_hint,
                                        uint32_t flags, struct hangar_put **out)
{
    (void)size_hint;
    struct sink *s = inst;
    struct hangar_put *p = calloc(1, sizeof(*p));
    p->sink = s;
    p->flags = flags;
    snprintf(p->name, sizeof(p->name), "%s", name);
    abi_sink_file_of(s, name, p->file, sizeof(p->file));
    snprintf(p->temp, sizeof(p->temp), "%s#%p", p->file, (void *)p);
    p->fd = open(p->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (p->fd < 0) {
        free(p);
        return s->host->fail(s->ctx, HANGAR_IO, errno, "cannot open %s", name);
    }
    *out = p;
    return HANGAR_OK;
}

static enum hangar_rc abi_sink_put_write(struct hangar_put *p, const void *data, size_t size)
{
    struct sink *s = p->sink;
    p->size += size;
    for (const char *at = data; size > 0;) {
        ssize_t n = write(p->fd, at, size);
        if (n <= 0) {
            return s->host->fail(s->ctx, HANGAR_IO, errno, "cannot write %s", p->name);
        }
        at += n;
        size -= (size_t)n;
    }
    return HANGAR_OK;
}

static void abi_sink_put_free(struct hangar_put *p)
{
    close(p->fd);
    unlink(p->temp);
    free(p);
}

static enum hangar_rc abi_sink_put_commit(struct hangar_put *p, struct hangar_entry *entry)
{
    enum hangar_rc rc = HANGAR_OK;
    entry->size = p->size;
    if (p->flags & HANGAR_PUT_CREATE_ONLY) {
        if (link(p->temp, p->file) != 0) {
            rc = errno == EEXIST ? HANGAR_EXISTS : HANGAR_IO;
        }
    } else if (rename(p->temp, p->file) != 0) {
        rc = HANGAR_IO;
    }
    abi_sink_put_free(p);
    return rc;
}

static enum hangar_rc abi_sink_get_open(void *inst, const char *name, uint64_t offset,
                                        struct hangar_get **out)
{
    struct sink *s = inst;
    char file[1200];
    abi_sink_file_of(s, name, file, sizeof(file));
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return s->host->fail(s->ctx, errno == ENOENT ? HANGAR_NOT_FOUND : HANGAR_IO, errno,
                             "cannot open %s", name);
    }
    struct hangar_get *g = calloc(1, sizeof(*g));
    *g = (struct hangar_get){s, fd};
    lseek(fd, (off_t)offset, SEEK_SET);
    *out = g;
    return HANGAR_OK;
}

static enum hangar_rc abi_sink_get_read(struct hangar_get *g, void *buffer, size_t size,
                                        size_t *got)
{
    ssize_t n = read(g->fd, buffer, size);
    if (n < 0) {
        return g->sink->host->fail(g->sink->ctx, HANGAR_IO, errno, "cannot read");
    }
    *got = (size_t)n;
    return HANGAR_OK;
}

static void abi_sink_get_close(struct hangar_get *g)
{
    close(g->fd);
    free(g);
}

static enum hangar_rc abi_sink_stat_object(void *inst, const char *name, struct hangar_entry *entry)
{
    struct sink *s = inst;
    char file[1200];
    struct stat st;
    abi_sink_file_of(s, name, file, sizeof(file));
    if (stat(file, &st) != 0) {
        return HANGAR_NOT_FOUND;
    }
    entry->size = (uint64_t)st.st_size;
    return HANGAR_OK;
}

static int abi_sink_by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All objects in one page, as tests have few objects. */
static enum hangar_rc abi_sink_list(void *inst, struct hangar_page *page)
{
    struct sink *s = inst;
    enum hangar_rc rc = HANGAR_OK;
    char *names[900], last[600] = "";
    size_t count = 0, n = strlen(page->prefix);
    DIR *dir = opendir(s->path);
    for (struct dirent *e; dir && count < 900 && (e = readdir(dir));) {
        if (e->d_name[0] == '.' || strchr(e->d_name, '#')) {
            continue;
        }
        char *name = strdup(e->d_name);
        for (char *c = name; *c; c++) {
            *c = *c == '%' ? '/' : *c;
        }
        names[count++] = name;
    }
    if (dir) {
        closedir(dir);
    }
    qsort(names, count, sizeof(*names), abi_sink_by_name);
    for (size_t i = 0; i < count; i++) {
        struct hangar_entry entry = {.struct_size = sizeof(entry), .name = names[i]};
        if (rc == HANGAR_OK && strncmp(names[i], page->prefix, n) == 0) {
            abi_sink_stat_object(s, names[i], &entry);
            char *cut = page->delimiter ? strchr(names[i] + n, page->delimiter) : NULL;
            if (cut) {
                cut[1] = '\0';
                entry.flags = HANGAR_ENTRY_PREFIX;
            }
            if (strcmp(names[i], last) != 0) {
                rc = s->host->page_add(page, &entry);
            }
            snprintf(last, sizeof(last), "%s", names[i]);
        }
        free(names[i]);
    }
    page->cursor[0] = '\0';
    return rc;
}

static enum hangar_rc abi_sink_remove_object(void *inst, const char *name)
{
    struct sink *s = inst;
    char file[1200];
    abi_sink_file_of(s, name, file, sizeof(file));
    if (unlink(file) != 0 && errno != ENOENT) {
        return s->host->fail(s->ctx, HANGAR_IO, errno, "cannot remove %s", name);
    }
    return HANGAR_OK;
}

static const struct hangar_sink sink = {.struct_size = sizeof(sink),
                                        .probe = abi_sink_probe,
                                        .put_open = abi_sink_put_open,
                                        .put_write = abi_sink_put_write,
                                        .put_commit = abi_sink_put_commit,
                                        .put_abort = abi_sink_put_free,
                                        .get_open = abi_sink_get_open,
                                        .get_read = abi_sink_get_read,
                                        .get_close = abi_sink_get_close,
                                        .stat = abi_sink_stat_object,
                                        .list = abi_sink_list,
                                        .remove = abi_sink_remove_object};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,        .name = "example-sink",
    .version = "1.0.0",          .summary = "keeps files",
    .license = "Apache-2.0",     .options = options,
    .create = abi_sink_create,   .destroy = abi_sink_destroy,
    .threads = abi_sink_threads, .sink = &sink};
HANGAR_PLUGIN(plugin)
