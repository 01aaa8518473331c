/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * probe: does once what storing needs, with an object of its own that it removes again, and
 * detects what this store can do.  It reports what is missing, with a hint; the sink adapts to it
 * by itself.
 */
#include "sink/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define SKEW_WARN_S 60

struct s3_probe_run {
    struct s3 *s3;
    struct hangar_attrs *attrs;
    struct s3_upload upload; /* of the object */
    struct hangar_entry entry;
    struct s3_answer answer; /* of s3_probe_put */
    bool versioned;
};

static void s3_probe_report(struct s3_probe_run *probe, const char *name, const char *value)
{
    probe->s3->host->attr_set(probe->attrs, name, value);
}

/* Stores the object, with one header more. */
static enum hangar_rc s3_probe_put(struct s3_probe_run *probe, const char *action,
                                   const struct s3_pair *header, const char *body, bool md5,
                                   struct failure *failure)
{
    const struct s3_request request = {.method = "PUT",
                                       .key = probe->upload.key,
                                       .headers = header,
                                       .header_count = 1,
                                       .body = body,
                                       .body_size = strlen(body),
                                       .md5 = md5,
                                       .few_tries = true};
    return s3_send(&probe->s3->wire, &request, action, &probe->answer, failure);
}

/* Stores the object.  This is the first request of all: a wrong endpoint or key fails here. */
static enum hangar_rc s3_probe_whole(struct s3_probe_run *probe, struct failure *failure)
{
    const struct s3_pair header = {S3_MARK_HEADER, probe->upload.mark};
    enum hangar_rc rc = s3_probe_put(probe, "store a test object", &header, "try", true, failure);
    return rc != HANGAR_OK
               ? failure_record(failure, rc,
                                "cannot store a test object: the store refused (HTTP status %ld)",
                                probe->answer.status)
               : HANGAR_OK;
}

/* Does the store refuse to replace an object? */
static enum hangar_rc s3_probe_create_only(struct s3_probe_run *probe, struct failure *failure)
{
    struct s3 *s3 = probe->s3;
    const struct s3_pair header = {"if-none-match", "*"};
    enum hangar_rc rc =
        s3_probe_put(probe, "store a test object create-only", &header, "again", true, failure);
    bool can = rc == HANGAR_EXISTS;
    if (rc != HANGAR_OK && !can && rc != HANGAR_UNSUPPORTED) {
        return rc;
    }
    atomic_store(&s3->create_only, can ? S3_YES : S3_NO);
    s3_probe_report(probe, "create_only", can ? "yes" : "no");
    if (!can) {
        s3_warn_weak_create_only(s3);
    }
    return HANGAR_OK;
}

/* Does the store refuse a wrong checksum? */
static bool s3_probe_compares(struct s3_probe_run *probe, const struct s3_checksum *kind)
{
    char wrong[S3_CHECKSUM_SIZE];
    if (!s3_checksum_make(kind, "another", 7, wrong)) {
        return false;
    }
    const struct s3_pair header = {kind->header, wrong};
    struct failure ignored_failure = {0};
    return s3_probe_put(probe, "store a test object with a wrong checksum", &header, "try", false,
                        &ignored_failure) != HANGAR_OK &&
           s3_judge(&probe->answer).digest;
}

static void s3_probe_checksums(struct s3_probe_run *probe)
{
    struct s3 *s3 = probe->s3;
    const struct s3_checksum *kind, *wanted = s3->set.checksum;
    struct text names = {0};
    bool has_wanted = false;
    for (size_t i = 0; (kind = s3_checksum_at(i)); i++) {
        if (!s3_probe_compares(probe, kind)) {
            continue;
        }
        text_addf(&names, "%s%s", names.size ? ", " : "", kind->name);
        has_wanted = has_wanted || kind == wanted;
    }
    s3_probe_report(probe, "checksums", names.size ? names.data : "none");
    text_free(&names);
    if (wanted && !has_wanted) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "this store ignores checksum: %s; hint: remove the option checksum",
                      wanted->name);
    }
}

/* Does the store accept the options that every object of a backup is stored with?  The upload is
 * aborted, so that no object gets a lock, or the minimum time of a storage class. */
static enum hangar_rc s3_probe_options(struct s3_probe_run *probe, struct failure *failure)
{
    const struct s3_settings *set = &probe->s3->set;
    struct failure own = {0};
    struct s3_upload upload = {
        .s3 = probe->s3,
        .action = "begin an upload with storage_class, sse, tags and object lock as configured"};
    if (set->object_header_count == 0 && !set->lock_mode) {
        return HANGAR_OK;
    }
    memcpy(upload.mark, probe->upload.mark, sizeof(upload.mark));
    memcpy(upload.key, probe->upload.key, sizeof(upload.key));
    enum hangar_rc rc = s3_upload_begin(&upload, &own);
    s3_upload_abort(&upload);
    s3_upload_free(&upload);
    return rc != HANGAR_OK ? failure_copy(failure, &own) : HANGAR_OK;
}

static enum hangar_rc s3_probe_multipart(struct s3_probe_run *probe, struct failure *failure)
{
    struct failure own = {0};
    struct s3_upload *upload = &probe->upload;
    size_t number;
    enum hangar_rc rc = s3_upload_begin(upload, &own);
    if (rc == HANGAR_UNSUPPORTED) {
        s3_probe_report(probe, "multipart", "no");
        probe->s3->host->log(probe->s3->ctx, HANGAR_LOG_WARN,
                             "this store does not support uploads in parts: objects larger than "
                             "part_size cannot be stored; hint: raise part_size and limits.memory");
        return HANGAR_OK;
    }
    if (rc == HANGAR_OK) {
        rc = s3_upload_next(upload, &number, &own);
    }
    if (rc == HANGAR_OK) {
        rc = s3_upload_part(upload, number, "part", 4, &upload->tags[0], &own);
    }
    upload->size = 4;
    if (rc == HANGAR_OK) {
        rc = s3_upload_complete(upload, &probe->entry, &own);
    }
    if (rc == HANGAR_OK) {
        s3_probe_report(probe, "multipart", "yes");
    }
    s3_upload_abort(upload);
    if (rc == HANGAR_OK) {
        rc = s3_probe_options(probe, &own);
    }
    return rc != HANGAR_OK ? failure_copy(failure, &own) : HANGAR_OK;
}

/* The text of one element of an answer about the bucket. */
struct s3_probe_element {
    const char *root, *path;
    char text[64];
};

static bool s3_probe_on_element(void *arg, const char *path, char *text)
{
    struct s3_probe_element *element = arg;
    if (!text) {
        element->text[0] = '\0';
    } else if (strcmp(path, element->path) == 0) {
        snprintf(element->text, sizeof(element->text), "%s", text);
    }
    return true;
}

/* Reads a setting of the bucket.  A store that does not support the setting answers NOT_FOUND,
 * UNSUPPORTED or CONFIG, and *element is empty then as it is for OK without the setting. */
static enum hangar_rc s3_probe_read_bucket(struct s3_probe_run *probe, const char *about,
                                           struct s3_probe_element *element,
                                           struct failure *failure)
{
    struct s3_answer answer;
    const struct s3_pair query = {about, ""};
    const struct s3_request request = {.method = "GET",
                                       .query = &query,
                                       .query_count = 1,
                                       .few_tries = true,
                                       .root = element->root,
                                       .on_element = s3_probe_on_element,
                                       .arg = element};
    enum hangar_rc rc =
        s3_send(&probe->s3->wire, &request, "read the settings of the bucket", &answer, failure);
    return rc == HANGAR_NOT_FOUND || rc == HANGAR_UNSUPPORTED || rc == HANGAR_CONFIG ? HANGAR_OK
                                                                                     : rc;
}

static void s3_probe_report_unknown(struct s3_probe_run *probe, const char *fact, enum hangar_rc rc)
{
    s3_probe_report(probe, fact,
                    rc == HANGAR_AUTH ? "unknown: the key has no right to read it"
                                      : "unknown: the store did not answer");
}

static void s3_probe_versioning(struct s3_probe_run *probe)
{
    struct s3_probe_element element = {.root = "VersioningConfiguration",
                                       .path = "VersioningConfiguration/Status"};
    struct failure ignored_failure = {0};
    enum hangar_rc rc = s3_probe_read_bucket(probe, "versioning", &element, &ignored_failure);
    if (rc != HANGAR_OK) {
        s3_probe_report_unknown(probe, "versioning", rc);
    } else if (strcmp(element.text, "Enabled") == 0) {
        s3_probe_report(
            probe, "versioning",
            "on: removed objects stay as old versions and cost money; a lifecycle rule can end "
            "them");
    } else if (strcmp(element.text, "Suspended") == 0) {
        s3_probe_report(probe, "versioning", "suspended");
    } else {
        s3_probe_report(probe, "versioning", "off");
    }
    probe->versioned =
        strcmp(element.text, "Enabled") == 0 || strcmp(element.text, "Suspended") == 0;
}

static enum hangar_rc s3_probe_object_lock(struct s3_probe_run *probe, struct failure *failure)
{
    const struct s3_settings *set = &probe->s3->set;
    struct s3_probe_element element = {.root = "ObjectLockConfiguration",
                                       .path = "ObjectLockConfiguration/ObjectLockEnabled"};
    struct failure why = {0};
    enum hangar_rc rc = s3_probe_read_bucket(probe, "object-lock", &element, &why);
    bool on = rc == HANGAR_OK && strcmp(element.text, "Enabled") == 0;
    if (on) {
        s3_probe_report(probe, "object_lock",
                        set->lock_mode ? "on" : "on, but not used: lock_mode is none");
    } else if (rc != HANGAR_OK) {
        s3_probe_report_unknown(probe, "object_lock", rc);
    } else {
        s3_probe_report(probe, "object_lock", "off: anyone with the key can remove all backups");
    }
    if (set->lock_mode && rc != HANGAR_OK && rc != HANGAR_AUTH) {
        *failure = why;
        return rc;
    }
    if (set->lock_mode && !on && rc != HANGAR_AUTH) {
        return failure_record(failure, HANGAR_CONFIG,
                              "cannot lock objects in %s: the bucket has no object lock; hint: use "
                              "a bucket with object lock, or set lock_mode: none",
                              set->description);
    }
    return HANGAR_OK;
}

static void s3_probe_clock(struct s3_probe_run *probe)
{
    const struct s3_answer *answer = &probe->answer;
    int64_t skew_s = answer->date_ms ? answer->date_ms / 1000 - clock_now_ms() / 1000 : 0;
    probe->s3->host->attr_setf(probe->attrs, "clock_skew", "%" PRId64 " s", skew_s);
    if (skew_s > SKEW_WARN_S || skew_s < -SKEW_WARN_S) {
        probe->s3->host->log(probe->s3->ctx, HANGAR_LOG_WARN,
                             "the clocks of the store and of this machine differ by %" PRId64
                             " s (limit %d s); hint: set the clock of this machine with NTP",
                             skew_s, SKEW_WARN_S);
    }
}

/* Records each version of the object, in a bucket that keeps them. */
static bool s3_probe_on_version(void *arg, const char *path, char *text)
{
    struct s3_probe_run *probe = arg;
    struct s3_upload *upload = &probe->upload;
    if (!text || (strcmp(path, "ListVersionsResult/Version/VersionId") != 0 &&
                  strcmp(path, "ListVersionsResult/DeleteMarker/VersionId") != 0)) {
        return true;
    }
    struct failure ignored_failure = {0};
    size_t number;
    if (!s3_upload_next(upload, &number, &ignored_failure)) {
        upload->tags[number - 1] = strdup(text);
    }
    return true;
}

static void s3_probe_remove_versions(struct s3_probe_run *probe)
{
    struct s3 *s3 = probe->s3;
    struct s3_upload *upload = &probe->upload;
    const struct s3_pair query[] = {{"versions", ""}, {"prefix", upload->key}};
    s3_upload_free(upload); /* its list of tags records the ids of the versions */
    const struct s3_request request = {.method = "GET",
                                       .query = query,
                                       .query_count = 2,
                                       .few_tries = true,
                                       .root = "ListVersionsResult",
                                       .on_element = s3_probe_on_version,
                                       .arg = probe};
    struct failure ignored_failure = {0};
    struct s3_answer answer;
    s3_send(&s3->wire, &request, "list versions", &answer, &ignored_failure);
    for (size_t i = 0; i < upload->parts; i++) {
        const struct s3_pair version = {"versionId", upload->tags[i] ? upload->tags[i] : ""};
        const struct s3_request removal = {.method = "DELETE",
                                           .key = upload->key,
                                           .query = &version,
                                           .query_count = 1,
                                           .few_tries = true};
        s3_send(&s3->wire, &removal, "remove a version", &answer, &ignored_failure);
    }
}

/* Removes the object by the request that removes many. */
static enum hangar_rc s3_probe_remove(struct s3_probe_run *probe, struct failure *failure)
{
    struct s3 *s3 = probe->s3;
    const char *name = probe->upload.key + strlen(s3->set.prefix);
    enum hangar_rc result;
    enum hangar_rc rc = s3_remove_names(s3, &name, 1, &result, failure);
    if (rc == HANGAR_OK) {
        s3_probe_report(probe, "batch_delete",
                        atomic_load(&s3->no_batch) ? "no: objects are removed one by one" : "yes");
    }
    if (rc == HANGAR_OK && probe->versioned) {
        s3_probe_remove_versions(probe);
    }
    return rc;
}

static void s3_probe_stale(struct s3_probe_run *probe)
{
    struct failure ignored_failure = {0};
    size_t count;
    if (!s3_stale_sweep(probe->s3, probe->s3->set.prefix, false, &count, &ignored_failure) &&
        count) {
        probe->s3->host->attr_setf(probe->attrs, "stale_uploads",
                                   "%zu: the next runs of their pipelines remove them", count);
    }
}

enum hangar_rc s3_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct s3 *s3 = inst;
    struct s3_probe_run probe = {
        .s3 = s3, .attrs = capabilities, .entry.struct_size = sizeof(probe.entry)};
    struct s3_upload *upload = &probe.upload;
    *upload = (struct s3_upload){.s3 = s3, .action = "store a test object in parts", .plain = true};
    if (!s3_mark_make(upload->mark)) {
        return s3->host->fail(s3->ctx, HANGAR_IO, errno, "cannot get random bytes");
    }
    snprintf(upload->key, sizeof(upload->key), "%shangar-probe-%s", s3->set.prefix, upload->mark);
    struct failure failure = {0};
    enum hangar_rc rc = s3_probe_whole(&probe, &failure);
    if (rc != HANGAR_OK) {
        return failure_raise(&failure, s3->host, s3->ctx);
    }
    s3_probe_clock(&probe);
    s3_probe_versioning(&probe);
    rc = s3_probe_object_lock(&probe, &failure);
    if (rc == HANGAR_OK) {
        rc = s3_probe_create_only(&probe, &failure);
    }
    if (rc == HANGAR_OK) {
        s3_probe_checksums(&probe);
    }
    if (rc == HANGAR_OK) {
        rc = s3_probe_multipart(&probe, &failure);
    }
    /* also after a failure nothing stays in the store */
    enum hangar_rc removed = s3_probe_remove(&probe, &failure);
    rc = rc != HANGAR_OK ? rc : removed;
    s3_upload_free(upload);
    if (rc != HANGAR_OK) {
        return failure_raise(&failure, s3->host, s3->ctx);
    }
    s3_probe_stale(&probe);
    char source[256];
    s3_credentials_source(s3->credentials, source, sizeof(source));
    s3_probe_report(&probe, "credentials", source);
    s3_probe_report(&probe, "transport",
                    !s3->set.tls ? "http: third parties on the network can read and change the data"
                    : s3->set.verify
                        ? "https"
                        : "https, but verify is false: third parties on the network can read "
                          "and change the data");
    return HANGAR_OK;
}
