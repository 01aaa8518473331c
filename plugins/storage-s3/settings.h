/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * settings: the options of the plugin, read and checked once, and the keys and URLs that follow
 * from them.  It connects to nothing, and must not know about requests.
 *
 * A new option is a row of s3_options and a line of a reader in settings.c; one that only adds a
 * header to new objects needs no other change.
 */
#ifndef S3_SETTINGS_H
#define S3_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <hangar/plugin.h>

#include "format/sign.h"
#include "text.h"

#define S3_KEY_MAX 1024 /* bytes of a key, the limit of AWS */
#define S3_NAME_MAX 500 /* bytes of a name that the core gives */
#define S3_TAGS_MAX 10

struct s3_settings {
    char *origin; /* "https://s3.eu-west-1.amazonaws.com", without a path */
    char *host;   /* the header Host */
    bool tls;
    bool virtual_host;     /* the bucket is a part of the host name */
    char *bucket_path;     /* escaped: "/bucket" or "" */
    char *bucket, *prefix; /* the prefix is "" or ends in a slash */
    char *region;
    char *description;           /* of the bucket, for messages */
    const char *ca_file, *proxy; /* NULL: none */
    bool verify;
    /* The headers that each new object gets: storage class, encryption, tags. */
    struct s3_pair object_headers[4];
    size_t object_header_count;
    char *tags;            /* the value of one of them; NULL: no tags */
    const char *kms_key;   /* NULL: none */
    const char *lock_mode; /* as in the header; NULL: no lock */
    int64_t lock_days;
    /* The digest that protects a body: a signed SHA-256, the MD5, or the faster one. */
    enum s3_cover { S3_COVER_MD5, S3_COVER_CHEAPEST_IS_SHA256, S3_COVER_SIGNED } cover;
    const struct s3_checksum *checksum; /* sent besides; NULL: none */
    uint64_t part_size, max_parts;
    uint64_t bandwidth; /* bytes per second; 0: no limit */
    unsigned concurrency, retries;
    int64_t timeout_ms, connect_timeout_ms, deadline_ms, stale_after_ms;
    bool list_v1;
};

/* All options of the plugin, those of keys/credentials.h included; the last row is empty. */
extern const struct hangar_option s3_options[];

/* Reads the options, except those of credentials.  A bad value is recorded with the host.  The
 * caller calls s3_settings_free also after a failure. */
enum hangar_rc s3_settings_read(const struct hangar_host *host, struct hangar_ctx *ctx,
                                struct s3_settings *out);
void s3_settings_free(struct s3_settings *set);

/* Appends the escaped path of a key in the bucket; key NULL: the path of the bucket. */
void s3_settings_path(const struct s3_settings *set, const char *key, struct text *out);

#endif
