/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hash: see hash.h.
 */
#include "base/hash.h"

#include <stdlib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

struct hg_sha256 {
    EVP_MD_CTX *ctx;
    bool failed; /* OpenSSL failed: the result is "", which equals no digest */
};

bool hg_crypto_ready(void)
{
    return OPENSSL_init_crypto(0, NULL) == 1 && OSSL_LIB_CTX_get0_global_default();
}

struct hg_sha256 *hg_sha256_new(void)
{
    if (!hg_crypto_ready()) {
        return NULL;
    }
    struct hg_sha256 *h = calloc(1, sizeof(*h));
    if (!h) {
        return NULL;
    }
    h->ctx = EVP_MD_CTX_new();
    if (!h->ctx || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1) {
        hg_sha256_free(h);
        return NULL;
    }
    return h;
}

void hg_sha256_update(struct hg_sha256 *h, const void *data, size_t size)
{
    if (EVP_DigestUpdate(h->ctx, data, size) != 1) {
        h->failed = true;
    }
}

void hg_sha256_final(struct hg_sha256 *h, char hex[HG_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    hex[0] = '\0';
    if (EVP_DigestFinal_ex(h->ctx, digest, &size) != 1 || size != 32 || h->failed) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = '\0';
}

void hg_sha256_free(struct hg_sha256 *h)
{
    if (!h) {
        return;
    }
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

bool hg_sha256_of(const void *data, size_t size, char hex[HG_SHA256_HEX])
{
    struct hg_sha256 *h = hg_sha256_new();
    hex[0] = '\0';
    if (h) {
        hg_sha256_update(h, data, size);
        hg_sha256_final(h, hex);
    }
    hg_sha256_free(h);
    return hex[0] != '\0';
}
