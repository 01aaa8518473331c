/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: pages of names.  libs3 reports a listing that was cut short, or an <Error> instead of it,
 * as a success; a backup that is missing in it would be treated as removed.  So a page is valid
 * only when two consecutive answers are the same.
 */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000
#define REQUESTS_MAX 8 /* another host may be writing meanwhile */

struct libs3_item {
    char *name; /* without the prefix of the sink */
    uint64_t size;
    int64_t time_ms;
    bool prefix;
    char etag[128];
};

/* One answer to the request for a page. */
struct libs3_answer {
    struct libs3_item *items;
    size_t count;
    bool more, failed;   /* names follow on the next page; out of memory or not valid */
    char last[KEY_SIZE]; /* the greatest key, also of keys that hangar cannot have stored */
};

struct libs3_listing {
    struct driver *driver;
    const char *delimiter;
    char prefix[KEY_SIZE], marker[KEY_SIZE];
    struct libs3_answer *answer; /* that is being received */
};

static void libs3_list_clear(struct libs3_answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        free(answer->items[i].name);
    }
    free(answer->items);
    *answer = (struct libs3_answer){0};
}

static void libs3_list_add(struct libs3_listing *listing, const char *key, bool prefix,
                           uint64_t size, int64_t seconds, const char *etag)
{
    struct libs3_answer *answer = listing->answer;
    size_t cut = strlen(listing->driver->prefix), length = strlen(key);
    if (length >= KEY_SIZE || strncmp(key, listing->driver->prefix, cut) != 0) {
        answer->failed = true;
        return;
    }
    if (strcmp(key, answer->last) > 0) {
        memcpy(answer->last, key, length + 1);
    }
    char *name = strdup(key + cut);
    if (!name || answer->count == PAGE_MAX) {
        answer->failed = true;
        free(name);
        return;
    }
    struct libs3_item *item = &answer->items[answer->count++];
    *item = (struct libs3_item){
        .name = name, .size = size, .time_ms = seconds > 0 ? seconds * 1000 : 0, .prefix = prefix};
    size_t etag_size = etag ? strlen(etag) : 0;
    if (etag_size >= 2 && *etag == '"' && etag[etag_size - 1] == '"') {
        etag++;
        etag_size -= 2;
    }
    snprintf(item->etag, sizeof(item->etag), "%.*s", (int)etag_size, etag ? etag : "");
}

static S3Status libs3_list_on_names(int truncated, const char *next, int count,
                                    const S3ListBucketContent *contents, int prefixes,
                                    const char **names, void *arg)
{
    struct call *call = arg;
    struct libs3_listing *listing = call->data;
    (void)next; /* the greatest key is the same, and always known */
    call_progress(call);
    listing->answer->more = truncated;
    for (int i = 0; i < count; i++) {
        libs3_list_add(listing, contents[i].key, false, contents[i].size, contents[i].lastModified,
                       contents[i].eTag);
    }
    for (int i = 0; i < prefixes; i++) {
        libs3_list_add(listing, names[i], true, 0, 0, NULL);
    }
    return S3StatusOK;
}

static void libs3_list_begin(struct call *call, S3RequestContext *context)
{
    struct libs3_listing *listing = call->data;
    struct libs3_item *items = listing->answer->items;
    S3ListBucketHandler handler = {call_handler, libs3_list_on_names};
    for (size_t i = 0; i < listing->answer->count; i++) {
        free(items[i].name);
    }
    *listing->answer = (struct libs3_answer){.items = items};
    S3_list_bucket(&listing->driver->bucket, listing->prefix,
                   *listing->marker ? listing->marker : NULL, listing->delimiter, PAGE_MAX, context,
                   LIBS3_HANDLER(&handler), call);
}

static S3Status libs3_list_judge(struct call *call)
{
    struct libs3_listing *listing = call->data;
    const struct libs3_answer *answer = listing->answer;
    if (!answer->failed && (!answer->more || *answer->last)) {
        return S3StatusOK;
    }
    snprintf(call->problem, sizeof(call->problem), "the listing is not valid");
    return S3StatusXmlParseFailure;
}

static bool libs3_list_is_same(const struct libs3_answer *a, const struct libs3_answer *b)
{
    if (a->count != b->count || a->more != b->more || strcmp(a->last, b->last) != 0) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct libs3_item *x = &a->items[i], *y = &b->items[i];
        if (x->size != y->size || x->prefix != y->prefix || strcmp(x->name, y->name) != 0 ||
            strcmp(x->etag, y->etag) != 0) {
            return false;
        }
    }
    return true;
}

static int libs3_list_compare(const void *a, const void *b)
{
    return strcmp(((const struct libs3_item *)a)->name, ((const struct libs3_item *)b)->name);
}

/* Can hangar have stored it?  A prefix is a name with a delimiter at its end. */
static bool libs3_list_is_own(const struct libs3_item *item)
{
    size_t size = strlen(item->name);
    if (!item->prefix) {
        return driver_is_name(item->name);
    }
    if (size < 2 || size > NAME_MAX_BYTES || item->name[size - 1] != '/') {
        return false;
    }
    char name[NAME_MAX_BYTES + 2];
    memcpy(name, item->name, size - 1);
    name[size - 1] = '\0';
    return driver_is_name(name);
}

static enum hangar_rc libs3_list_emit(struct driver *driver, struct hangar_page *page,
                                      struct libs3_answer *answer)
{
    size_t cut = strlen(driver->prefix);
    qsort(answer->items, answer->count, sizeof(*answer->items), libs3_list_compare);
    for (size_t i = 0; i < answer->count; i++) {
        const struct libs3_item *item = &answer->items[i];
        struct hangar_entry entry = {.struct_size = sizeof(entry),
                                     .flags = item->prefix ? HANGAR_ENTRY_PREFIX : 0,
                                     .name = item->name,
                                     .size = item->size,
                                     .time_ms = item->time_ms};
        memcpy(entry.etag, item->etag, sizeof(entry.etag));
        enum hangar_rc rc =
            libs3_list_is_own(item) ? driver->host->page_add(page, &entry) : HANGAR_OK;
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    snprintf(page->cursor, sizeof(page->cursor), "%s", answer->more ? answer->last + cut : "");
    return HANGAR_OK;
}

/* Requests a page until two consecutive answers are the same; *which is the index of one. */
static enum hangar_rc libs3_list_request(struct libs3_listing *listing,
                                         struct libs3_answer answers[2], int *which)
{
    struct driver *driver = listing->driver;
    struct call call = {.driver = driver,
                        .verb = "list",
                        .name = listing->prefix,
                        .data = listing,
                        .missing_is_failure = true};
    for (int i = 0; i < REQUESTS_MAX; i++) {
        listing->answer = &answers[i % 2];
        enum hangar_rc rc = call_run(&call, libs3_list_begin, libs3_list_judge);
        if (rc != HANGAR_OK) {
            return rc;
        }
        *which = i % 2;
        if (i && libs3_list_is_same(&answers[0], &answers[1])) {
            return HANGAR_OK;
        }
    }
    return driver->host->fail(driver->ctx, HANGAR_RETRY, 0,
                              "cannot list %s in %s: %d consecutive answers differ",
                              listing->prefix, driver->description, REQUESTS_MAX);
}

enum hangar_rc libs3_list(void *inst, struct hangar_page *page)
{
    struct driver *driver = inst;
    const char delimiter[2] = {page->delimiter, '\0'};
    struct libs3_answer answers[2] = {0};
    struct libs3_listing listing = {.driver = driver,
                                    .delimiter = page->delimiter ? delimiter : NULL};
    int which = 0;
    enum hangar_rc rc = HANGAR_NO_MEMORY;
    int size = snprintf(listing.prefix, KEY_SIZE, "%s%s", driver->prefix, page->prefix);
    int marker = *page->cursor
                     ? snprintf(listing.marker, KEY_SIZE, "%s%s", driver->prefix, page->cursor)
                     : 0;
    if (size >= KEY_SIZE || marker >= KEY_SIZE) {
        return driver->host->fail(driver->ctx, HANGAR_CONFIG, 0,
                                  "cannot list %s: the prefix is too long", page->prefix);
    }
    for (int i = 0; i < 2; i++) {
        answers[i].items = calloc(PAGE_MAX, sizeof(*answers[i].items));
    }
    if (answers[0].items && answers[1].items) {
        rc = libs3_list_request(&listing, answers, &which);
    } else {
        failure_raise_no_memory(driver->host, driver->ctx, "list %s", page->prefix);
    }
    if (rc == HANGAR_OK) {
        rc = libs3_list_emit(driver, page, &answers[which]);
    }
    libs3_list_clear(&answers[0]);
    libs3_list_clear(&answers[1]);
    return rc;
}
