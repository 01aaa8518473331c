/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test-sink: stores objects as files of one folder, with "%" for "/".  By its options it
 * fails, loses bytes, delays or hangs.
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

struct sink {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    const char *path, *fail_at, *only, *once, *damage, *locks, *reads, *unlisted;
    int64_t fail_nth, fail_rc, lose, slow_ms;
    int block;
    pthread_mutex_t mutex; /* guards calls */
    int64_t calls;
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
    {.name = "fail_at", .type = HANGAR_OPT_STRING, .help = "the call that fails"},
    {.name = "fail_nth", .type = HANGAR_OPT_INT, .default_value = "1", .help = "from which on"},
    {.name = "fail_rc", .type = HANGAR_OPT_INT, .default_value = "8", .help = "with what"},
    {.name = "only", .type = HANGAR_OPT_STRING, .help = "faults for names with this in them"},
    {.name = "once", .type = HANGAR_OPT_PATH, .help = "the first fault removes this: no other"},
    {.name = "damage", .type = HANGAR_OPT_STRING, .help = "bytes of such names are changed"},
    {.name = "locks", .type = HANGAR_OPT_PATH, .help = "where retain records its locks"},
    {.name = "reads", .type = HANGAR_OPT_PATH, .help = "a list of the objects that were read"},
    {.name = "unlisted", .type = HANGAR_OPT_STRING, .help = "such names are not listed"},
    {.name = "lose", .type = HANGAR_OPT_INT, .default_value = "0", .help = "bytes at the end"},
    {.name = "opens", .type = HANGAR_OPT_PATH, .help = "a line for each instance goes here"},
    {.name = "slow", .type = HANGAR_OPT_DURATION, .default_value = "0s", .help = "each write"},
    {.name = "block", .type = HANGAR_OPT_BOOL, .default_value = "false", .help = "in write"},
    {.name = NULL}};

static int is_meant(const struct sink *s, const char *name)
{
    return !s->only || strstr(name, s->only);
}

/* A fault with `once` happens in one call of one instance. */
static int may_fault(const struct sink *s)
{
    return !s->once || unlink(s->once) == 0;
}

static enum hangar_rc test_sink_fault(struct sink *s, const char *call, const char *name)
{
    if (!s->fail_at || strcmp(s->fail_at, call) != 0 || !is_meant(s, name)) {
        return HANGAR_OK;
    }
    pthread_mutex_lock(&s->mutex);
    int fails = ++s->calls >= s->fail_nth;
    pthread_mutex_unlock(&s->mutex);
    return fails && may_fault(s) ? s->host->fail(s->ctx, (enum hangar_rc)s->fail_rc, 0,
                                                 "cannot %s: injected fault", call)
                                 : HANGAR_OK;
}

static void test_sink_file_of(const struct sink *s, const char *name, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s/", s->path);
    for (; *name && n + 1 < size; name++) {
        out[n++] = *name == '/' ? '%' : *name;
    }
    out[n] = '\0';
}

static void note_open(const char *path)
{
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fputs("opened\n", file);
        fclose(file);
    }
}

static enum hangar_rc test_sink_create(const struct hangar_host *host, struct hangar_ctx *ctx,
                                       void **out)
{
    struct sink *s = calloc(1, sizeof(*s));
    *s = (struct sink){.host = host,
                       .ctx = ctx,
                       .path = host->opt_string(ctx, "path"),
                       .fail_at = host->opt_string(ctx, "fail_at"),
                       .only = host->opt_string(ctx, "only"),
                       .locks = host->opt_string(ctx, "locks"),
                       .damage = host->opt_string(ctx, "damage"),
                       .once = host->opt_string(ctx, "once"),
                       .reads = host->opt_string(ctx, "reads"),
                       .unlisted = host->opt_string(ctx, "unlisted"),
                       .fail_nth = host->opt_int(ctx, "fail_nth"),
                       .fail_rc = host->opt_int(ctx, "fail_rc"),
                       .lose = host->opt_int(ctx, "lose"),
                       .slow_ms = host->opt_int(ctx, "slow"),
                       .block = host->opt_bool(ctx, "block")};
    pthread_mutex_init(&s->mutex, NULL);
    note_open(host->opt_string(ctx, "opens"));
    enum hangar_rc rc = test_sink_fault(s, "create", "");
    if (rc != HANGAR_OK) {
        free(s);
        return rc;
    }
    mkdir(s->path, 0700);
    *out = s;
    return HANGAR_OK;
}

static void test_sink_destroy(void *inst)
{
    struct sink *s = inst;
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static uint32_t test_sink_threads(void *inst)
{
    (void)inst;
    return HANGAR_PARALLEL_HANDLES;
}

static enum hangar_rc test_sink_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct sink *s = inst;
    s->host->attr_set(capabilities, "create_only", "yes");
    return test_sink_fault(s, "probe", "");
}

static enum hangar_rc test_sink_put_open(void *inst, const char *name, uint64_t size_hint,
                                         uint32_t flags, struct hangar_put **out)
{
    (void)size_hint;
    struct sink *s = inst;
    enum hangar_rc rc = test_sink_fault(s, "open", name);
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hangar_put *p = calloc(1, sizeof(*p));
    p->sink = s;
    p->flags = flags;
    snprintf(p->name, sizeof(p->name), "%s", name);
    test_sink_file_of(s, name, p->file, sizeof(p->file));
    snprintf(p->temp, sizeof(p->temp), "%s#%p", p->file, (void *)p);
    p->fd = open(p->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (p->fd < 0) {
        free(p);
        return s->host->fail(s->ctx, HANGAR_IO, errno, "cannot open %s", name);
    }
    *out = p;
    return HANGAR_OK;
}

static enum hangar_rc test_sink_put_write(struct hangar_put *p, const void *data, size_t size)
{
    struct sink *s = p->sink;
    enum hangar_rc rc = test_sink_fault(s, "write", p->name);
    if (rc == HANGAR_OK && is_meant(s, p->name) && s->slow_ms) {
        rc = s->host->sleep(s->ctx, (uint32_t)s->slow_ms);
    }
    if (rc == HANGAR_OK && s->block && is_meant(s, p->name) && may_fault(s)) {
        while (rc == HANGAR_OK) {
            rc = s->host->sleep(s->ctx, 1000);
        }
    }
    p->size += size;
    for (const char *at = data; rc == HANGAR_OK && size > 0;) {
        ssize_t n = write(p->fd, at, size);
        if (n <= 0) {
            return s->host->fail(s->ctx, HANGAR_IO, errno, "cannot write %s", p->name);
        }
        at += n;
        size -= (size_t)n;
    }
    return rc;
}

static void test_sink_put_free(struct hangar_put *p)
{
    close(p->fd);
    unlink(p->temp);
    free(p);
}

static enum hangar_rc test_sink_put_commit(struct hangar_put *p, struct hangar_entry *entry)
{
    struct sink *s = p->sink;
    enum hangar_rc rc = test_sink_fault(s, "commit", p->name);
    if (rc == HANGAR_OK && s->damage && strstr(p->name, s->damage) &&
        pwrite(p->fd, "damaged", 7, 0) != 7) {
        rc = HANGAR_IO;
    }
    uint64_t lost = is_meant(s, p->name) ? (uint64_t)s->lose : 0;
    entry->size = p->size - (lost < p->size ? lost : p->size);
    if (rc == HANGAR_OK && ftruncate(p->fd, (off_t)entry->size) != 0) {
        rc = HANGAR_IO;
    }
    if (rc == HANGAR_OK && (p->flags & HANGAR_PUT_CREATE_ONLY)) {
        if (link(p->temp, p->file) != 0) {
            rc = errno == EEXIST ? HANGAR_EXISTS : HANGAR_IO;
        }
    } else if (rc == HANGAR_OK && rename(p->temp, p->file) != 0) {
        rc = HANGAR_IO;
    }
    test_sink_put_free(p);
    return rc;
}

/* Appends the name of an object to the list of those that were read. */
static void note_read(const struct sink *s, const char *name)
{
    char line[700];
    int size = snprintf(line, sizeof(line), "%s\n", name);
    int fd = s->reads ? open(s->reads, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        if (write(fd, line, (size_t)size) != size) {
            abort();
        }
        close(fd);
    }
}

static enum hangar_rc test_sink_get_open(void *inst, const char *name, uint64_t offset,
                                         struct hangar_get **out)
{
    struct sink *s = inst;
    enum hangar_rc rc = test_sink_fault(s, "get", name);
    if (rc != HANGAR_OK) {
        return rc;
    }
    char file[1200];
    test_sink_file_of(s, name, file, sizeof(file));
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return s->host->fail(s->ctx, errno == ENOENT ? HANGAR_NOT_FOUND : HANGAR_IO, errno,
                             "cannot open %s", name);
    }
    struct hangar_get *g = calloc(1, sizeof(*g));
    *g = (struct hangar_get){s, fd};
    lseek(fd, (off_t)offset, SEEK_SET);
    note_read(s, name);
    *out = g;
    return HANGAR_OK;
}

static enum hangar_rc test_sink_get_read(struct hangar_get *g, void *buffer, size_t size,
                                         size_t *got)
{
    ssize_t n = read(g->fd, buffer, size);
    if (n < 0) {
        return g->sink->host->fail(g->sink->ctx, HANGAR_IO, errno, "cannot read");
    }
    *got = (size_t)n;
    return HANGAR_OK;
}

static void test_sink_get_close(struct hangar_get *g)
{
    close(g->fd);
    free(g);
}

static enum hangar_rc test_sink_stat_object(void *inst, const char *name,
                                            struct hangar_entry *entry)
{
    struct sink *s = inst;
    char file[1200];
    enum hangar_rc rc = test_sink_fault(s, "stat", name);
    test_sink_file_of(s, name, file, sizeof(file));
    struct stat st;
    if (rc == HANGAR_OK && stat(file, &st) != 0) {
        return HANGAR_NOT_FOUND;
    }
    if (rc == HANGAR_OK) {
        snprintf(entry->etag, sizeof(entry->etag), "%lx-%lx-%lx", (unsigned long)st.st_ino,
                 (unsigned long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    }
    entry->size = rc == HANGAR_OK ? (uint64_t)st.st_size : 0;
    return rc;
}

static int test_sink_by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All objects in one page, as tests have few objects. */
static enum hangar_rc test_sink_list(void *inst, struct hangar_page *page)
{
    struct sink *s = inst;
    enum hangar_rc rc = test_sink_fault(s, "list", page->prefix);
    char *names[900], last[600] = "";
    size_t count = 0, n = strlen(page->prefix);
    DIR *dir = rc == HANGAR_OK ? opendir(s->path) : NULL;
    for (struct dirent *e; dir && count < 900 && (e = readdir(dir));) {
        if (e->d_name[0] == '.' || strchr(e->d_name, '#') ||
            (s->unlisted && strstr(e->d_name, s->unlisted))) {
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
    qsort(names, count, sizeof(*names), test_sink_by_name);
    for (size_t i = 0; i < count; i++) {
        struct hangar_entry entry = {.struct_size = sizeof(entry), .name = names[i]};
        if (rc == HANGAR_OK && strncmp(names[i], page->prefix, n) == 0) {
            test_sink_stat_object(s, names[i], &entry);
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

/* A lock is a file whose modification time is the end of the lock. */
static void lock_of(const struct sink *s, const char *name, char *out, size_t size)
{
    struct sink locks = {.path = s->locks};
    test_sink_file_of(&locks, name, out, size);
}

static int64_t locked_until(const struct sink *s, const char *name)
{
    if (!s->locks) {
        return 0;
    }
    char file[1200];
    lock_of(s, name, file, sizeof(file));
    struct stat st;
    return stat(file, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000 : 0;
}

static enum hangar_rc test_sink_retain(void *inst, const char *name, int64_t until_ms)
{
    struct sink *s = inst;
    if (!s->locks) {
        return HANGAR_UNSUPPORTED;
    }
    enum hangar_rc rc = test_sink_fault(s, "retain", name);
    if (rc != HANGAR_OK || until_ms <= locked_until(s, name)) {
        return rc;
    }
    mkdir(s->locks, 0700);
    char file[1200];
    lock_of(s, name, file, sizeof(file));
    int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct timespec times[2] = {{.tv_sec = until_ms / 1000}, {.tv_sec = until_ms / 1000}};
    if (fd < 0 || write(fd, "x", 1) != 1 || futimens(fd, times) != 0) {
        rc = s->host->fail(s->ctx, HANGAR_IO, errno, "cannot lock %s", name);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static enum hangar_rc test_sink_remove_object(void *inst, const char *name)
{
    struct sink *s = inst;
    char file[1200];
    enum hangar_rc rc = test_sink_fault(s, "remove", name);
    test_sink_file_of(s, name, file, sizeof(file));
    if (rc == HANGAR_OK && locked_until(s, name) > (int64_t)time(NULL) * 1000) {
        return s->host->fail(s->ctx, HANGAR_EXISTS, 0, "%s is locked until %lld", name,
                             (long long)locked_until(s, name));
    }
    if (rc == HANGAR_OK && unlink(file) != 0 && errno != ENOENT) {
        return s->host->fail(s->ctx, HANGAR_IO, errno, "cannot remove %s", name);
    }
    return rc;
}

static const struct hangar_sink sink = {.struct_size = sizeof(sink),
                                        .probe = test_sink_probe,
                                        .put_open = test_sink_put_open,
                                        .put_write = test_sink_put_write,
                                        .put_commit = test_sink_put_commit,
                                        .put_abort = test_sink_put_free,
                                        .get_open = test_sink_get_open,
                                        .get_read = test_sink_get_read,
                                        .get_close = test_sink_get_close,
                                        .stat = test_sink_stat_object,
                                        .list = test_sink_list,
                                        .remove = test_sink_remove_object,
                                        .retain = test_sink_retain};

static const struct hangar_plugin plugin = {
    HANGAR_PLUGIN_HEADER,         .name = "test-sink",
    .version = "1.0.0",           .summary = "stores files and fails on demand",
    .license = "Apache-2.0",      .options = options,
    .create = test_sink_create,   .destroy = test_sink_destroy,
    .threads = test_sink_threads, .sink = &sink};
HANGAR_PLUGIN(plugin)
