/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * digest.h: the digest of a table: the sum, modulo 2^128, of the XXH3-128 of
 * each row's COPY text without its newline.  A sum does not depend on the order
 * of the rows, so that slices are added up, and a table that was loaded by
 * several sessions is compared.
 */
#ifndef PG_DIGEST_H
#define PG_DIGEST_H

#include <stdint.h>
#include <stdio.h>
#include <xxhash.h>

struct pg_digest {
    uint64_t high, low;
};

#define PG_DIGEST_HEX 33

static inline void pg_digest_add(struct pg_digest *sum, uint64_t high, uint64_t low)
{
    sum->low += low;
    sum->high += high + (sum->low < low);
}

static inline void pg_digest_row(struct pg_digest *sum, const void *row, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(row, size);
    pg_digest_add(sum, hash.high64, hash.low64);
}

static inline void pg_digest_hex(const struct pg_digest *sum, char out[PG_DIGEST_HEX])
{
    snprintf(out, PG_DIGEST_HEX, "%016llx%016llx", (unsigned long long)sum->high,
             (unsigned long long)sum->low);
}

#endif
