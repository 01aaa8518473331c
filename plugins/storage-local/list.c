/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: a page of names in byte order.  The kernel returns the entries of a directory in no order,
 * so each page walks the whole tree and keeps the smallest names beyond the cursor.  That needs the
 * memory of one page for a store of any size; a long listing walks once per page.
 */
#include "local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define PAGE_MAX 1000

struct list_item {
    struct hangar_entry entry;
    char name[NAME_SIZE_MAX + 2]; /* a prefix ends in a slash */
};

struct lister {
    struct local_sink *local;
    const struct hangar_page *page;
    struct list_item *sorted[PAGE_MAX + 1]; /* by name; the one after the last is free */
    size_t count;
    bool more; /* there are names beyond the last */
    int64_t store_ms;
};

/* The index at which `name` belongs; PAGE_MAX: behind a full page. */
static size_t lister_position(const struct lister *lister, const char *name)
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

/* Does the name belong on this page?  Records in `more` when it belongs on a later one. */
static bool lister_accepts(struct lister *lister, const char *name)
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

/* Adds a name to the page, which may displace the last one. */
static void lister_insert(struct lister *lister, const char *name, const struct hangar_entry *entry)
{
    size_t at = lister_position(lister, name);
    struct list_item *free_item = lister->sorted[lister->count];
    memmove(&lister->sorted[at + 1], &lister->sorted[at],
            (lister->count - at) * sizeof(lister->sorted[0]));
    lister->sorted[at] = free_item;
    free_item->entry = *entry;
    snprintf(free_item->name, sizeof(free_item->name), "%s", name);
    if (lister->count < PAGE_MAX) {
        lister->count++;
    } else {
        lister->more = true;
    }
}

/* Can names that begin with `path`, which ends in a slash, belong on this page? */
static bool lister_may_contain(struct lister *lister, const char *path)
{
    const char *prefix = lister->page->prefix, *cursor = lister->page->cursor;
    size_t size = strlen(path);
    size_t common = strlen(prefix) < size ? strlen(prefix) : size;
    if (strncmp(path, prefix, common) != 0) {
        return false;
    }
    if (strncmp(path, cursor, size) < 0) { /* all of them are before the cursor */
        return false;
    }
    if (lister->count == PAGE_MAX && strcmp(path, lister->sorted[PAGE_MAX - 1]->name) > 0) {
        lister->more = true;
        return false;
    }
    return true;
}

/* What is in this directory is not known.  When it is below the prefix, that is an entry of the
 * page, and the listing continues; else the listing fails.  `path` is "" or
 * ends in a slash. */
static enum hangar_rc lister_unreadable(struct lister *lister, const char *path, int error_number)
{
    const struct local_sink *local = lister->local;
    const struct hangar_entry entry = {.struct_size = sizeof(entry),
                                       .flags = HANGAR_ENTRY_PREFIX | HANGAR_ENTRY_UNREADABLE};
    const size_t above = strlen(lister->page->prefix);
    char name[NAME_SIZE_MAX + 2], text[128];
    if (strlen(path) <= above || error_number == EMFILE || error_number == ENFILE ||
        error_number == ENOMEM) {
        return local_fail(lister->local, error_number, "list %s/%s", local->root, path);
    }
    snprintf(name, sizeof(name), "%s", path);
    if (lister->page->delimiter) { /* the common prefix */
        name[above + strcspn(name + above, "/") + 1] = '\0';
    }
    const size_t at = lister_position(lister, name);
    if ((at < lister->count && strcmp(lister->sorted[at]->name, name) == 0) ||
        !lister_accepts(lister, name)) {
        return HANGAR_OK;
    }
    local->host->log(local->ctx, HANGAR_LOG_DEBUG, "cannot read directory %s/%s: %s", local->root,
                     path, strerror_r(error_number, text, sizeof(text)));
    lister_insert(lister, name, &entry);
    return HANGAR_OK;
}

static enum hangar_rc lister_walk(struct lister *lister, int dir, const char *path);

/* `name` is the whole name of `base`, which is in the directory `path`. */
static enum hangar_rc lister_add_file(struct lister *lister, int dir, const char *path,
                                      const char *base, const char *name)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    const char *prefix = lister->page->prefix;
    if (strncmp(name, prefix, strlen(prefix)) != 0 || !lister_accepts(lister, name)) {
        return HANGAR_OK;
    }
    struct stat st;
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) { /* another process removed it just now */
            return HANGAR_OK;
        }
        return lister_unreadable(lister, path, errno);
    }
    local_fill_entry(&entry, &st);
    lister_insert(lister, name, &entry);
    return HANGAR_OK;
}

/* `path` is the name of the directory and a slash. */
static enum hangar_rc lister_add_directory(struct lister *lister, int dir, const char *base,
                                           const char *path)
{
    const char *prefix = lister->page->prefix;
    bool inside = strlen(path) > strlen(prefix); /* the delimiter is behind the prefix */
    if (!lister_may_contain(lister, path)) {
        return HANGAR_OK;
    }
    if (lister->page->delimiter && inside && !lister_accepts(lister, path)) {
        return HANGAR_OK;
    }
    int fd = local_open_dir(dir, base);
    if (fd < 0 && errno == ENOENT) {
        return HANGAR_OK;
    }
    if (fd < 0) {
        return lister_unreadable(lister, path, errno);
    }
    if (!lister->page->delimiter || !inside) {
        return lister_walk(lister, fd, path);
    }
    const int found = local_has_object(fd);
    if (found < 0) {
        return lister_unreadable(lister, path, EIO);
    }
    if (found > 0) {
        const struct hangar_entry entry = {.struct_size = sizeof(entry),
                                           .flags = HANGAR_ENTRY_PREFIX};
        lister_insert(lister, path, &entry);
    }
    return HANGAR_OK;
}

static enum hangar_rc lister_add(struct lister *lister, int dir, const char *path,
                                 const struct dirent *found)
{
    unsigned char type = found->d_type;
    if (!local_is_component(found->d_name)) {
        return HANGAR_OK; /* a temporary file, or not of hangar */
    }
    if (type == DT_UNKNOWN) {
        struct stat st;
        if (fstatat(dir, found->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno == ENOENT ? HANGAR_OK : lister_unreadable(lister, path, errno);
        }
        type = (unsigned char)IFTODT(st.st_mode);
    }
    char name[NAME_SIZE_MAX + 2];
    int size =
        snprintf(name, sizeof(name), "%s%s%s", path, found->d_name, type == DT_DIR ? "/" : "");
    if (size >= (int)sizeof(name)) {
        return HANGAR_OK; /* too long for the name of an object */
    }
    if (type == DT_DIR) {
        return lister_add_directory(lister, dir, found->d_name, name);
    }
    if (type == DT_REG && size <= NAME_SIZE_MAX) {
        return lister_add_file(lister, dir, path, found->d_name, name);
    }
    return HANGAR_OK;
}

/* Closes `dir`.  `path` is "" for the root, else ends in a slash. */
static enum hangar_rc lister_walk(struct lister *lister, int dir, const char *path)
{
    enum hangar_rc rc = HANGAR_OK;
    DIR *stream = fdopendir(dir);
    if (!stream) {
        rc = lister_unreadable(lister, path, errno);
        close(dir);
        return rc;
    }
    while (rc == HANGAR_OK) {
        errno = 0;
        const struct dirent *found = readdir(stream);
        if (!found && errno) {
            rc = lister_unreadable(lister, path, errno);
        }
        if (!found) {
            break;
        }
        rc = lister_add(lister, dir, path, found);
    }
    closedir(stream);
    return rc;
}

/* The clock that sets the times of the files: on a network file system that is the server's, and
 * the clock of another host may be hours off.  It is read from a new file without a name
 * (O_TMPFILE), else from a named file that is removed at once.  Where no file can be made, nothing
 * can be removed either, and this machine's clock is sufficient. */
static int64_t lister_store_clock(int root)
{
    char name[TEMP_NAME_SIZE] = "";
    int64_t now_ms = clock_now_ms();
    int fd = root < 0 ? -1 : openat(root, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 && root >= 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        fd = local_make_temp(root, name);
    }
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        now_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    }
    if (name[0] != '\0') {
        unlinkat(root, name, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    return now_ms;
}

static enum hangar_rc lister_fill_page(const struct lister *lister, struct hangar_page *page)
{
    for (size_t i = 0; i < lister->count; i++) {
        lister->sorted[i]->entry.name = lister->sorted[i]->name;
        enum hangar_rc rc = lister->local->host->page_add(page, &lister->sorted[i]->entry);
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    const char *next = lister->more && lister->count ? lister->sorted[lister->count - 1]->name : "";
    snprintf(page->cursor, sizeof(page->cursor), "%s", next);
    page->store_time_ms = lister->store_ms;
    return HANGAR_OK;
}

enum hangar_rc local_list(void *inst, struct hangar_page *page)
{
    struct local_sink *local = inst;
    if (page->delimiter && page->delimiter != '/') {
        return local->host->fail(local->ctx, HANGAR_UNSUPPORTED, 0,
                                 "cannot list %s: the delimiter must be a slash", local->root);
    }
    struct lister lister = {.local = local, .page = page};
    struct list_item *items = calloc(PAGE_MAX + 1, sizeof(*items));
    if (!items) {
        return local_fail(local, ENOMEM, "list %s", local->root);
    }
    for (size_t i = 0; i <= PAGE_MAX; i++) {
        lister.sorted[i] = &items[i];
    }
    int root = -1;
    enum hangar_rc rc = local_open_root(local, false, &root);
    lister.store_ms = lister_store_clock(root);
    if (rc == HANGAR_OK) {
        rc = lister_walk(&lister, root, "");
    } else if (rc == HANGAR_NOT_FOUND) {
        rc = HANGAR_OK; /* nothing has been stored yet */
    }
    if (rc == HANGAR_OK) {
        rc = lister_fill_page(&lister, page);
    }
    free(items);
    return rc;
}
