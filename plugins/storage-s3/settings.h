/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: the options that say which store this is and how to speak to it, read and
 * checked once, and the keys and URLs that follow from them.  It connects to nothing and
 * knows no requests.
 */
#ifndef S3_SETTINGS_H
#define S3_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <hangar/plugin.h>

#include "format/sign.h"
#include "text.h"

#define S3_KEY_MAX 1024 /* bytes of a key, the service's limit */
#define S3_NAME_MAX 500 /* of a name that the core gives */
#define S3_TAGS_MAX 10

struct s3_settings {
    char *origin; /* "https://s3.eu-west-1.amazonaws.com", without a path */
    char *host;   /* as in the header Host */
    bool tls;
    bool virtual_host;     /* the bucket is a part of the host's name */
    char *bucket_path;     /* escaped: "/bucket" or "" */
    char *bucket, *prefix; /* the prefix is "" or ends in a slash */
    char *region;
    char *description;           /* for people */
    const char *ca_file, *proxy; /* NULL: none */
    bool verify;
    const char *storage_class, *sse, *kms_key; /* NULL: none */
    char *tags;                                /* the header's value; NULL: none */
    const char *lock_mode;                     /* in the service's spelling; NULL: no lock */
    int64_t lock_days;
    /* How bodies are covered: by the signature, with their SHA-256; or by their MD5. */
    enum s3_cover { S3_COVER_MD5, S3_COVER_CHEAPEST_IS_SHA256, S3_COVER_SIGNED } cover;
    const struct s3_checksum *checksum; /* goes along besides; NULL: none */
    uint64_t part_size, max_parts, bandwidth;
    unsigned concurrency, retries;
    int64_t timeout_ms, connect_timeout_ms, deadline_ms, stale_after_ms;
    bool list_v1;
};

/* Reads the options; a bad one is recorded.  s3_settings_free also after a failure. */
enum hangar_rc s3_settings_read(const struct hangar_host *host, struct hangar_ctx *ctx,
                                struct s3_settings *out);
void s3_settings_free(struct s3_settings *set);

/* Is this a name that the core may give? */
bool s3_name_valid(const char *name);

/* The escaped path of a key in the bucket; key NULL: of the bucket. */
void s3_settings_path(const struct s3_settings *set, const char *key, struct text *out);

/* An option's text; NULL when it is not set or empty, which is what ${VAR:-} gives. */
const char *s3_option(const struct hangar_host *host, struct hangar_ctx *ctx, const char *name);

/* Rows of the table of options: what every driver of S3 has. */
/* clang-format off */
#define S3_PLACE_OPTIONS                                                                           \
    {.name = "endpoint", .type = HANGAR_OPT_STRING,                                                \
     .help = "URL of the store, as https://s3.example.com:9000. Default: that of AWS in the "      \
             "region."},                                                                           \
    {.name = "bucket", .type = HANGAR_OPT_STRING, .flags = HANGAR_OPT_REQUIRED,                    \
     .help = "The bucket. It must exist."},                                                        \
    {.name = "prefix", .type = HANGAR_OPT_STRING,                                                  \
     .help = "The folder within the bucket: what all keys begin with."},                           \
    {.name = "region", .type = HANGAR_OPT_STRING,                                                  \
     .help = "The region that requests are signed for. Default: AWS_REGION or "                    \
             "AWS_DEFAULT_REGION of the environment, else us-east-1."},                            \
    {.name = "addressing", .type = HANGAR_OPT_ENUM, .default_value = "auto",                       \
     .choices = (const char *const[]){"auto", "path", "virtual", NULL},                            \
     .help = "Where the bucket stands: path, as https://host/bucket, or virtual, as "              \
             "https://bucket.host. auto: virtual at AWS, else path."},                             \
    {.name = "ca_file", .type = HANGAR_OPT_PATH,                                                   \
     .help = "Certificates (PEM) of the authorities to trust, instead of the system's."},          \
    {.name = "verify", .type = HANGAR_OPT_BOOL, .default_value = "true",                           \
     .help = "Check the certificate of the store. false lets anybody between read and change "     \
             "what is stored."},                                                                   \
    {.name = "proxy", .type = HANGAR_OPT_STRING,                                                   \
     .help = "URL of the proxy to go through. Default: https_proxy, http_proxy and no_proxy of "   \
             "the environment."}

#define S3_NATIVE_OPTIONS                                                                          \
    {.name = "storage_class", .type = HANGAR_OPT_STRING,                                           \
     .help = "Storage class of new objects, such as STANDARD_IA. Not one that must be thawed "     \
             "before it can be read."},                                                            \
    {.name = "sse", .type = HANGAR_OPT_ENUM, .default_value = "none",                              \
     .choices = (const char *const[]){"none", "AES256", "aws:kms", NULL},                          \
     .help = "Encryption by the store. none: what the bucket does by itself."},                    \
    {.name = "kms_key", .type = HANGAR_OPT_STRING,                                                 \
     .help = "Key of the store's key service, with sse: aws:kms."},                                \
    {.name = "tags", .type = HANGAR_OPT_LIST,                                                      \
     .help = "Tags of new objects, each as name=value; at most 10."},                              \
    {.name = "lock_mode", .type = HANGAR_OPT_ENUM, .default_value = "none",                        \
     .choices = (const char *const[]){"none", "governance", "compliance", NULL},                   \
     .help = "Object lock of new objects, in a bucket that has it. compliance: nobody can remove " \
             "them before the time is over, whatever their rights."},                              \
    {.name = "lock_days", .type = HANGAR_OPT_INT, .default_value = "0", .min = 0, .max = 36500,    \
     .help = "For how many days new objects are locked. Needs lock_mode."},                        \
    {.name = "sign_payload", .type = HANGAR_OPT_ENUM, .default_value = "auto",                     \
     .choices = (const char *const[]){"auto", "yes", "no", NULL},                                  \
     .help = "How the store checks what arrives: yes: by a signed SHA-256, no: by its MD5. auto: " \
             "yes over http; over https, where nobody else can change it, by what this "           \
             "processor computes faster."},                                                        \
    {.name = "checksum", .type = HANGAR_OPT_ENUM, .default_value = "none",                         \
     .choices = (const char *const[]){"none", "crc32", "sha256", NULL},                            \
     .help = "A checksum of each object and part that newer stores compare and keep "              \
             "(x-amz-checksum-...). Over https, and with sign_payload: auto or no, it takes the "  \
             "place of the SHA-256 or MD5 as soon as the store has shown that it knows it."},      \
    {.name = "part_size", .type = HANGAR_OPT_SIZE, .default_value = "8MiB",                        \
     .min = (int64_t)5 << 20, .max = (int64_t)1 << 30,                                             \
     .help = "Larger objects are stored in parts of this size. Taken from limits.memory, for "     \
             "each part on its way."},                                                             \
    {.name = "max_parts", .type = HANGAR_OPT_INT, .default_value = "10000",                        \
     .min = 1, .max = 10000,                                                                       \
     .help = "The most parts of an object that the store takes. A longer one is stored as "        \
             "several."},                                                                          \
    {.name = "concurrency", .type = HANGAR_OPT_INT, .default_value = "4", .min = 1, .max = 64,     \
     .help = "How many parts and objects are sent at once."},                                      \
    {.name = "bandwidth", .type = HANGAR_OPT_SIZE, .default_value = "0",                           \
     .min = 0, .max = (int64_t)1 << 40,                                                            \
     .help = "The most bytes per second to send and receive, all together. 0: no limit."},         \
    {.name = "retries", .type = HANGAR_OPT_INT, .default_value = "10", .min = 0, .max = 100,       \
     .help = "How often a request that failed for a passing reason is sent again."},               \
    {.name = "timeout", .type = HANGAR_OPT_DURATION, .default_value = "60s",                       \
     .min = 100, .max = 3600000,                                                                   \
     .help = "How long a request may move no byte."},                                              \
    {.name = "connect_timeout", .type = HANGAR_OPT_DURATION, .default_value = "10s",               \
     .min = 100, .max = 3600000,                                                                   \
     .help = "How long a connection may take to be made."},                                        \
    {.name = "deadline", .type = HANGAR_OPT_DURATION, .default_value = "15m",                      \
     .min = 100, .max = 86400000,                                                                  \
     .help = "How long one request may take with all its repetitions."},                           \
    {.name = "stale_after", .type = HANGAR_OPT_DURATION, .default_value = "24h",                   \
     .min = 1000, .max = (int64_t)365 * 86400000,                                                  \
     .help = "Uploads in parts of dead runs are removed when nothing was added to them for so "    \
             "long."},                                                                             \
    {.name = "list_version", .type = HANGAR_OPT_ENUM, .default_value = "2",                        \
     .choices = (const char *const[]){"1", "2", NULL},                                             \
     .help = "Which form of listing to ask for. 1 is for stores that are older than 2016."}
/* clang-format on */

#endif
