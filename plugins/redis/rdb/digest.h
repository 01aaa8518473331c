/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * digest: what is in an RDB, as sums that do not depend on the order of its
 * keys nor on how their values are encoded, so that the RDB of a backup and that
 * of a server it was restored into can be compared.  Fed by the events of a walk;
 * memory does not depend on what it reads.
 *
 * A value is taken apart into its elements, whatever packed or compressed form it
 * has: strings by their bytes, lists in order, sets, hashes and sorted sets in any
 * order (scores as doubles).  Of streams the bytes of the entries, ids, groups and
 * consumers count; where the two sides write streams of different versions, only
 * entries and names.  Of modules' values nothing but that they are there: only the
 * module knows what two of them have in common.
 *
 * Keys that expire are summed by when they do, as time goes by between the two:
 * only those whose time cannot have come yet are comparable.
 */
#ifndef RD_RDB_DIGEST_H
#define RD_RDB_DIGEST_H

#include "rdb/walk.h"

/* 0: keys that last.  1: those that expire until a minute after the origin, 2: until
 * 2 minutes after it, then 4, 8 ... minutes; the last takes all later ones. */
#define RDB_SPANS 24

struct rdb_sum {
    uint64_t count;
    uint64_t keys[2];   /* database, name, class and expiry */
    uint64_t values[2]; /* the same, with the value */
};

/* Beside the classes of keys: libraries of functions, and streams by what all
 * versions of them have. */
#define RDB_SUM_FUNCTIONS RDB_CLASSES
#define RDB_SUM_STREAM_TEXTS (RDB_CLASSES + 1)
#define RDB_SUMS (RDB_CLASSES + 2)

struct rdb_digest_sums {
    struct rdb_sum sums[RDB_SUMS][RDB_SPANS];
    uint64_t stream_types[3]; /* streams of each version of their format */
    uint64_t expiring_fields; /* hashes of which fields expire on their own: not summed */
    uint64_t damaged;         /* values that could not be taken apart */
};

struct rdb_digest;

/* `origin_ms`: the same for both sides.  `dated` false: expiries are only
 * approximately those of the other side, and count only as such.  NULL when out
 * of memory. */
struct rdb_digest *rdb_digest_new(int64_t origin_ms, bool dated);
void rdb_digest_free(struct rdb_digest *digest);

/* The events of the walk, to be passed on in its order. */
void rdb_digest_key(struct rdb_digest *digest, const struct rdb_key *key);
void rdb_digest_string(struct rdb_digest *digest, const struct rdb_string *string);
void rdb_digest_body(struct rdb_digest *digest, bool text, const unsigned char *data, size_t size);
void rdb_digest_end(struct rdb_digest *digest, bool empty);

/* The same as events, whose argument is a struct rdb_digest. */
extern const struct rdb_events rdb_digest_events;

const struct rdb_digest_sums *rdb_digest_sums(const struct rdb_digest *digest);

/* The sums of a whole, as a backup keeps them: of the keys of each class that last, of
 * the functions, and of all keys that expire.  They do not depend on the origin. */
#define RDB_TOTAL_EXPIRING (RDB_CLASSES + 1)
#define RDB_TOTALS (RDB_CLASSES + 2)
#define RDB_TOTAL_SIZE 33

/* "string", ..., "functions", "expiring" */
const char *rdb_total_name(int which);

/* 32 hex digits, "" when there is nothing to sum up. */
void rdb_total(const struct rdb_digest *digest, int which, char out[RDB_TOTAL_SIZE]);

/* The first moment at which a key of this span may expire. */
int64_t rdb_span_begin(int64_t origin_ms, unsigned span);

#endif
