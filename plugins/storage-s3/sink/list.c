/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: a page of names.  The store returns objects and common prefixes in two lists, each in
 * order; this file merges them.  It skips keys that hangar cannot have stored.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "format/escape.h"

#define PAGE_MAX 1000

struct s3_list_item {
    struct hangar_entry entry;
    char *name;
};

struct s3_listing {
    struct s3 *s3;
    size_t count, received; /* items, and all that the store has listed */
    bool failed, escaped;
    bool truncated, complete;  /* the value of IsTruncated; neither: the store sends none */
    struct hangar_entry entry; /* the one that is being read */
    char key[3 * S3_KEY_MAX + 1], last[S3_KEY_MAX + 1], token[3 * 1024];
    struct s3_list_item items[PAGE_MAX];
};

static void s3_list_clear(struct s3_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->items[i].name);
    }
    listing->count = 0;
}

/* Adds an object or prefix that was read, if hangar can have stored it. */
static void s3_list_add_item(struct s3_listing *listing, bool prefix)
{
    const char *own = listing->s3->set.prefix;
    size_t skip = strlen(own), size = strlen(listing->key);
    struct hangar_entry entry = listing->entry;
    listing->entry = (struct hangar_entry){.struct_size = sizeof(entry)};
    if (strncmp(listing->key, own, skip) != 0) {
        return;
    }
    char name[S3_KEY_MAX + 1];
    memcpy(name, listing->key + skip, size - skip + 1);
    size -= skip;
    if (prefix && size && name[size - 1] == '/') {
        name[size - 1] = '\0';
    }
    if (!s3_is_valid_name(name)) {
        return;
    }
    if (prefix) {
        entry = (struct hangar_entry){.struct_size = sizeof(entry), .flags = HANGAR_ENTRY_PREFIX};
        name[size - 1] = '/';
    }
    struct s3_list_item *item = &listing->items[listing->count];
    if (listing->count == PAGE_MAX || !(item->name = strdup(name))) {
        listing->failed = true;
        return;
    }
    item->entry = entry;
    listing->count++;
}

static bool s3_list_set_key(struct s3_listing *listing, char *text)
{
    if (strlen(text) >= sizeof(listing->key)) {
        return false;
    }
    strcpy(listing->key, text);
    return true;
}

static void s3_list_set_etag(struct s3_listing *listing, char *text)
{
    size_t size = strlen(text);
    if (size >= 2 && text[0] == '"' && text[size - 1] == '"') {
        text[size - 1] = '\0';
        text++;
    }
    snprintf(listing->entry.etag, sizeof(listing->entry.etag), "%s", text);
}

static bool s3_list_on_element(void *arg, const char *path, char *text)
{
    struct s3_listing *listing = arg;
    if (!text) {
        s3_list_clear(listing);
        listing->received = 0;
        listing->escaped = listing->truncated = listing->complete = false;
        listing->token[0] = listing->last[0] = '\0';
        return true;
    }
    if (strncmp(path, "ListBucketResult/", 17) != 0) {
        return true;
    }
    path += 17;
    if (strcmp(path, "EncodingType") == 0) {
        listing->escaped = strcmp(text, "url") == 0;
    } else if (strcmp(path, "IsTruncated") == 0) {
        listing->truncated = strcmp(text, "true") == 0;
        listing->complete = strcmp(text, "false") == 0;
    } else if (strcmp(path, "NextContinuationToken") == 0) {
        if (strlen(text) >= sizeof(listing->token)) {
            return false;
        }
        strcpy(listing->token, text);
    } else if (strcmp(path, "Contents/Size") == 0) {
        listing->entry.size = strtoull(text, NULL, 10);
    } else if (strcmp(path, "Contents/LastModified") == 0) {
        clock_parse(text, &listing->entry.time_ms);
    } else if (strcmp(path, "Contents/ETag") == 0) {
        s3_list_set_etag(listing, text);
    } else if (strcmp(path, "Contents/Key") == 0 || strcmp(path, "CommonPrefixes/Prefix") == 0) {
        return s3_list_set_key(listing, text);
    } else if (strcmp(path, "Contents") == 0 || strcmp(path, "CommonPrefixes") == 0) {
        if (listing->escaped && !s3_unescape(listing->key)) {
            return false;
        }
        if (strlen(listing->key) > S3_KEY_MAX) {
            return false; /* no store allows such a key */
        }
        if (strcmp(listing->key, listing->last) > 0) {
            memcpy(listing->last, listing->key, strlen(listing->key) + 1);
        }
        listing->received++;
        s3_list_add_item(listing, strcmp(path, "CommonPrefixes") == 0);
        return !listing->failed;
    }
    return true;
}

static int s3_list_compare(const void *a, const void *b)
{
    return strcmp(((const struct s3_list_item *)a)->name, ((const struct s3_list_item *)b)->name);
}

static enum hangar_rc s3_list_request(struct s3_listing *listing, struct hangar_page *page,
                                      struct failure *failure)
{
    struct s3 *s3 = listing->s3;
    const struct s3_settings *set = &s3->set;
    char prefix[S3_KEY_MAX + 1], action[S3_ACTION_SIZE], delimiter[2] = {page->delimiter};
    if (snprintf(prefix, sizeof(prefix), "%s%s", set->prefix, page->prefix) >=
        (int)sizeof(prefix)) {
        return HANGAR_OK; /* no key is that long */
    }
    snprintf(action, sizeof(action), "list %s", set->description);
    struct s3_pair query[6] = {{"prefix", prefix}, {"max-keys", "1000"}, {"encoding-type", "url"}};
    size_t count = 3;
    if (*delimiter) {
        query[count++] = (struct s3_pair){"delimiter", delimiter};
    }
    if (!set->list_v1) {
        query[count++] = (struct s3_pair){"list-type", "2"};
    }
    if (*page->cursor) {
        query[count++] =
            (struct s3_pair){set->list_v1 ? "marker" : "continuation-token", page->cursor};
    }
    const struct s3_request request = {.method = "GET",
                                       .query = query,
                                       .query_count = count,
                                       .root = "ListBucketResult",
                                       .on_element = s3_list_on_element,
                                       .arg = listing};
    struct s3_answer answer;
    enum hangar_rc rc = s3_send(&s3->wire, &request, action, &answer, failure);
    if (rc != HANGAR_OK) {
        return failure_record(failure, rc, "cannot %s: the store refused (HTTP status %ld)", action,
                              answer.status);
    }
    page->store_time_ms = answer.date_ms;
    return HANGAR_OK;
}

/* Sets where the next page begins. */
static enum hangar_rc s3_list_set_cursor(struct s3_listing *listing, struct hangar_page *page,
                                         struct failure *failure)
{
    /* a full page ends the list only when the store reports the end */
    bool more = listing->truncated ||
                (!listing->complete && (listing->received >= PAGE_MAX || *listing->token));
    if (!more) {
        page->cursor[0] = '\0';
        return HANGAR_OK;
    }
    if (listing->s3->set.list_v1) { /* after the last key; not all stores return NextMarker */
        snprintf(listing->token, sizeof(listing->token), "%s", listing->last);
    }
    if (!*listing->token || strlen(listing->token) >= sizeof(page->cursor)) {
        return failure_record(
            failure, HANGAR_UNSUPPORTED,
            "cannot list %s: the store returned no valid continuation token; hint: "
            "set list_version: 1",
            listing->s3->set.description);
    }
    if (strcmp(page->cursor, listing->token) == 0) {
        return failure_record(failure, HANGAR_IO,
                              "cannot list %s: the store returned the same page again",
                              listing->s3->set.description);
    }
    strcpy(page->cursor, listing->token);
    return HANGAR_OK;
}

/* An object that is stored as several pieces has the size of all of them. */
static enum hangar_rc s3_list_add_sizes_of_pieces(struct s3_listing *listing,
                                                  struct failure *failure)
{
    struct s3 *s3 = listing->s3;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; i < listing->count && rc == HANGAR_OK; i++) {
        struct s3_list_item *item = &listing->items[i];
        char key[S3_KEY_MAX + 1], action[S3_ACTION_SIZE];
        struct s3_answer answer;
        if (!s3_pieces_possible(s3, item->entry.etag)) {
            continue;
        }
        s3_action(s3, "list", item->name, action);
        rc = s3_key(s3, item->name, key);
        if (rc == HANGAR_OK) {
            rc = s3_head_with_pieces(s3, key, action, &answer, failure);
        }
        if (rc == HANGAR_OK) {
            item->entry.size = answer.length;
        } else if (rc == HANGAR_NOT_FOUND && failure->rc == HANGAR_OK) {
            rc = HANGAR_OK; /* removed meanwhile */
        }
    }
    return rc;
}

enum hangar_rc s3_list(void *inst, struct hangar_page *page)
{
    struct s3 *s3 = inst;
    struct s3_listing *listing = calloc(1, sizeof(*listing));
    if (!listing) {
        return failure_raise_no_memory(s3->host, s3->ctx, "list %s", s3->set.description);
    }
    listing->s3 = s3;
    listing->entry.struct_size = sizeof(listing->entry);
    struct failure failure = {0};
    enum hangar_rc rc = s3_list_request(listing, page, &failure);
    if (rc == HANGAR_OK) {
        rc = s3_list_set_cursor(listing, page, &failure);
    }
    if (rc == HANGAR_OK) {
        rc = s3_list_add_sizes_of_pieces(listing, &failure);
    }
    qsort(listing->items, listing->count, sizeof(listing->items[0]), s3_list_compare);
    for (size_t i = 0; i < listing->count && rc == HANGAR_OK; i++) {
        listing->items[i].entry.name = listing->items[i].name;
        rc = s3->host->page_add(page, &listing->items[i].entry);
    }
    s3_list_clear(listing);
    free(listing);
    return failure.rc != HANGAR_OK ? failure_raise(&failure, s3->host, s3->ctx) : rc;
}
