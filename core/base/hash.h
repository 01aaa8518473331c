/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hash: SHA-256 by OpenSSL, as it stands in manifests and SHA256SUMS.
 */
#ifndef HG_HASH_H
#define HG_HASH_H

#include <stdbool.h>
#include <stddef.h>

#define HG_SHA256_HEX 65 /* 64 lower-case hex digits and a NUL */

/* Could OpenSSL set itself up?  When memory lacks at its first use it does not say so,
 * and crashes at the next: to be asked before any of its functions, ours or a plugin's. */
bool hg_crypto_ready(void);

/* NULL when out of memory. */
struct hg_sha256 *hg_sha256_new(void);
void hg_sha256_update(struct hg_sha256 *h, const void *data, size_t size);
void hg_sha256_final(struct hg_sha256 *h, char hex[HG_SHA256_HEX]); /* once; then only free */
void hg_sha256_free(struct hg_sha256 *h);

/* All at once; false, and "" as hex, when there is no memory or OpenSSL refuses. */
bool hg_sha256_of(const void *data, size_t size, char hex[HG_SHA256_HEX]);

#endif
