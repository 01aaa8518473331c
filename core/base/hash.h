/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hash: SHA-256 by OpenSSL, in the form of manifests and SHA256SUMS.
 */
#ifndef HG_BASE_HASH_H
#define HG_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#define HG_SHA256_HEX 65 /* 64 lower-case hex digits and a NUL */

/* Initialises OpenSSL; false when it fails.  When memory runs out during its first use,
 * OpenSSL reports no error and crashes later.  So this must be called before any other of
 * its functions, in the core or in a plugin. */
bool hg_crypto_ready(void);

/* NULL when out of memory. */
struct hg_sha256 *hg_sha256_new(void);
void hg_sha256_update(struct hg_sha256 *h, const void *data, size_t size);
void hg_sha256_final(struct hg_sha256 *h, char hex[HG_SHA256_HEX]); /* once; then call free */
void hg_sha256_free(struct hg_sha256 *h);

/* The hash of a buffer; false, with hex "", when out of memory or OpenSSL fails. */
bool hg_sha256_of(const void *data, size_t size, char hex[HG_SHA256_HEX]);

#endif
