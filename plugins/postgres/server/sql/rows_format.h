/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * rows_format: what the writer and the reader of an object with rows share; the format
 * is described in docs/plugins/postgres.md.
 *
 * The digest of a table is the sum, modulo 2^128, of the XXH3-128 of each row's COPY text
 * without its newline.  A sum does not depend on the order of the rows: the digests of
 * slices are added up, and a table that several sessions loaded can be compared.
 */
#ifndef PG_SERVER_SQL_ROWS_FORMAT_H
#define PG_SERVER_SQL_ROWS_FORMAT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* The first line of each object with rows.  Format 1 had the settings of the session that read the
 * rows at its head, format 2 has only those that loading them needs. */
#define PG_ROWS_FIRST_LINE_1 "-- hangar postgres rows, format 1\n"
#define PG_ROWS_FIRST_LINE "-- hangar postgres rows, format 2\n"
#define PG_ROWS_FORMAT 2

/* An attribute of objects of the last level of backup/plan/order.h: a restore loads them one after
 * the other, and tries those that fail again after the others. */
#define PG_ORDER_ATTR "order"
#define PG_ORDER_LAST_ATTR "last"

/* The line before each COPY is "-- KIND table". */
#define PG_KIND_WHOLE "whole"    /* all rows of a large table */
#define PG_KIND_SMALL "small"    /* all rows of a small table */
#define PG_KIND_PART "part of a" /* some of its rows, or rows of a table that has others too */

/* The line after the rows of a table and the line \. : their number and their digest. */
#define PG_ROWS_TRAILER "-- rows: %llu digest: %s\n"

struct pg_digest {
    uint64_t high, low;
};

/* The size of a row of COPY without its last columns; that of the row when it has no more. */
static inline size_t pg_cut_columns(const char *row, size_t size, uint32_t columns)
{
    size_t end = size;
    for (uint32_t i = 0; i < columns; i++) {
        const char *tab = (const char *)memrchr(row, '\t', end);
        if (!tab) {
            return size;
        }
        end = (size_t)(tab - row);
    }
    return end;
}

#define PG_DIGEST_HEX 33 /* bytes of a digest in hexadecimal, with its NUL */

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
