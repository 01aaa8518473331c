/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: a page of names in byte order.  Directories come in no order, so a page
 * is one walk over the tree that keeps the smallest names beyond the cursor.
 * Memory is that of one page whatever the size of the store; a long listing
 * walks once per page.
 */
#include "local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE_MAX 1000

struct item {
    struct hangar_entry entry;
    char name[NAME_SIZE_MAX + 2]; /* a prefix ends in a slash */
};

struct lister {
    struct local *local;
    const struct hangar_page *page;
    struct item *sorted[PAGE_MAX + 1]; /* by name; the one behind the last is a spare */
    size_t count;
    bool more; /* something beyond the last did not fit */
};

/* Where `name` belongs, PAGE_MAX when it lies behind a full page. */
static size_t position(const struct lister *lister, const char *name)
{
    size_t low = 0, high = lister->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(lister->sorted[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Would this name be on the page?  Notes when it would on a later one. */
static bool wanted(struct lister *lister, const char *name)
{
    if (strcmp(name, lister->page->cursor) <= 0) {
        return false;
    }
    if (lister->count < PAGE_MAX || strcmp(name, lister->sorted[PAGE_MAX - 1]->name) < 0) {
        return true;
    }
    lister->more = true;
    return false;
}

/* Puts a name on the page; the last one may fall off. */
static void insert(struct lister *lister, const char *name, const struct hangar_entry *entry)
{
    size_t at = position(lister, name);
    struct item *spare = lister->sorted[lister->count];
    memmove(&lister->sorted[at + 1], &lister->sorted[at],
            (lister->count - at) * sizeof(lister->sorted[0]));
    lister->sorted[at] = spare;
    spare->entry = *entry;
    snprintf(spare->name, sizeof(spare->name), "%s", name);
    if (lister->count < PAGE_MAX) {
        lister->count++;
    } else {
        lister->more = true;
    }
}

/* Could names that begin with `path`, which ends in a slash, be on the page? */
static bool worth_a_look(struct lister *lister, const char *path)
{
    const char *prefix = lister->page->prefix, *cursor = lister->page->cursor;
    size_t size = strlen(path);
    size_t common = strlen(prefix) < size ? strlen(prefix) : size;
    if (strncmp(path, prefix, common)) {
        return false;
    }
    if (strncmp(path, cursor, size) < 0) { /* all of them lie before the cursor */
        return false;
    }
    if (lister->count == PAGE_MAX && strcmp(path, lister->sorted[PAGE_MAX - 1]->name) > 0) {
        lister->more = true;
        return false;
    }
    return true;
}

static enum hangar_rc walk(struct lister *lister, int dir, const char *path);

static enum hangar_rc visit_file(struct lister *lister, int dir, const char *base, const char *name)
{
    struct stat st;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    const char *prefix = lister->page->prefix;
    if (strncmp(name, prefix, strlen(prefix)) || !wanted(lister, name)) {
        return HANGAR_OK;
    }
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW)) {
        if (errno == ENOENT) { /* removed meanwhile */
            return HANGAR_OK;
        }
        return local_fail(lister->local, errno, "look at %s in %s", name, lister->local->root);
    }
    local_fill_entry(&entry, &st);
    insert(lister, name, &entry);
    return HANGAR_OK;
}

/* `path` is the directory's name with a slash behind it. */
static enum hangar_rc visit_directory(struct lister *lister, int dir, const char *base,
                                      const char *path)
{
    const char *prefix = lister->page->prefix;
    bool inside = strlen(path) > strlen(prefix); /* the delimiter lies behind the prefix */
    if (!worth_a_look(lister, path)) {
        return HANGAR_OK;
    }
    if (lister->page->delimiter && inside && !wanted(lister, path)) {
        return HANGAR_OK;
    }
    int fd = local_open_dir(dir, base);
    if (fd < 0 && errno == ENOENT) {
        return HANGAR_OK;
    }
    if (fd < 0) {
        return local_fail(lister->local, errno, "open directory %s/%s", lister->local->root, path);
    }
    if (!lister->page->delimiter || !inside) {
        return walk(lister, fd, path);
    }
    if (local_has_object(fd)) {
        const struct hangar_entry entry = {.struct_size = sizeof(entry),
                                           .flags = HANGAR_ENTRY_PREFIX};
        insert(lister, path, &entry);
    }
    return HANGAR_OK;
}

static enum hangar_rc visit(struct lister *lister, int dir, const char *path,
                            const struct dirent *found)
{
    struct stat st;
    char name[NAME_SIZE_MAX + 2];
    unsigned char type = found->d_type;
    if (!local_is_component(found->d_name)) {
        return HANGAR_OK; /* a temporary file, or not ours */
    }
    if (type == DT_UNKNOWN && !fstatat(dir, found->d_name, &st, AT_SYMLINK_NOFOLLOW)) {
        type = (unsigned char)IFTODT(st.st_mode);
    }
    int size =
        snprintf(name, sizeof(name), "%s%s%s", path, found->d_name, type == DT_DIR ? "/" : "");
    if (size >= (int)sizeof(name)) {
        return HANGAR_OK; /* too long for one of ours */
    }
    if (type == DT_DIR) {
        return visit_directory(lister, dir, found->d_name, name);
    }
    if (type == DT_REG && size <= NAME_SIZE_MAX) {
        return visit_file(lister, dir, found->d_name, name);
    }
    return HANGAR_OK;
}

/* Takes the descriptor.  `path` is "" for the root, else ends in a slash. */
static enum hangar_rc walk(struct lister *lister, int dir, const char *path)
{
    enum hangar_rc rc = HANGAR_OK;
    DIR *stream = fdopendir(dir);
    if (!stream) {
        rc = local_fail(lister->local, errno, "list %s/%s", lister->local->root, path);
        close(dir);
        return rc;
    }
    while (!rc) {
        errno = 0;
        const struct dirent *found = readdir(stream);
        if (!found && errno) {
            rc = local_fail(lister->local, errno, "list %s/%s", lister->local->root, path);
        }
        if (!found) {
            break;
        }
        rc = visit(lister, dir, path, found);
    }
    closedir(stream);
    return rc;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum hangar_rc hand_over(const struct lister *lister, struct hangar_page *page)
{
    for (size_t i = 0; i < lister->count; i++) {
        lister->sorted[i]->entry.name = lister->sorted[i]->name;
        enum hangar_rc rc = lister->local->host->page_add(page, &lister->sorted[i]->entry);
        if (rc) {
            return rc;
        }
    }
    const char *next = lister->more && lister->count ? lister->sorted[lister->count - 1]->name : "";
    snprintf(page->cursor, sizeof(page->cursor), "%s", next);
    page->store_time_ms = now_ms();
    return HANGAR_OK;
}

enum hangar_rc local_list(void *inst, struct hangar_page *page)
{
    struct local *local = inst;
    int root = -1;
    if (page->delimiter && page->delimiter != '/') {
        return local->host->fail(local->ctx, HANGAR_UNSUPPORTED, 0,
                                 "cannot list %s: the delimiter must be a slash", local->root);
    }
    struct lister lister = {.local = local, .page = page};
    struct item *items = calloc(PAGE_MAX + 1, sizeof(*items));
    if (!items) {
        return local_fail(local, ENOMEM, "list %s", local->root);
    }
    for (size_t i = 0; i <= PAGE_MAX; i++) {
        lister.sorted[i] = &items[i];
    }
    enum hangar_rc rc = local_open_root(local, false, &root);
    if (!rc) {
        rc = walk(&lister, root, "");
    } else if (rc == HANGAR_NOT_FOUND) {
        rc = HANGAR_OK; /* nothing was ever stored */
    }
    if (!rc) {
        rc = hand_over(&lister, page);
    }
    free(items);
    return rc;
}
