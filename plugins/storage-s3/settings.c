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

#include "failure.h"
#include "format/escape.h"
#include "keys/credentials.h"

const struct hangar_option s3_options[] = {
    {.name = "endpoint",
     .type = HANGAR_OPT_STRING,
     .help = "URL of the store, for example https://s3.example.com:9000. Default: AWS in the "
             "region."},
    {.name = "bucket",
     .type = HANGAR_OPT_STRING,
     .flags = HANGAR_OPT_REQUIRED,
     .help = "The bucket. It must exist."},
    {.name = "prefix",
     .type = HANGAR_OPT_STRING,
     .help = "Folder in the bucket: all keys begin with it."},
    {.name = "region",
     .type = HANGAR_OPT_STRING,
     .help = "Region for which requests are signed. Default: AWS_REGION or AWS_DEFAULT_REGION of "
             "the environment, else us-east-1."},
    {.name = "addressing",
     .type = HANGAR_OPT_ENUM,
     .default_value = "auto",
     .choices = (const char *const[]){"auto", "path", "virtual", NULL},
     .help = "Place of the bucket in the URL. path: https://host/bucket. virtual: "
             "https://bucket.host. auto: virtual for AWS, path for other stores."},
    {.name = "ca_file",
     .type = HANGAR_OPT_PATH,
     .help = "File of trusted CA certificates (PEM), instead of those of the system."},
    {.name = "verify",
     .type = HANGAR_OPT_BOOL,
     .default_value = "true",
     .help = "Check the certificate of the store. With false, third parties on the network can "
             "read and change the data."},
    {.name = "proxy",
     .type = HANGAR_OPT_STRING,
     .help = "URL of a proxy. Default: https_proxy, http_proxy and no_proxy of the environment."},
    S3_CREDENTIAL_OPTIONS,
    {.name = "storage_class",
     .type = HANGAR_OPT_STRING,
     .help = "Storage class of new objects, for example STANDARD_IA. Do not use a class whose "
             "objects must be restored from an archive before they can be read."},
    {.name = "sse",
     .type = HANGAR_OPT_ENUM,
     .default_value = "none",
     .choices = (const char *const[]){"none", "AES256", "aws:kms", NULL},
     .help = "Encryption of new objects by the store. none: the default of the bucket."},
    {.name = "kms_key",
     .type = HANGAR_OPT_STRING,
     .help = "Key of the key service of the store. Needs sse: aws:kms."},
    {.name = "tags",
     .type = HANGAR_OPT_LIST,
     .help = "Tags of new objects, each as name=value; at most 10."},
    {.name = "lock_mode",
     .type = HANGAR_OPT_ENUM,
     .default_value = "none",
     .choices = (const char *const[]){"none", "governance", "compliance", NULL},
     .help = "Object lock of new objects; the bucket must support it. With compliance, no user can "
             "remove a locked object before its time is over, whatever the user's rights."},
    {.name = "lock_days",
     .type = HANGAR_OPT_INT,
     .default_value = "0",
     .min = 0,
     .max = 36500,
     .help = "Number of days for which new objects are locked. Needs lock_mode."},
    {.name = "sign_payload",
     .type = HANGAR_OPT_ENUM,
     .default_value = "auto",
     .choices = (const char *const[]){"auto", "yes", "no", NULL},
     .help = "Digest by which the store checks what it receives. yes: a signed SHA-256. no: the "
             "MD5. auto: yes over http; over https, which already protects the data, the one that "
             "this processor computes faster."},
    {.name = "checksum",
     .type = HANGAR_OPT_ENUM,
     .default_value = "none",
     .choices = (const char *const[]){"none", "crc32", "sha256", NULL},
     .help = "Checksum of each object and part that newer stores check and keep "
             "(x-amz-checksum-...). Over https with sign_payload: auto or no, it replaces the "
             "SHA-256 or MD5 once the store has shown that it checks it."},
    {.name = "part_size",
     .type = HANGAR_OPT_SIZE,
     .default_value = "8MiB",
     .min = (int64_t)5 << 20,
     .max = (int64_t)1 << 30,
     .help = "Larger objects are stored in parts of this size. Each part that is being sent uses "
             "this much of limits.memory."},
    {.name = "max_parts",
     .type = HANGAR_OPT_INT,
     .default_value = "10000",
     .min = 1,
     .max = 10000,
     .help = "Maximum number of parts of an object in this store. A longer object is stored as "
             "several."},
    {.name = "concurrency",
     .type = HANGAR_OPT_INT,
     .default_value = "4",
     .min = 1,
     .max = 64,
     .help = "Number of parts and objects that are sent at once."},
    {.name = "bandwidth",
     .type = HANGAR_OPT_SIZE,
     .default_value = "0",
     .min = 0,
     .max = (int64_t)1 << 40,
     .help = "Maximum bytes per second, sent and received together. 0: no limit."},
    {.name = "retries",
     .type = HANGAR_OPT_INT,
     .default_value = "10",
     .min = 0,
     .max = 100,
     .help = "How often a request is repeated after a temporary failure."},
    {.name = "timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "60s",
     .min = 100,
     .max = 3600000,
     .help = "A request that sends and receives no byte for this time has failed."},
    {.name = "connect_timeout",
     .type = HANGAR_OPT_DURATION,
     .default_value = "10s",
     .min = 100,
     .max = 3600000,
     .help = "Maximum time to open a connection."},
    {.name = "deadline",
     .type = HANGAR_OPT_DURATION,
     .default_value = "15m",
     .min = 100,
     .max = 86400000,
     .help = "Maximum time of one request with all its repetitions."},
    {.name = "stale_after",
     .type = HANGAR_OPT_DURATION,
     .default_value = "24h",
     .min = 1000,
     .max = (int64_t)365 * 86400000,
     .help = "An upload in parts that a dead run has left is removed when no part was added to it "
             "for this time."},
    {.name = "list_version",
     .type = HANGAR_OPT_ENUM,
     .default_value = "2",
     .choices = (const char *const[]){"1", "2", NULL},
     .help = "Version of the list request. 1 is for stores from before 2016."},
    {0},
};

#define HEADER_VALUE_MAX 512

struct s3_reader {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    struct s3_settings *set;
};

/* The text of an option; NULL when it is not set or empty, which is what ${VAR:-} gives. */
static const char *s3_read_option(const struct s3_reader *reader, const char *name)
{
    const char *value = reader->host->opt_string(reader->ctx, name);
    return value && *value ? value : NULL;
}

static enum hangar_rc s3_read_no_memory(const struct s3_reader *reader)
{
    return failure_raise_no_memory(reader->host, reader->ctx, "read the options");
}

static bool s3_is_printable(const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

static const char *s3_read_environment_region(void)
{
    const char *value = getenv("AWS_REGION");
    if (!value || !*value) {
        value = getenv("AWS_DEFAULT_REGION");
    }
    return value && *value ? value : "us-east-1";
}

static enum hangar_rc s3_read_region(const struct s3_reader *reader)
{
    const char *region = s3_read_option(reader, "region");
    if (!region) {
        region = s3_read_environment_region();
    }
    for (const char *c = region; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_') {
            return reader->host->fail_option(reader->ctx, "region", "\"%s\" is not a valid region",
                                             region);
        }
    }
    if (strlen(region) > 64) {
        return reader->host->fail_option(reader->ctx, "region", "is longer than 64 bytes");
    }
    reader->set->region = strdup(region);
    return reader->set->region ? HANGAR_OK : s3_read_no_memory(reader);
}

/* Can the name of the bucket be a part of a host name?  The rule of AWS. */
static bool s3_is_host_label(const char *bucket, bool dots)
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

static enum hangar_rc s3_read_bucket(const struct s3_reader *reader)
{
    struct s3_settings *set = reader->set;
    const char *bucket = s3_read_option(reader, "bucket"),
               *prefix = s3_read_option(reader, "prefix");
    if (!bucket) {
        return reader->host->fail_option(reader->ctx, "bucket", "must not be empty");
    }
    if (strchr(bucket, '/') || !s3_is_printable(bucket) || strlen(bucket) > 255) {
        return reader->host->fail_option(
            reader->ctx, "bucket",
            "\"%s\" is not a valid bucket name; hint: give a folder in the bucket as the option "
            "prefix",
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
        return reader->host->fail_option(reader->ctx, "prefix", "is longer than %d bytes",
                                         S3_KEY_MAX - S3_NAME_MAX - 64);
    }
    set->bucket = strdup(bucket);
    if (asprintf(&set->prefix, "%.*s%s", (int)size, size ? prefix : "", size ? "/" : "") < 0) {
        set->prefix = NULL;
    }
    return set->bucket && set->prefix ? HANGAR_OK : s3_read_no_memory(reader);
}

/* The parts of the URL of the endpoint; curl owns the texts. */
struct s3_url {
    char *scheme, *host, *port, *path;
    char *user, *query, *fragment;
};

static void s3_url_free(struct s3_url *url)
{
    char *texts[] = {url->scheme, url->host,  url->port,    url->path,
                     url->user,   url->query, url->fragment};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        curl_free(texts[i]);
    }
}

static bool s3_url_split(const char *text, struct s3_url *url)
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

static const char *s3_url_problem(const struct s3_url *url)
{
    if (strcmp(url->scheme, "https") != 0 && strcmp(url->scheme, "http") != 0) {
        return "must begin with https:// or http://";
    }
    if (url->user) {
        return "must not contain a user; hint: use access_key_id and secret_access_key";
    }
    if (url->query || url->fragment || (url->path && strcmp(url->path, "/") != 0)) {
        return "must end after the host or port; hint: bucket and prefix have options of their own";
    }
    return NULL;
}

static bool s3_is_ip_address(const char *host)
{
    return host[0] == '[' || strspn(host, "0123456789.") == strlen(host);
}

static bool s3_ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

static enum hangar_rc s3_set_urls(const struct s3_reader *reader, const struct s3_url *url)
{
    struct s3_settings *set = reader->set;
    const char *addressing = s3_read_option(reader, "addressing");
    struct text path = {0};
    bool aws =
        s3_ends_with(url->host, ".amazonaws.com") || s3_ends_with(url->host, ".amazonaws.com.cn");
    set->tls = strcmp(url->scheme, "https") == 0;
    set->virtual_host =
        strcmp(addressing, "virtual") == 0 ||
        (strcmp(addressing, "auto") == 0 && aws && s3_is_host_label(set->bucket, !set->tls));
    if (set->virtual_host &&
        (s3_is_ip_address(url->host) || !s3_is_host_label(set->bucket, true))) {
        return reader->host->fail_option(reader->ctx, "addressing",
                                         "virtual needs an endpoint with a host name, and a bucket "
                                         "name of lower-case letters, digits and hyphens; hint: "
                                         "use path");
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
    return set->host && set->origin && set->bucket_path && set->description
               ? HANGAR_OK
               : s3_read_no_memory(reader);
}

static enum hangar_rc s3_read_endpoint(const struct s3_reader *reader)
{
    const char *given = s3_read_option(reader, "endpoint"), *region = reader->set->region;
    struct s3_url url = {0};
    char of_aws[160];
    snprintf(of_aws, sizeof(of_aws), "https://s3.%s.amazonaws.com%s", region,
             strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    enum hangar_rc rc = HANGAR_OK;
    const char *text = given ? given : of_aws;
    if (!s3_url_split(text, &url)) {
        rc = reader->host->fail_option(
            reader->ctx, "endpoint",
            "is not a valid URL; hint: write it as https://s3.example.com");
    } else {
        const char *problem = s3_url_problem(&url);
        rc = problem ? reader->host->fail_option(reader->ctx, "endpoint", "%s", problem)
                     : s3_set_urls(reader, &url);
    }
    s3_url_free(&url);
    return rc;
}

/* The text of an option that is sent in a header as it is: it must not end the line. */
static enum hangar_rc s3_read_header_value(const struct s3_reader *reader, const char *name,
                                           const char **out)
{
    *out = s3_read_option(reader, name);
    if (*out && (!s3_is_printable(*out) || strlen(*out) > HEADER_VALUE_MAX)) {
        return reader->host->fail_option(reader->ctx, name,
                                         "must not contain blanks or be longer than %d bytes",
                                         HEADER_VALUE_MAX);
    }
    return HANGAR_OK;
}

/* Appends "name=value" to the value of the header, escaped. */
static enum hangar_rc s3_read_tag(const struct s3_reader *reader, const char *tag,
                                  struct text *header)
{
    const char *equals = strchr(tag, '=');
    if (!equals || equals == tag) {
        return reader->host->fail_option(reader->ctx, "tags",
                                         "\"%s\" is not of the form name=value", tag);
    }
    char *name = strndup(tag, (size_t)(equals - tag));
    if (!name) {
        return s3_read_no_memory(reader);
    }
    text_add(header, header->size ? "&" : "");
    s3_add_escaped(header, name, false);
    text_add(header, "=");
    s3_add_escaped(header, equals + 1, false);
    free(name);
    return HANGAR_OK;
}

static enum hangar_rc s3_read_tags(const struct s3_reader *reader)
{
    struct text header = {0};
    const char *tag;
    enum hangar_rc rc = HANGAR_OK;
    for (size_t i = 0; rc == HANGAR_OK && (tag = reader->host->opt_list(reader->ctx, "tags", i));
         i++) {
        rc = i == S3_TAGS_MAX
                 ? reader->host->fail_option(reader->ctx, "tags",
                                             "more than %d tags are not allowed", S3_TAGS_MAX)
                 : s3_read_tag(reader, tag, &header);
    }
    if (rc == HANGAR_OK && header.size) {
        reader->set->tags = header.failed ? NULL : strdup(header.data);
        rc = reader->set->tags ? HANGAR_OK : s3_read_no_memory(reader);
    }
    text_free(&header);
    return rc;
}

/* Adds a header of new objects, unless its value is NULL. */
static void s3_add_object_header(struct s3_settings *set, const char *name, const char *value)
{
    if (value) {
        set->object_headers[set->object_header_count++] = (struct s3_pair){name, value};
    }
}

/* The options that become headers of new objects. */
static enum hangar_rc s3_read_object_headers(const struct s3_reader *reader)
{
    struct s3_settings *set = reader->set;
    const char *storage_class;
    enum hangar_rc rc = s3_read_header_value(reader, "storage_class", &storage_class);
    if (rc == HANGAR_OK) {
        rc = s3_read_header_value(reader, "kms_key", &set->kms_key);
    }
    if (rc == HANGAR_OK) {
        rc = s3_read_tags(reader);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    const char *sse = s3_read_option(reader, "sse");
    if (set->kms_key && strcmp(sse, "aws:kms") != 0) {
        return reader->host->fail_option(reader->ctx, "kms_key", "needs sse: aws:kms");
    }
    s3_add_object_header(set, "x-amz-storage-class", storage_class);
    s3_add_object_header(set, "x-amz-server-side-encryption",
                         strcmp(sse, "none") == 0 ? NULL : sse);
    s3_add_object_header(set, "x-amz-server-side-encryption-aws-kms-key-id", set->kms_key);
    s3_add_object_header(set, "x-amz-tagging", set->tags);
    return HANGAR_OK;
}

static enum hangar_rc s3_read_lock(const struct s3_reader *reader)
{
    struct s3_settings *set = reader->set;
    const char *mode = s3_read_option(reader, "lock_mode");
    set->lock_days = reader->host->opt_int(reader->ctx, "lock_days");
    if (strcmp(mode, "governance") == 0) {
        set->lock_mode = "GOVERNANCE";
    } else if (strcmp(mode, "compliance") == 0) {
        set->lock_mode = "COMPLIANCE";
    }
    if (set->lock_days && !set->lock_mode) {
        return reader->host->fail_option(reader->ctx, "lock_days",
                                         "needs lock_mode: governance or compliance");
    }
    return HANGAR_OK;
}

static void s3_read_numbers(const struct s3_reader *reader)
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
    set->list_v1 = strcmp(host->opt_string(ctx, "list_version"), "1") == 0;
}

enum hangar_rc s3_settings_read(const struct hangar_host *host, struct hangar_ctx *ctx,
                                struct s3_settings *out)
{
    const struct s3_reader reader = {.host = host, .ctx = ctx, .set = out};
    *out = (struct s3_settings){0};
    enum hangar_rc rc = s3_read_region(&reader);
    if (rc == HANGAR_OK) {
        rc = s3_read_bucket(&reader);
    }
    if (rc == HANGAR_OK) {
        rc = s3_read_endpoint(&reader);
    }
    if (rc == HANGAR_OK) {
        rc = s3_read_object_headers(&reader);
    }
    if (rc == HANGAR_OK) {
        rc = s3_read_lock(&reader);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    s3_read_numbers(&reader);
    const char *sign = s3_read_option(&reader, "sign_payload");
    if (strcmp(sign, "yes") == 0 || (strcmp(sign, "auto") == 0 && !out->tls)) {
        out->cover = S3_COVER_SIGNED;
    } else if (strcmp(sign, "auto") == 0 && s3_sha256_is_cheap()) {
        out->cover = S3_COVER_CHEAPEST_IS_SHA256;
    }
    out->checksum = s3_checksum_find(host->opt_string(ctx, "checksum"));
    out->verify = host->opt_bool(ctx, "verify");
    out->ca_file = s3_read_option(&reader, "ca_file");
    out->proxy = s3_read_option(&reader, "proxy");
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
