/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compare: see compare.h.
 */
#include "restore/compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "backup/attrs.h"
#include "backup/readback.h"
#include "clean/clean.h"
#include "clock.h"

#define CLOCK_SLACK_MS 5000 /* for the difference of two clocks */

struct rd_comparison {
    struct redis *redis;
    int64_t origin_ms, clock_offset_ms;
    const struct hangar_attrs *attrs; /* of the object in the backup */
    bool dated, same_digest;
    struct rdb_digest *backup, *target;
    const struct rd_clean_restore *clean;  /* NULL: all databases are compared */
    unsigned spans[RDB_SPANS], span_count; /* in which no key can have expired */
    uint64_t keys, values;                 /* that were compared */
};

enum hangar_rc rd_compare_new(struct redis *redis, unsigned version, int64_t clock_offset_ms,
                              const struct hangar_attrs *attrs, struct rd_comparison **out)
{
    struct rd_comparison *compare = calloc(1, sizeof(*compare));
    if (compare) {
        *out = compare;
        compare->redis = redis;
        compare->attrs = attrs;
        compare->clock_offset_ms = clock_offset_ms;
        compare->origin_ms = clock_now_ms() + clock_offset_ms;
        /* older servers receive the time left of a key, not its time of expiry */
        compare->dated = version >= 60200;
        compare->backup = rdb_digest_new(compare->origin_ms, compare->dated);
        compare->target = rdb_digest_new(compare->origin_ms, compare->dated);
    }
    if (!compare || !compare->backup || !compare->target) {
        return rd_no_memory(redis, "prepare the comparison");
    }
    return HANGAR_OK;
}

void rd_compare_free(struct rd_comparison *compare)
{
    if (!compare) {
        return;
    }
    rdb_digest_free(compare->backup);
    rdb_digest_free(compare->target);
    free(compare);
}

void rd_compare_spares(struct rd_comparison *compare, const struct rd_clean_restore *clean)
{
    compare->clean = clean;
}

struct rdb_digest *rd_compare_backup(struct rd_comparison *compare)
{
    return compare->backup;
}

/* ---- reading the target ---- */

/* Receives the events of the target. */
struct rd_target_reader {
    struct rdb_digest *digest;
    const struct rd_clean_restore *clean;
};

/* The digest ignores the further events of a key that it did not receive. */
static enum hangar_rc target_on_key(void *arg, const struct rdb_key *key)
{
    const struct rd_target_reader *reader = arg;
    struct rdb_key seen = *key;
    if (!reader->clean ||
        (key->type != RDB_OPCODE_FUNCTION && rd_clean_origin(reader->clean, key->db, &seen.db) &&
         !rd_clean_is_marker(key->name, key->name_size))) {
        rdb_digest_key(reader->digest, &seen);
    }
    return HANGAR_OK;
}

static enum hangar_rc target_on_string(void *arg, const struct rdb_string *string)
{
    rdb_digest_string(((const struct rd_target_reader *)arg)->digest, string);
    return HANGAR_OK;
}

static enum hangar_rc target_on_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    rdb_digest_body(((const struct rd_target_reader *)arg)->digest, text, data, size);
    return HANGAR_OK;
}

static enum hangar_rc target_on_end(void *arg, bool empty)
{
    rdb_digest_end(((const struct rd_target_reader *)arg)->digest, empty);
    return HANGAR_OK;
}

/* ---- the digest in the manifest ---- */

/* Fails when the data differs from the data that was backed up.  The checksums of the manifest do
 * not detect a change of both the data and the manifest. */
static enum hangar_rc compare_manifest(struct rd_comparison *compare)
{
    const struct redis *redis = compare->redis;
    const struct hangar_host *host = redis->host;
    const char *kind = compare->attrs ? host->attr_get(compare->attrs, RD_DIGEST_ATTR) : NULL;
    if (!kind || strcmp(kind, RD_DIGEST_KIND) != 0) {
        return HANGAR_OK;
    }
    for (int which = 0; which < RDB_TOTALS; which++) {
        char name[RD_DIGEST_NAME_BYTES], total[RDB_TOTAL_SIZE];
        if (which == RDB_TOTAL_EXPIRING && !compare->dated) {
            continue;
        }
        rd_digest_attr_name(which, name);
        rdb_total(compare->backup, which, total);
        const char *recorded = host->attr_get(compare->attrs, name);
        if (strcmp(recorded ? recorded : "", total) != 0) {
            return host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                              "the data has changed since the backup was made: the digest %s was "
                              "%s then and is %s now; hint: do not use this backup",
                              name, recorded ? recorded : "none", total[0] ? total : "none");
        }
    }
    compare->same_digest = true;
    return HANGAR_OK;
}

/* ---- comparing ---- */

static enum hangar_rc fail_difference(const struct rd_comparison *compare, int slot,
                                      uint64_t backup, uint64_t target)
{
    const struct redis *redis = compare->redis;
    static const char hint[] = "; hint: check whether another client writes to it";
    if (slot == RDB_SUM_FUNCTIONS) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "the functions of redis at %s differ from those of the backup%s",
                                 redis->place, hint);
    }
    if (backup != target) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "redis at %s has %" PRIu64 " keys of type %s, but the backup has "
                                 "%" PRIu64 "%s",
                                 redis->place, target, rdb_class_name((enum rdb_class)slot), backup,
                                 hint);
    }
    return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                             "keys of type %s in redis at %s differ from the backup in their "
                             "name, database, expiry or value%s",
                             rdb_class_name((enum rdb_class)slot), redis->place, hint);
}

static bool equal_sums(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

/* Compares one slot in the chosen spans; with `values`, also the values. */
static enum hangar_rc compare_slot(struct rd_comparison *compare, int slot, bool values)
{
    const struct rdb_digest_sums *backup = rdb_digest_sums(compare->backup);
    const struct rdb_digest_sums *target = rdb_digest_sums(compare->target);
    for (unsigned i = 0; i < compare->span_count; i++) {
        const struct rdb_sum *b = &backup->sums[slot][compare->spans[i]];
        const struct rdb_sum *t = &target->sums[slot][compare->spans[i]];
        if (b->count != t->count || !equal_sums(b->keys, t->keys) ||
            (values && !equal_sums(b->values, t->values))) {
            return fail_difference(compare, slot == RDB_SUM_STREAM_TEXTS ? RDB_CLASS_STREAM : slot,
                                   b->count, t->count);
        }
        if (slot == RDB_SUM_FUNCTIONS) {
            continue;
        }
        compare->keys += b->count;
        compare->values += values ? b->count : 0;
    }
    return HANGAR_OK;
}

/* True when both sides have the same formats of streams, and streams can be compared as a whole. */
static bool same_stream_formats(const struct rd_comparison *compare)
{
    return memcmp(rdb_digest_sums(compare->backup)->stream_types,
                  rdb_digest_sums(compare->target)->stream_types,
                  sizeof(rdb_digest_sums(compare->backup)->stream_types)) == 0;
}

/* Chooses the spans of keys without an expiry, and of keys that cannot have expired yet. */
static void choose_spans(struct rd_comparison *compare)
{
    int64_t now_ms = clock_now_ms() + compare->clock_offset_ms + CLOCK_SLACK_MS;
    compare->spans[compare->span_count++] = 0;
    for (unsigned span = 2; span < RDB_SPANS; span++) {
        if (rdb_span_begin(compare->origin_ms, span) > now_ms) {
            compare->spans[compare->span_count++] = span;
        }
    }
}

static uint64_t count_all_keys(const struct rdb_digest_sums *sums)
{
    uint64_t keys = sums->expiring_fields;
    for (int i = 0; i < RDB_CLASSES; i++) {
        for (unsigned span = 0; span < RDB_SPANS; span++) {
            keys += sums->sums[i][span].count;
        }
    }
    return keys;
}

void rd_compare_report(const struct rd_comparison *compare, struct hangar_attrs *report)
{
    const struct hangar_host *host = compare->redis->host;
    const struct rdb_digest_sums *backup = rdb_digest_sums(compare->backup);
    uint64_t keys = count_all_keys(backup);
    host->attr_setf(report, "compared_keys", "%" PRIu64, compare->keys);
    host->attr_setf(report, "compared_values", "%" PRIu64, compare->values);
    if (keys > compare->keys) {
        host->attr_setf(report, "uncompared_keys", "%" PRIu64, keys - compare->keys);
    }
    if (keys > compare->values) {
        host->attr_setf(report, "uncompared_values", "%" PRIu64, keys - compare->values);
    }
    host->attr_set(report, "backup_digest", compare->same_digest ? "same" : "unknown");
    uint64_t streams = backup->stream_types[0] + backup->stream_types[1] + backup->stream_types[2];
    if (streams > 0) {
        host->attr_set(report, "compared_streams",
                       same_stream_formats(compare) ? "whole" : "entries and names");
    }
}

enum hangar_rc rd_compare_run(struct rd_comparison *compare, bool whole)
{
    struct redis *redis = compare->redis;
    const struct rdb_digest_sums *backup = rdb_digest_sums(compare->backup);
    const struct rdb_digest_sums *target = rdb_digest_sums(compare->target);
    static const struct rdb_events events = {.key = target_on_key,
                                             .string = target_on_string,
                                             .body = target_on_body,
                                             .end = target_on_end};
    struct rd_target_reader reader = {.digest = compare->target, .clean = compare->clean};
    enum hangar_rc rc = whole ? compare_manifest(compare) : HANGAR_OK;
    if (rc == HANGAR_OK) {
        rc = rd_read_back(redis, &events, &reader, NULL);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (backup->damaged > 0 || target->damaged > 0) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "cannot decode %" PRIu64 " values of the backup and %" PRIu64
                                 " values of redis at %s",
                                 backup->damaged, target->damaged, redis->place);
    }
    choose_spans(compare);
    bool fields_expire = backup->expiring_fields > 0 || target->expiring_fields > 0;
    for (int slot = 0; slot < RDB_SUMS && rc == HANGAR_OK; slot++) {
        if (slot == RDB_CLASS_HASH && fields_expire) {
            continue;
        }
        if (slot == RDB_SUM_FUNCTIONS && compare->clean) {
            continue; /* they are not loaded yet */
        }
        if (slot == (same_stream_formats(compare) ? RDB_SUM_STREAM_TEXTS : RDB_CLASS_STREAM)) {
            continue;
        }
        rc = compare_slot(compare, slot, slot != RDB_CLASS_MODULE);
    }
    return rc;
}
