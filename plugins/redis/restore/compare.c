/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * compare: see compare.h.
 */
#include "restore/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clean/clean.h"
#include "wire/resp.h"

#define STEP ((size_t)64 * 1024)
#define CLOCK_SLACK_MS 5000 /* two clocks, and what passes between asking and expiring */

struct rd_compare {
    struct redis *redis;
    int64_t origin_ms, clock_offset_ms;
    const struct hangar_attrs *attrs; /* of the backup */
    bool dated, same_digest;
    struct rdb_digest *backup, *target;
    const struct rd_clean *clean;          /* NULL: all databases count */
    unsigned spans[RDB_SPANS], span_count; /* of which all keys must be there */
    uint64_t keys, values;                 /* compared */
};

enum hangar_rc rd_compare_new(struct redis *redis, unsigned version, int64_t clock_offset_ms,
                              const struct hangar_attrs *attrs, struct rd_compare **out)
{
    struct rd_compare *compare = calloc(1, sizeof(*compare));
    if (compare != NULL) {
        *out = compare;
        compare->redis = redis;
        compare->attrs = attrs;
        compare->clock_offset_ms = clock_offset_ms;
        compare->origin_ms = rd_now_ms() + clock_offset_ms;
        /* older ones are told how long a key has left, not when its time is over */
        compare->dated = version >= 60200;
        compare->backup = rdb_digest_new(compare->origin_ms, compare->dated);
        compare->target = rdb_digest_new(compare->origin_ms, compare->dated);
    }
    if (compare == NULL || compare->backup == NULL || compare->target == NULL) {
        return rd_no_memory(redis, "prepare the comparison");
    }
    return HANGAR_OK;
}

void rd_compare_free(struct rd_compare *compare)
{
    if (compare == NULL) {
        return;
    }
    rdb_digest_free(compare->backup);
    rdb_digest_free(compare->target);
    free(compare);
}

void rd_compare_spares(struct rd_compare *compare, const struct rd_clean *clean)
{
    compare->clean = clean;
}

struct rdb_digest *rd_compare_backup(struct rd_compare *compare)
{
    return compare->backup;
}

/* ---- reading a server ---- */

/* What the events of the walk go to. */
struct reader {
    struct rdb_digest *digest;
    const struct rd_clean *clean;
};

/* A key that the digest is not told of is none for it, whatever else of it follows. */
static enum hangar_rc on_key(void *arg, const struct rdb_key *key)
{
    const struct reader *reader = arg;
    struct rdb_key seen = *key;
    if (reader->clean == NULL ||
        (key->type != RDB_FUNCTION && rd_clean_origin(reader->clean, key->db, &seen.db) &&
         !rd_clean_is_marker(key->name, key->name_size))) {
        rdb_digest_key(reader->digest, &seen);
    }
    return HANGAR_OK;
}

static enum hangar_rc on_string(void *arg, const struct rdb_string *string)
{
    rdb_digest_string(((const struct reader *)arg)->digest, string);
    return HANGAR_OK;
}

static enum hangar_rc on_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    rdb_digest_body(((const struct reader *)arg)->digest, text, data, size);
    return HANGAR_OK;
}

static enum hangar_rc on_end(void *arg, bool empty)
{
    rdb_digest_end(((const struct reader *)arg)->digest, empty);
    return HANGAR_OK;
}

/* A backup that is looked at and not kept; `facts` (may be NULL) get what one has. */
static enum hangar_rc read_server(struct redis *redis, struct reader *reader,
                                  struct hangar_attrs *facts)
{
    static const struct rdb_events events = {
        .key = on_key, .string = on_string, .body = on_body, .end = on_end};
    struct hangar_object_info info = {.struct_size = sizeof(info)};
    struct hangar_object *object = NULL;
    int64_t time_ms;
    unsigned char *buffer = malloc(STEP);
    enum hangar_rc rc =
        buffer != NULL ? redis_prepare(redis) : rd_no_memory(redis, "read the data");
    if (rc == HANGAR_OK && reader != NULL) {
        rc = rd_backup_follow(redis, &events, reader);
    }
    if (rc == HANGAR_OK) {
        rc = redis_begin(redis, &time_ms, facts);
    }
    if (rc == HANGAR_OK) {
        rc = redis_next(redis, &info, &object);
    }
    for (size_t got = 1; rc == HANGAR_OK && got > 0;) {
        rc = redis_read(object, buffer, STEP, &got);
        redis->host->alive(redis->ctx, "reading the data back");
    }
    if (object != NULL) {
        enum hangar_rc closed = redis_close(object, rc == HANGAR_OK ? facts : NULL);
        rc = rc == HANGAR_OK ? closed : rc;
    }
    enum hangar_rc ended = redis_end(redis, rc == HANGAR_OK ? facts : NULL);
    free(buffer);
    return rc == HANGAR_OK ? ended : rc;
}

enum hangar_rc redis_inspect(void *inst, struct hangar_attrs *facts)
{
    return read_server(inst, NULL, facts);
}

/* ---- digests of the time of the backup ---- */

static void total_attr(int which, char out[48])
{
    snprintf(out, 48, RD_DIGEST ".%s", rdb_total_name(which));
}

void rd_digest_attrs(const struct redis *redis, const struct rdb_digest *digest,
                     struct hangar_attrs *attrs)
{
    redis->host->attr_set(attrs, RD_DIGEST, RD_DIGEST_KIND);
    for (int which = 0; which < RDB_TOTALS; which++) {
        char name[48], total[RDB_TOTAL_SIZE];
        total_attr(which, name);
        rdb_total(digest, which, total);
        redis->host->attr_set(attrs, name, total[0] ? total : NULL);
    }
}

/* Is what came out of the backup what went into it?  Its bytes are those of the manifest; but
 * whoever changes both leaves this. */
static enum hangar_rc compare_totals(struct rd_compare *compare)
{
    const struct redis *redis = compare->redis;
    const struct hangar_host *host = redis->host;
    const char *kind = compare->attrs ? host->attr_get(compare->attrs, RD_DIGEST) : NULL;
    if (kind == NULL || strcmp(kind, RD_DIGEST_KIND) != 0) {
        return HANGAR_OK;
    }
    for (int which = 0; which < RDB_TOTALS; which++) {
        char name[48], total[RDB_TOTAL_SIZE];
        if (which == RDB_TOTAL_EXPIRING && !compare->dated) {
            continue;
        }
        total_attr(which, name);
        rdb_total(compare->backup, which, total);
        const char *then = host->attr_get(compare->attrs, name);
        if (strcmp(then ? then : "", total) != 0) {
            return host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                              "the data of the backup is not what was backed up: the digest %s was "
                              "%s then, and is %s now; hint: do not use this backup",
                              name, then ? then : "none", total[0] ? total : "none");
        }
    }
    compare->same_digest = true;
    return HANGAR_OK;
}

/* ---- comparing ---- */

/* What a sum is of, in words. */
static const char *sum_name(int slot)
{
    return slot == RDB_SUM_FUNCTIONS ? "functions" : rdb_class_name((enum rdb_class)slot);
}

static enum hangar_rc differ(const struct rd_compare *compare, int slot, uint64_t backup,
                             uint64_t target)
{
    const struct redis *redis = compare->redis;
    static const char hint[] = "; hint: is something else writing to it?";
    if (slot == RDB_SUM_FUNCTIONS) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "redis at %s has other functions than the backup%s", redis->place,
                                 hint);
    }
    if (backup != target) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "redis at %s has %" PRIu64 " keys of type %s, and the backup "
                                 "%" PRIu64 "%s",
                                 redis->place, target, sum_name(slot), backup, hint);
    }
    return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                             "keys of type %s in redis at %s are not those of the backup: names, "
                             "databases, expiries or values differ%s",
                             sum_name(slot), redis->place, hint);
}

static bool same(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

static enum hangar_rc compare_slot(struct rd_compare *compare, int slot, bool values)
{
    const struct rdb_digest_sums *backup = rdb_digest_sums(compare->backup);
    const struct rdb_digest_sums *target = rdb_digest_sums(compare->target);
    for (unsigned i = 0; i < compare->span_count; i++) {
        const struct rdb_sum *b = &backup->sums[slot][compare->spans[i]];
        const struct rdb_sum *t = &target->sums[slot][compare->spans[i]];
        if (b->count != t->count || !same(b->keys, t->keys) ||
            (values && !same(b->values, t->values))) {
            return differ(compare, slot == RDB_SUM_STREAM_TEXTS ? RDB_CLASS_STREAM : slot, b->count,
                          t->count);
        }
        if (slot == RDB_SUM_FUNCTIONS) {
            continue;
        }
        compare->keys += b->count;
        compare->values += values ? b->count : 0;
    }
    return HANGAR_OK;
}

/* Streams of the same version are compared wholly, others by what both have. */
static bool same_streams(const struct rd_compare *compare)
{
    return memcmp(rdb_digest_sums(compare->backup)->stream_types,
                  rdb_digest_sums(compare->target)->stream_types,
                  sizeof(rdb_digest_sums(compare->backup)->stream_types)) == 0;
}

/* Those that last, and those that can still not have expired. */
static void choose_spans(struct rd_compare *compare)
{
    int64_t now_ms = rd_now_ms() + compare->clock_offset_ms + CLOCK_SLACK_MS;
    compare->spans[compare->span_count++] = 0;
    for (unsigned span = 2; span < RDB_SPANS; span++) {
        if (rdb_span_begin(compare->origin_ms, span) > now_ms) {
            compare->spans[compare->span_count++] = span;
        }
    }
}

static uint64_t all_keys(const struct rdb_digest_sums *sums)
{
    uint64_t keys = sums->expiring_fields;
    for (int class = 0; class < RDB_CLASSES; class ++) {
        for (unsigned span = 0; span < RDB_SPANS; span++) {
            keys += sums->sums[class][span].count;
        }
    }
    return keys;
}

void rd_compare_report(const struct rd_compare *compare, struct hangar_attrs *report)
{
    const struct hangar_host *host = compare->redis->host;
    const struct rdb_digest_sums *backup = rdb_digest_sums(compare->backup);
    uint64_t keys = all_keys(backup);
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
                       same_streams(compare) ? "whole" : "entries and names");
    }
}

enum hangar_rc rd_compare_run(struct rd_compare *compare, bool whole)
{
    struct redis *redis = compare->redis;
    const struct rdb_digest_sums *backup = rdb_digest_sums(compare->backup);
    const struct rdb_digest_sums *target = rdb_digest_sums(compare->target);
    struct reader reader = {.digest = compare->target, .clean = compare->clean};
    enum hangar_rc rc = whole ? compare_totals(compare) : HANGAR_OK;
    if (rc == HANGAR_OK) {
        rc = read_server(redis, &reader, NULL);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (backup->damaged > 0 || target->damaged > 0) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "%" PRIu64 " values of the backup and %" PRIu64
                                 " of redis at %s cannot be taken apart",
                                 backup->damaged, target->damaged, redis->place);
    }
    choose_spans(compare);
    bool fields_expire = backup->expiring_fields > 0 || target->expiring_fields > 0;
    for (int slot = 0; slot < RDB_SUMS && rc == HANGAR_OK; slot++) {
        if (slot == RDB_CLASS_HASH && fields_expire) {
            continue;
        }
        if (slot == RDB_SUM_FUNCTIONS && compare->clean != NULL) {
            continue; /* they are not in yet */
        }
        if (slot == (same_streams(compare) ? RDB_SUM_STREAM_TEXTS : RDB_CLASS_STREAM)) {
            continue;
        }
        rc = compare_slot(compare, slot, slot != RDB_CLASS_MODULE);
    }
    return rc;
}
