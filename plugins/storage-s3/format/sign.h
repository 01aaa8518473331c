/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sign: AWS signature version 4, and the digests that go with it.  Pure: no network,
 * no clock, no options.  What is signed is exactly what will be sent: the path and the
 * query come here already escaped, and nobody changes them afterwards.
 */
#ifndef S3_SIGN_H
#define S3_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define S3_SHA256_HEX 65    /* of a digest in hex, with its NUL */
#define S3_MD5_HEX 33       /* the same of MD5 */
#define S3_MD5_BASE64 25    /* and in base64 */
#define S3_CHECKSUM_SIZE 45 /* of a checksum of any kind in base64 */
#define S3_HEADERS_MAX 32   /* of one request */
#define S3_UNSIGNED "UNSIGNED-PAYLOAD"

/* A header or a parameter of a query. */
struct s3_pair {
    const char *name, *value;
};

struct s3_signing {
    const char *method;
    const char *path;              /* escaped, begins with a slash */
    const char *query;             /* of s3_query_add, "" when there is none */
    const struct s3_pair *headers; /* all that are signed, names in lower case, in any order */
    size_t header_count;
    const char *payload; /* SHA-256 of the body in hex, or S3_UNSIGNED */
    const char *date;
    const char *region, *service;
    const char *access_key_id, *secret_access_key;
};

/* The key of a day, which is the same for all requests of that day. */
struct s3_day_key {
    char scope[128];                 /* date, region, service that it is for; "": none yet */
    unsigned char secret_digest[32]; /* of the secret that it was made from */
    unsigned char key[32];
};

/* Appends the value of the header Authorization.  False: memory is short, or the library
 * refuses. */
bool s3_sign(const struct s3_signing *what, struct s3_day_key *day, struct text *out);

/* The canonical query of `count` (at most S3_HEADERS_MAX) parameters, not yet escaped. */
bool s3_query(const struct s3_pair *pairs, size_t count, struct text *out);

/* In lower case; `out` has room for 2 * size + 1. */
void s3_hex(const unsigned char *bytes, size_t size, char *out);

bool s3_sha256(const void *data, size_t size, char hex[S3_SHA256_HEX],
               char base64[S3_CHECKSUM_SIZE]);
bool s3_sha256_hex(const void *data, size_t size, char out[S3_SHA256_HEX]);
bool s3_md5(const void *data, size_t size, char hex[S3_MD5_HEX], char base64[S3_MD5_BASE64]);
/* Has this processor instructions for SHA-256?  With them it costs less than MD5, else
 * several times as much. */
bool s3_sha256_is_cheap(void);

/* The checksums of the service that we can make: what x-amz-checksum-* holds. */
struct s3_checksum {
    const char *name;      /* of the option, and in the header's name */
    const char *algorithm; /* as the service spells it */
    const char *element;   /* of XML */
    const char *header;
    bool sha256;
};
/* NULL: there is none of that name. */
const struct s3_checksum *s3_checksum_find(const char *name);
const struct s3_checksum *s3_checksum_at(size_t index); /* NULL behind the last one */
bool s3_checksum_make(const struct s3_checksum *kind, const void *data, size_t size,
                      char base64[S3_CHECKSUM_SIZE]);

#endif
