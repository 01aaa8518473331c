/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * stale: removes uploads in parts that dead runs have left.  They are invisible in listings, but
 * the store charges for them.  An upload of a live run, here or on another host, gets a part now
 * and then; one to which no part was added for `stale_after` is stale.  Uploads outside the prefix,
 * or with names that the core cannot have given, are ignored.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define ITEMS_MAX 1000 /* uploads in a sweep; the next sweep gets the others */
#define PAGES_MAX 20   /* of the list of parts of an upload, 20 000 parts */

struct s3_stale_item {
    char *key, *id;
    int64_t time_ms;
};

/* A listing of uploads, or of the parts of one. */
struct s3_stale_listing {
    struct s3 *s3;
    char key[S3_KEY_MAX + 1], id[2048], marker[32];
    int64_t time_ms, newest_ms;
    bool truncated, failed;
    size_t count;
    struct s3_stale_item items[ITEMS_MAX];
};

static void s3_stale_clear(struct s3_stale_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->items[i].key);
        free(listing->items[i].id);
    }
    listing->count = 0;
}

static void s3_stale_add_item(struct s3_stale_listing *listing)
{
    const char *own = listing->s3->set.prefix;
    size_t skip = strlen(own);
    if (listing->count == ITEMS_MAX || strncmp(listing->key, own, skip) != 0 ||
        !s3_is_valid_name(listing->key + skip)) {
        return;
    }
    struct s3_stale_item *item = &listing->items[listing->count++];
    *item = (struct s3_stale_item){strdup(listing->key), strdup(listing->id), listing->time_ms};
    listing->failed = listing->failed || !item->key || !item->id;
}

static bool s3_stale_copy(char *to, size_t size, const char *text)
{
    if (strlen(text) >= size) {
        return false;
    }
    strcpy(to, text);
    return true;
}

static bool s3_stale_on_upload(void *arg, const char *path, char *text)
{
    struct s3_stale_listing *listing = arg;
    if (!text) {
        s3_stale_clear(listing);
        return true;
    }
    if (strcmp(path, "ListMultipartUploadsResult/Upload/Key") == 0) {
        return s3_stale_copy(listing->key, sizeof(listing->key), text);
    }
    if (strcmp(path, "ListMultipartUploadsResult/Upload/UploadId") == 0) {
        return s3_stale_copy(listing->id, sizeof(listing->id), text);
    }
    if (strcmp(path, "ListMultipartUploadsResult/Upload/Initiated") == 0) {
        listing->time_ms = 0;
        clock_parse(text, &listing->time_ms);
    } else if (strcmp(path, "ListMultipartUploadsResult/Upload") == 0) {
        s3_stale_add_item(listing);
    }
    return !listing->failed;
}

static bool s3_stale_on_part(void *arg, const char *path, char *text)
{
    struct s3_stale_listing *listing = arg;
    if (!text) {
        listing->truncated = false;
    } else if (strcmp(path, "ListPartsResult/Part/LastModified") == 0) {
        int64_t time_ms = 0;
        clock_parse(text, &time_ms);
        listing->newest_ms = time_ms > listing->newest_ms ? time_ms : listing->newest_ms;
    } else if (strcmp(path, "ListPartsResult/IsTruncated") == 0) {
        listing->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(path, "ListPartsResult/NextPartNumberMarker") == 0) {
        return s3_stale_copy(listing->marker, sizeof(listing->marker), text);
    }
    return true;
}

/* Lists the parts of the upload of `key`, or all uploads when it is NULL. */
static enum hangar_rc s3_stale_request(struct s3_stale_listing *listing, const char *key,
                                       const struct s3_pair *query, size_t count,
                                       struct failure *failure)
{
    struct s3_answer answer;
    const struct s3_request request = {.method = "GET",
                                       .key = key,
                                       .query = query,
                                       .query_count = count,
                                       .few_tries = true,
                                       .root =
                                           key ? "ListPartsResult" : "ListMultipartUploadsResult",
                                       .on_element = key ? s3_stale_on_part : s3_stale_on_upload,
                                       .arg = listing};
    return s3_send(&listing->s3->wire, &request, "list stale uploads", &answer, failure);
}

/* When a part was added last.  INT64_MAX: unknown, so that the upload is not removed. */
static int64_t s3_stale_last_activity_ms(struct s3_stale_listing *listing,
                                         const struct s3_stale_item *item)
{
    struct failure failure = {0};
    listing->newest_ms = item->time_ms;
    strcpy(listing->marker, "0");
    for (int page = 0; page < PAGES_MAX; page++) {
        const struct s3_pair query[] = {
            {"uploadId", item->id}, {"max-parts", "1000"}, {"part-number-marker", listing->marker}};
        if (s3_stale_request(listing, item->key, query, 3, &failure) != HANGAR_OK) {
            return INT64_MAX;
        }
        if (!listing->truncated) {
            return listing->newest_ms;
        }
    }
    return INT64_MAX;
}

static void s3_stale_remove(struct s3_stale_listing *listing, const struct s3_stale_item *item)
{
    struct s3 *s3 = listing->s3;
    const struct s3_pair query = {"uploadId", item->id};
    const struct s3_request request = {
        .method = "DELETE", .key = item->key, .query = &query, .query_count = 1, .few_tries = true};
    struct s3_answer answer;
    struct failure failure = {0};
    enum hangar_rc rc = s3_send(&s3->wire, &request, "remove a stale upload", &answer, &failure);
    if (rc == HANGAR_OK) {
        s3->host->log(s3->ctx, HANGAR_LOG_INFO, "removed the unfinished upload of a dead run: %s",
                      item->key);
    } else if (rc != HANGAR_NOT_FOUND) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN, "%s",
                      *failure.text
                          ? failure.text
                          : "cannot remove a stale upload: the store refused the request");
    }
}

enum hangar_rc s3_stale_sweep(struct s3 *s3, const char *prefix, bool remove, size_t *count,
                              struct failure *failure)
{
    *count = 0;
    struct s3_stale_listing *listing = calloc(1, sizeof(*listing));
    if (!listing) {
        return failure_no_memory(failure, "list stale uploads");
    }
    listing->s3 = s3;
    const struct s3_pair query[] = {{"uploads", ""}, {"max-uploads", "1000"}, {"prefix", prefix}};
    enum hangar_rc rc = s3_stale_request(listing, NULL, query, 3, failure);
    int64_t before_ms = s3_time_ms(&s3->wire) - s3->set.stale_after_ms;
    for (size_t i = 0; rc == HANGAR_OK && i < listing->count; i++) {
        const struct s3_stale_item *item = &listing->items[i];
        if (!item->time_ms || item->time_ms > before_ms || s3_upload_is_own(s3, item->id) ||
            s3_stale_last_activity_ms(listing, item) > before_ms) {
            continue;
        }
        ++*count;
        if (remove) {
            s3_stale_remove(listing, item);
        }
    }
    s3_stale_clear(listing);
    free(listing);
    return rc;
}

void s3_stale_sweep_once(struct s3 *s3, const char *key)
{
    size_t count, own = strlen(s3->set.prefix);
    if (atomic_exchange(&s3->swept, true)) {
        return;
    }
    /* only the folder of the pipeline: other folders belong to other pipelines or programs */
    size_t size = own + strcspn(key + own, "/");
    if (!key[size]) {
        return;
    }
    char prefix[S3_KEY_MAX + 1];
    memcpy(prefix, key, size + 1);
    prefix[size + 1] = '\0';
    struct failure failure = {0};
    enum hangar_rc rc = s3_stale_sweep(s3, prefix, true, &count, &failure);
    if (rc != HANGAR_OK && failure.rc != HANGAR_CANCELLED) {
        s3->host->log(s3->ctx, HANGAR_LOG_DEBUG, "%s",
                      *failure.text ? failure.text
                                    : "cannot list stale uploads: the store refused the request");
    }
}
