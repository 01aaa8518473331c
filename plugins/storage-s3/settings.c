/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: see settings.h.
 */
#include "settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "format/escape.h"

struct reader {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    struct s3_settings *set;
};

const char *s3_option(const struct hangar_host *host, struct hangar_ctx *ctx, const char *name)
{
    const char *value = host->opt_string(ctx, name);
    return value && *value ? value : NULL;
}

static const char *option(const struct reader *reader, const char *name)
{
    return s3_option(reader->host, reader->ctx, name);
}

static enum hangar_rc no_memory(const struct reader *reader)
{
    return reader->host->fail(reader->ctx, HANGAR_NO_MEMORY, 0, "cannot set up the store");
}

bool s3_name_valid(const char *name)
{
    size_t size = strlen(name);
    if (!size || size > S3_NAME_MAX) {
        return false;
    }
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        size_t length = strcspn(part, "/");
        if (!length || (length <= 2 && !strncmp(part, "..", length))) {
            return false;
        }
    }
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/=-") ==
           size;
}

static bool printable(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

static const char *region_of_environment(void)
{
    const char *value = getenv("AWS_REGION");
    if (!value || !*value) {
        value = getenv("AWS_DEFAULT_REGION");
    }
    return value && *value ? value : "us-east-1";
}

static enum hangar_rc read_region(const struct reader *reader)
{
    const char *region = option(reader, "region");
    if (!region) {
        region = region_of_environment();
    }
    for (const char *c = region; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_') {
            return reader->host->fail_option(reader->ctx, "region", "\"%s\" is no region", region);
        }
    }
    if (strlen(region) > 64) {
        return reader->host->fail_option(reader->ctx, "region", "it is too long");
    }
    reader->set->region = strdup(region);
    return reader->set->region ? HANGAR_OK : no_memory(reader);
}

/* A bucket's name as a part of a host's: the rule of AWS. */
static bool is_host_label(const char *bucket, bool dots)
{
    size_t size = strlen(bucket);
    if (size < 3 || size > 63 || bucket[0] == '-' || bucket[size - 1] == '-') {
        return false;
    }
    for (const char *c = bucket; *c; c++) {
        if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-' &&
            !(dots && *c == '.')) {
            return false;
        }
    }
    return true;
}

static enum hangar_rc read_bucket(const struct reader *reader)
{
    struct s3_settings *set = reader->set;
    const char *bucket = option(reader, "bucket"), *prefix = option(reader, "prefix");
    if (!bucket) {
        return reader->host->fail_option(reader->ctx, "bucket", "it is empty");
    }
    if (strchr(bucket, '/') || !printable(bucket) || strlen(bucket) > 255) {
        return reader->host->fail_option(
            reader->ctx, "bucket",
            "\"%s\" is no name of a bucket; hint: a folder within the bucket is the option prefix",
            bucket);
    }
    while (prefix && *prefix == '/') {
        prefix++;
    }
    size_t size = prefix ? strlen(prefix) : 0;
    while (size && prefix[size - 1] == '/') {
        size--;
    }
    if (size > S3_KEY_MAX - S3_NAME_MAX - 64) {
        return reader->host->fail_option(reader->ctx, "prefix", "it is longer than %d bytes",
                                         S3_KEY_MAX - S3_NAME_MAX - 64);
    }
    set->bucket = strdup(bucket);
    if (asprintf(&set->prefix, "%.*s%s", (int)size, size ? prefix : "", size ? "/" : "") < 0) {
        set->prefix = NULL;
    }
    return set->bucket && set->prefix ? HANGAR_OK : no_memory(reader);
}

/* The parts of the endpoint's URL; the texts are curl's. */
struct url {
    char *scheme, *host, *port, *path;
    char *user, *query, *fragment;
};

static void url_free(struct url *url)
{
    char *texts[] = {url->scheme, url->host,  url->port,    url->path,
                     url->user,   url->query, url->fragment};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        curl_free(texts[i]);
    }
}

static bool url_split(const char *text, struct url *url)
{
    CURLU *handle = curl_url();
    bool parsed = handle && !curl_url_set(handle, CURLUPART_URL, text, 0) &&
                  !curl_url_get(handle, CURLUPART_SCHEME, &url->scheme, 0) &&
                  !curl_url_get(handle, CURLUPART_HOST, &url->host, 0);
    if (parsed) {
        curl_url_get(handle, CURLUPART_PORT, &url->port, CURLU_NO_DEFAULT_PORT);
        curl_url_get(handle, CURLUPART_PATH, &url->path, 0);
        curl_url_get(handle, CURLUPART_USER, &url->user, 0);
        curl_url_get(handle, CURLUPART_QUERY, &url->query, 0);
        curl_url_get(handle, CURLUPART_FRAGMENT, &url->fragment, 0);
    }
    curl_url_cleanup(handle);
    return parsed;
}

static const char *problem_of_url(const struct url *url)
{
    if (strcmp(url->scheme, "https") && strcmp(url->scheme, "http")) {
        return "it must begin with https:// or http://";
    }
    if (url->user) {
        return "it must hold no user; hint: use access_key_id and secret_access_key";
    }
    if (url->query || url->fragment || (url->path && strcmp(url->path, "/"))) {
        return "it must end with the host or port; hint: bucket and prefix are options of their "
               "own";
    }
    return NULL;
}

static bool is_address(const char *host)
{
    return host[0] == '[' || strspn(host, "0123456789.") == strlen(host);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && !strcmp(text + size - tail, end);
}

static enum hangar_rc set_place(const struct reader *reader, const struct url *url)
{
    struct s3_settings *set = reader->set;
    const char *addressing = option(reader, "addressing");
    struct text path = {0};
    bool aws = ends_with(url->host, ".amazonaws.com") || ends_with(url->host, ".amazonaws.com.cn");
    set->tls = !strcmp(url->scheme, "https");
    set->virtual_host = !strcmp(addressing, "virtual") || (!strcmp(addressing, "auto") && aws &&
                                                           is_host_label(set->bucket, !set->tls));
    if (set->virtual_host && (is_address(url->host) || !is_host_label(set->bucket, true))) {
        return reader->host->fail_option(reader->ctx, "addressing",
                                         "virtual needs a host's name as endpoint, and a bucket of "
                                         "lower-case letters, digits and hyphens; hint: use path");
    }
    if (asprintf(&set->host, "%s%s%s%s%s", set->virtual_host ? set->bucket : "",
                 set->virtual_host ? "." : "", url->host, url->port ? ":" : "",
                 url->port ? url->port : "") < 0) {
        set->host = NULL;
    }
    if (set->host && asprintf(&set->origin, "%s://%s", url->scheme, set->host) < 0) {
        set->origin = NULL;
    }
    if (!set->virtual_host) {
        text_add(&path, "/");
        s3_add_escaped(&path, set->bucket, false);
    }
    set->bucket_path = path.failed ? NULL : strdup(text_str(&path));
    text_free(&path);
    if (asprintf(&set->description, "bucket %s%s%s at %s%s%s", set->bucket, *set->prefix ? "/" : "",
                 set->prefix, url->host, url->port ? ":" : "", url->port ? url->port : "") < 0) {
        set->description = NULL;
    }
    return set->host && set->origin && set->bucket_path && set->description ? HANGAR_OK
                                                                            : no_memory(reader);
}

static enum hangar_rc read_endpoint(const struct reader *reader)
{
    const char *given = option(reader, "endpoint"), *region = reader->set->region;
    struct url url = {0};
    char of_aws[160];
    snprintf(of_aws, sizeof(of_aws), "https://s3.%s.amazonaws.com%s", region,
             !strncmp(region, "cn-", 3) ? ".cn" : "");
    enum hangar_rc rc = HANGAR_OK;
    const char *text = given ? given : of_aws;
    if (!url_split(text, &url)) {
        rc = reader->host->fail_option(reader->ctx, "endpoint",
                                       "it is no URL; hint: write it as https://s3.example.com");
    } else {
        const char *problem = problem_of_url(&url);
        rc = problem ? reader->host->fail_option(reader->ctx, "endpoint", "%s", problem)
                     : set_place(reader, &url);
    }
    url_free(&url);
    return rc;
}

/* Header values go out as they are: nothing in them may end a line. */
static enum hangar_rc read_header_option(const struct reader *reader, const char *name,
                                         const char **out)
{
    *out = option(reader, name);
    if (*out && (!printable(*out) || strlen(*out) > 512)) {
        return reader->host->fail_option(reader->ctx, name, "it holds a blank or is too long");
    }
    return HANGAR_OK;
}

static enum hangar_rc read_tags(const struct reader *reader)
{
    struct text text = {0};
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; !rc; i++) {
        const char *tag = reader->host->opt_list(reader->ctx, "tags", i);
        if (!tag) {
            break;
        }
        const char *equals = strchr(tag, '=');
        char *name = equals ? strndup(tag, (size_t)(equals - tag)) : NULL;
        if (i == S3_TAGS_MAX) {
            rc = reader->host->fail_option(reader->ctx, "tags", "there are more than %d",
                                           S3_TAGS_MAX);
        } else if (!equals || equals == tag) {
            rc = reader->host->fail_option(reader->ctx, "tags",
                                           "\"%s\" is not of the form "
                                           "name=value",
                                           tag);
        } else if (!name) {
            rc = no_memory(reader);
        }
        if (!rc) {
            text_add(&text, i ? "&" : "");
            s3_add_escaped(&text, name, false);
            text_add(&text, "=");
            s3_add_escaped(&text, equals + 1, false);
        }
        free(name);
    }
    if (!rc && text.size) {
        reader->set->tags = text.failed ? NULL : strdup(text.data);
        rc = reader->set->tags ? HANGAR_OK : no_memory(reader);
    }
    text_free(&text);
    return rc;
}

static enum hangar_rc read_storing(const struct reader *reader)
{
    const struct hangar_host *host = reader->host;
    struct s3_settings *set = reader->set;
    enum hangar_rc rc = read_header_option(reader, "storage_class", &set->storage_class);
    if (!rc) {
        rc = read_header_option(reader, "kms_key", &set->kms_key);
    }
    if (!rc) {
        rc = read_tags(reader);
    }
    if (rc) {
        return rc;
    }
    const char *sse = option(reader, "sse"), *mode = option(reader, "lock_mode");
    set->sse = strcmp(sse, "none") ? sse : NULL;
    if (set->kms_key && (!set->sse || strcmp(set->sse, "aws:kms"))) {
        return host->fail_option(reader->ctx, "kms_key", "it needs sse: aws:kms");
    }
    set->lock_days = host->opt_int(reader->ctx, "lock_days");
    if (!strcmp(mode, "governance")) {
        set->lock_mode = "GOVERNANCE";
    } else if (!strcmp(mode, "compliance")) {
        set->lock_mode = "COMPLIANCE";
    }
    if (set->lock_days && !set->lock_mode) {
        return host->fail_option(reader->ctx, "lock_days",
                                 "it needs lock_mode: governance or compliance");
    }
    return HANGAR_OK;
}

static void read_numbers(const struct reader *reader)
{
    const struct hangar_host *host = reader->host;
    struct hangar_ctx *ctx = reader->ctx;
    struct s3_settings *set = reader->set;
    set->part_size = (uint64_t)host->opt_int(ctx, "part_size");
    set->max_parts = (uint64_t)host->opt_int(ctx, "max_parts");
    set->bandwidth = (uint64_t)host->opt_int(ctx, "bandwidth");
    set->concurrency = (unsigned)host->opt_int(ctx, "concurrency");
    set->retries = (unsigned)host->opt_int(ctx, "retries");
    set->timeout_ms = host->opt_int(ctx, "timeout");
    set->connect_timeout_ms = host->opt_int(ctx, "connect_timeout");
    set->deadline_ms = host->opt_int(ctx, "deadline");
    set->stale_after_ms = host->opt_int(ctx, "stale_after");
    set->list_v1 = !strcmp(host->opt_string(ctx, "list_version"), "1");
}

enum hangar_rc s3_settings_read(const struct hangar_host *host, struct hangar_ctx *ctx,
                                struct s3_settings *out)
{
    const struct reader reader = {.host = host, .ctx = ctx, .set = out};
    *out = (struct s3_settings){0};
    enum hangar_rc rc = read_region(&reader);
    if (!rc) {
        rc = read_bucket(&reader);
    }
    if (!rc) {
        rc = read_endpoint(&reader);
    }
    if (!rc) {
        rc = read_storing(&reader);
    }
    if (rc) {
        return rc;
    }
    read_numbers(&reader);
    const char *sign = option(&reader, "sign_payload");
    if (!strcmp(sign, "yes") || (!strcmp(sign, "auto") && !out->tls)) {
        out->cover = S3_COVER_SIGNED;
    } else if (!strcmp(sign, "auto") && s3_sha256_is_cheap()) {
        out->cover = S3_COVER_CHEAPEST_IS_SHA256;
    }
    out->checksum = s3_checksum_find(host->opt_string(ctx, "checksum"));
    out->verify = host->opt_bool(ctx, "verify");
    out->ca_file = option(&reader, "ca_file");
    out->proxy = option(&reader, "proxy");
    return HANGAR_OK;
}

void s3_settings_free(struct s3_settings *set)
{
    char *texts[] = {set->origin, set->host,   set->bucket_path, set->bucket,
                     set->prefix, set->region, set->description, set->tags};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free(texts[i]);
    }
    *set = (struct s3_settings){0};
}

void s3_settings_path(const struct s3_settings *set, const char *key, struct text *out)
{
    text_add(out, set->bucket_path);
    if (key || !*set->bucket_path) {
        text_add(out, "/");
    }
    if (key) {
        s3_add_escaped(out, key, true);
    }
}
