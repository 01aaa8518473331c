/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * digest: sums of hashes over the keys and values of an RDB.  They depend neither on the order of
 * the keys nor on the encoding of the values, so that the RDB of a backup can be compared with the
 * RDB of a server that it was restored into.  The events of a walk feed it; it uses a fixed amount
 * of memory.
 *
 * A value is decoded into its elements: the bytes of strings, lists in order, sets, hashes and
 * sorted sets in any order (scores as doubles).  For streams, the bytes of entries, ids, groups and
 * consumers are hashed; when the two sides write different formats of streams, only entries and
 * names can be compared.  The value of a module is counted and not hashed, because only the module
 * can decode it.
 *
 * Keys with an expiry are summed in spans of their expiry: at a later time, only the spans in which
 * no key can have expired yet can be compared.
 */
#ifndef RD_RDB_DIGEST_H
#define RD_RDB_DIGEST_H

#include "rdb/walk.h"

/* Span 0: keys without an expiry.  Span 1: keys that expire up to 1 minute after the origin;
 * span 2: up to 2 minutes; then 4, 8, ... minutes; the last span: all later ones. */
#define RDB_SPANS 24

struct rdb_sum {
    uint64_t count;
    uint64_t keys[2];   /* database, name, class and expiry */
    uint64_t values[2]; /* the same, with the value */
};

/* The slots after those of the classes: libraries of functions; streams, by the fields that all
 * formats have. */
#define RDB_SUM_FUNCTIONS RDB_CLASS_FUNCTIONS
#define RDB_SUM_STREAM_TEXTS (RDB_CLASSES + 1)
#define RDB_SUMS (RDB_CLASSES + 2)

struct rdb_digest_sums {
    struct rdb_sum sums[RDB_SUMS][RDB_SPANS];
    uint64_t stream_types[3]; /* number of streams of each format */
    uint64_t expiring_fields; /* hashes whose fields may expire on their own: not summed */
    uint64_t damaged;         /* values that could not be decoded */
};

struct rdb_digest;

/* `origin_ms` must be the same for both sides.  With `dated` false the time of an expiry is not
 * hashed, only that there is one: the other side has it only approximately.  Returns NULL when out
 * of memory. */
struct rdb_digest *rdb_digest_new(int64_t origin_ms, bool dated);
void rdb_digest_free(struct rdb_digest *digest);

/* The events of the walk, in its order. */
void rdb_digest_key(struct rdb_digest *digest, const struct rdb_key *key);
void rdb_digest_string(struct rdb_digest *digest, const struct rdb_string *string);
void rdb_digest_body(struct rdb_digest *digest, bool text, const unsigned char *data, size_t size);
void rdb_digest_end(struct rdb_digest *digest, bool empty);

/* The same as events, whose argument is a struct rdb_digest. */
extern const struct rdb_events rdb_digest_events;

const struct rdb_digest_sums *rdb_digest_sums(const struct rdb_digest *digest);

/* The totals that a backup records: keys without an expiry, per class; functions; all keys with an
 * expiry.  They do not depend on the origin. */
#define RDB_TOTAL_EXPIRING (RDB_CLASSES + 1)
#define RDB_TOTALS (RDB_CLASSES + 2)
#define RDB_TOTAL_SIZE 33

/* "string", ..., "functions", "expiring" */
const char *rdb_total_name(int which);

/* Writes 32 hex digits; "" when the total covers no key. */
void rdb_total(const struct rdb_digest *digest, int which, char out[RDB_TOTAL_SIZE]);

/* The first moment at which a key of this span may expire. */
int64_t rdb_span_begin(int64_t origin_ms, unsigned span);

#endif
