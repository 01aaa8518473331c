/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * page: see page.h.
 */
#include "plugin/page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "plugin/call.h"

/* A listing ends, whatever a hostile store invents; a real one may have millions of objects, and
 * pages without an entry where many were removed. */
#define LIST_EMPTY_PAGES_MAX 10000 /* one after the other */
#define LIST_ENTRIES_MAX UINT64_C(100000000)

enum hangar_rc hg_page_add(struct hangar_page *page, const struct hangar_entry *entry)
{
    struct hg_page_entries *entries = page->core;
    if (entries->count == HG_PAGE_MAX) {
        return hg_fail(hg_call_error(), HANGAR_INTERNAL, 0,
                       "a page of a listing has more than %d entries", HG_PAGE_MAX);
    }
    if (!entry->name) {
        return hg_fail(hg_call_error(), HANGAR_INTERNAL, 0, "an entry of a listing has no name");
    }
    char *name = strdup(entry->name);
    if (!name || !HG_VEC_RESERVE(entries)) {
        free(name);
        entries->incomplete = true;
        return hg_no_memory(hg_call_error());
    }
    struct hg_page_entry *e = &entries->items[entries->count++];
    *e = (struct hg_page_entry){.name = name,
                                .size = entry->size,
                                .time_ms = entry->time_ms,
                                .is_prefix = (entry->flags & HANGAR_ENTRY_PREFIX) != 0,
                                .unreadable = (entry->flags & HANGAR_ENTRY_UNREADABLE) != 0};
    memcpy(e->etag, entry->etag, sizeof(e->etag));
    e->etag[sizeof(e->etag) - 1] = '\0';
    return HANGAR_OK;
}

static void page_clear(struct hg_page_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        free(entries->items[i].name);
    }
    entries->count = 0;
}

/* Names must ascend, within a page and over all pages.  Otherwise a sink could return the
 * same pages for ever. */
static bool page_ascends(const struct hg_page_entries *entries, struct hg_str *last)
{
    for (size_t i = 0; i < entries->count; i++) {
        const char *before = i ? entries->items[i - 1].name : hg_str_text(last);
        if (strcmp(before, entries->items[i].name) >= 0) {
            return false;
        }
    }
    if (entries->count) {
        hg_str_free(last);
        hg_str_add(last, entries->items[entries->count - 1].name);
    }
    return true;
}

enum hangar_rc hg_page_count_add(struct hg_page_count *count, size_t entries, const char *sink,
                                 struct hg_error *err)
{
    count->empty = entries ? 0 : count->empty + 1;
    count->all += entries;
    if (count->empty > LIST_EMPTY_PAGES_MAX || count->all > LIST_ENTRIES_MAX) {
        return hg_fail(
            err, HANGAR_IO, 0,
            "sink %s: the listing does not end: it has %s; hint: the store may be faulty", sink,
            count->all > LIST_ENTRIES_MAX ? "more than 100 million entries"
                                          : "10000 empty pages in a row");
    }
    return HANGAR_OK;
}

static enum hangar_rc page_list(struct hangar_ctx *sink, const char *prefix, char delimiter,
                                enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page,
                                                     struct hg_error *err),
                                void *arg, struct hg_error *err)
{
    struct hg_page_entries entries = {0};
    struct hangar_page page = {
        .struct_size = sizeof(page), .prefix = prefix, .delimiter = delimiter, .core = &entries};
    struct hg_str last = {0};
    struct hg_page_count count = {0};
    enum hangar_rc rc;
    do {
        page_clear(&entries);
        char before[sizeof(page.cursor)];
        memcpy(before, page.cursor, sizeof(before));
        rc = HG_CALL(sink, err, sink->plugin->sink.list(sink->inst, &page));
        page.cursor[sizeof(page.cursor) - 1] = '\0';
        bool stuck = page.cursor[0] && entries.count == 0 && strcmp(before, page.cursor) == 0;
        if (rc == HANGAR_OK && (stuck || !page_ascends(&entries, &last))) {
            rc = hg_fail(err, HANGAR_INTERNAL, 0, "sink %s: the listing is not in ascending order",
                         sink->name);
        }
        if (rc == HANGAR_OK && entries.incomplete) { /* also when the plugin ignored it */
            rc = hg_no_memory(err);
        }
        if (rc == HANGAR_OK) {
            rc = hg_page_count_add(&count, entries.count, sink->name, err);
        }
        rc = rc == HANGAR_OK ? hg_job_check(sink->job, err) : rc;
        if (rc == HANGAR_OK) {
            entries.store_time_ms = page.store_time_ms;
            rc = fn(arg, &entries, err);
        }
    } while (rc == HANGAR_OK && page.cursor[0]);
    hg_str_free(&last);
    page_clear(&entries);
    free(entries.items);
    return rc;
}

enum hangar_rc hg_page_fail_unreadable(struct hangar_ctx *sink, const char *folder,
                                       struct hg_error *err)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    char *inside = hg_format("%smanifest.json", folder);
    struct hg_error why = {0};
    enum hangar_rc rc =
        inside ? HG_CALL(sink, &why, sink->plugin->sink.stat(sink->inst, inside, &entry))
               : hg_no_memory(&why);
    free(inside);
    if (rc == HANGAR_OK || rc == HANGAR_NOT_FOUND) {
        hg_error_clear(&why);
        hg_fail(&why, HANGAR_IO, 0, "sink %s: cannot read folder %s", sink->name, folder);
    }
    return hg_error_move(err, &why);
}

/* A listing in which each folder must be readable. */
struct strict_listing {
    struct hangar_ctx *sink;
    enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page, struct hg_error *err);
    void *arg;
};

static enum hangar_rc page_refuse_unreadable(void *arg, const struct hg_page_entries *page,
                                             struct hg_error *err)
{
    const struct strict_listing *strict = arg;
    for (size_t i = 0; i < page->count; i++) {
        if (page->items[i].unreadable) {
            return hg_page_fail_unreadable(strict->sink, page->items[i].name, err);
        }
    }
    return strict->fn(strict->arg, page, err);
}

enum hangar_rc hg_sink_list(struct hangar_ctx *sink, const char *prefix, char delimiter,
                            enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page,
                                                 struct hg_error *err),
                            void *arg, struct hg_error *err)
{
    struct strict_listing strict = {.sink = sink, .fn = fn, .arg = arg};
    return page_list(sink, prefix, delimiter, page_refuse_unreadable, &strict, err);
}

enum hangar_rc hg_sink_list_unless_failed(
    struct hangar_ctx *sink, const char *prefix, char delimiter,
    enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page, struct hg_error *err),
    void *arg, struct hg_error *err)
{
    struct hg_error why = sink->list_error;
    if (why.rc == HANGAR_OK) {
        page_list(sink, prefix, delimiter, fn, arg, &why);
    }
    if (why.rc == HANGAR_IO || why.rc == HANGAR_RETRY) {
        sink->list_error = why;
    }
    return hg_error_move(err, &why);
}
