/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * page: a page of a sink's listing, on the core's side.
 */
#ifndef HG_PAGE_H
#define HG_PAGE_H

#include "plugin/instance.h"

#define HG_PAGE_MAX 1000

/* The entries of one page; owned by the caller, zero it before use. */
struct hg_page_entries {
    struct hg_page_entry {
        char *name;
        uint64_t size;
        int64_t time_ms;
        char etag[128];
        bool is_prefix;
    } *items;
    size_t count, capacity;
    bool incomplete;       /* there was no memory for an entry */
    int64_t store_time_ms; /* the store's clock at this page; 0: unknown */
};

/* Lists everything below `prefix` (up to delimiter) page by page and calls fn for
 * each page, whose entries live until it returns; fn's failure ends the listing. */
enum hangar_rc hg_sink_list(struct hangar_ctx *sink, const char *prefix, char delimiter,
                            enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page,
                                                 struct hg_error *err),
                            void *arg, struct hg_error *err);

/* The same for whoever looks into the places of several pipelines: a sink that could not
 * be read (IO, RETRY: after all the tries of its own) is not waited for again in this
 * job, and the same error given at once.  One thread at a time. */
enum hangar_rc hg_sink_look(struct hangar_ctx *sink, const char *prefix, char delimiter,
                            enum hangar_rc (*fn)(void *arg, const struct hg_page_entries *page,
                                                 struct hg_error *err),
                            void *arg, struct hg_error *err);

/* The host's page_add. */
enum hangar_rc hg_page_add(struct hangar_page *page, const struct hangar_entry *entry);

#endif
