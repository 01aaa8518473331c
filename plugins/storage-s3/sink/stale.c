/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * stale: uploads in parts that dead runs have left.  Nobody sees them, and they are paid
 * for.  One that belongs to a living run, here or on another host, gets a part now and
 * then; one to which nothing was added for `stale_after` is given up by everybody, and
 * removed.  Only such under our own prefix and with names as the core gives them count.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOUND_MAX 1000 /* per request, and removed per sweep: there is a next one */
#define PAGES_MAX 20   /* of the parts of an upload: 20 000 */

struct found {
    char *key, *id;
    int64_t time_ms;
};

/* A listing of uploads, or of the parts of one. */
struct sweep {
    struct s3 *s3;
    char key[S3_KEY_MAX + 1], id[2048], marker[32];
    int64_t time_ms, newest_ms;
    bool truncated, failed;
    size_t count;
    struct found items[FOUND_MAX];
};

static void clear(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->count; i++) {
        free(sweep->items[i].key);
        free(sweep->items[i].id);
    }
    sweep->count = 0;
}

static void keep(struct sweep *sweep)
{
    const char *own = sweep->s3->set.prefix;
    size_t skip = strlen(own);
    if (sweep->count == FOUND_MAX || strncmp(sweep->key, own, skip) ||
        !s3_name_valid(sweep->key + skip)) {
        return;
    }
    struct found *found = &sweep->items[sweep->count++];
    *found = (struct found){strdup(sweep->key), strdup(sweep->id), sweep->time_ms};
    sweep->failed = sweep->failed || !found->key || !found->id;
}

static bool copy(char *to, size_t size, const char *text)
{
    if (strlen(text) >= size) {
        return false;
    }
    strcpy(to, text);
    return true;
}

static bool take_upload(void *arg, const char *path, char *text)
{
    struct sweep *sweep = arg;
    if (!text) {
        clear(sweep);
        return true;
    }
    if (!strcmp(path, "ListMultipartUploadsResult/Upload/Key")) {
        return copy(sweep->key, sizeof(sweep->key), text);
    }
    if (!strcmp(path, "ListMultipartUploadsResult/Upload/UploadId")) {
        return copy(sweep->id, sizeof(sweep->id), text);
    }
    if (!strcmp(path, "ListMultipartUploadsResult/Upload/Initiated")) {
        sweep->time_ms = s3_parse_time(text);
    } else if (!strcmp(path, "ListMultipartUploadsResult/Upload")) {
        keep(sweep);
    }
    return !sweep->failed;
}

static bool take_part(void *arg, const char *path, char *text)
{
    struct sweep *sweep = arg;
    if (!text) {
        sweep->truncated = false;
    } else if (!strcmp(path, "ListPartsResult/Part/LastModified")) {
        int64_t time_ms = s3_parse_time(text);
        sweep->newest_ms = time_ms > sweep->newest_ms ? time_ms : sweep->newest_ms;
    } else if (!strcmp(path, "ListPartsResult/IsTruncated")) {
        sweep->truncated = !strcmp(text, "true");
    } else if (!strcmp(path, "ListPartsResult/NextPartNumberMarker")) {
        return copy(sweep->marker, sizeof(sweep->marker), text);
    }
    return true;
}

static enum hangar_rc ask(struct s3 *s3, const char *key, const struct s3_pair *query, size_t count,
                          s3_xml_element *element, struct sweep *sweep, struct s3_error *error)
{
    struct s3_answer answer;
    struct s3_xml *xml = s3_xml_new(element, sweep);
    if (!xml) {
        return s3_error_set(error, HANGAR_NO_MEMORY,
                            "cannot look for stale uploads: out of memory");
    }
    const struct s3_request request = {.method = "GET",
                                       .key = key,
                                       .query = query,
                                       .query_count = count,
                                       .hasty = true,
                                       .xml = xml};
    enum hangar_rc rc = s3_send(s3, &request, "look for stale uploads", &answer, error);
    s3_xml_free(xml);
    return rc;
}

/* Is it one that this very process is sending? */
static bool is_ours(struct s3 *s3, const char *id)
{
    bool ours = false;
    pthread_mutex_lock(&s3->sender.mutex);
    for (const struct s3_upload *upload = s3->sender.uploads; upload && !ours;
         upload = upload->next) {
        ours = upload->id && !strcmp(upload->id, id);
    }
    pthread_mutex_unlock(&s3->sender.mutex);
    return ours;
}

/* When something was added to it last; when that cannot be told, now. */
static int64_t newest_part(struct sweep *sweep, const struct found *found)
{
    struct s3_error error = {0};
    sweep->newest_ms = found->time_ms;
    strcpy(sweep->marker, "0");
    for (int page = 0; page < PAGES_MAX; page++) {
        const struct s3_pair query[] = {
            {"uploadId", found->id}, {"max-parts", "1000"}, {"part-number-marker", sweep->marker}};
        if (ask(sweep->s3, found->key, query, 3, take_part, sweep, &error)) {
            return INT64_MAX;
        }
        if (!sweep->truncated) {
            return sweep->newest_ms;
        }
    }
    return INT64_MAX;
}

static void remove_stale(struct sweep *sweep, const struct found *found)
{
    struct s3 *s3 = sweep->s3;
    struct s3_answer answer;
    struct s3_error error = {0};
    const struct s3_pair query = {"uploadId", found->id};
    const struct s3_request request = {
        .method = "DELETE", .key = found->key, .query = &query, .query_count = 1, .hasty = true};
    enum hangar_rc rc = s3_send(s3, &request, "remove a stale upload", &answer, &error);
    if (!rc) {
        s3->host->log(s3->ctx, HANGAR_LOG_INFO, "removed what a dead run had uploaded of %s",
                      found->key);
    } else if (rc != HANGAR_NOT_FOUND) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN, "%s",
                      *error.text ? error.text : "cannot remove a stale upload: the store refuses");
    }
}

enum hangar_rc s3_stale_sweep(struct s3 *s3, const char *prefix, bool remove, size_t *count,
                              struct s3_error *error)
{
    *count = 0;
    struct sweep *sweep = calloc(1, sizeof(*sweep));
    if (!sweep) {
        return s3_error_set(error, HANGAR_NO_MEMORY,
                            "cannot look for stale uploads: out of memory");
    }
    sweep->s3 = s3;
    const struct s3_pair query[] = {{"uploads", ""}, {"max-uploads", "1000"}, {"prefix", prefix}};
    enum hangar_rc rc = ask(s3, NULL, query, 3, take_upload, sweep, error);
    int64_t before_ms = s3_time_ms(s3) - s3->set.stale_after_ms;
    for (size_t i = 0; !rc && i < sweep->count; i++) {
        const struct found *found = &sweep->items[i];
        if (!found->time_ms || found->time_ms > before_ms || is_ours(s3, found->id) ||
            newest_part(sweep, found) > before_ms) {
            continue;
        }
        ++*count;
        if (remove) {
            remove_stale(sweep, found);
        }
    }
    clear(sweep);
    free(sweep);
    return rc;
}

void s3_stale_once(struct s3 *s3, const char *key)
{
    struct s3_error error = {0};
    char prefix[S3_KEY_MAX + 1];
    size_t count, own = strlen(s3->set.prefix);
    if (atomic_exchange(&s3->swept, true)) {
        return;
    }
    /* the folder of the pipeline; other folders are other pipelines', or other people's */
    size_t size = own + strcspn(key + own, "/");
    if (!key[size]) {
        return;
    }
    memcpy(prefix, key, size + 1);
    prefix[size + 1] = '\0';
    if (s3_stale_sweep(s3, prefix, true, &count, &error) && error.rc != HANGAR_CANCELLED) {
        s3->host->log(s3->ctx, HANGAR_LOG_DEBUG, "%s",
                      *error.text ? error.text
                                  : "cannot look for stale uploads: the store refuses");
    }
}
