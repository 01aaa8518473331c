/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * probe: does everything once that storing needs, with an object of its own that is
 * removed again, and finds out what this store can do.  What is missing is told with what
 * to do about it; the sink adapts to it by itself.
 */
#include "sink/sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SKEW_WARN_S 60

struct probe {
    struct s3 *s3;
    struct hangar_attrs *attrs;
    struct s3_upload upload; /* of the object */
    struct hangar_entry entry;
    bool versioned, locked;
};

static void tell(struct probe *probe, const char *name, const char *value)
{
    probe->s3->host->attr_set(probe->attrs, name, value);
}

/* Puts the object, with one header more. */
static enum hangar_rc put(struct probe *probe, const char *doing, const struct s3_pair *header,
                          const char *body, bool md5, struct s3_answer *answer,
                          struct s3_error *error)
{
    const struct s3_request request = {.method = "PUT",
                                       .key = probe->upload.key,
                                       .headers = header,
                                       .header_count = 1,
                                       .body = body,
                                       .body_size = strlen(body),
                                       .md5 = md5,
                                       .hasty = true};
    return s3_send(probe->s3, &request, doing, answer, error);
}

/* Stores the object, as the first request of all: what is wrong with the endpoint or the
 * keys comes to light here. */
static enum hangar_rc try_whole(struct probe *probe, struct s3_answer *answer,
                                struct s3_error *error)
{
    const struct s3_pair header = {S3_MARK_HEADER, probe->upload.mark};
    enum hangar_rc rc = put(probe, "store an object to try", &header, "try", true, answer, error);
    return rc ? s3_error_set(error, rc,
                             "cannot store an object to try: the store refuses (status "
                             "%ld)",
                             answer->status)
              : HANGAR_OK;
}

/* Is it refused to replace what is there? */
static enum hangar_rc try_create_only(struct probe *probe, struct s3_error *error)
{
    struct s3 *s3 = probe->s3;
    struct s3_answer answer;
    const struct s3_pair header = {"if-none-match", "*"};
    enum hangar_rc rc =
        put(probe, "store an object once only", &header, "again", true, &answer, error);
    bool can = rc == HANGAR_EXISTS;
    if (rc && !can && rc != HANGAR_UNSUPPORTED) {
        return rc;
    }
    atomic_store(&s3->create_only, can ? S3_YES : S3_NO);
    tell(probe, "create_only", can ? "yes" : "no");
    if (!can) {
        s3_tell_weak(s3);
    }
    return HANGAR_OK;
}

/* Is a checksum that is wrong refused? */
static bool compares(struct probe *probe, const struct s3_checksum *kind)
{
    struct s3_error unheard = {0};
    struct s3_answer answer;
    char wrong[S3_CHECKSUM_SIZE];
    if (!s3_checksum_make(kind, "another", 7, wrong)) {
        return false;
    }
    const struct s3_pair header = {kind->header, wrong};
    return put(probe, "store with a wrong checksum", &header, "try", false, &answer, &unheard) &&
           s3_judge(&answer).digest;
}

static void try_checksums(struct probe *probe)
{
    struct s3 *s3 = probe->s3;
    const struct s3_checksum *kind, *wanted = s3->set.checksum;
    struct text names = {0};
    bool has_wanted = false;
    for (size_t i = 0; (kind = s3_checksum_at(i)); i++) {
        if (!compares(probe, kind)) {
            continue;
        }
        text_addf(&names, "%s%s", names.size ? ", " : "", kind->name);
        has_wanted = has_wanted || kind == wanted;
    }
    tell(probe, "checksums", names.size ? names.data : "none");
    text_free(&names);
    if (wanted && !has_wanted) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "this store does not compare checksum: %s; hint: leave the option out",
                      wanted->name);
    }
}

static enum hangar_rc try_multipart(struct probe *probe, struct s3_error *error)
{
    struct s3_error unheard = {0};
    struct s3_upload *upload = &probe->upload;
    size_t number;
    enum hangar_rc rc = s3_upload_begin(upload, &unheard);
    if (rc == HANGAR_UNSUPPORTED) {
        tell(probe, "multipart", "no");
        probe->s3->host->log(probe->s3->ctx, HANGAR_LOG_WARN,
                             "this store takes no uploads in parts: objects larger than part_size "
                             "cannot be stored; hint: raise part_size and limits.memory");
        return HANGAR_OK;
    }
    if (!rc) {
        rc = s3_upload_next(upload, &number, &unheard);
    }
    if (!rc) {
        rc = s3_upload_part(upload, number, "part", 4, NULL, &upload->tags[0], &unheard);
    }
    upload->size = 4;
    if (!rc) {
        rc = s3_upload_complete(upload, &probe->entry, &unheard);
    }
    if (!rc) {
        tell(probe, "multipart", "yes");
    }
    s3_upload_abort(upload);
    return rc ? s3_error_set(error, unheard.rc, "%s", unheard.text) : HANGAR_OK;
}

/* One answer about the bucket: the text of one of its elements. */
struct one {
    const char *path;
    char text[64];
};

static bool take_one(void *arg, const char *path, char *text)
{
    struct one *one = arg;
    if (!text) {
        one->text[0] = '\0';
    } else if (!strcmp(path, one->path)) {
        snprintf(one->text, sizeof(one->text), "%s", text);
    }
    return true;
}

static enum hangar_rc ask_bucket(struct probe *probe, const char *about, struct one *one)
{
    struct s3_error unheard = {0};
    struct s3_answer answer;
    const struct s3_pair query = {about, ""};
    struct s3_xml *xml = s3_xml_new(take_one, one);
    if (!xml) {
        return HANGAR_NO_MEMORY;
    }
    const struct s3_request request = {
        .method = "GET", .query = &query, .query_count = 1, .hasty = true, .xml = xml};
    enum hangar_rc rc = s3_send(probe->s3, &request, "ask about the bucket", &answer, &unheard);
    s3_xml_free(xml);
    return rc;
}

static void ask_versioning(struct probe *probe)
{
    struct one one = {.path = "VersioningConfiguration/Status"};
    if (ask_bucket(probe, "versioning", &one)) {
        tell(probe, "versioning", "unknown: the key may not ask");
    } else if (!strcmp(one.text, "Enabled")) {
        tell(probe, "versioning",
             "on: what is removed is kept, and paid for, as old versions; a lifecycle rule can end "
             "them");
    } else if (!strcmp(one.text, "Suspended")) {
        tell(probe, "versioning", "suspended");
    } else {
        tell(probe, "versioning", "off");
    }
    probe->versioned = !strcmp(one.text, "Enabled") || !strcmp(one.text, "Suspended");
}

static enum hangar_rc ask_lock(struct probe *probe, struct s3_error *error)
{
    const struct s3_settings *set = &probe->s3->set;
    struct one one = {.path = "ObjectLockConfiguration/ObjectLockEnabled"};
    enum hangar_rc rc = ask_bucket(probe, "object-lock", &one);
    bool on = !rc && !strcmp(one.text, "Enabled");
    if (on) {
        tell(probe, "object_lock", set->lock_mode ? "on" : "on: not used, as lock_mode is none");
    } else if (rc == HANGAR_AUTH) {
        tell(probe, "object_lock", "unknown: the key may not ask");
    } else {
        tell(probe, "object_lock", "off: who has the key can remove all backups");
    }
    if (set->lock_mode && !on && rc != HANGAR_AUTH) {
        return s3_error_set(error, HANGAR_CONFIG,
                            "cannot lock objects in %s: the bucket has no object lock; hint: make "
                            "a bucket with object lock, or set lock_mode: none",
                            set->description);
    }
    return HANGAR_OK;
}

static void ask_clock(struct probe *probe, const struct s3_answer *answer)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t skew_s = answer->date_ms ? answer->date_ms / 1000 - (int64_t)now.tv_sec : 0;
    probe->s3->host->attr_setf(probe->attrs, "clock_skew", "%" PRId64 " s", skew_s);
    if (skew_s > SKEW_WARN_S || skew_s < -SKEW_WARN_S) {
        probe->s3->host->log(probe->s3->ctx, HANGAR_LOG_WARN,
                             "the clock of the store is %" PRId64 " s from that of this machine; "
                             "hint: have its clock set by NTP",
                             skew_s);
    }
}

/* Every version of the object, in a bucket that keeps them. */
static bool take_version(void *arg, const char *path, char *text)
{
    struct probe *probe = arg;
    struct s3_upload *upload = &probe->upload;
    if (!text || (strcmp(path, "ListVersionsResult/Version/VersionId") &&
                  strcmp(path, "ListVersionsResult/DeleteMarker/VersionId"))) {
        return true;
    }
    struct s3_error unheard = {0};
    size_t number;
    if (!s3_upload_next(upload, &number, &unheard)) {
        upload->tags[number - 1] = strdup(text);
    }
    return true;
}

static void remove_versions(struct probe *probe)
{
    struct s3 *s3 = probe->s3;
    struct s3_upload *upload = &probe->upload;
    struct s3_error unheard = {0};
    struct s3_answer answer;
    const struct s3_pair query[] = {{"versions", ""}, {"prefix", upload->key}};
    s3_upload_free(upload); /* its list of tags holds the ids */
    struct s3_xml *xml = s3_xml_new(take_version, probe);
    const struct s3_request request = {
        .method = "GET", .query = query, .query_count = 2, .hasty = true, .xml = xml};
    if (!xml) {
        return;
    }
    s3_send(s3, &request, "find versions", &answer, &unheard);
    s3_xml_free(xml);
    for (size_t i = 0; i < upload->parts; i++) {
        const struct s3_pair version = {"versionId", upload->tags[i] ? upload->tags[i] : ""};
        const struct s3_request removal = {.method = "DELETE",
                                           .key = upload->key,
                                           .query = &version,
                                           .query_count = 1,
                                           .hasty = true};
        s3_send(s3, &removal, "remove a version", &answer, &unheard);
    }
}

/* The object goes the way that many at once go. */
static enum hangar_rc try_remove(struct probe *probe, struct s3_error *error)
{
    struct s3 *s3 = probe->s3;
    const char *name = probe->upload.key + strlen(s3->set.prefix);
    enum hangar_rc result;
    enum hangar_rc rc = s3_remove_names(s3, &name, 1, &result, error);
    if (!rc) {
        tell(probe, "batch_delete",
             atomic_load(&s3->no_batch) ? "no: objects are removed one by one" : "yes");
    }
    if (!rc && probe->versioned) {
        remove_versions(probe);
    }
    return rc;
}

static void count_stale(struct probe *probe)
{
    struct s3_error unheard = {0};
    size_t count;
    if (!s3_stale_sweep(probe->s3, probe->s3->set.prefix, false, &count, &unheard) && count) {
        probe->s3->host->attr_setf(probe->attrs, "stale_uploads",
                                   "%zu: the next backups of their pipelines remove them", count);
    }
}

enum hangar_rc s3_probe(void *inst, struct hangar_attrs *capabilities)
{
    struct s3 *s3 = inst;
    struct s3_error error = {0};
    struct s3_answer answer;
    char source[256];
    struct probe probe = {
        .s3 = s3, .attrs = capabilities, .entry.struct_size = sizeof(probe.entry)};
    struct s3_upload *upload = &probe.upload;
    *upload =
        (struct s3_upload){.s3 = s3, .what = "store an object in parts to try", .plain = true};
    s3_make_mark(upload->mark);
    snprintf(upload->key, sizeof(upload->key), "%shangar-probe-%s", s3->set.prefix, upload->mark);
    enum hangar_rc rc = try_whole(&probe, &answer, &error);
    if (rc) {
        return s3_raise(s3, &error);
    }
    ask_clock(&probe, &answer);
    ask_versioning(&probe);
    rc = ask_lock(&probe, &error);
    if (!rc) {
        rc = try_create_only(&probe, &error);
    }
    if (!rc) {
        try_checksums(&probe);
    }
    if (!rc) {
        rc = try_multipart(&probe, &error);
    }
    /* whatever came of it, nothing stays behind */
    enum hangar_rc removed = try_remove(&probe, &error);
    rc = rc ? rc : removed;
    s3_upload_free(upload);
    if (rc) {
        return s3_raise(s3, &error);
    }
    count_stale(&probe);
    s3_credentials_source(s3->credentials, source, sizeof(source));
    tell(&probe, "credentials", source);
    tell(&probe, "transport",
         !s3->set.tls     ? "http: others on the way can read and change what is stored"
         : s3->set.verify ? "https"
                          : "https, but verify is false: others on the way can read and change it");
    return HANGAR_OK;
}
