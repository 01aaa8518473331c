/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check: see check.h.
 */
#include "backup/check.h"

#include <inttypes.h>
#include <stdio.h>

/* The ACL is asked, because PSYNC itself would start a snapshot. */
enum hangar_rc rd_check_rights(struct rd_client *client)
{
    struct redis *redis = client->redis;
    redisReply *user = NULL, *verdict = NULL;
    enum hangar_rc rc = rd_call(client, &user, "ACL", "WHOAMI", NULL);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (user->type == REDIS_REPLY_STRING) {
        rc = rd_call(client, &verdict, "ACL", "DRYRUN", user->str, "PSYNC", "?", "-1", NULL);
    }
    if (rc == HANGAR_OK && verdict && verdict->type == REDIS_REPLY_STRING) {
        char text[RD_TEXT_SIZE];
        rc = redis->host->fail(redis->ctx, HANGAR_AUTH, 0,
                               "redis at %s would refuse PSYNC to the user %s; hint: ACL SETUSER "
                               "%s +psync +replconf +ping +info",
                               redis->place, rd_text(user->str, user->len, text), text);
    } else if (rc == HANGAR_OK && (!verdict || verdict->type != REDIS_REPLY_STATUS)) {
        redis->host->log(
            redis->ctx, HANGAR_LOG_INFO,
            "cannot determine whether redis at %s allows this user to replicate: ACL DRYRUN "
            "is missing or not allowed",
            redis->place);
    }
    freeReplyObject(user);
    if (verdict) {
        freeReplyObject(verdict);
    }
    return rc;
}

static void set_server_facts(const struct redis *redis, const struct rd_server *server,
                             struct hangar_attrs *facts)
{
    const struct hangar_host *host = redis->host;
    host->attr_setf(facts, "server", "redis %s", server->version);
    host->attr_set(facts, "role", server->replica ? "replica" : "master");
    host->attr_setf(facts, "keys", "%" PRIu64, server->keys);
    host->attr_setf(facts, "memory", "%.1f MiB", RD_MIB(server->used_memory));
}

enum hangar_rc rd_check_state(struct redis *redis, const struct rd_server *server)
{
    const struct hangar_host *host = redis->host;
    if (!server->known) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "cannot check the state of redis at %s: this user may not use INFO",
                  redis->place);
    }
    if (server->cluster) {
        host->log(redis->ctx, HANGAR_LOG_WARN,
                  "redis at %s is a node of a cluster: the backup has only the keys of this node",
                  redis->place);
    }
    /* it refuses PSYNC, too (NOMASTERLINK), until it has synchronised */
    if (server->link_down) {
        return host->fail(redis->ctx, HANGAR_RETRY, 0,
                          "redis at %s is a replica without a link to its master %s: its data is "
                          "out of date; hint: repair the link (INFO replication), or back up the "
                          "master",
                          redis->place, server->master);
    }
    return HANGAR_OK;
}

/* Has a database the key of an unfinished restore?  *allowed is false when the server refuses to
 * answer this user. */
static enum hangar_rc find_marker(struct rd_client *client, uint64_t db, bool *found, bool *allowed)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, db);
    *found = *allowed = false;
    redisReply *reply = NULL;
    enum hangar_rc rc = rd_call(client, &reply, "SELECT", number, NULL);
    if (rc == HANGAR_OK && !rd_is_error(reply, "")) {
        freeReplyObject(reply);
        rc = rd_call(client, &reply, "EXISTS", RD_MARKER, NULL);
        *allowed = rc == HANGAR_OK && reply->type == REDIS_REPLY_INTEGER;
        *found = *allowed && reply->integer != 0;
    }
    if (rc == HANGAR_OK) {
        freeReplyObject(reply);
    }
    return rc;
}

/* Warns of each database that a restore with --mode clean has loaded and not put in place. */
static enum hangar_rc check_warn_of_leftovers(struct rd_client *client,
                                              const struct rd_server *server)
{
    const struct redis *redis = client->redis;
    const char *at = NULL;
    uint64_t db, keys, expiring;
    bool found, allowed = true;
    while (allowed && rd_server_next_db(server, &at, &db, &keys, &expiring)) {
        enum hangar_rc rc = find_marker(client, db, &found, &allowed);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (found) {
            redis->host->log(redis->ctx, HANGAR_LOG_WARN,
                             "database %" PRIu64 " of redis at %s holds %" PRIu64
                             " keys of a restore that runs or did not finish (its key is " RD_MARKER
                             "); hint: if none runs, the next restore with --mode clean empties "
                             "it, and so does `redis-cli -n %" PRIu64 " FLUSHDB`",
                             db, redis->place, keys, db);
        }
    }
    if (!allowed) {
        redis->host->log(redis->ctx, HANGAR_LOG_INFO,
                         "cannot list leftovers of restores in redis at %s: this user may not "
                         "use SELECT and EXISTS",
                         redis->place);
    }
    return HANGAR_OK;
}

enum hangar_rc redis_check(void *inst, struct hangar_attrs *facts)
{
    struct redis *redis = inst;
    struct rd_client client = {.redis = redis};
    struct rd_server server = {.known = false};
    enum hangar_rc rc = rd_open(redis, &client);
    if (rc == HANGAR_OK) {
        rc = rd_ask_server(&client, &server);
    }
    if (rc != HANGAR_OK) {
        goto out;
    }
    if (server.known) {
        set_server_facts(redis, &server, facts);
    }
    rc = server.loading ? rd_still_loading(redis) : rd_check_state(redis, &server);
    if (rc == HANGAR_OK) {
        rc = rd_check_rights(&client);
    }
    if (rc == HANGAR_OK) {
        rc = check_warn_of_leftovers(&client, &server);
    }
out:
    rd_server_fini(&server);
    rd_close(&client);
    return rc;
}
