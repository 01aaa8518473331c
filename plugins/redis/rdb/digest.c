/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * digest: see digest.h.
 */
#define XXH_INLINE_ALL
#include "rdb/digest.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "rdb/lzf.h"
#include "rdb/pack.h"

#define MINUTE_MS INT64_C(60000)
#define SMALL_BYTES 256 /* an element up to this size is hashed in one call */

/* The role of an element: the first or the second of a pair. */
enum rdb_role { ROLE_FIRST, ROLE_SECOND };

struct rdb_digest {
    int64_t origin_ms;
    bool dated;
    struct rdb_digest_sums sums;

    /* the current key */
    bool active;
    const struct rdb_type *type;
    unsigned span;
    XXH128_hash_t key;
    XXH128_hash_t total; /* sum of the elements */
    uint64_t elements;
    XXH3_state_t *ordered, *texts; /* for lists and streams; for streams only */
    bool damaged;

    /* its strings */
    bool head_due;  /* the next body is the head of a string */
    size_t numbers; /* bodies so far that belong to no string */
    uint64_t container;
    bool packed, compressed;
    uint64_t stored_left;
    struct rd_lzf lzf;
    struct rdb_pack pack;

    /* the current element */
    enum rdb_role role;
    XXH128_hash_t first;
    XXH3_state_t *element;
    unsigned char small[SMALL_BYTES];
    uint64_t size;

    /* a score as text, of the oldest sorted sets */
    char score[SMALL_BYTES];
    size_t score_size, score_left;
};

static void add_hash(uint64_t sum[2], XXH128_hash_t hash)
{
    sum[0] += hash.low64;
    sum[1] += hash.high64 + (sum[0] < hash.low64);
}

static XXH128_hash_t join_hashes(XXH128_hash_t a, uint64_t x, uint64_t y)
{
    const uint64_t parts[4] = {a.low64, a.high64, x, y};
    return XXH3_128bits(parts, sizeof(parts));
}

int64_t rdb_span_begin(int64_t origin_ms, unsigned span)
{
    return span < 2 ? INT64_MIN : origin_ms + (MINUTE_MS << (span - 2));
}

static unsigned expiry_span(const struct rdb_digest *d, int64_t expire_ms)
{
    unsigned span = RDB_SPANS - 1;
    if (expire_ms < 0) {
        return 0;
    }
    while (span > 1 && expire_ms <= rdb_span_begin(d->origin_ms, span)) {
        span--;
    }
    return span;
}

/* ---- elements ---- */

/* Adds a pair to the sum: a field and its value, a member and its score, or a member alone. */
static void add_element_pair(struct rdb_digest *d, uint64_t x, uint64_t y)
{
    uint64_t sum[2] = {d->total.low64, d->total.high64};
    add_hash(sum, join_hashes(d->first, x, y));
    d->total.low64 = sum[0];
    d->total.high64 = sum[1];
    d->elements++;
    d->role = ROLE_FIRST;
}

static void add_score(struct rdb_digest *d, double score)
{
    score = score == 0 ? 0 : score; /* some encodings store -0 as 0 */
    score = isnan(score) ? (double)NAN : score;
    uint64_t bits;
    memcpy(&bits, &score, sizeof(bits));
    add_element_pair(d, bits, 0);
}

static void add_score_text(struct rdb_digest *d, const char *text)
{
    char *end;
    double score = strtod(text, &end);
    d->damaged = d->damaged || end == text || *end != '\0';
    add_score(d, score);
}

static void hash_element_bytes(void *arg, const unsigned char *data, size_t size)
{
    struct rdb_digest *d = arg;
    if (d->size + size <= SMALL_BYTES) {
        memcpy(d->small + d->size, data, size);
    } else {
        if (d->size <= SMALL_BYTES) {
            XXH3_128bits_reset(d->element);
            XXH3_128bits_update(d->element, d->small, (size_t)d->size);
        }
        XXH3_128bits_update(d->element, data, size);
    }
    d->size += size;
}

static XXH128_hash_t element_hash(struct rdb_digest *d)
{
    return d->size <= SMALL_BYTES ? XXH3_128bits(d->small, (size_t)d->size)
                                  : XXH3_128bits_digest(d->element);
}

static void add_stream_text(struct rdb_digest *d, XXH128_hash_t hash)
{
    XXH3_128bits_update(d->ordered, &hash, sizeof(hash));
    XXH3_128bits_update(d->texts, &hash, sizeof(hash));
}

static void end_element(void *arg)
{
    struct rdb_digest *d = arg;
    if (d->type->class == RDB_CLASS_ZSET && d->role == ROLE_SECOND) {
        char text[SMALL_BYTES];
        size_t n = d->size < SMALL_BYTES ? (size_t)d->size : 0;
        memcpy(text, d->small, n);
        text[n] = '\0';
        d->size = 0;
        add_score_text(d, text);
        return;
    }
    XXH128_hash_t hash = element_hash(d);
    d->size = 0;
    switch (d->type->class) {
    case RDB_CLASS_LIST:
        XXH3_128bits_update(d->ordered, &hash, sizeof(hash));
        d->elements++;
        break;
    case RDB_CLASS_STREAM:
        add_stream_text(d, hash);
        break;
    case RDB_CLASS_HASH:
        if (d->role == ROLE_SECOND) {
            add_element_pair(d, hash.low64, hash.high64);
            break;
        }
        d->first = hash;
        d->role = ROLE_SECOND;
        break;
    case RDB_CLASS_ZSET:
        d->first = hash;
        d->role = ROLE_SECOND;
        break;
    default: /* a member of a set, or the string itself */
        d->first = hash;
        add_element_pair(d, 0, 0);
        break;
    }
}

/* ---- strings ---- */

static enum hangar_rc hash_plain_bytes(void *arg, const unsigned char *data, size_t size)
{
    struct rdb_digest *d = arg;
    if (d->packed) {
        rdb_pack_feed(&d->pack, data, size);
    } else {
        hash_element_bytes(d, data, size);
    }
    return HANGAR_OK;
}

static void end_digest_string(struct rdb_digest *d)
{
    if (d->compressed && rd_lzf_end(&d->lzf, hash_plain_bytes, d) != HANGAR_OK) {
        d->damaged = true;
    }
    if (d->packed) {
        d->damaged = d->damaged || !rdb_pack_whole(&d->pack);
    } else {
        end_element(d);
    }
}

static void add_number_element(struct rdb_digest *d, int64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)number);
    hash_element_bytes(d, (const unsigned char *)text, (size_t)n);
    end_element(d);
}

void rdb_digest_string(struct rdb_digest *d, const struct rdb_string *string)
{
    static const struct rdb_pack_events events = {hash_element_bytes, end_element};
    if (!d->active) {
        return;
    }
    d->packed = d->type->pack != RDB_PACK_NONE && d->container == RDB_CONTAINER_PACKED;
    d->head_due = true;
    d->size = 0;
    d->compressed = string->encoding == RDB_TEXT_LZF;
    d->stored_left = string->stored;
    if (d->packed) {
        rdb_pack_init(&d->pack, d->type->pack, &events, d);
    }
    if (d->compressed) {
        rd_lzf_init(&d->lzf, string->plain);
    }
    if (string->encoding == RDB_TEXT_NUMBER) {
        add_number_element(d, string->number);
    } else if (string->stored == 0) {
        end_digest_string(d);
    }
}

/* ---- numbers between the strings ---- */

/* A score as text: first a body with its length, in which 253 to 255 mean nan, inf and -inf, then
 * bodies with its digits. */
static void add_text_score(struct rdb_digest *d, const unsigned char *data, size_t size)
{
    static const char *const special[] = {"nan", "inf", "-inf"};
    if (d->score_left == 0) {
        d->score_size = 0;
        if (data[0] >= 253) {
            add_score_text(d, special[data[0] - 253]);
        } else if (data[0] == 0) {
            add_score_text(d, "");
        } else {
            d->score_left = data[0];
        }
        return;
    }
    memcpy(d->score + d->score_size, data, size);
    d->score_size += size;
    d->score_left -= size;
    d->score[d->score_size] = '\0';
    if (d->score_left == 0) {
        add_score_text(d, d->score);
    }
}

static void add_double_score(struct rdb_digest *d, const unsigned char *data)
{
    double score;
    uint64_t bits = rdb_little_endian(data, sizeof(bits));
    memcpy(&score, &bits, sizeof(score));
    add_score(d, score);
}

static void add_number_field(struct rdb_digest *d, const unsigned char *data, size_t size)
{
    const bool is_count = d->numbers++ == 0;
    switch (d->type->numbers) {
    case RDB_NUMBERS_IN_ORDER:
        XXH3_128bits_update(d->ordered, data, size);
        break;
    case RDB_NUMBERS_CONTAINER:
        d->container = is_count ? d->container : rdb_decode_length(data);
        break;
    case RDB_NUMBERS_SCORE_DOUBLE:
        if (!is_count && size == sizeof(uint64_t)) {
            add_double_score(d, data);
        }
        break;
    case RDB_NUMBERS_SCORE_TEXT:
        if (!is_count) {
            add_text_score(d, data, size);
        }
        break;
    default:
        break;
    }
}

void rdb_digest_body(struct rdb_digest *d, bool text, const unsigned char *data, size_t size)
{
    if (!d->active) {
        return;
    }
    if (!text && d->head_due) {
        d->head_due = false;
        return;
    }
    if (!text) {
        add_number_field(d, data, size);
        return;
    }
    if (!d->compressed) {
        hash_plain_bytes(d, data, size);
    } else if (rd_lzf_feed(&d->lzf, data, size, hash_plain_bytes, d) != HANGAR_OK) {
        d->damaged = true;
    }
    d->stored_left -= size;
    if (d->stored_left == 0) {
        end_digest_string(d);
    }
}

/* ---- keys ---- */

void rdb_digest_key(struct rdb_digest *d, const struct rdb_key *key)
{
    d->type = rdb_type_of(key->type);
    d->active = !d->type->fields_expire;
    if (!d->active) {
        d->sums.expiring_fields++;
        return;
    }
    d->span = expiry_span(d, key->expire_ms);
    int64_t expire_ms = d->dated || key->expire_ms < 0 ? key->expire_ms : 0;
    /* functions belong to no database */
    uint64_t db = d->type->class == RDB_CLASS_FUNCTIONS ? 0 : key->db;
    d->key = join_hashes(XXH3_128bits(key->name, key->name_size),
                         db << 8 | (uint64_t)(unsigned)d->type->class, (uint64_t)expire_ms);
    d->total = (XXH128_hash_t){0};
    d->elements = 0;
    d->numbers = d->score_left = 0;
    d->size = 0;
    d->container = RDB_CONTAINER_PACKED;
    d->damaged = d->head_due = d->packed = d->compressed = false;
    d->role = ROLE_FIRST;
    if (d->type->class == RDB_CLASS_LIST || d->type->class == RDB_CLASS_STREAM) {
        XXH3_128bits_reset(d->ordered);
    }
    if (d->type->class == RDB_CLASS_STREAM) {
        XXH3_128bits_reset(d->texts);
    }
}

static void count_digest(struct rdb_digest *d, size_t slot, XXH128_hash_t value)
{
    struct rdb_sum *sum = &d->sums.sums[slot][d->span];
    sum->count++;
    add_hash(sum->keys, d->key);
    add_hash(sum->values, join_hashes(d->key, value.low64, value.high64));
}

void rdb_digest_end(struct rdb_digest *d, bool empty)
{
    const bool counts = d->active && (!empty || d->type->class == RDB_CLASS_FUNCTIONS);
    d->active = false;
    if (!counts) {
        return;
    }
    d->sums.damaged += d->damaged;
    if (d->type->class == RDB_CLASS_STREAM) {
        d->sums.stream_types[d->type->stream_format]++;
        count_digest(d, RDB_CLASS_STREAM, XXH3_128bits_digest(d->ordered));
        count_digest(d, RDB_SUM_STREAM_TEXTS, XXH3_128bits_digest(d->texts));
    } else if (d->type->class == RDB_CLASS_MODULE) {
        count_digest(d, d->type->class, (XXH128_hash_t){0});
    } else if (d->type->class == RDB_CLASS_LIST) {
        count_digest(d, d->type->class,
                     join_hashes(XXH3_128bits_digest(d->ordered), d->elements, 0));
    } else {
        count_digest(d, d->type->class, join_hashes(d->total, d->elements, 0));
    }
}

/* ---- totals ---- */

const char *rdb_total_name(int which)
{
    return which == RDB_TOTAL_EXPIRING ? "expiring" : rdb_class_name((enum rdb_class)which);
}

static void add_to_total(struct rdb_sum *total, const struct rdb_sum *sum)
{
    total->count += sum->count;
    add_hash(total->values, (XXH128_hash_t){.low64 = sum->values[0], .high64 = sum->values[1]});
}

void rdb_total(const struct rdb_digest *d, int which, char out[RDB_TOTAL_SIZE])
{
    struct rdb_sum total = {0};
    if (which != RDB_TOTAL_EXPIRING) {
        add_to_total(&total, &d->sums.sums[which][0]);
    }
    for (int i = 0; which == RDB_TOTAL_EXPIRING && i < RDB_CLASSES; i++) {
        for (unsigned span = 1; span < RDB_SPANS; span++) {
            add_to_total(&total, &d->sums.sums[i][span]);
        }
    }
    out[0] = '\0';
    if (total.count > 0) {
        snprintf(out, RDB_TOTAL_SIZE, "%016" PRIx64 "%016" PRIx64, total.values[1],
                 total.values[0]);
    }
}

/* ---- events ---- */

static enum hangar_rc digest_on_key(void *arg, const struct rdb_key *key)
{
    rdb_digest_key(arg, key);
    return HANGAR_OK;
}

static enum hangar_rc digest_on_string(void *arg, const struct rdb_string *string)
{
    rdb_digest_string(arg, string);
    return HANGAR_OK;
}

static enum hangar_rc digest_on_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    rdb_digest_body(arg, text, data, size);
    return HANGAR_OK;
}

static enum hangar_rc digest_on_end(void *arg, bool empty)
{
    rdb_digest_end(arg, empty);
    return HANGAR_OK;
}

const struct rdb_events rdb_digest_events = {
    .key = digest_on_key, .string = digest_on_string, .body = digest_on_body, .end = digest_on_end};

/* ---- new and free ---- */

struct rdb_digest *rdb_digest_new(int64_t origin_ms, bool dated)
{
    struct rdb_digest *d = calloc(1, sizeof(*d));
    if (!d) {
        return NULL;
    }
    d->origin_ms = origin_ms;
    d->dated = dated;
    d->ordered = XXH3_createState();
    d->texts = XXH3_createState();
    d->element = XXH3_createState();
    if (!d->ordered || !d->texts || !d->element) {
        rdb_digest_free(d);
        return NULL;
    }
    return d;
}

void rdb_digest_free(struct rdb_digest *d)
{
    if (!d) {
        return;
    }
    XXH3_freeState(d->ordered);
    XXH3_freeState(d->texts);
    XXH3_freeState(d->element);
    free(d);
}

const struct rdb_digest_sums *rdb_digest_sums(const struct rdb_digest *d)
{
    return &d->sums;
}
