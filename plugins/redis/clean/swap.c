/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * swap: replaces the data in use with the loaded data, in one transaction.
 *
 * When a server dies, a transaction of Redis was applied as a whole or not at all.  But when one of
 * its commands fails, Redis does not undo the others.  So the transaction must contain no command
 * that can fail: all databases were selected before, the functions were tested before, and the
 * markers are watched, so that the transaction does not run when the loaded data was changed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clean/clean.h"
#include "clean/state.h"
#include "rdb/crc64.h"
#include "rdb/footer.h"

/* ---- the loaded data ---- */

/* Fails when the server does not have all loaded keys any more; keys with an expiry may be gone. */
static enum hangar_rc verify_claims(struct rd_clean_restore *clean, const struct rd_server *server)
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
            "database %" PRIu64 " of redis at %s has %" PRIu64 " keys without and %" PRIu64
            " with an expiry, but %" PRIu64 " and %" PRIu64 " were loaded into it from database "
            "%" PRIu64 "; hint: check whether another client writes to it, or the server evicts "
            "keys (maxmemory)",
            claim->spare, redis->place, lasting - 1, expiring, claim->lasting, claim->expiring,
            claim->db);
    }
    return HANGAR_OK;
}

/* Finds the databases with keys that the backup does not have: the swap empties them. */
static enum hangar_rc find_other_dbs(struct rd_clean_restore *clean, const struct rd_server *server)
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
        if (rc == HANGAR_OK && owner == RD_OWNER_OTHER_RUN) {
            rc = rd_spares_refuse_other_run(&clean->spares, db);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (rd_spares_find(&clean->spares, db)) {
            continue;
        }
        uint64_t *others = realloc(clean->others, (clean->other_count + 1) * sizeof(*others));
        if (!others) {
            return rd_no_memory(redis, "swap the databases");
        }
        clean->others = others;
        others[clean->other_count++] = db;
    }
    return HANGAR_OK;
}

/* ---- commands in a transaction ---- */

/* Queues the replacement of all functions of the server by those of the payload. */
static enum hangar_rc queue_functions(struct rd_clean_restore *clean, const void *payload,
                                      size_t size)
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
    if (reply) {
        freeReplyObject(reply);
    }
    return rc;
}

/* EXEC, with `count` replies.  *lost: the connection failed, and it is unknown whether the server
 * ran the transaction. */
static enum hangar_rc execute_transaction(struct rd_clean_restore *clean, size_t count,
                                          redisReply **replies, bool *lost)
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
                               "cannot swap the databases of redis at %s: another client changed "
                               "the loaded data",
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

/* Appends the footer, which makes the libraries a payload of FUNCTION RESTORE. */
static enum hangar_rc end_functions(struct rd_clean_restore *clean, unsigned rdb_version)
{
    struct rd_value *value = &clean->functions;
    if (rd_value_size(value) == 0) {
        return HANGAR_OK;
    }
    unsigned char footer[RDB_FOOTER_BYTES];
    rdb_footer(footer, rdb_version, rd_crc64(0, value->data, value->size));
    return rd_clean_function(clean, footer, sizeof(footer));
}

/* Loads the functions of the backup and restores those of the server in one transaction, so that no
 * client sees the former.  `old` is the result of FUNCTION DUMP just before. */
static enum hangar_rc exchange_functions(struct rd_clean_restore *clean, const redisReply *old,
                                         redisReply **replies)
{
    struct rd_client *control = &clean->spares.control;
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
    bool lost;
    return rc == HANGAR_OK ? execute_transaction(clean, 3, replies, &lost) : rc;
}

/* Fails when the server does not accept the functions of the backup. */
static enum hangar_rc test_functions(struct rd_clean_restore *clean)
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
        rc = exchange_functions(clean, old, &replies);
    }
    if (rc == HANGAR_OK) {
        const redisReply *before = replies->element[0], *loaded = replies->element[1],
                         *back = replies->element[2];
        if (rd_is_error(back, "")) {
            rc = rd_refused(redis, "to restore its own functions", back->str);
        } else if (rd_is_error(loaded, "")) {
            rc = rd_refused(redis, "the functions of the backup", loaded->str);
        }
        /* a client loaded a function after the first FUNCTION DUMP: restore that one, too */
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

static enum hangar_rc watch_markers(struct rd_clean_restore *clean)
{
    struct redis *redis = clean->redis;
    for (size_t i = 0; i < clean->spares.count; i++) {
        enum rd_owner owner;
        enum hangar_rc rc = rd_select(&clean->spares.control, clean->spares.claims[i].spare);
        if (rc == HANGAR_OK) {
            rc = rd_order(&clean->spares.control, "WATCH", RD_MARKER, NULL);
        }
        if (rc == HANGAR_OK) {
            rc = rd_spares_owner(&clean->spares, clean->spares.claims[i].spare, &owner);
        }
        if (rc == HANGAR_OK && owner != RD_OWNER_THIS_RUN) {
            rc = redis->host->fail(
                redis->ctx, HANGAR_IO, 0,
                "cannot swap the databases of redis at %s: another client emptied "
                "database %" PRIu64 ", which held loaded data",
                redis->place, clean->spares.claims[i].spare);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    return HANGAR_OK;
}

/* Queues the swap of one database, the deletion of the old data, and that of the marker. */
static enum hangar_rc queue_swap(struct rd_clean_restore *clean, const struct rd_claim *claim)
{
    struct rd_client *control = &clean->spares.control;
    char db[24], spare[24];
    snprintf(db, sizeof(db), "%" PRIu64, claim->db);
    snprintf(spare, sizeof(spare), "%" PRIu64, claim->spare);
    enum hangar_rc rc = rd_order(control, "SWAPDB", db, spare, NULL);
    if (rc == HANGAR_OK) {
        rc = rd_select(control, claim->spare);
    }
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "FLUSHDB", "ASYNC", NULL);
    }
    if (rc == HANGAR_OK) {
        rc = rd_select(control, claim->db);
    }
    return rc == HANGAR_OK ? rd_order(control, "DEL", RD_MARKER, NULL) : rc;
}

static enum hangar_rc queue_transaction(struct rd_clean_restore *clean, size_t *count)
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
        rc = rd_select(control, clean->others[i]);
        if (rc == HANGAR_OK) {
            rc = rd_order(control, "FLUSHDB", "ASYNC", NULL);
        }
    }
    return rc;
}

/* The connection was lost before the reply to EXEC.  Asks the server whether it ran the
 * transaction: then the marker is gone.  In a server that was restarted, the marker may be gone for
 * another reason. */
static enum hangar_rc resolve_lost_swap(struct rd_clean_restore *clean, enum hangar_rc lost)
{
    struct redis *redis = clean->redis, copy = *redis;
    enum rd_owner owner = RD_OWNER_THIS_RUN;
    struct rd_server server = {.known = false};
    copy.cancel_fd = -1; /* the result matters after a cancellation, too */
    rd_close(&clean->spares.control);
    clean->spares.redis = &copy;
    enum hangar_rc rc = rd_open(&copy, &clean->spares.control);
    if (rc == HANGAR_OK) {
        rc = rd_spares_owner(&clean->spares, clean->spares.claims[0].spare, &owner);
    }
    if (rc == HANGAR_OK) {
        rc = rd_ask_server(&clean->spares.control, &server);
    }
    if (rc == HANGAR_OK && owner != RD_OWNER_THIS_RUN &&
        strcmp(server.run_id, clean->run_id) != 0) {
        rc = HANGAR_IO;
    }
    rd_server_fini(&server);
    rd_close(&clean->spares.control);
    clean->spares.redis = redis;
    if (rc == HANGAR_OK && owner == RD_OWNER_THIS_RUN) {
        return lost;
    }
    clean->spares.swapped = rc == HANGAR_OK;
    redis->host->log(
        redis->ctx, HANGAR_LOG_WARN,
        rc == HANGAR_OK
            ? "lost the connection to redis at %s during the swap of the databases; "
              "the server has completed it"
            : "lost the connection to redis at %s during the swap of the databases, and cannot "
              "determine whether it was completed; hint: check whether the "
              "server has the data of the backup or the old data",
        redis->place);
    return rc == HANGAR_OK ? HANGAR_OK : lost;
}

static enum hangar_rc swap_databases(struct rd_clean_restore *clean)
{
    struct redis *redis = clean->redis;
    size_t count;
    enum hangar_rc rc = watch_markers(clean);
    if (rc == HANGAR_OK) {
        rc = queue_transaction(clean, &count);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    redisReply *replies = NULL;
    bool lost;
    rc = execute_transaction(clean, count, &replies, &lost);
    if (lost) {
        return resolve_lost_swap(clean, rc);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    clean->spares.swapped = true;
    for (size_t i = 0; i < replies->elements; i++) {
        if (rd_is_error(replies->element[i], "")) {
            rc = redis->host->fail(
                redis->ctx, HANGAR_IO, 0,
                "redis at %s has replaced only part of its data: it refused command "
                "%zu of %zu of the swap: %s; hint: restore again",
                redis->place, i + 1, replies->elements, replies->element[i]->str);
        }
    }
    freeReplyObject(replies);
    return rc;
}

enum hangar_rc rd_clean_check(struct rd_clean_restore *clean, unsigned rdb_version)
{
    enum hangar_rc rc = rd_spares_reopen(&clean->spares);
    if (rc == HANGAR_OK) {
        rc = end_functions(clean, rdb_version);
    }
    return rc == HANGAR_OK ? test_functions(clean) : rc;
}

enum hangar_rc rd_clean_swap(struct rd_clean_restore *clean)
{
    struct rd_server server = {.known = false};
    enum hangar_rc rc = rd_spares_reopen(&clean->spares);
    if (rc == HANGAR_OK && clean->spares.count == 0) {
        uint64_t spare;
        rc = rd_clean_db(clean, 0, &spare); /* an empty backup: swap an empty database in */
    }
    if (rc == HANGAR_OK) {
        rc = rd_ask_server(&clean->spares.control, &server);
    }
    if (rc == HANGAR_OK) {
        rc = verify_claims(clean, &server);
    }
    if (rc == HANGAR_OK) {
        rc = find_other_dbs(clean, &server);
    }
    rd_server_fini(&server);
    return rc == HANGAR_OK ? swap_databases(clean) : rc;
}
