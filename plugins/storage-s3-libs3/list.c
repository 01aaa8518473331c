/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: pages of names.  libs3 takes a listing that was cut short, or an <Error> in its
 * place, for a whole one; a backup that is missing from it would be taken for gone.  So
 * a page counts when two answers in a row are the same.
 */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MOST 1000
#define ANSWERS_MOST 8 /* somebody may be writing there meanwhile */

struct item {
    char *name; /* without the prefix of the sink; NULL: none of ours */
    uint64_t size;
    int64_t time_ms;
    bool prefix;
    char etag[128];
};

/* An answer. */
struct answer {
    struct item *items;
    size_t count;
    bool more, failed;   /* there are further names; there was no memory for all */
    char last[KEY_SIZE]; /* the greatest key of all, also of those that are not ours */
};

struct listing {
    struct driver *driver;
    const char *delimiter;
    char prefix[KEY_SIZE], marker[KEY_SIZE];
    struct answer *answer; /* that is coming in */
};

static void free_answer(struct answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        free(answer->items[i].name);
    }
    free(answer->items);
    *answer = (struct answer){0};
}

static void add(struct listing *listing, const char *key, bool prefix, uint64_t size,
                int64_t seconds, const char *etag)
{
    struct answer *answer = listing->answer;
    size_t cut = strlen(listing->driver->prefix), length = strlen(key);
    if (length >= KEY_SIZE || strncmp(key, listing->driver->prefix, cut) != 0) {
        answer->failed = true;
        return;
    }
    if (strcmp(key, answer->last) > 0) {
        memcpy(answer->last, key, length + 1);
    }
    char *name = strdup(key + cut);
    if (!name || answer->count == PAGE_MOST) {
        answer->failed = true;
        free(name);
        return;
    }
    struct item *item = &answer->items[answer->count++];
    *item = (struct item){
        .name = name, .size = size, .time_ms = seconds > 0 ? seconds * 1000 : 0, .prefix = prefix};
    size_t etag_size = etag ? strlen(etag) : 0;
    if (etag_size >= 2 && *etag == '"' && etag[etag_size - 1] == '"') {
        etag++;
        etag_size -= 2;
    }
    snprintf(item->etag, sizeof(item->etag), "%.*s", (int)etag_size, etag ? etag : "");
}

static S3Status on_names(int truncated, const char *next, int count,
                         const S3ListBucketContent *contents, int prefixes, const char **names,
                         void *arg)
{
    struct call *call = arg;
    struct listing *listing = call->data;
    (void)next; /* the greatest name is the same, and always there */
    call_moved(call);
    listing->answer->more = truncated;
    for (int i = 0; i < count; i++) {
        add(listing, contents[i].key, false, contents[i].size, contents[i].lastModified,
            contents[i].eTag);
    }
    for (int i = 0; i < prefixes; i++) {
        add(listing, names[i], true, 0, 0, NULL);
    }
    return S3StatusOK;
}

static void begin_list(struct call *call, S3RequestContext *context)
{
    struct listing *listing = call->data;
    struct item *items = listing->answer->items;
    S3ListBucketHandler handler = {call_handler, on_names};
    for (size_t i = 0; i < listing->answer->count; i++) {
        free(items[i].name);
    }
    *listing->answer = (struct answer){.items = items};
    S3_list_bucket(&listing->driver->bucket, listing->prefix,
                   *listing->marker ? listing->marker : NULL, listing->delimiter, PAGE_MOST,
                   context, LIBS3_HANDLER(&handler), call);
}

static S3Status judge_list(struct call *call)
{
    struct listing *listing = call->data;
    const struct answer *answer = listing->answer;
    if (!answer->failed && (!answer->more || *answer->last)) {
        return S3StatusOK;
    }
    snprintf(call->problem, sizeof(call->problem), "the listing cannot be understood");
    return S3StatusXmlParseFailure;
}

static bool is_same(const struct answer *a, const struct answer *b)
{
    if (a->count != b->count || a->more != b->more || strcmp(a->last, b->last) != 0) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct item *x = &a->items[i], *y = &b->items[i];
        if (x->size != y->size || x->prefix != y->prefix || strcmp(x->name, y->name) != 0 ||
            strcmp(x->etag, y->etag) != 0) {
            return false;
        }
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

/* A prefix ends in its delimiter; what is before that is a name. */
static bool is_ours(const struct item *item)
{
    char name[NAME_MAX_BYTES + 2];
    size_t size = strlen(item->name);
    if (!item->prefix) {
        return driver_is_name(item->name);
    }
    if (size < 2 || size > NAME_MAX_BYTES || item->name[size - 1] != '/') {
        return false;
    }
    memcpy(name, item->name, size - 1);
    name[size - 1] = '\0';
    return driver_is_name(name);
}

static enum hangar_rc give(struct driver *driver, struct hangar_page *page, struct answer *answer)
{
    size_t cut = strlen(driver->prefix);
    qsort(answer->items, answer->count, sizeof(*answer->items), compare);
    for (size_t i = 0; i < answer->count; i++) {
        const struct item *item = &answer->items[i];
        struct hangar_entry entry = {.struct_size = sizeof(entry),
                                     .flags = item->prefix ? HANGAR_ENTRY_PREFIX : 0,
                                     .name = item->name,
                                     .size = item->size,
                                     .time_ms = item->time_ms};
        memcpy(entry.etag, item->etag, sizeof(entry.etag));
        enum hangar_rc rc = is_ours(item) ? driver->host->page_add(page, &entry) : HANGAR_OK;
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    snprintf(page->cursor, sizeof(page->cursor), "%s", answer->more ? answer->last + cut : "");
    return HANGAR_OK;
}

/* Asks until two answers in a row are the same; *which is theirs. */
static enum hangar_rc ask(struct listing *listing, struct answer answers[2], int *which)
{
    struct driver *driver = listing->driver;
    struct call call = {.driver = driver,
                        .verb = "list",
                        .name = listing->prefix,
                        .data = listing,
                        .missing_is_told = true};
    for (int i = 0; i < ANSWERS_MOST; i++) {
        listing->answer = &answers[i % 2];
        enum hangar_rc rc = call_run(&call, begin_list, judge_list);
        if (rc != HANGAR_OK) {
            return rc;
        }
        *which = i % 2;
        if (i && is_same(&answers[0], &answers[1])) {
            return HANGAR_OK;
        }
    }
    return driver->host->fail(driver->ctx, HANGAR_RETRY, 0,
                              "cannot list %s in %s: it changes all the time", listing->prefix,
                              driver->description);
}

enum hangar_rc libs3_list(void *inst, struct hangar_page *page)
{
    struct driver *driver = inst;
    const char delimiter[2] = {page->delimiter, '\0'};
    struct answer answers[2] = {0};
    struct listing listing = {.driver = driver, .delimiter = page->delimiter ? delimiter : NULL};
    int which = 0;
    enum hangar_rc rc = HANGAR_NO_MEMORY;
    int size = snprintf(listing.prefix, KEY_SIZE, "%s%s", driver->prefix, page->prefix);
    int marker = *page->cursor
                     ? snprintf(listing.marker, KEY_SIZE, "%s%s", driver->prefix, page->cursor)
                     : 0;
    if (size >= KEY_SIZE || marker >= KEY_SIZE) {
        return driver->host->fail(driver->ctx, HANGAR_CONFIG, 0, "cannot list %s: it is too long",
                                  page->prefix);
    }
    for (int i = 0; i < 2; i++) {
        answers[i].items = calloc(PAGE_MOST, sizeof(*answers[i].items));
    }
    if (answers[0].items && answers[1].items) {
        rc = ask(&listing, answers, &which);
    } else {
        driver->host->fail(driver->ctx, rc, 0, "cannot list %s: out of memory", page->prefix);
    }
    if (rc == HANGAR_OK) {
        rc = give(driver, page, &answers[which]);
    }
    free_answer(&answers[0]);
    free_answer(&answers[1]);
    return rc;
}
