/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * upload: the requests that store an object, whole or in parts.  They make sure that the store
 * has what was sent: the store checks a digest of each body, the ETag is compared where it is an
 * MD5, and the size of an object in parts is read at the end.
 *
 * The store may execute a request although its answer is lost.  When the request is sent again,
 * the store refuses it, because the object exists now (create-only) or the upload has ended.  Then
 * the mark in the metadata of the object shows whether this put stored it.  The mark is read after
 * every such refusal: curl repeats a request by itself when it finds an open connection closed, so
 * it is not known how often a request was sent.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "format/escape.h"
#include "random.h"

#define ID_MAX 2048
#define DAY_MS ((int64_t)86400 * 1000)

bool s3_mark_make(char mark[S3_MARK_SIZE])
{
    unsigned char random[(S3_MARK_SIZE - 1) / 2];
    if (!random_fill(random, sizeof(random))) {
        return false;
    }
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(mark + 2 * i, 3, "%02x", random[i]);
    }
    return true;
}

/* The headers of a new object. */
struct s3_object_headers {
    struct s3_pair pairs[12];
    size_t count;
    char lock_until[CLOCK_ISO_SIZE];
};

static void s3_headers_add(struct s3_object_headers *headers, const char *name, const char *value)
{
    if (value) {
        headers->pairs[headers->count++] = (struct s3_pair){name, value};
    }
}

static void s3_headers_make(const struct s3_upload *upload, struct s3_object_headers *headers)
{
    struct s3 *s3 = upload->s3;
    const struct s3_settings *set = &s3->set;
    headers->count = 0;
    headers->lock_until[0] = '\0';
    s3_headers_add(headers, S3_MARK_HEADER, upload->mark);
    s3_headers_add(headers, "content-type", "application/octet-stream");
    if (upload->plain) {
        return;
    }
    for (size_t i = 0; i < set->object_header_count; i++) {
        s3_headers_add(headers, set->object_headers[i].name, set->object_headers[i].value);
    }
    if (set->lock_mode && set->lock_days) {
        clock_format(s3_time_ms(&s3->wire) + set->lock_days * DAY_MS, CLOCK_ISO,
                     headers->lock_until, sizeof(headers->lock_until));
        s3_headers_add(headers, "x-amz-object-lock-mode", set->lock_mode);
        s3_headers_add(headers, "x-amz-object-lock-retain-until-date", headers->lock_until);
    }
}

/* A store that supports the checksum returns what it computed of the body. */
static enum hangar_rc s3_upload_check_checksum(const struct s3_upload *upload,
                                               const struct s3_answer *answer,
                                               struct failure *failure)
{
    struct s3 *s3 = upload->s3;
    if (!*answer->sent_checksum) {
        return HANGAR_OK;
    }
    int known = *answer->checksum ? S3_YES : S3_NO;
    if (atomic_exchange(&s3->wire.checksums, known) != known && known == S3_NO) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "this store ignores checksum: %s; the other digests still protect what is "
                      "sent; hint: remove the option checksum",
                      s3->set.checksum->name);
    }
    if (known == S3_NO && answer->sent_checksum_only) { /* it returned one before */
        return failure_record(failure, HANGAR_IO, "cannot %s: the store returned no checksum",
                              upload->action);
    }
    if (known == S3_NO || strcmp(answer->checksum, answer->sent_checksum) == 0) {
        return HANGAR_OK;
    }
    return failure_record(
        failure, HANGAR_CORRUPT,
        "cannot %s: the checksum of what the store has differs from what was sent", upload->action);
}

/* The ETag of a body is its MD5, unless a key service encrypts the object. */
static enum hangar_rc s3_upload_check_etag(const struct s3_upload *upload,
                                           const struct s3_answer *answer, struct failure *failure)
{
    if (!*answer->sent_md5 || strlen(answer->etag) != S3_MD5_HEX - 1 || upload->s3->set.kms_key ||
        strncmp(answer->sse, "aws:kms", 7) == 0 ||
        strcasecmp(answer->etag, answer->sent_md5) == 0) {
        return s3_upload_check_checksum(upload, answer, failure);
    }
    return failure_record(
        failure, HANGAR_CORRUPT,
        "cannot %s: the ETag of what the store has is not the MD5 of what was "
        "sent; hint: if the ETags of this store are not MD5, set sign_payload: yes",
        upload->action);
}

void s3_warn_weak_create_only(struct s3 *s3)
{
    if (!atomic_exchange(&s3->weak_warned, true)) {
        s3->host->log(
            s3->ctx, HANGAR_LOG_WARN,
            "this store cannot refuse to replace an object (If-None-Match): hangar checks "
            "first that there is none; hint: give each host a prefix of its own");
    }
}

static enum hangar_rc s3_upload_exists(const struct s3_upload *upload, struct failure *failure)
{
    return failure_record(failure, HANGAR_EXISTS, "cannot %s: the object exists already",
                          upload->action);
}

/* Before an object is stored create-only: checks that there is none, unless the store is known to
 * check it.  Some stores ignore the condition without reporting that. */
static enum hangar_rc s3_upload_check_free(const struct s3_upload *upload, struct failure *failure)
{
    if (!upload->create_only || atomic_load(&upload->s3->create_only) == S3_YES) {
        return HANGAR_OK;
    }
    struct s3_answer answer;
    enum hangar_rc rc = s3_head(upload->s3, upload->key, upload->action, &answer, failure);
    if (rc == HANGAR_OK) {
        return s3_upload_exists(upload, failure);
    }
    return rc == HANGAR_NOT_FOUND ? HANGAR_OK : rc;
}

/* Did this put store the object that exists?  HANGAR_OK: yes, and `answer` describes it. */
static enum hangar_rc s3_upload_check_own(const struct s3_upload *upload, struct s3_answer *answer,
                                          struct failure *failure)
{
    enum hangar_rc rc = s3_head(upload->s3, upload->key, upload->action, answer, failure);
    if (rc == HANGAR_NOT_FOUND) {
        return failure_record(failure, HANGAR_IO, "cannot %s: the store has lost the object",
                              upload->action);
    }
    if (rc == HANGAR_OK && strcmp(answer->mark, upload->mark) != 0) {
        return s3_upload_exists(upload, failure);
    }
    return rc;
}

/* Sends a request that makes an object visible, with a condition if it is create-only.  If the
 * store does not support the condition, sends it again without. */
static enum hangar_rc s3_upload_send_visible(const struct s3_upload *upload,
                                             struct s3_request *request, struct s3_pair *condition,
                                             struct s3_answer *answer, struct failure *failure)
{
    struct s3 *s3 = upload->s3;
    bool conditional = upload->create_only && atomic_load(&s3->create_only) != S3_NO;
    *condition = conditional ? (struct s3_pair){"if-none-match", "*"} : (struct s3_pair){0};
    enum hangar_rc rc = s3_send(&s3->wire, request, upload->action, answer, failure);
    if (conditional && rc == HANGAR_UNSUPPORTED) {
        atomic_store(&s3->create_only, S3_NO);
        *condition = (struct s3_pair){0};
        rc = s3_send(&s3->wire, request, upload->action, answer, failure);
    }
    if (upload->create_only && atomic_load(&s3->create_only) == S3_NO) {
        s3_warn_weak_create_only(s3);
    }
    return rc;
}

enum hangar_rc s3_upload_whole(struct s3_upload *upload, const void *data, size_t size,
                               struct hangar_entry *entry, struct failure *failure)
{
    struct s3 *s3 = upload->s3;
    struct s3_object_headers headers;
    struct s3_answer answer = {0};
    s3_headers_make(upload, &headers);
    struct s3_pair *condition = &headers.pairs[headers.count++];
    struct s3_request request = {.method = "PUT",
                                 .key = upload->key,
                                 .headers = headers.pairs,
                                 .header_count = headers.count,
                                 .body = data,
                                 .body_size = size,
                                 .md5 = *headers.lock_until != '\0',
                                 .object_data = !upload->plain};
    enum hangar_rc rc = s3_upload_check_free(upload, failure);
    if (rc == HANGAR_OK) {
        rc = s3_upload_send_visible(upload, &request, condition, &answer, failure);
    }
    if (rc == HANGAR_EXISTS && failure->rc == HANGAR_OK) {
        atomic_store(&s3->create_only, S3_YES);
        rc = s3_upload_check_own(upload, &answer, failure);
        if (rc == HANGAR_OK) {
            s3_entry_fill(entry, &answer);
            return HANGAR_OK;
        }
    }
    if (rc != HANGAR_OK) {
        s3_answer_report(&s3->wire, &answer, upload->action, 1, failure, rc);
        return rc;
    }
    rc = s3_upload_check_etag(upload, &answer, failure);
    answer.length = size;
    if (rc == HANGAR_OK) {
        s3_entry_fill(entry, &answer);
    }
    return rc;
}

static bool s3_upload_on_id(void *arg, const char *path, char *text)
{
    char **id = arg;
    if (text && strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 &&
        strlen(text) <= ID_MAX && !*id) {
        *id = strdup(text);
    }
    return true;
}

/* Records that an upload of this instance begins or ends: stale.c must not remove it. */
static void s3_upload_register(struct s3_upload *upload, bool begun)
{
    struct s3_workers *workers = &upload->s3->workers;
    pthread_mutex_lock(&workers->mutex);
    struct s3_upload **at = &upload->s3->uploads;
    while (!begun && *at && *at != upload) {
        at = &(*at)->next;
    }
    if (begun) {
        upload->next = *at;
        *at = upload;
    } else if (*at) {
        *at = upload->next;
    }
    pthread_mutex_unlock(&workers->mutex);
}

static void s3_upload_close(struct s3_upload *upload)
{
    s3_upload_register(upload, false);
    free(upload->id);
    upload->id = NULL;
}

enum hangar_rc s3_upload_begin(struct s3_upload *upload, struct failure *failure)
{
    struct s3_object_headers headers;
    const struct s3_pair query = {"uploads", ""};
    s3_headers_make(upload, &headers);
    if (!upload->plain && upload->s3->set.checksum) {
        s3_headers_add(&headers, "x-amz-checksum-algorithm", upload->s3->set.checksum->algorithm);
    }
    const struct s3_request request = {.method = "POST",
                                       .key = upload->key,
                                       .query = &query,
                                       .query_count = 1,
                                       .headers = headers.pairs,
                                       .header_count = headers.count,
                                       .root = "InitiateMultipartUploadResult",
                                       .on_element = s3_upload_on_id,
                                       .arg = &upload->id};
    struct s3_answer answer;
    enum hangar_rc rc = s3_send(&upload->s3->wire, &request, upload->action, &answer, failure);
    if (rc == HANGAR_OK && upload->id) {
        s3_upload_register(upload, true);
        return HANGAR_OK;
    }
    if (rc == HANGAR_OK) {
        rc = failure_record(failure, HANGAR_IO,
                            "cannot %s: the store returned no id for an upload in parts",
                            upload->action);
    }
    s3_answer_report(&upload->s3->wire, &answer, upload->action, 1, failure, rc);
    return rc;
}

enum hangar_rc s3_upload_next(struct s3_upload *upload, size_t *number, struct failure *failure)
{
    if (upload->parts == upload->capacity) {
        size_t capacity = upload->capacity ? upload->capacity * 2 : 16;
        char **tags = realloc(upload->tags, capacity * sizeof(*tags));
        if (!tags) {
            return failure_no_memory(failure, "%s", upload->action);
        }
        upload->tags = tags;
        upload->capacity = capacity;
    }
    upload->tags[upload->parts++] = NULL;
    *number = upload->parts;
    return HANGAR_OK;
}

/* The XML of a part in the request that completes the upload. */
static char *s3_upload_describe_part(const struct s3_upload *upload, const struct s3_answer *answer)
{
    struct text text = {0};
    const char *element = upload->s3->set.checksum ? upload->s3->set.checksum->element : NULL;
    text_add(&text, "<ETag>\"");
    s3_add_xml(&text, answer->etag);
    text_add(&text, "\"</ETag>");
    if (*answer->checksum) {
        text_addf(&text, "<%s>", element);
        s3_add_xml(&text, answer->checksum);
        text_addf(&text, "</%s>", element);
    }
    char *described = text.failed ? NULL : strdup(text.data);
    text_free(&text);
    return described;
}

enum hangar_rc s3_upload_part(struct s3_upload *upload, size_t number, const void *data,
                              size_t size, char **tag, struct failure *failure)
{
    char text[24];
    snprintf(text, sizeof(text), "%zu", number);
    const struct s3_pair query[] = {{"partNumber", text}, {"uploadId", upload->id}};
    const struct s3_request request = {.method = "PUT",
                                       .key = upload->key,
                                       .query = query,
                                       .query_count = 2,
                                       .body = data,
                                       .body_size = size,
                                       .object_data = !upload->plain,
                                       .stop = upload->stop};
    struct s3_answer answer;
    enum hangar_rc rc = s3_send(&upload->s3->wire, &request, upload->action, &answer, failure);
    if (rc != HANGAR_OK) {
        return failure_record(failure, rc == HANGAR_NOT_FOUND ? HANGAR_IO : rc,
                              "cannot %s: its upload in parts does not exist any more",
                              upload->action);
    }
    rc = s3_upload_check_etag(upload, &answer, failure);
    if (rc != HANGAR_OK) {
        return rc;
    }
    *tag = s3_upload_describe_part(upload, &answer);
    return *tag ? HANGAR_OK : failure_no_memory(failure, "%s", upload->action);
}

/* The body must be valid XML, but its elements do not matter. */
static bool s3_upload_on_any(void *arg, const char *path, char *text)
{
    (void)arg;
    (void)path;
    (void)text;
    return true;
}

static enum hangar_rc s3_upload_send_complete(struct s3_upload *upload, const struct text *body,
                                              struct s3_answer *answer, struct failure *failure)
{
    const struct s3_pair query = {"uploadId", upload->id};
    struct s3_pair headers[] = {{"content-type", "application/xml"}, {NULL, NULL}};
    struct s3_request request = {.method = "POST",
                                 .key = upload->key,
                                 .query = &query,
                                 .query_count = 1,
                                 .headers = headers,
                                 .header_count = 2,
                                 .body = body->data,
                                 .body_size = body->size,
                                 .slow = true,
                                 .root = "CompleteMultipartUploadResult",
                                 .on_element = s3_upload_on_any};
    return s3_upload_send_visible(upload, &request, &headers[1], answer, failure);
}

/* Checks that the object that exists is the one that this put has sent. */
static enum hangar_rc s3_upload_check_stored(const struct s3_upload *upload,
                                             struct hangar_entry *entry, struct failure *failure)
{
    struct s3_answer answer;
    enum hangar_rc rc = s3_upload_check_own(upload, &answer, failure);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (answer.length != upload->size) {
        const struct s3_request request = {.method = "DELETE", .key = upload->key};
        struct s3_answer ignored;
        struct failure ignored_failure = {0};
        rc = failure_record(failure, HANGAR_CORRUPT,
                            "cannot %s: the store has %llu of %llu bytes; the object is removed",
                            upload->action, (unsigned long long)answer.length,
                            (unsigned long long)upload->size);
        s3_send(&upload->s3->wire, &request, upload->action, &ignored, &ignored_failure);
        return rc;
    }
    if (upload->continued && !s3_pieces_possible(upload->s3, answer.etag)) {
        return failure_record(failure, HANGAR_UNSUPPORTED,
                              "cannot %s: it is longer than max_parts parts, and the ETags of this "
                              "store do not contain the number of parts; hint: raise part_size",
                              upload->action);
    }
    s3_entry_fill(entry, &answer);
    return HANGAR_OK;
}

enum hangar_rc s3_upload_complete(struct s3_upload *upload, struct hangar_entry *entry,
                                  struct failure *failure)
{
    struct text body = {0};
    struct s3_answer answer = {0};
    text_add(&body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < upload->parts; i++) {
        text_addf(&body, "<Part><PartNumber>%zu</PartNumber>", i + 1);
        text_add(&body, upload->tags[i]);
        text_add(&body, "</Part>");
    }
    text_add(&body, "</CompleteMultipartUpload>");
    enum hangar_rc rc = body.failed ? failure_no_memory(failure, "%s", upload->action)
                                    : s3_upload_check_free(upload, failure);
    if (rc == HANGAR_OK) {
        rc = s3_upload_send_complete(upload, &body, &answer, failure);
    }
    text_free(&body);
    bool doubtful = (rc == HANGAR_NOT_FOUND || rc == HANGAR_EXISTS) && failure->rc == HANGAR_OK;
    if (rc != HANGAR_OK && !doubtful) {
        if (failure->rc == HANGAR_OK) {
            s3_answer_report(&upload->s3->wire, &answer, upload->action, 1, failure, rc);
        }
        return rc;
    }
    /* An upload that does not exist may have been completed by an earlier request.  One that was
     * refused, because another put stored the object first, still exists and must be aborted. */
    bool refused = rc == HANGAR_EXISTS;
    if (!refused) {
        s3_upload_close(upload);
    }
    rc = s3_upload_check_stored(upload, entry, failure);
    if (rc == HANGAR_OK && refused) {
        s3_upload_close(upload);
    }
    return rc;
}

void s3_upload_abort(struct s3_upload *upload)
{
    struct s3 *s3 = upload->s3;
    if (!upload->id) {
        return;
    }
    const struct s3_pair query = {"uploadId", upload->id};
    const struct s3_request request = {
        .method = "DELETE", .key = upload->key, .query = &query, .query_count = 1, .cleanup = true};
    struct s3_answer answer;
    struct failure failure = {0};
    enum hangar_rc rc = s3_send(&s3->wire, &request, "abort an upload in parts", &answer, &failure);
    if (rc != HANGAR_OK && rc != HANGAR_NOT_FOUND) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "%s; its parts use space until a later run removes them (stale_after)",
                      *failure.text ? failure.text : "cannot abort an upload in parts");
    }
    s3_upload_close(upload);
}

void s3_upload_free(struct s3_upload *upload)
{
    for (size_t i = 0; i < upload->parts; i++) {
        free(upload->tags[i]);
    }
    free(upload->tags);
    upload->tags = NULL;
    upload->parts = upload->capacity = 0;
}

bool s3_upload_is_own(struct s3 *s3, const char *id)
{
    bool own = false;
    pthread_mutex_lock(&s3->workers.mutex);
    for (const struct s3_upload *upload = s3->uploads; upload && !own; upload = upload->next) {
        own = upload->id && strcmp(upload->id, id) == 0;
    }
    pthread_mutex_unlock(&s3->workers.mutex);
    return own;
}
