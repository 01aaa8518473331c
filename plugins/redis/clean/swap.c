/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * swap: puts what was loaded in the place of the data in use, by one transaction.
 *
 * A transaction of Redis is done whole or not at all when the server dies, but one of its
 * commands that fails does not undo the others.  So nothing may be in it that can fail:
 * databases were selected before, the functions are tried out beforehand, and the markers
 * are watched, so that it does not begin when something happened to what was loaded.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clean/state.h"
#include "rdb/crc64.h"

#define FOOTER 10

enum hangar_rc rd_clean_refuse_another(const struct rd_clean *clean, uint64_t db)
{
    struct redis *redis = clean->redis;
    return redis->host->fail(redis->ctx, HANGAR_EXISTS, 0,
                             "another restore into redis at %s is under way (it loads into "
                             "database %" PRIu64 "); hint: wait for it to end",
                             redis->place, db);
}

/* ---- what was loaded ---- */

/* Does the server still have what it took?  Keys that expire may have done so. */
static enum hangar_rc check_claims(struct rd_clean *clean, const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    for (size_t i = 0; i < clean->spares.count; i++) {
        struct rd_claim *claim = &clean->spares.claims[i];
        uint64_t keys, expiring;
        rd_server_db(server, claim->spare, &keys, &expiring);
        uint64_t lasting = keys - expiring;
        if (lasting == claim->lasting + 1 && expiring <= claim->expiring) { /* 1: the marker */
            continue;
        }
        claim->foreign = lasting > claim->lasting + 1 || expiring > claim->expiring;
        return redis->host->fail(
            redis->ctx, HANGAR_IO, 0,
            "database %" PRIu64 " of redis at %s, into which database %" PRIu64
            " was loaded, has %" PRIu64 " lasting keys and %" PRIu64 " expiring ones, but took "
            "%" PRIu64 " and %" PRIu64 "; hint: is something else writing to it, or does the "
            "server evict keys (maxmemory)?",
            claim->spare, redis->place, claim->db, lasting - 1, expiring, claim->lasting,
            claim->expiring);
    }
    return HANGAR_OK;
}

/* The databases that will be empty, as the backup does not have them. */
static enum hangar_rc find_others(struct rd_clean *clean, const struct rd_server *server)
{
    struct redis *redis = clean->redis;
    const char *at = NULL;
    uint64_t db, keys, expiring, origin;
    clean->other_count = 0;
    while (rd_server_next_db(server, &at, &db, &keys, &expiring)) {
        if (rd_spares_origin(&clean->spares, db, &origin)) {
            continue;
        }
        enum rd_owner owner;
        enum hangar_rc rc = rd_spares_owner(&clean->spares, db, &owner);
        if (rc == HANGAR_OK && owner == RD_OWNER_ANOTHER) {
            rc = rd_clean_refuse_another(clean, db);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (rd_spares_find(&clean->spares, db) != NULL) {
            continue;
        }
        uint64_t *others = realloc(clean->others, (clean->other_count + 1) * sizeof(*others));
        if (others == NULL) {
            return rd_no_memory(redis, "swap the databases");
        }
        clean->others = others;
        others[clean->other_count++] = db;
    }
    return HANGAR_OK;
}

/* ---- commands in a transaction ---- */

static enum hangar_rc queue_db(struct rd_clean *clean, const char *command, uint64_t db,
                               const char *more)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, db);
    return rd_order(&clean->spares.control, command, number, more, NULL);
}

/* FUNCTION RESTORE ... FLUSH: these instead of all that are there. */
static enum hangar_rc queue_functions(struct rd_clean *clean, const void *payload, size_t size)
{
    struct rd_client *control = &clean->spares.control;
    if (size == 0) {
        return rd_order(control, "FUNCTION", "FLUSH", NULL);
    }
    const char *words[] = {"FUNCTION", "RESTORE", payload, "FLUSH"};
    const size_t sizes[] = {8, 7, size, 5};
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_send_array(control, 4, words, sizes);
    if (rc == HANGAR_OK) {
        rc = rd_reply(control, true, &reply);
    }
    if (rc == HANGAR_OK && rd_is_error(reply, "")) {
        rc = rd_refused(clean->redis, "FUNCTION RESTORE", reply->str);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return rc;
}

/* EXEC; the replies, of which there are `count`, or why there are none.  *lost: nobody
 * knows whether it was done. */
static enum hangar_rc execute(struct rd_clean *clean, size_t count, redisReply **replies,
                              bool *lost)
{
    struct redis *redis = clean->redis;
    redisReply *reply = NULL;
    *replies = NULL;
    enum hangar_rc rc = rd_call(&clean->spares.control, &reply, "EXEC", NULL);
    *lost = rc != HANGAR_OK;
    if (*lost) {
        return rc;
    }
    if (rd_is_error(reply, "")) {
        rc = rd_refused(redis, "EXEC", reply->str);
    } else if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count) {
        rc = redis->host->fail(redis->ctx, HANGAR_IO, 0,
                               "what was loaded into redis at %s was changed by somebody else, "
                               "and is not swapped in",
                               redis->place);
    }
    if (rc == HANGAR_OK) {
        *replies = reply;
    } else {
        freeReplyObject(reply);
    }
    return rc;
}

/* ---- functions ---- */

static enum hangar_rc end_functions(struct rd_clean *clean, unsigned rdb_version)
{
    struct rd_value *value = &clean->functions;
    unsigned char footer[FOOTER] = {(unsigned char)rdb_version, (unsigned char)(rdb_version >> 8)};
    if (rd_value_size(value) == 0) {
        return HANGAR_OK;
    }
    uint64_t crc = rd_crc64(rd_crc64(0, value->data, value->size), footer, 2);
    for (int i = 0; i < 8; i++) {
        footer[2 + i] = (unsigned char)(crc >> (8 * i));
    }
    return rd_clean_function(clean, footer, sizeof(footer));
}

/* Would the server take the functions?  In one transaction they are put in and those
 * that are there put back, so that nobody sees them.  `old` is what FUNCTION DUMP gave just
 * before. */
static enum hangar_rc try_transaction(struct rd_clean *clean, const redisReply *old,
                                      redisReply **replies)
{
    struct rd_client *control = &clean->spares.control;
    bool lost;
    enum hangar_rc rc = rd_order(control, "MULTI", NULL);
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "FUNCTION", "DUMP", NULL);
    }
    if (rc == HANGAR_OK) {
        rc = queue_functions(clean, clean->functions.data, clean->functions.size);
    }
    if (rc == HANGAR_OK) {
        rc = queue_functions(clean, old->str, old->len);
    }
    return rc == HANGAR_OK ? execute(clean, 3, replies, &lost) : rc;
}

static enum hangar_rc try_functions(struct rd_clean *clean)
{
    struct redis *redis = clean->redis;
    redisReply *old = NULL, *replies = NULL;
    if (rd_value_size(&clean->functions) == 0) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = rd_call(&clean->spares.control, &old, "FUNCTION", "DUMP", NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (old->type != REDIS_REPLY_STRING) {
        rc = rd_refused(redis, "FUNCTION DUMP", old->str ? old->str : "");
    }
    if (rc == HANGAR_OK) {
        rc = try_transaction(clean, old, &replies);
    }
    if (rc == HANGAR_OK) {
        const redisReply *before = replies->element[0], *ours = replies->element[1],
                         *back = replies->element[2];
        if (rd_is_error(back, "")) {
            rc = rd_refused(redis, "to take its own functions back", back->str);
        } else if (rd_is_error(ours, "")) {
            rc = rd_refused(redis, "the functions of the backup", ours->str);
        }
        /* somebody loaded one between our two looks: theirs is put back, too */
        if (before->len != old->len || memcmp(before->str, old->str, old->len) != 0) {
            enum hangar_rc again = queue_functions(clean, before->str, before->len);
            rc = rc == HANGAR_OK ? again : rc;
        }
        freeReplyObject(replies);
    }
    freeReplyObject(old);
    return rc;
}

/* ---- the swap ---- */

static enum hangar_rc watch_markers(struct rd_clean *clean)
{
    struct redis *redis = clean->redis;
    for (size_t i = 0; i < clean->spares.count; i++) {
        enum rd_owner owner;
        enum hangar_rc rc = queue_db(clean, "SELECT", clean->spares.claims[i].spare, NULL);
        if (rc == HANGAR_OK) {
            rc = rd_order(&clean->spares.control, "WATCH", RD_MARKER, NULL);
        }
        if (rc == HANGAR_OK) {
            rc = rd_spares_owner(&clean->spares, clean->spares.claims[i].spare, &owner);
        }
        if (rc == HANGAR_OK && owner != RD_OWNER_US) {
            rc = redis->host->fail(redis->ctx, HANGAR_IO, 0,
                                   "database %" PRIu64 " of redis at %s no longer holds what was "
                                   "loaded into it: somebody else has emptied it",
                                   clean->spares.claims[i].spare, redis->place);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

/* The new data comes in, without its marker, and the old goes with the spare. */
static enum hangar_rc queue_swap(struct rd_clean *clean, const struct rd_claim *claim)
{
    struct rd_client *control = &clean->spares.control;
    char spare[24];
    snprintf(spare, sizeof(spare), "%" PRIu64, claim->spare);
    enum hangar_rc rc = queue_db(clean, "SWAPDB", claim->db, spare);
    if (rc == HANGAR_OK) {
        rc = queue_db(clean, "SELECT", claim->spare, NULL);
    }
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "FLUSHDB", "ASYNC", NULL);
    }
    if (rc == HANGAR_OK) {
        rc = queue_db(clean, "SELECT", claim->db, NULL);
    }
    return rc == HANGAR_OK ? rd_order(control, "DEL", RD_MARKER, NULL) : rc;
}

static enum hangar_rc queue_all(struct rd_clean *clean, size_t *count)
{
    struct rd_client *control = &clean->spares.control;
    enum hangar_rc rc = rd_order(control, "MULTI", NULL);
    *count = 5 * clean->spares.count + 2 * clean->other_count;
    if (rc == HANGAR_OK && clean->has_functions) {
        rc = queue_functions(clean, clean->functions.data, clean->functions.size);
        ++*count;
    }
    for (size_t i = 0; rc == HANGAR_OK && i < clean->spares.count; i++) {
        rc = queue_swap(clean, &clean->spares.claims[i]);
    }
    for (size_t i = 0; rc == HANGAR_OK && i < clean->other_count; i++) {
        rc = queue_db(clean, "SELECT", clean->others[i], NULL);
        if (rc == HANGAR_OK) {
            rc = rd_order(control, "FLUSHDB", "ASYNC", NULL);
        }
    }
    return rc;
}

/* The connection was lost before the answer came: was it done?  Then the marker is gone;
 * in a server that was started anew that may have another reason. */
static enum hangar_rc ask_again(struct rd_clean *clean, enum hangar_rc lost)
{
    struct redis *redis = clean->redis, calm = *redis;
    enum rd_owner owner = RD_OWNER_US;
    struct rd_server server = {.known = false};
    calm.cancel_fd = -1; /* who cancels wants to know, too */
    rd_close(&clean->spares.control);
    clean->spares.redis = &calm;
    enum hangar_rc rc = rd_open(&calm, &clean->spares.control);
    if (rc == HANGAR_OK) {
        rc = rd_spares_owner(&clean->spares, clean->spares.claims[0].spare, &owner);
    }
    if (rc == HANGAR_OK) {
        rc = rd_ask_server(&clean->spares.control, &server);
    }
    if (rc == HANGAR_OK && owner != RD_OWNER_US && strcmp(server.run_id, clean->run_id) != 0) {
        rc = HANGAR_IO;
    }
    rd_server_fini(&server);
    rd_close(&clean->spares.control);
    clean->spares.redis = redis;
    if (rc == HANGAR_OK && owner == RD_OWNER_US) {
        return lost;
    }
    clean->spares.swapped = rc == HANGAR_OK;
    redis->host->log(redis->ctx, HANGAR_LOG_WARN,
                     rc == HANGAR_OK
                         ? "the connection to redis at %s was lost while it swapped the databases; "
                           "it has done so"
                         : "the connection to redis at %s was lost while it swapped the databases: "
                           "look whether it has the data of the backup or that of before",
                     redis->place);
    return rc == HANGAR_OK ? HANGAR_OK : lost;
}

static enum hangar_rc swap(struct rd_clean *clean)
{
    struct redis *redis = clean->redis;
    redisReply *replies = NULL;
    size_t count;
    bool lost;
    enum hangar_rc rc = watch_markers(clean);
    if (rc == HANGAR_OK) {
        rc = queue_all(clean, &count);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    rc = execute(clean, count, &replies, &lost);
    if (lost) {
        return ask_again(clean, rc);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    clean->spares.swapped = true;
    for (size_t i = 0; i < replies->elements; i++) {
        if (rd_is_error(replies->element[i], "")) {
            rc =
                redis->host->fail(redis->ctx, HANGAR_IO, 0,
                                  "redis at %s has replaced its data in part only: command %zu of "
                                  "%zu of the swap was refused: %s; hint: restore again",
                                  redis->place, i + 1, replies->elements, replies->element[i]->str);
        }
    }
    freeReplyObject(replies);
    return rc;
}

enum hangar_rc rd_clean_check(struct rd_clean *clean, unsigned rdb_version)
{
    enum hangar_rc rc = rd_spares_reopen(&clean->spares);
    if (rc == HANGAR_OK) {
        rc = end_functions(clean, rdb_version);
    }
    return rc == HANGAR_OK ? try_functions(clean) : rc;
}

enum hangar_rc rd_clean_swap(struct rd_clean *clean)
{
    struct rd_server server = {.known = false};
    uint64_t spare;
    enum hangar_rc rc = rd_spares_reopen(&clean->spares);
    if (rc == HANGAR_OK && clean->spares.count == 0) {
        rc = rd_clean_db(clean, 0, &spare); /* an empty backup: the swap is as for any */
    }
    if (rc == HANGAR_OK) {
        rc = rd_ask_server(&clean->spares.control, &server);
    }
    if (rc == HANGAR_OK) {
        rc = check_claims(clean, &server);
    }
    if (rc == HANGAR_OK) {
        rc = find_others(clean, &server);
    }
    rd_server_fini(&server);
    return rc == HANGAR_OK ? swap(clean) : rc;
}
