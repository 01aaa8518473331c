/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sign: signatures of AWS, version 4.  These functions use no network, no clock and no options.
 * The signature covers exactly the bytes that are sent: the caller passes the path and the query
 * escaped, and must not change them afterwards.
 */
#ifndef S3_FORMAT_SIGN_H
#define S3_FORMAT_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "format/checksum.h"
#include "text.h"

#define S3_HEADERS_MAX 32 /* in one request */
#define S3_UNSIGNED "UNSIGNED-PAYLOAD"

/* A header, or a parameter of a query. */
struct s3_pair {
    const char *name, *value;
};

struct s3_signing {
    const char *method;
    const char *path;              /* escaped, begins with a slash */
    const char *query;             /* of s3_add_query; "": none */
    const struct s3_pair *headers; /* all that are signed, names in lower case, in any order */
    size_t header_count;
    const char *payload; /* SHA-256 of the body in hex, or S3_UNSIGNED */
    const char *date;
    const char *region, *service;
    const char *access_key_id, *secret_access_key;
};

/* The signing key, which is the same for all requests of a day. */
struct s3_day_key {
    char scope[128];                 /* date, region and service of the key; "": none yet */
    unsigned char secret_digest[32]; /* SHA-256 of the secret that the key was computed from */
    unsigned char key[32];
};

/* Appends the value of the header Authorization.  `day` caches the key between calls, of one
 * thread at a time.  False: out of memory, or OpenSSL failed. */
bool s3_add_signature(const struct s3_signing *signing, struct s3_day_key *day, struct text *out);

/* Appends the canonical query of `count` (at most S3_HEADERS_MAX) unescaped parameters. */
bool s3_add_query(const struct s3_pair *pairs, size_t count, struct text *out);

#endif
