/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * spares: see spares.h.
 */
#include "clean/spares.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random.h"

#define NAME_PREFIX "hangar-restore-"
#define DATABASES_MOST (UINT64_C(1) << 31) /* the server counts them in an int */
#define RELEASE_TIMEOUT_MS 10000           /* a release cannot be cancelled */
#define DISCONNECT_WAIT_MS 10000
#define POLL_MS 20

/* ---- connections ---- */

static enum hangar_rc make_run_id(struct rd_spares *spares)
{
    unsigned char bytes[RD_RUN_ID / 2];
    if (!random_fill(bytes, sizeof(bytes))) {
        return spares->redis->host->fail(spares->redis->ctx, HANGAR_IO, errno,
                                         "cannot get random bytes");
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        snprintf(spares->id + 2 * i, 3, "%02x", bytes[i]);
    }
    return HANGAR_OK;
}

/* Names the connection after the run, by which other restores detect that the run is alive. */
static enum hangar_rc name_connection(const struct rd_spares *spares, struct rd_client *client)
{
    char name[sizeof(NAME_PREFIX) + RD_RUN_ID];
    snprintf(name, sizeof(name), NAME_PREFIX "%s", spares->id);
    return rd_order(client, "CLIENT", "SETNAME", name, NULL);
}

static enum hangar_rc list_clients(struct rd_spares *spares)
{
    struct redis *redis = spares->redis;
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_call(&spares->control, &reply, "CLIENT", "LIST", NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    free(spares->clients);
    spares->clients = NULL;
    if (rd_is_error(reply, "")) {
        rc = rd_refused(redis, "CLIENT LIST", reply->str);
    } else if (!(spares->clients = strdup(reply->str ? reply->str : ""))) {
        rc = rd_no_memory(redis, "list the clients of redis");
    }
    freeReplyObject(reply);
    return rc;
}

static enum hangar_rc database_exists(struct rd_spares *spares, uint64_t db, bool *there)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, db);
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_call(&spares->control, &reply, "SELECT", number, NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    *there = reply->type == REDIS_REPLY_STATUS;
    if (rd_is_error(reply, "") && rd_error_class(reply->str) == HANGAR_AUTH) {
        rc = rd_refused(spares->redis, "SELECT", reply->str);
    }
    freeReplyObject(reply);
    return rc;
}

/* Uses SELECT, because not every user may use CONFIG. */
static enum hangar_rc count_databases(struct rd_spares *spares)
{
    uint64_t below = 0, above = 1; /* database `below` exists, `above` does not */
    bool there = true;
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && above < DATABASES_MOST) {
        rc = database_exists(spares, above, &there);
        if (!there) {
            break;
        }
        below = above;
        above *= 2;
    }
    while (rc == HANGAR_OK && above - below > 1) {
        uint64_t middle = below + (above - below) / 2;
        rc = database_exists(spares, middle, &there);
        if (there) {
            below = middle;
        } else {
            above = middle;
        }
    }
    spares->databases = above;
    return rc;
}

enum hangar_rc rd_spares_reopen(struct rd_spares *spares)
{
    rd_close(&spares->control);
    enum hangar_rc rc = rd_open(spares->redis, &spares->control);
    if (rc == HANGAR_OK) {
        rc = name_connection(spares, &spares->control);
    }
    return rc == HANGAR_OK ? list_clients(spares) : rc;
}

enum hangar_rc rd_spares_open(struct rd_spares *spares, struct rd_client *loader)
{
    spares->redis = loader->redis;
    enum hangar_rc rc = make_run_id(spares);
    if (rc == HANGAR_OK) {
        rc = name_connection(spares, loader);
    }
    if (rc == HANGAR_OK) {
        rc = rd_spares_reopen(spares);
    }
    return rc == HANGAR_OK ? count_databases(spares) : rc;
}

void rd_spares_fini(struct rd_spares *spares)
{
    rd_close(&spares->control);
    free(spares->clients);
    free(spares->claims);
    *spares = (struct rd_spares){.redis = NULL};
}

/* ---- clients ---- */

/* Copies a field of a line of CLIENT LIST; "" when it is missing. */
static void copy_client_field(const char *line, const char *name, char *out, size_t size)
{
    size_t length = strcspn(line, "\n"), name_length = strlen(name);
    out[0] = '\0';
    for (const char *at = line; at + name_length < line + length; at++) {
        if ((at == line || at[-1] == ' ') && strncmp(at, name, name_length) == 0) {
            at += name_length;
            size_t n = strcspn(at, " \n");
            snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), at);
            return;
        }
    }
}

static bool run_is_alive(const char *clients, const char *id)
{
    char name[sizeof("name=" NAME_PREFIX) + RD_RUN_ID];
    snprintf(name, sizeof(name), "name=" NAME_PREFIX "%s", id);
    return strstr(clients, name);
}

bool rd_spares_next_client(const struct rd_spares *spares, const char **at,
                           struct rd_listed_client *listed)
{
    const char *line = *at ? *at : spares->clients;
    while (*line != '\0') {
        char flags[32], number[24];
        copy_client_field(line, "addr=", listed->address, sizeof(listed->address));
        copy_client_field(line, "name=", listed->name, sizeof(listed->name));
        copy_client_field(line, "flags=", flags, sizeof(flags));
        copy_client_field(line, "db=", number, sizeof(number));
        listed->db = strtoull(number, NULL, 10);
        line += strcspn(line, "\n");
        line += *line == '\n';
        *at = line;
        /* without the links of replicas and masters, and without restores */
        if (!strpbrk(flags, "SM") && strncmp(listed->name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0) {
            return true;
        }
    }
    return false;
}

bool rd_spares_selected(const struct rd_spares *spares, uint64_t db)
{
    struct rd_listed_client listed;
    for (const char *at = NULL; rd_spares_next_client(spares, &at, &listed);) {
        if (listed.db == db) {
            return true;
        }
    }
    return false;
}

/* ---- owners ---- */

/* Reads the run id in the marker of the selected database; "" when it has no marker. */
static enum hangar_rc read_marker(struct rd_spares *spares, char id[RD_RUN_ID + 1])
{
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_call(&spares->control, &reply, "GET", RD_MARKER, NULL);
    id[0] = '\0';
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (reply->type == REDIS_REPLY_STRING && reply->len == RD_RUN_ID &&
        strspn(reply->str, "0123456789abcdef") == RD_RUN_ID) {
        memcpy(id, reply->str, RD_RUN_ID + 1);
    } else if (rd_is_error(reply, "") && !rd_is_error(reply, "WRONGTYPE")) {
        rc = rd_refused(spares->redis, "GET", reply->str);
    }
    freeReplyObject(reply);
    return rc;
}

enum hangar_rc rd_spares_owner(struct rd_spares *spares, uint64_t db, enum rd_owner *owner)
{
    char id[RD_RUN_ID + 1];
    enum hangar_rc rc = rd_select(&spares->control, db);
    if (rc == HANGAR_OK) {
        rc = read_marker(spares, id);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    *owner = id[0] == '\0'                       ? RD_OWNER_CLIENTS
             : strcmp(id, spares->id) == 0       ? RD_OWNER_THIS_RUN
             : run_is_alive(spares->clients, id) ? RD_OWNER_OTHER_RUN
                                                 : RD_OWNER_DEAD_RUN;
    return HANGAR_OK;
}

/* Empties the selected database if its marker is that of run `id`, or of any run when `id` is NULL.
 * WATCH makes the server refuse when the marker changes before the flush. */
static enum hangar_rc flush_marked_db(struct rd_spares *spares, const char *id, bool *done)
{
    struct rd_client *control = &spares->control;
    char found[RD_RUN_ID + 1];
    redisReply *reply = NULL;
    *done = false;
    enum hangar_rc rc = rd_order(control, "WATCH", RD_MARKER, NULL);
    if (rc == HANGAR_OK) {
        rc = read_marker(spares, found);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (found[0] == '\0' || (id && strcmp(found, id) != 0)) {
        return rd_order(control, "UNWATCH", NULL);
    }
    rc = rd_order(control, "MULTI", NULL);
    if (rc == HANGAR_OK) {
        rc = rd_order(control, "FLUSHDB", "ASYNC", NULL);
    }
    if (rc == HANGAR_OK) {
        rc = rd_call(control, &reply, "EXEC", NULL);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (rd_is_error(reply, "")) {
        rc = rd_refused(spares->redis, "EXEC", reply->str);
    }
    *done = rc == HANGAR_OK && reply->type == REDIS_REPLY_ARRAY;
    freeReplyObject(reply);
    return rc;
}

enum hangar_rc rd_spares_refuse_other_run(const struct rd_spares *spares, uint64_t db)
{
    const struct redis *redis = spares->redis;
    return redis->host->fail(redis->ctx, HANGAR_EXISTS, 0,
                             "another restore into redis at %s is running (it loads into "
                             "database %" PRIu64 "); hint: wait until it ends",
                             redis->place, db);
}

enum hangar_rc rd_spares_empty_leftover(struct rd_spares *spares, uint64_t db, bool *done)
{
    *done = false;
    if (rd_spares_selected(spares, db)) {
        spares->redis->host->log(spares->redis->ctx, HANGAR_LOG_WARN,
                                 "cannot empty database %" PRIu64 " of redis at %s, which holds "
                                 "leftovers of a dead restore (its key is " RD_MARKER "): a client "
                                 "has selected it",
                                 db, spares->redis->place);
        return HANGAR_OK;
    }
    enum hangar_rc rc = rd_select(&spares->control, db);
    return rc == HANGAR_OK ? flush_marked_db(spares, NULL, done) : rc;
}

/* ---- claims ---- */

static enum hangar_rc add_claim(struct rd_spares *spares, uint64_t db, uint64_t spare,
                                struct rd_claim **claim)
{
    struct rd_claim *claims =
        realloc(spares->claims, (spares->count + 1) * sizeof(*spares->claims));
    if (!claims) {
        return rd_no_memory(spares->redis, "claim a database");
    }
    spares->claims = claims;
    *claim = &claims[spares->count++];
    **claim = (struct rd_claim){.db = db, .spare = spare};
    return HANGAR_OK;
}

enum hangar_rc rd_spares_claim(struct rd_spares *spares, uint64_t db, uint64_t spare,
                               struct rd_claim **claim)
{
    redisReply *reply = NULL;
    *claim = NULL;
    enum hangar_rc rc = rd_select(&spares->control, spare);
    if (rc == HANGAR_OK) {
        rc = rd_call(&spares->control, &reply, "SET", RD_MARKER, spares->id, "NX", NULL);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    bool taken = reply->type == REDIS_REPLY_NIL;
    if (rd_is_error(reply, "")) {
        rc = rd_refused(spares->redis, "SET", reply->str);
    }
    freeReplyObject(reply);
    if (rc != HANGAR_OK || taken) {
        return rc;
    }
    reply = NULL;
    rc = rd_call(&spares->control, &reply, "DBSIZE", NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    bool empty = reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
    if (rd_is_error(reply, "")) {
        rc = rd_refused(spares->redis, "DBSIZE", reply->str);
    }
    freeReplyObject(reply);
    if (empty) {
        return add_claim(spares, db, spare, claim);
    }
    enum hangar_rc undone = rd_order(&spares->control, "DEL", RD_MARKER, NULL);
    return rc == HANGAR_OK ? undone : rc;
}

struct rd_claim *rd_spares_find(const struct rd_spares *spares, uint64_t db)
{
    for (size_t i = spares->count; i > 0; i--) { /* the match is nearly always the last one */
        if (spares->claims[i - 1].db == db) {
            return &spares->claims[i - 1];
        }
    }
    return NULL;
}

bool rd_spares_origin(const struct rd_spares *spares, uint64_t spare, uint64_t *db)
{
    for (size_t i = 0; i < spares->count; i++) {
        if (spares->claims[i].spare == spare) {
            *db = spares->claims[i].db;
            return true;
        }
    }
    return false;
}

/* ---- releasing ---- */

/* Waits until the server has closed all connections of this run.  Otherwise it might run their
 * last commands after the flush. */
static enum hangar_rc wait_until_disconnected(struct rd_spares *spares)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    for (int waited_ms = 0;; waited_ms += POLL_MS) {
        enum hangar_rc rc = list_clients(spares);
        if (rc != HANGAR_OK || !run_is_alive(spares->clients, spares->id)) {
            return rc;
        }
        if (waited_ms >= DISCONNECT_WAIT_MS) {
            return HANGAR_IO;
        }
        spares->redis->host->alive(spares->redis->ctx,
                                   "waiting for redis to close the connections of the restore");
        nanosleep(&pause, NULL);
    }
}

static enum hangar_rc release_claim(struct rd_spares *spares, const struct rd_claim *claim)
{
    enum hangar_rc rc = rd_select(&spares->control, claim->spare);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (claim->foreign) { /* its keys cannot be distinguished from those of this restore */
        spares->redis->host->log(spares->redis->ctx, HANGAR_LOG_WARN,
                                 "cannot empty database %" PRIu64 " of redis at %s: it holds keys "
                                 "of another client beside those of this restore",
                                 claim->spare, spares->redis->place);
        return rd_order(&spares->control, "DEL", RD_MARKER, NULL);
    }
    if (rd_spares_selected(spares, claim->spare)) {
        return HANGAR_EXISTS;
    }
    bool done;
    return flush_marked_db(spares, spares->id, &done);
}

void rd_spares_release(struct rd_spares *spares)
{
    if (spares->count == 0 || spares->swapped) {
        return;
    }
    /* a copy of the instance that a cancellation of the job does not affect */
    struct redis *instance = spares->redis, copy = *instance;
    copy.cancel_fd = -1;
    copy.connect_timeout_ms =
        copy.connect_timeout_ms < RELEASE_TIMEOUT_MS ? copy.connect_timeout_ms : RELEASE_TIMEOUT_MS;
    copy.timeout_ms = copy.timeout_ms < RELEASE_TIMEOUT_MS ? copy.timeout_ms : RELEASE_TIMEOUT_MS;
    rd_close(&spares->control);
    spares->redis = &copy;
    enum hangar_rc rc = rd_open(&copy, &spares->control);
    if (rc == HANGAR_OK) {
        rc = wait_until_disconnected(spares);
    }
    size_t left = spares->count;
    for (size_t i = 0; rc == HANGAR_OK && i < spares->count; i++) {
        if (release_claim(spares, &spares->claims[i]) == HANGAR_OK) {
            left--;
        }
    }
    if (left > 0) {
        copy.host->log(copy.ctx, HANGAR_LOG_WARN,
                       "cannot empty %zu databases of redis at %s, from database %" PRIu64
                       " on, which hold leftovers of this restore (their key is " RD_MARKER
                       "): the next restore with --mode clean empties them",
                       left, copy.place, spares->claims[spares->count - 1].spare);
    }
    rd_close(&spares->control);
    spares->redis = instance;
    spares->count = 0;
}
