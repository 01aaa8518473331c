/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * loader: see loader.h.
 */
#include "plugin/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/trust.h"
#include "base/vec.h"

#define FILE_PREFIX "hangar-"
#define FILE_SUFFIX ".so"

enum { LOADER_NAME_MAX = 64 };

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER; /* guards `registry` */
static struct hg_plugin *registry;

/* Functions that a role must have. */
struct loader_function {
    size_t offset;
    const char *name;
};
#define REQUIRED(table, member) {offsetof(struct table, member), #member}
static const struct loader_function source_required[] = {
    REQUIRED(hangar_source, check), REQUIRED(hangar_source, prepare),
    REQUIRED(hangar_source, begin), REQUIRED(hangar_source, next),
    REQUIRED(hangar_source, read),  REQUIRED(hangar_source, close),
    REQUIRED(hangar_source, end),   {0, NULL}};
static const struct loader_function restore_required[] = {REQUIRED(hangar_source, restore_open),
                                                          REQUIRED(hangar_source, restore_write),
                                                          REQUIRED(hangar_source, restore_close),
                                                          REQUIRED(hangar_source, restore_end),
                                                          {0, NULL}};
static const struct loader_function transform_required[] = {
    REQUIRED(hangar_transform, suffix), REQUIRED(hangar_transform, decode_command),
    REQUIRED(hangar_transform, open),   REQUIRED(hangar_transform, process),
    REQUIRED(hangar_transform, close),  {0, NULL}};
static const struct loader_function block_required[] = {REQUIRED(hangar_transform, encode_bound),
                                                        REQUIRED(hangar_transform, block_open),
                                                        REQUIRED(hangar_transform, block_close),
                                                        {0, NULL}};
static const struct loader_function sink_required[] = {
    REQUIRED(hangar_sink, probe),     REQUIRED(hangar_sink, put_open),
    REQUIRED(hangar_sink, put_write), REQUIRED(hangar_sink, put_commit),
    REQUIRED(hangar_sink, put_abort), REQUIRED(hangar_sink, get_open),
    REQUIRED(hangar_sink, get_read),  REQUIRED(hangar_sink, get_close),
    REQUIRED(hangar_sink, stat),      REQUIRED(hangar_sink, list),
    REQUIRED(hangar_sink, remove),    {0, NULL}};
static const struct loader_function notifier_required[] = {REQUIRED(hangar_notifier, notify),
                                                           {0, NULL}};

static enum hangar_rc loader_check_required(const void *table, const struct loader_function *list,
                                            const char *role, struct hg_error *err)
{
    for (; list->name; list++) {
        void *pointer;
        memcpy(&pointer, (const char *)table + list->offset, sizeof(pointer));
        if (!pointer) {
            return hg_fail(
                err, HANGAR_CONFIG, 0,
                "its %s lacks the required function %s; hint: report this to the author of the "
                "plugin",
                role, list->name);
        }
    }
    return HANGAR_OK;
}

/* Copies a table that begins with its size into the core's own table `ours`, which is zeroed. */
static void loader_copy_table(void *ours, size_t our_size, const void *theirs)
{
    uint32_t size;
    memcpy(&size, theirs, sizeof(size));
    memcpy(ours, theirs, size < our_size ? size : our_size);
}

static bool loader_name_is_valid(const char *name)
{
    if (!name || name[0] < 'a' || name[0] > 'z') {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name) &&
           strlen(name) <= LOADER_NAME_MAX;
}

static enum hangar_rc loader_copy_options(struct hg_plugin *p, struct hg_error *err)
{
    size_t count = 0, stride = p->d.option_size;
    const char *first = (const char *)p->d.options;
    const char *name = NULL;
    if (first) {
        for (;; count++) {
            memcpy(&name, first + count * stride, sizeof(name));
            if (!name) {
                break;
            }
            if (count == 256) {
                return hg_fail(err, HANGAR_CONFIG, 0,
                               "its option table has more than 256 options, or the empty entry at "
                               "its end is missing");
            }
        }
    }
    p->options = calloc(count + 1, sizeof(*p->options));
    if (!p->options) {
        return hg_no_memory(err);
    }
    size_t size = stride < sizeof(*p->options) ? stride : sizeof(*p->options);
    for (size_t i = 0; i < count; i++) {
        memcpy(&p->options[i], first + i * stride, size);
        if (p->options[i].type > HANGAR_OPT_LIST) {
            return hg_fail(err, HANGAR_CONFIG, 0,
                           "its option %s has an unknown type; hint: it may need a newer hangar",
                           p->options[i].name);
        }
    }
    return HANGAR_OK;
}

static enum hangar_rc loader_copy_roles(struct hg_plugin *p, struct hg_error *err)
{
    enum hangar_rc rc = HANGAR_OK;
    if (p->d.source) {
        loader_copy_table(&p->source, sizeof(p->source), p->d.source);
        rc = loader_check_required(&p->source, source_required, "source", err);
        if (rc == HANGAR_OK && p->source.restore_prepare) {
            rc = loader_check_required(&p->source, restore_required, "source", err);
        }
    }
    if (rc == HANGAR_OK && p->d.transform) {
        loader_copy_table(&p->transform, sizeof(p->transform), p->d.transform);
        rc = loader_check_required(&p->transform, transform_required, "transform", err);
        if (rc == HANGAR_OK && p->transform.encode_block) {
            rc = loader_check_required(&p->transform, block_required, "transform", err);
        }
    }
    if (rc == HANGAR_OK && p->d.sink) {
        loader_copy_table(&p->sink, sizeof(p->sink), p->d.sink);
        rc = loader_check_required(&p->sink, sink_required, "sink", err);
    }
    if (rc == HANGAR_OK && p->d.notifier) {
        loader_copy_table(&p->notifier, sizeof(p->notifier), p->d.notifier);
        rc = loader_check_required(&p->notifier, notifier_required, "notifier", err);
    }
    if (rc == HANGAR_OK && !p->d.source && !p->d.transform && !p->d.sink && !p->d.notifier) {
        rc = hg_fail(err, HANGAR_CONFIG, 0, "it provides no source, transform, sink or notifier");
    }
    return rc;
}

/* Fills p from the plugin's descriptor. */
static enum hangar_rc loader_read_descriptor(struct hg_plugin *p,
                                             const struct hangar_plugin *theirs,
                                             struct hg_error *err)
{
    if (theirs->abi_major != HANGAR_ABI_MAJOR) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "it was built for plugin ABI %u.%u, and this hangar supports %d.%d; hint: "
                       "install a build of it for ABI %d",
                       theirs->abi_major, theirs->abi_minor, HANGAR_ABI_MAJOR, HANGAR_ABI_MINOR,
                       HANGAR_ABI_MAJOR);
    }
    /* `notifier` and `help` are the last fields: a plugin may lack them, and no others. */
    if (theirs->struct_size < offsetof(struct hangar_plugin, notifier)) {
        return hg_fail(err, HANGAR_CONFIG, 0, "its descriptor is too small (%u bytes)",
                       theirs->struct_size);
    }
    if (theirs->option_size < offsetof(struct hangar_option, help)) {
        return hg_fail(err, HANGAR_CONFIG, 0, "its option entries are too small (%u bytes)",
                       theirs->option_size);
    }
    loader_copy_table(&p->d, sizeof(p->d), theirs);
    if (!loader_name_is_valid(p->d.name)) {
        return hg_fail(err, HANGAR_CONFIG, 0, "its name is not of the form [a-z][a-z0-9-]*");
    }
    char expected[128];
    snprintf(expected, sizeof(expected), "%s%s%s", FILE_PREFIX, p->d.name, FILE_SUFFIX);
    if (strcmp(strrchr(p->path, '/') + 1, expected) != 0) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "its descriptor has the name %s; hint: rename the file to %s", p->d.name,
                       expected);
    }
    if (!p->d.create || !p->d.destroy || !p->d.version || !p->d.summary || !p->d.license) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "its descriptor lacks create, destroy, version, summary or license");
    }
    enum hangar_rc rc = loader_copy_options(p, err);
    return rc == HANGAR_OK ? loader_copy_roles(p, err) : rc;
}

static void loader_free_plugin(struct hg_plugin *p)
{
    if (p) {
        pthread_mutex_destroy(&p->serial);
        free(p->options);
        free(p->path);
        free(p);
    }
}

/* Reads the descriptor of a loaded library. */
static enum hangar_rc loader_read_library(void *library, struct hg_plugin *p, struct hg_error *err)
{
    const struct hangar_plugin *(*entry)(void);
    void *symbol = dlsym(library, "hangar_plugin_entry");
    memcpy(&entry, &symbol, sizeof(entry));
    const struct hangar_plugin *theirs = entry ? entry() : NULL;
    if (!theirs) {
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "it does not export hangar_plugin_entry; hint: end its source with "
                       "HANGAR_PLUGIN(...)");
    }
    return loader_read_descriptor(p, theirs, err);
}

/* Loads through the checked file descriptor.  It stays open as long as the library is
 * loaded: dlopen compares names first, so /proc/self/fd/N must not become another file. */
static enum hangar_rc loader_open_library(int fd, struct hg_plugin *p, struct hg_error *err)
{
    char self[32] = {0}, name[64];
    if (readlink("/proc/self", self, sizeof(self) - 1) < 0) {
        snprintf(self, sizeof(self), "self");
    }
    snprintf(name, sizeof(name), "/proc/%s/fd/%d", self, fd);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        close(fd);
        return hg_fail(err, HANGAR_CONFIG, 0,
                       "the dynamic linker failed: %s; hint: ldd %s shows missing libraries",
                       why ? why : "no reason given", p->path);
    }
    enum hangar_rc rc = loader_read_library(library, p, err);
    if (rc != HANGAR_OK) {
        dlclose(library);
        library = dlopen(name, RTLD_NOW | RTLD_NOLOAD); /* libraries that cannot be unloaded stay */
        if (library) {
            dlclose(library);
        } else {
            close(fd);
        }
    }
    return rc;
}

static const struct hg_plugin *loader_find_loaded(const struct stat *st, const char *path)
{
    for (struct hg_plugin *p = registry; p; p = p->next) {
        if (p->dev == st->st_dev && p->ino == st->st_ino && strcmp(p->path, path) == 0) {
            return p;
        }
    }
    return NULL;
}

enum hangar_rc hg_plugin_load_file(const char *path, const struct hg_plugin **out,
                                   struct hg_error *err)
{
    int fd = -1;
    enum hangar_rc rc = hg_trust_open(path, &fd, err);
    if (rc != HANGAR_OK) {
        hg_context(err, "cannot load plugin %s", path);
        return rc;
    }
    struct stat st;
    struct hg_plugin *p = NULL;
    pthread_mutex_lock(&registry_mutex);
    const struct hg_plugin *loaded = fstat(fd, &st) == 0 ? loader_find_loaded(&st, path) : NULL;
    if (loaded) {
        close(fd);
        *out = loaded;
        goto out;
    }
    p = calloc(1, sizeof(*p));
    if (!p || pthread_mutex_init(&p->serial, NULL) != 0 || !(p->path = strdup(path))) {
        rc = hg_no_memory(err);
        close(fd);
    } else {
        p->dev = st.st_dev;
        p->ino = st.st_ino;
        rc = loader_open_library(fd, p, err);
    }
    if (rc != HANGAR_OK) {
        hg_context(err, "cannot load plugin %s", path);
        loader_free_plugin(p);
        goto out;
    }
    p->next = registry;
    registry = p;
    *out = p;
out:
    pthread_mutex_unlock(&registry_mutex);
    return rc;
}

/* "hangar-NAME.so" → NAME as an allocated string, or NULL. */
static char *loader_name_of_file(const char *file)
{
    size_t n = strlen(file), prefix = strlen(FILE_PREFIX), suffix = strlen(FILE_SUFFIX);
    if (n <= prefix + suffix || strncmp(file, FILE_PREFIX, prefix) != 0 ||
        strcmp(file + n - suffix, FILE_SUFFIX) != 0) {
        return NULL;
    }
    char *name = strndup(file + prefix, n - prefix - suffix);
    if (name && !loader_name_is_valid(name)) {
        free(name);
        name = NULL;
    }
    return name;
}

static int compare_plugin_files(const void *a, const void *b)
{
    const struct hg_plugin_file *x = a, *y = b;
    return strcmp(x->name, y->name);
}

size_t hg_plugin_scan(const char *const *dirs, struct hg_plugin_file **files)
{
    struct {
        struct hg_plugin_file *items;
        size_t count, capacity;
    } found = {0};
    for (; *dirs; dirs++) {
        DIR *dir = opendir(*dirs);
        size_t earlier = found.count;
        for (struct dirent *entry; dir && (entry = readdir(dir));) {
            char *name = loader_name_of_file(entry->d_name);
            bool known = false;
            for (size_t i = 0; name && i < earlier && !known; i++) {
                known = strcmp(found.items[i].name, name) == 0;
            }
            char *path = name && !known ? hg_format("%s/%s", *dirs, entry->d_name) : NULL;
            if (!path || !HG_VEC_RESERVE(&found)) {
                free(name);
                free(path);
                continue;
            }
            found.items[found.count++] = (struct hg_plugin_file){name, path};
        }
        if (dir) {
            closedir(dir);
        }
    }
    if (found.count) {
        qsort(found.items, found.count, sizeof(*found.items), compare_plugin_files);
    }
    *files = found.items;
    return found.count;
}

void hg_plugin_files_free(struct hg_plugin_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(files[i].name);
        free(files[i].path);
    }
    free(files);
}

/* Whether a word is, but for a typing error, a part of a name: "local" of "store-local". */
static bool loader_is_part(const char *word, const char *name)
{
    while (*name != '\0') {
        size_t n = strcspn(name, "-");
        char part[LOADER_NAME_MAX + 1];
        snprintf(part, sizeof(part), "%.*s", (int)n, name);
        const char *const choices[] = {part, NULL};
        if (hg_did_you_mean(word, choices)) {
            return true;
        }
        name += n + (name[n] == '-');
    }
    return false;
}

/* The installed plugin that was probably meant; of several the one with the shortest name. */
static const char *loader_suggest(const char *word, const char *const *names)
{
    const char *best = hg_did_you_mean(word, names);
    bool similar = best != NULL;
    for (size_t i = 0; !similar && names[i]; i++) {
        if (loader_is_part(word, names[i]) && (!best || strlen(names[i]) < strlen(best))) {
            best = names[i];
        }
    }
    return best;
}

static enum hangar_rc loader_not_found(const char *const *dirs, const char *name,
                                       struct hg_error *err)
{
    struct hg_str where = {0};
    for (const char *const *dir = dirs; *dir; dir++) {
        hg_str_addf(&where, "%s%s", where.len ? ", " : "", *dir);
    }
    struct hg_plugin_file *files = NULL;
    size_t count = hg_plugin_scan(dirs, &files);
    const char **names = calloc(count + 1, sizeof(*names));
    for (size_t i = 0; names && i < count; i++) {
        names[i] = files[i].name;
    }
    const char *meant = names ? loader_suggest(name, names) : NULL;
    free(names);
    if (meant) {
        hg_fail(err, HANGAR_NOT_FOUND, 0, "cannot find plugin %s in %s; hint: did you mean %s?",
                name, hg_str_text(&where), meant);
    } else {
        hg_fail(
            err, HANGAR_NOT_FOUND, 0,
            "cannot find plugin %s in %s; hint: `hangar plugin list` lists the installed plugins",
            name, hg_str_text(&where));
    }
    hg_plugin_files_free(files, count);
    hg_str_free(&where);
    return HANGAR_NOT_FOUND;
}

enum hangar_rc hg_plugin_load(const char *const *dirs, const char *name,
                              const struct hg_plugin **out, struct hg_error *err)
{
    if (!loader_name_is_valid(name)) {
        return hg_fail(err, HANGAR_CONFIG, 0, "invalid plugin name %s", name);
    }
    for (const char *const *dir = dirs; *dir; dir++) {
        char *path = hg_format("%s/%s%s%s", *dir, FILE_PREFIX, name, FILE_SUFFIX);
        if (!path) {
            return hg_no_memory(err);
        }
        struct stat st;
        if (lstat(path, &st) == 0) {
            enum hangar_rc rc = hg_plugin_load_file(path, out, err);
            free(path);
            return rc;
        }
        free(path);
    }
    return loader_not_found(dirs, name, err);
}
