/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * page: lists the objects of a sink, page by page.
 */
#ifndef HG_PLUGIN_PAGE_H
#define HG_PLUGIN_PAGE_H

#include "plugin/context.h"

#define HG_PAGE_MAX 1000

/* The entries of one page; owned by the caller, zero it before use. */
struct hg_page_entries {
    struct hg_page_entry {
        char *name;
        uint64_t size;
        int64_t time_ms;
        char etag[128];
        bool is_prefix;
        bool unreadable; /* what is below this prefix, or a part of it, is not known */
    } *items;
    size_t count, capacity;
    bool incomplete;       /* an entry is missing: out of memory */
    int64_t store_time_ms; /* the store's clock at this page; 0: unknown */
};

/* What a listing has had so far; zero it before use. */
struct hg_page_count {
    uint64_t all;   /* entries */
    uint64_t empty; /* pages, one after the other */
};

/* Counts a page.  IO: there were more entries or empty pages than a listing may have. */
enum hangar_rc hg_page_count_add(struct hg_page_count *count, size_t entries, const char *sink,
                                 struct hg_error *err);

/* Lists all objects below `prefix`, or with a delimiter the common prefixes up to it.  Calls
 * fn for each page, whose entries live until fn returns.  A failure of fn ends the listing.  A
 * folder that cannot be read is a failure. */
enum hangar_rc hg_sink_list(struct hangar_ctx *sink, const char *prefix, char delimiter,
                            enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page,
                                                 struct hg_error *err),
                            void *arg, struct hg_error *err);

/* The same, for jobs that list several places in one sink.  When a listing has failed with
 * IO or RETRY, further calls in this job return the same error at once, and do not wait for
 * the sink again.  A folder that cannot be read is an entry (`unreadable`): fn must not take it
 * for an empty one.  For one thread at a time. */
enum hangar_rc hg_sink_list_unless_failed(
    struct hangar_ctx *sink, const char *prefix, char delimiter,
    enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page, struct hg_error *err),
    void *arg, struct hg_error *err);

/* Why the folder of an unreadable entry cannot be read: the sink is asked for an object in it. */
enum hangar_rc hg_page_fail_unreadable(struct hangar_ctx *sink, const char *folder,
                                       struct hg_error *err);

/* The host's page_add. */
enum hangar_rc hg_page_add(struct hangar_page *page, const struct hangar_entry *entry);

#endif
