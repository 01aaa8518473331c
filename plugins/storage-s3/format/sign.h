/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sign: signatures of AWS, version 4, and the digests that they need.  These functions use no
 * network, no clock and no options.  The signature covers exactly the bytes that are sent: the
 * caller passes the path and the query escaped, and must not change them afterwards.
 */
#ifndef S3_SIGN_H
#define S3_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define S3_SHA256_HEX 65    /* bytes of a digest in hex, with its NUL */
#define S3_MD5_HEX 33       /* the same of an MD5 */
#define S3_MD5_BASE64 25    /* the same in base64 */
#define S3_CHECKSUM_SIZE 45 /* bytes of a checksum of any kind in base64 */
#define S3_HEADERS_MAX 32   /* in one request */
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

/* Writes hex in lower case; `out` has 2 * size + 1 bytes. */
void s3_hex(const unsigned char *bytes, size_t size, char *out);

bool s3_sha256(const void *data, size_t size, char hex[S3_SHA256_HEX],
               char base64[S3_CHECKSUM_SIZE]);
bool s3_sha256_hex(const void *data, size_t size, char out[S3_SHA256_HEX]);
bool s3_md5(const void *data, size_t size, char hex[S3_MD5_HEX], char base64[S3_MD5_BASE64]);
/* Has this processor instructions for SHA-256?  With them SHA-256 costs less than MD5, without
 * them several times as much. */
bool s3_sha256_is_cheap(void);

/* A kind of checksum that we can compute, for the headers x-amz-checksum-*. */
struct s3_checksum {
    const char *name;      /* as the option and in the name of the header */
    const char *algorithm; /* as AWS spells it */
    const char *element;   /* in XML */
    const char *header;
    bool sha256;
};
/* NULL: there is no such kind. */
const struct s3_checksum *s3_checksum_find(const char *name);
const struct s3_checksum *s3_checksum_at(size_t index); /* NULL after the last one */
bool s3_checksum_make(const struct s3_checksum *kind, const void *data, size_t size,
                      char base64[S3_CHECKSUM_SIZE]);

#endif
