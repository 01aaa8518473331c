/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * checksum: see checksum.h.
 */
#include "format/checksum.h"

#include <string.h>
#include <openssl/evp.h>
#include <zlib.h>
#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

void s3_hex(const unsigned char *bytes, size_t size, char *out)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

bool s3_sha256_hex(const void *data, size_t size, char out[S3_SHA256_HEX])
{
    char base64[S3_CHECKSUM_SIZE];
    return s3_sha256(data, size, out, base64);
}

bool s3_sha256(const void *data, size_t size, char hex[S3_SHA256_HEX],
               char base64[S3_CHECKSUM_SIZE])
{
    unsigned char digest[32];
    if (!EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL)) {
        return false;
    }
    s3_hex(digest, sizeof(digest), hex);
    EVP_EncodeBlock((unsigned char *)base64, digest, sizeof(digest));
    return true;
}

bool s3_md5(const void *data, size_t size, char hex[S3_MD5_HEX], char base64[S3_MD5_BASE64])
{
    unsigned char digest[16];
    if (!EVP_Digest(data, size, digest, NULL, EVP_md5(), NULL)) {
        return false;
    }
    s3_hex(digest, sizeof(digest), hex);
    EVP_EncodeBlock((unsigned char *)base64, digest, sizeof(digest));
    return true;
}

bool s3_sha256_is_cheap(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_SHA;
#elif defined(__aarch64__)
    return getauxval(AT_HWCAP) & HWCAP_SHA2;
#else
    return false;
#endif
}

static const struct s3_checksum s3_checksums[] = {
    {"crc32", "CRC32", "ChecksumCRC32", "x-amz-checksum-crc32", false},
    {"sha256", "SHA256", "ChecksumSHA256", "x-amz-checksum-sha256", true},
};
#define S3_CHECKSUM_COUNT (sizeof(s3_checksums) / sizeof(s3_checksums[0]))

const struct s3_checksum *s3_checksum_at(size_t index)
{
    return index < S3_CHECKSUM_COUNT ? &s3_checksums[index] : NULL;
}

const struct s3_checksum *s3_checksum_find(const char *name)
{
    for (size_t i = 0; i < S3_CHECKSUM_COUNT; i++) {
        if (strcmp(s3_checksums[i].name, name) == 0) {
            return &s3_checksums[i];
        }
    }
    return NULL;
}

static uint32_t s3_crc32(const void *data, size_t size)
{
#ifdef HAVE_ISAL
    return crc32_gzip_refl(0, data, size);
#else
    return (uint32_t)crc32_z(0, data, size);
#endif
}

bool s3_checksum_make(const struct s3_checksum *kind, const void *data, size_t size,
                      char base64[S3_CHECKSUM_SIZE])
{
    char hex[S3_SHA256_HEX];
    if (kind->sha256) {
        return s3_sha256(data, size, hex, base64);
    }
    uint32_t crc = size ? s3_crc32(data, size) : 0;
    const unsigned char digest[] = {(unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
                                    (unsigned char)(crc >> 8), (unsigned char)crc};
    EVP_EncodeBlock((unsigned char *)base64, digest, sizeof(digest));
    return true;
}
