/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * upload: the requests that store an object, in one piece or in parts, and what makes sure
 * that what is stored is what was sent: the store checks a digest of each body, its tag is
 * compared where it is one, and the size of the whole is asked for at the end.
 *
 * A request to store may be carried out although its answer is lost.  Sent again it is
 * refused, as the object is there (create-only) or the upload is not any more.  Then the
 * mark that each put leaves with its object tells whether it was ours.  That is asked after
 * every such refusal: curl sends a request again by itself when a connection that had been
 * in use was closed, so we do not know how often it was sent.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "format/escape.h"

#define ID_MAX 2048
#define DAY_S 86400

void s3_make_mark(char mark[S3_MARK_SIZE])
{
    unsigned char random[(S3_MARK_SIZE - 1) / 2];
    while (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        ; /* interrupted before there was enough entropy, once after boot */
    for (size_t i = 0; i < sizeof(random); i++) {
        snprintf(mark + 2 * i, 3, "%02x", random[i]);
    }
}

/* The headers of a new object. */
struct object_headers {
    struct s3_pair pairs[12];
    size_t count;
    char lock_until[S3_ISO_SIZE];
};

static void add(struct object_headers *headers, const char *name, const char *value)
{
    if (value) {
        headers->pairs[headers->count++] = (struct s3_pair){name, value};
    }
}

static void make_headers(const struct s3_upload *upload, struct object_headers *headers)
{
    struct s3 *s3 = upload->s3;
    const struct s3_settings *set = &s3->set;
    headers->count = 0;
    headers->lock_until[0] = '\0';
    add(headers, S3_MARK_HEADER, upload->mark);
    add(headers, "content-type", "application/octet-stream");
    if (upload->plain) {
        return;
    }
    add(headers, "x-amz-storage-class", set->storage_class);
    add(headers, "x-amz-server-side-encryption", set->sse);
    add(headers, "x-amz-server-side-encryption-aws-kms-key-id", set->kms_key);
    add(headers, "x-amz-tagging", set->tags);
    if (set->lock_mode && set->lock_days) {
        s3_iso_time(s3_time_ms(s3) / 1000 + set->lock_days * DAY_S, headers->lock_until);
        add(headers, "x-amz-object-lock-mode", set->lock_mode);
        add(headers, "x-amz-object-lock-retain-until-date", headers->lock_until);
    }
}

void s3_entry_fill(struct hangar_entry *entry, const struct s3_answer *answer)
{
    entry->flags = 0;
    entry->name = NULL;
    entry->size = answer->length;
    entry->time_ms = answer->modified_ms;
    snprintf(entry->etag, sizeof(entry->etag), "%s", answer->etag);
}

/* A refusal in words: that of the same question with another method. */
static void ask_why(struct s3 *s3, const char *key, const char *what, struct s3_error *error)
{
    const struct s3_pair first_byte = {"range", "bytes=0-0"};
    const struct s3_request request = {
        .method = "GET", .key = key, .headers = &first_byte, .header_count = 1, .hasty = true};
    struct s3_answer answer;
    s3_send(s3, &request, what, &answer, error);
}

enum hangar_rc s3_head(struct s3 *s3, const char *key, const char *what, struct s3_answer *answer,
                       struct s3_error *error)
{
    const struct s3_request request = {.method = "HEAD", .key = key};
    struct s3_error bare = {0}; /* the answer to HEAD has no body to say why */
    enum hangar_rc rc = s3_send(s3, &request, what, answer, &bare);
    if (rc == HANGAR_AUTH || rc == HANGAR_CONFIG) {
        ask_why(s3, key, what, error);
    }
    if (bare.rc) {
        s3_error_set(error, bare.rc, "%s", bare.text);
    }
    if (rc && rc != HANGAR_NOT_FOUND) {
        s3_error_set(error, rc, "cannot %s: the store refuses to tell about it", what);
    }
    return rc;
}

/* A store that knows the checksum says in its answer what it made of the body. */
static enum hangar_rc check_checksum(const struct s3_upload *upload, const struct s3_answer *answer,
                                     struct s3_error *error)
{
    struct s3 *s3 = upload->s3;
    if (!*answer->sent_checksum) {
        return HANGAR_OK;
    }
    int known = *answer->checksum ? S3_YES : S3_NO;
    if (atomic_exchange(&s3->checksums, known) != known && known == S3_NO) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "this store does not know checksum: %s, and what it stores is compared "
                      "without; hint: leave the option checksum out",
                      s3->set.checksum->name);
    }
    if (known == S3_NO && answer->sent_bare) { /* it did know it a moment ago */
        return s3_error_set(error, HANGAR_IO, "cannot %s: the store does not tell its checksum",
                            upload->what);
    }
    if (known == S3_NO || !strcmp(answer->checksum, answer->sent_checksum)) {
        return HANGAR_OK;
    }
    return s3_error_set(error, HANGAR_CORRUPT,
                        "cannot %s: what the store has is not what was sent, by its checksum",
                        upload->what);
}

/* The store's tag of what was sent is its MD5, unless keys of its own come into it. */
static enum hangar_rc check_tag(const struct s3_upload *upload, const struct s3_answer *answer,
                                struct s3_error *error)
{
    if (!*answer->sent_md5 || strlen(answer->etag) != S3_MD5_HEX - 1 || upload->s3->set.kms_key ||
        !strncmp(answer->sse, "aws:kms", 7) || !strcasecmp(answer->etag, answer->sent_md5)) {
        return check_checksum(upload, answer, error);
    }
    return s3_error_set(error, HANGAR_CORRUPT,
                        "cannot %s: what the store has is not what was sent, by its etag; hint: if "
                        "its etags are no MD5, set sign_payload: yes",
                        upload->what);
}

void s3_tell_weak(struct s3 *s3)
{
    if (!atomic_exchange(&s3->weak_told, true)) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "this store cannot refuse to replace an object (If-None-Match): hangar looks "
                      "before it stores; hint: do not let two hosts write to the same prefix");
    }
}

static enum hangar_rc there_already(const struct s3_upload *upload, struct s3_error *error)
{
    return s3_error_set(error, HANGAR_EXISTS, "cannot %s: it is there already", upload->what);
}

/* Before something is stored create-only.  Unless the store is known to see to it, we look
 * ourselves: not every store that ignores the condition says so. */
static enum hangar_rc check_free(const struct s3_upload *upload, struct s3_error *error)
{
    struct s3_answer answer;
    if (!upload->create_only || atomic_load(&upload->s3->create_only) == S3_YES) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = s3_head(upload->s3, upload->key, upload->what, &answer, error);
    if (!rc) {
        return there_already(upload, error);
    }
    return rc == HANGAR_NOT_FOUND ? HANGAR_OK : rc;
}

/* Did we store what is there?  HANGAR_OK: yes, and `answer` is about it. */
static enum hangar_rc check_ours(const struct s3_upload *upload, struct s3_answer *answer,
                                 struct s3_error *error)
{
    enum hangar_rc rc = s3_head(upload->s3, upload->key, upload->what, answer, error);
    if (rc == HANGAR_NOT_FOUND) {
        return s3_error_set(error, HANGAR_IO, "cannot %s: the store has lost it", upload->what);
    }
    if (!rc && strcmp(answer->mark, upload->mark)) {
        return there_already(upload, error);
    }
    return rc;
}

/* Sends a request that makes an object visible, on condition if that is wanted.  A store
 * that does not know the condition gets it once more without. */
static enum hangar_rc send_visible(const struct s3_upload *upload, struct s3_request *request,
                                   struct s3_pair *condition, struct s3_answer *answer,
                                   struct s3_error *error)
{
    struct s3 *s3 = upload->s3;
    bool conditional = upload->create_only && atomic_load(&s3->create_only) != S3_NO;
    *condition = conditional ? (struct s3_pair){"if-none-match", "*"} : (struct s3_pair){0};
    enum hangar_rc rc = s3_send(s3, request, upload->what, answer, error);
    if (conditional && rc == HANGAR_UNSUPPORTED) {
        atomic_store(&s3->create_only, S3_NO);
        *condition = (struct s3_pair){0};
        rc = s3_send(s3, request, upload->what, answer, error);
    }
    if (upload->create_only && atomic_load(&s3->create_only) == S3_NO) {
        s3_tell_weak(s3);
    }
    return rc;
}

enum hangar_rc s3_upload_whole(struct s3_upload *upload, const void *data, size_t size,
                               struct hangar_entry *entry, struct s3_error *error)
{
    struct s3 *s3 = upload->s3;
    struct object_headers headers;
    struct s3_answer answer = {0};
    make_headers(upload, &headers);
    struct s3_pair *condition = &headers.pairs[headers.count++];
    struct s3_request request = {.method = "PUT",
                                 .key = upload->key,
                                 .headers = headers.pairs,
                                 .header_count = headers.count,
                                 .body = data,
                                 .body_size = size,
                                 .md5 = *headers.lock_until != '\0',
                                 .data = !upload->plain};
    enum hangar_rc rc = check_free(upload, error);
    if (!rc) {
        rc = send_visible(upload, &request, condition, &answer, error);
    }
    if (rc == HANGAR_EXISTS && !error->rc) {
        atomic_store(&s3->create_only, S3_YES);
        rc = check_ours(upload, &answer, error);
        if (!rc) {
            s3_entry_fill(entry, &answer);
            return HANGAR_OK;
        }
    }
    if (rc) {
        s3_answer_tell(s3, &answer, upload->what, 1, error, rc);
        return rc;
    }
    rc = check_tag(upload, &answer, error);
    answer.length = size;
    if (!rc) {
        s3_entry_fill(entry, &answer);
    }
    return rc;
}

static bool take_id(void *arg, const char *path, char *text)
{
    char **id = arg;
    if (text && !strcmp(path, "InitiateMultipartUploadResult/UploadId") && strlen(text) <= ID_MAX &&
        !*id) {
        *id = strdup(text);
    }
    return true;
}

/* Uploads that are under way here are not stale, whatever their age. */
static void note(struct s3_upload *upload, bool begun)
{
    struct s3_sender *sender = &upload->s3->sender;
    pthread_mutex_lock(&sender->mutex);
    struct s3_upload **at = &sender->uploads;
    while (!begun && *at && *at != upload) {
        at = &(*at)->next;
    }
    if (begun) {
        upload->next = *at;
        *at = upload;
    } else if (*at) {
        *at = upload->next;
    }
    pthread_mutex_unlock(&sender->mutex);
}

static void forget(struct s3_upload *upload)
{
    note(upload, false);
    free(upload->id);
    upload->id = NULL;
}

enum hangar_rc s3_upload_begin(struct s3_upload *upload, struct s3_error *error)
{
    struct object_headers headers;
    struct s3_answer answer;
    const struct s3_pair query = {"uploads", ""};
    make_headers(upload, &headers);
    if (!upload->plain && upload->s3->set.checksum) {
        add(&headers, "x-amz-checksum-algorithm", upload->s3->set.checksum->algorithm);
    }
    struct s3_xml *xml = s3_xml_new(take_id, &upload->id);
    if (!xml) {
        return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", upload->what);
    }
    const struct s3_request request = {.method = "POST",
                                       .key = upload->key,
                                       .query = &query,
                                       .query_count = 1,
                                       .headers = headers.pairs,
                                       .header_count = headers.count,
                                       .xml = xml};
    enum hangar_rc rc = s3_send(upload->s3, &request, upload->what, &answer, error);
    s3_xml_free(xml);
    if (!rc && upload->id) {
        note(upload, true);
        return HANGAR_OK;
    }
    if (!rc) {
        rc = s3_error_set(error, HANGAR_IO,
                          "cannot %s: the store gives no id for an upload in parts", upload->what);
    }
    s3_answer_tell(upload->s3, &answer, upload->what, 1, error, rc);
    return rc;
}

enum hangar_rc s3_upload_next(struct s3_upload *upload, size_t *number, struct s3_error *error)
{
    if (upload->parts == upload->capacity) {
        size_t capacity = upload->capacity ? upload->capacity * 2 : 16;
        char **tags = realloc(upload->tags, capacity * sizeof(*tags));
        if (!tags) {
            return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", upload->what);
        }
        upload->tags = tags;
        upload->capacity = capacity;
    }
    upload->tags[upload->parts++] = NULL;
    *number = upload->parts;
    return HANGAR_OK;
}

/* What completing says of a part. */
static char *describe_part(const struct s3_upload *upload, const struct s3_answer *answer)
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
                              size_t size, const atomic_bool *stop, char **tag,
                              struct s3_error *error)
{
    char text[24];
    struct s3_answer answer;
    snprintf(text, sizeof(text), "%zu", number);
    const struct s3_pair query[] = {{"partNumber", text}, {"uploadId", upload->id}};
    const struct s3_request request = {.method = "PUT",
                                       .key = upload->key,
                                       .query = query,
                                       .query_count = 2,
                                       .body = data,
                                       .body_size = size,
                                       .data = !upload->plain,
                                       .stop = stop};
    enum hangar_rc rc = s3_send(upload->s3, &request, upload->what, &answer, error);
    if (rc) {
        return s3_error_set(error, rc == HANGAR_NOT_FOUND ? HANGAR_IO : rc,
                            "cannot %s: the store knows nothing of its upload any more",
                            upload->what);
    }
    rc = check_tag(upload, &answer, error);
    if (rc) {
        return rc;
    }
    *tag = describe_part(upload, &answer);
    return *tag ? HANGAR_OK
                : s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", upload->what);
}

static bool ignore(void *arg, const char *path, char *text)
{
    (void)arg;
    (void)path;
    (void)text;
    return true;
}

static enum hangar_rc send_complete(struct s3_upload *upload, const struct text *body,
                                    struct s3_answer *answer, struct s3_error *error)
{
    const struct s3_pair query = {"uploadId", upload->id};
    struct s3_pair headers[] = {{"content-type", "application/xml"}, {NULL, NULL}};
    struct s3_xml *xml = s3_xml_new(ignore, NULL);
    if (!xml) {
        return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", upload->what);
    }
    struct s3_request request = {.method = "POST",
                                 .key = upload->key,
                                 .query = &query,
                                 .query_count = 1,
                                 .headers = headers,
                                 .header_count = 2,
                                 .body = body->data,
                                 .body_size = body->size,
                                 .slow = true,
                                 .xml = xml};
    enum hangar_rc rc = send_visible(upload, &request, &headers[1], answer, error);
    s3_xml_free(xml);
    return rc;
}

/* What is there now is what was sent, and ours. */
static enum hangar_rc check_whole(const struct s3_upload *upload, struct hangar_entry *entry,
                                  struct s3_error *error)
{
    struct s3_answer answer;
    enum hangar_rc rc = check_ours(upload, &answer, error);
    if (rc) {
        return rc;
    }
    if (answer.length != upload->size) {
        const struct s3_request request = {.method = "DELETE", .key = upload->key};
        struct s3_answer ignored;
        struct s3_error unheard = {0};
        rc = s3_error_set(error, HANGAR_CORRUPT,
                          "cannot %s: the store has %llu bytes of %llu, and was told to remove it",
                          upload->what, (unsigned long long)answer.length,
                          (unsigned long long)upload->size);
        s3_send(upload->s3, &request, upload->what, &ignored, &unheard);
        return rc;
    }
    if (upload->continued && !s3_pieces_possible(upload->s3, answer.etag)) {
        return s3_error_set(error, HANGAR_UNSUPPORTED,
                            "cannot %s: it is longer than max_parts parts, and this store's etags "
                            "do not tell the number of parts; hint: raise part_size",
                            upload->what);
    }
    s3_entry_fill(entry, &answer);
    return HANGAR_OK;
}

enum hangar_rc s3_upload_complete(struct s3_upload *upload, struct hangar_entry *entry,
                                  struct s3_error *error)
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
    enum hangar_rc rc = body.failed ? s3_error_set(error, HANGAR_NO_MEMORY,
                                                   "cannot %s: out of memory", upload->what)
                                    : check_free(upload, error);
    if (!rc) {
        rc = send_complete(upload, &body, &answer, error);
    }
    text_free(&body);
    bool doubtful = (rc == HANGAR_NOT_FOUND || rc == HANGAR_EXISTS) && !error->rc;
    if (rc && !doubtful) {
        if (!error->rc) {
            s3_answer_tell(upload->s3, &answer, upload->what, 1, error, rc);
        }
        return rc;
    }
    /* an upload that is gone may have been completed by a request before; one that was
     * refused, as somebody else was faster, is still there to be aborted */
    bool refused = rc == HANGAR_EXISTS;
    if (!refused) {
        forget(upload);
    }
    rc = check_whole(upload, entry, error);
    if (!rc && refused) {
        forget(upload);
    }
    return rc;
}

void s3_upload_abort(struct s3_upload *upload)
{
    struct s3 *s3 = upload->s3;
    struct s3_answer answer;
    struct s3_error error = {0};
    if (!upload->id) {
        return;
    }
    const struct s3_pair query = {"uploadId", upload->id};
    const struct s3_request request = {
        .method = "DELETE", .key = upload->key, .query = &query, .query_count = 1, .parting = true};
    enum hangar_rc rc = s3_send(s3, &request, "abort an upload in parts", &answer, &error);
    if (rc && rc != HANGAR_NOT_FOUND) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "%s; its parts use space until they are found stale",
                      *error.text ? error.text : "cannot abort an upload in parts");
    }
    forget(upload);
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
