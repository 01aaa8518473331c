/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * checksum: the digests of bodies: SHA-256 for the signature, MD5 for Content-MD5, and the
 * checksums that newer stores check and keep.  A function returns false when OpenSSL fails.
 */
#ifndef S3_FORMAT_CHECKSUM_H
#define S3_FORMAT_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#define S3_SHA256_HEX 65    /* bytes of a digest in hex, with its NUL */
#define S3_MD5_HEX 33       /* the same of an MD5 */
#define S3_MD5_BASE64 25    /* the same in base64 */
#define S3_CHECKSUM_SIZE 45 /* bytes of a checksum of any kind in base64 */

/* Writes hex in lower case; `out` has 2 * size + 1 bytes. */
void s3_hex(const unsigned char *bytes, size_t size, char *out);

bool s3_sha256(const void *data, size_t size, char hex[S3_SHA256_HEX],
               char base64[S3_CHECKSUM_SIZE]);
bool s3_sha256_hex(const void *data, size_t size, char out[S3_SHA256_HEX]);
bool s3_md5(const void *data, size_t size, char hex[S3_MD5_HEX], char base64[S3_MD5_BASE64]);
/* Has this processor instructions for SHA-256?  With them SHA-256 costs less than MD5, without
 * them several times as much. */
bool s3_sha256_is_cheap(void);

/* A kind of checksum that the plugin can compute, for the headers x-amz-checksum-*. */
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
