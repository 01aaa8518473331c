/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * key_sender: see key_sender.h.
 *
 * The size of an argument must be sent before its first byte.  For a value that is one string it is
 * known at once, and the bytes pass through as they arrive, whatever their number.  Any other
 * value is collected first (wire/value.h).
 */
#include "restore/key_sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rdb/lzf.h"
#include "wire/server_info.h"
#include "wire/value.h"

/* How the current key is sent. */
enum rd_send_mode {
    RD_SEND_NOTHING,
    RD_SEND_SET,     /* SET, while the string arrives */
    RD_SEND_STREAM,  /* RESTORE, while the string arrives */
    RD_SEND_COLLECT, /* RESTORE, after the whole value has arrived */
    RD_SEND_KEEP     /* a library of functions, which `clean` keeps until the swap */
};

struct rd_sender {
    struct redis *redis;
    struct rd_client *client;
    const struct rd_target *target;
    struct rd_clean_restore *clean; /* NULL: not a clean restore */
    struct rdb_walk *walk;
    struct rd_pipe *pipe;
    struct rd_sent_counts sent;

    bool in_db;                           /* a database is selected */
    uint64_t db, db_lasting, db_expiring; /* its accepted keys, without and with an expiry */
    uint64_t target_db;                   /* the selected database: `db` or a spare one */

    /* the current key; the walk owns its name */
    struct rd_key_command command;
    enum rd_send_mode mode;
    struct rd_lzf lzf;
    bool compressed;
    struct rd_value value;
    struct rdb_digest *digest; /* NULL: no digest is wanted */
};

/* ---- replies ---- */

static enum hangar_rc handle_existing_key(struct rd_sender *sender, struct rd_tag tag,
                                          const unsigned char *key, size_t key_size)
{
    if (sender->redis->on_conflict != RD_SKIP_EXISTING) {
        return rd_key_fail(sender->redis, tag, sender->db, key, key_size,
                           "BUSYKEY the key exists, though the target was empty: another client "
                           "is writing to it");
    }
    sender->sent.skipped++;
    return HANGAR_OK;
}

static void count_accepted(struct rd_sender *sender, struct rd_tag tag)
{
    switch (tag.kind) {
    case RD_KEY_FUNCTION:
        sender->sent.functions++;
        break;
    case RD_KEY_SCRIPT:
        sender->sent.scripts++;
        break;
    case RD_KEY_DELETE:
        break;
    default:
        sender->sent.keys++;
        sender->db_expiring += tag.expiring;
        sender->db_lasting += !tag.expiring;
        break;
    }
}

static enum hangar_rc sender_on_reply(void *arg, struct rd_tag tag, const redisReply *reply,
                                      const unsigned char *key, size_t key_size)
{
    struct rd_sender *sender = arg;
    const bool error = rd_is_error(reply, "");
    if (error && rd_error_class(reply->str) == HANGAR_RETRY) {
        return HANGAR_RETRY;
    }
    if ((tag.kind == RD_KEY_RESTORE && rd_is_error(reply, "BUSYKEY")) ||
        (tag.kind == RD_KEY_SET && reply->type == REDIS_REPLY_NIL)) {
        return handle_existing_key(sender, tag, key, key_size);
    }
    if (tag.kind == RD_KEY_FUNCTION && error && strstr(reply->str, "already exists") &&
        sender->redis->on_conflict == RD_SKIP_EXISTING) {
        sender->sent.functions_skipped++;
        return HANGAR_OK;
    }
    if (error) {
        return rd_key_fail(sender->redis, tag, sender->db, key, key_size, reply->str);
    }
    count_accepted(sender, tag);
    return HANGAR_OK;
}

/* ---- databases ---- */

/* After all replies: fails when the server does not have the accepted keys.  Keys with an expiry
 * may be gone.  The number of the others must be exact in a target that was empty. */
static enum hangar_rc verify_db(struct rd_sender *sender)
{
    struct redis *redis = sender->redis;
    struct rd_server server = {.known = false};
    uint64_t keys, expiring;
    enum hangar_rc rc = rd_ask_server(sender->client, &server);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rd_server_db(&server, sender->target_db, &keys, &expiring);
    rd_server_fini(&server);
    uint64_t lasting = keys - expiring;
    if (sender->clean && lasting > 0) {
        lasting--; /* the marker */
    }
    bool right = sender->target->was_empty
                     ? lasting == sender->db_lasting && expiring <= sender->db_expiring
                     : lasting >= sender->db_lasting;
    if (right) {
        return HANGAR_OK;
    }
    return redis->host->fail(redis->ctx, HANGAR_IO, 0,
                             "database %" PRIu64 " of redis at %s has %" PRIu64
                             " keys without and %" PRIu64 " with an expiry, but the server "
                             "accepted %" PRIu64 " and %" PRIu64 "; hint: check whether another "
                             "client writes to it, or the server evicts keys (maxmemory)",
                             sender->target_db, redis->place, lasting, expiring, sender->db_lasting,
                             sender->db_expiring);
}

static enum hangar_rc leave_db(struct rd_sender *sender)
{
    enum hangar_rc rc = rd_pipe_drain(sender->pipe);
    if (rc == HANGAR_OK && sender->in_db) {
        rc = verify_db(sender);
    }
    if (rc == HANGAR_OK && sender->in_db && sender->clean) {
        rd_clean_loaded(sender->clean, sender->db, sender->db_lasting, sender->db_expiring);
    }
    sender->db_lasting = sender->db_expiring = 0;
    return rc;
}

/* SELECT is sent with no other command in flight: if it failed among others, the commands after it
 * would write to the wrong database. */
static enum hangar_rc enter_db(struct rd_sender *sender, uint64_t db)
{
    if (sender->in_db && sender->db == db) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = leave_db(sender);
    sender->target_db = db;
    if (rc == HANGAR_OK && sender->clean) {
        rc = rd_clean_db(sender->clean, db, &sender->target_db);
    }
    if (rc == HANGAR_OK) {
        rc = rd_select(sender->client, sender->target_db);
    }
    sender->in_db = rc == HANGAR_OK;
    sender->db = db;
    return rc;
}

/* ---- events of the walk ---- */

static enum hangar_rc sender_on_aux(void *arg, const char *name, const unsigned char *value,
                                    size_t size)
{
    struct rd_sender *sender = arg;
    return strcmp(name, "lua") == 0 ? rd_key_load_script(&sender->command, value, size) : HANGAR_OK;
}

/* A key whose time of expiry has passed is not sent.  With on_conflict: replace, the key of the
 * target that it would have replaced is deleted. */
static enum hangar_rc skip_expired_key(struct rd_sender *sender)
{
    sender->mode = RD_SEND_NOTHING;
    sender->sent.expired++;
    return sender->redis->on_conflict == RD_REPLACE ? rd_key_delete(&sender->command) : HANGAR_OK;
}

static enum hangar_rc skip_marker(struct rd_sender *sender)
{
    const struct redis *redis = sender->redis;
    sender->mode = RD_SEND_NOTHING;
    sender->sent.markers++;
    redis->host->log(redis->ctx, HANGAR_LOG_WARN,
                     "a restore was running when the backup was made: database %" PRIu64
                     " of the backup holds a part of the data that it loaded",
                     sender->command.key.db);
    return HANGAR_OK;
}

static enum hangar_rc begin_function(struct rd_sender *sender)
{
    const unsigned char opcode = RDB_OPCODE_FUNCTION;
    sender->mode = sender->clean ? RD_SEND_KEEP : RD_SEND_STREAM;
    return sender->clean ? rd_clean_function(sender->clean, &opcode, 1) : HANGAR_OK;
}

static enum rd_send_mode choose_send_mode(const struct rd_sender *sender)
{
    const struct rdb_key *key = &sender->command.key;
    const bool has_use = (key->idle_s >= 0 && sender->target->evicts_lru) ||
                         (key->freq >= 0 && sender->target->evicts_lfu);
    if (key->type == RDB_TYPE_STRING && !has_use) {
        return RD_SEND_SET;
    }
    return rdb_is_one_string(rdb_type_of(key->type)) ? RD_SEND_STREAM : RD_SEND_COLLECT;
}

static enum hangar_rc sender_on_key(void *arg, const struct rdb_key *key)
{
    struct rd_sender *sender = arg;
    sender->command.key = *key;
    sender->command.begun = false;
    rd_value_clear(&sender->value);
    if (sender->clean && rd_clean_is_marker(key->name, key->name_size)) {
        return skip_marker(sender);
    }
    if (sender->digest) {
        rdb_digest_key(sender->digest, key);
    }
    if (key->type == RDB_OPCODE_FUNCTION) {
        return begin_function(sender);
    }
    if (key->name_full > key->name_size) {
        struct rd_tag tag = {.kind = RD_KEY_RESTORE, .type = (uint8_t)key->type};
        return rd_key_fail(sender->redis, tag, key->db, key->name, RD_TEXT_SIZE,
                           "a name of more than 1 MiB can be restored with method: file only");
    }
    enum hangar_rc rc = enter_db(sender, key->db);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (key->expire_ms >= 0 && key->expire_ms <= rd_target_now_ms(sender->target)) {
        return skip_expired_key(sender);
    }
    sender->mode = choose_send_mode(sender);
    return HANGAR_OK;
}

static enum hangar_rc begin_set(struct rd_sender *sender, const struct rdb_string *string)
{
    if (string->encoding == RDB_TEXT_NUMBER) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%" PRId64, string->number);
        enum hangar_rc rc = rd_key_set(&sender->command, (uint64_t)n);
        return rc == HANGAR_OK ? rd_pipe_add(sender->pipe, text, (size_t)n) : rc;
    }
    sender->compressed = string->encoding == RDB_TEXT_LZF;
    if (sender->compressed) {
        rd_lzf_init(&sender->lzf, string->plain);
    }
    return rd_key_set(&sender->command, string->plain);
}

static enum hangar_rc sender_on_string(void *arg, const struct rdb_string *string)
{
    struct rd_sender *sender = arg;
    if (sender->digest) {
        rdb_digest_string(sender->digest, string);
    }
    if (sender->mode == RD_SEND_STREAM && !sender->command.begun) {
        return rd_key_restore(&sender->command, string->head + string->stored);
    }
    return sender->mode == RD_SEND_SET ? begin_set(sender, string) : HANGAR_OK;
}

/* Receives the bytes of a decompressed string. */
static enum hangar_rc add_decompressed(void *arg, const unsigned char *data, size_t size)
{
    struct rd_sender *sender = arg;
    return rd_pipe_add(sender->pipe, data, size);
}

static enum hangar_rc sender_fail_if_damaged(struct rd_sender *sender, enum hangar_rc rc)
{
    if (rc != HANGAR_CORRUPT) {
        return rc;
    }
    const struct rdb_key *key = &sender->command.key;
    char name[RD_TEXT_SIZE];
    return sender->redis->host->fail(sender->redis->ctx, rc, 0,
                                     "cannot restore key %s: its compressed value is damaged",
                                     rd_text(key->name, key->name_size, name));
}

static enum hangar_rc collect_body(struct rd_sender *sender, const unsigned char *data, size_t size)
{
    const uint64_t most = sender->target->bulk_most;
    if (rd_value_size(&sender->value) + size > most) {
        return rd_key_refuse_size(&sender->command, rd_value_size(&sender->value) + size);
    }
    return rd_value_add(&sender->value, data, size, most);
}

static enum hangar_rc sender_on_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    struct rd_sender *sender = arg;
    if (sender->digest) {
        rdb_digest_body(sender->digest, text, data, size);
    }
    switch (sender->mode) {
    case RD_SEND_SET:
        if (!text) {
            return HANGAR_OK;
        }
        if (!sender->compressed) {
            return rd_pipe_add(sender->pipe, data, size);
        }
        return sender_fail_if_damaged(
            sender, rd_lzf_feed(&sender->lzf, data, size, add_decompressed, sender));
    case RD_SEND_STREAM:
        return rd_key_add_payload(&sender->command, data, size);
    case RD_SEND_KEEP:
        return rd_clean_function(sender->clean, data, size);
    case RD_SEND_COLLECT:
        return collect_body(sender, data, size);
    default:
        return HANGAR_OK;
    }
}

static enum hangar_rc end_set(struct rd_sender *sender)
{
    enum hangar_rc rc = HANGAR_OK;
    if (sender->compressed) {
        rc = sender_fail_if_damaged(sender, rd_lzf_end(&sender->lzf, add_decompressed, sender));
    }
    sender->compressed = false;
    return rc == HANGAR_OK ? rd_pipe_end(sender->pipe) : rc;
}

static enum hangar_rc add_collected(void *arg, const unsigned char *data, size_t size)
{
    struct rd_sender *sender = arg;
    return rd_key_add_payload(&sender->command, data, size);
}

static enum hangar_rc send_collected(struct rd_sender *sender)
{
    enum hangar_rc rc = rd_key_restore(&sender->command, rd_value_size(&sender->value));
    if (rc == HANGAR_OK) {
        rc = rd_value_drain(&sender->value, add_collected, sender);
    }
    return rc == HANGAR_OK
               ? rd_key_end_restore(&sender->command, rdb_walk_counts(sender->walk)->version)
               : rc;
}

static enum hangar_rc sender_on_end(void *arg, bool empty)
{
    struct rd_sender *sender = arg;
    if (sender->digest) {
        rdb_digest_end(sender->digest, empty);
    }
    switch (sender->mode) {
    case RD_SEND_SET:
        return end_set(sender);
    case RD_SEND_STREAM:
        return rd_key_end_restore(&sender->command, rdb_walk_counts(sender->walk)->version);
    case RD_SEND_KEEP:
        sender->sent.functions++;
        return HANGAR_OK;
    case RD_SEND_COLLECT:
        if (empty) {
            sender->sent.empty++;
            return HANGAR_OK;
        }
        return send_collected(sender);
    default:
        return HANGAR_OK;
    }
}

/* ---- public ---- */

enum hangar_rc rd_sender_new(struct rd_client *client, const struct rd_target *target,
                             struct rd_clean_restore *clean, struct rd_sender **out)
{
    static const struct rdb_events events = {.aux = sender_on_aux,
                                             .key = sender_on_key,
                                             .string = sender_on_string,
                                             .body = sender_on_body,
                                             .end = sender_on_end};
    struct redis *redis = client->redis;
    struct rd_sender *sender = calloc(1, sizeof(*sender));
    if (sender) {
        sender->redis = redis;
        sender->client = client;
        sender->target = target;
        sender->clean = clean;
        rd_value_init(&sender->value, redis);
        sender->walk = rdb_walk_new(&events, sender, RDB_NAME_MOST, UINT64_MAX);
        sender->pipe = rd_pipe_new(client, sender_on_reply, sender);
        sender->command =
            (struct rd_key_command){.redis = redis, .pipe = sender->pipe, .target = target};
    }
    if (!sender || !sender->walk || !sender->pipe) {
        rd_sender_free(sender);
        return rd_no_memory(redis, "prepare the restore");
    }
    *out = sender;
    return HANGAR_OK;
}

void rd_sender_free(struct rd_sender *sender)
{
    if (!sender) {
        return;
    }
    rd_value_fini(&sender->value);
    rdb_walk_free(sender->walk);
    rd_pipe_free(sender->pipe);
    free(sender);
}

void rd_sender_digest(struct rd_sender *sender, struct rdb_digest *digest)
{
    sender->digest = digest;
}

enum hangar_rc rd_sender_feed(struct rd_sender *sender, const void *data, size_t size)
{
    struct redis *redis = sender->redis;
    size_t used;
    enum hangar_rc rc = rdb_walk_feed(sender->walk, data, size, &used);
    const char *problem = rdb_walk_problem(sender->walk);
    if (rc == HANGAR_OK && used < size) {
        rc = HANGAR_CORRUPT;
        problem = "there are bytes after its end";
    }
    if ((rc == HANGAR_CORRUPT || rc == HANGAR_UNSUPPORTED) && *problem != '\0') {
        return redis->host->fail(redis->ctx, rc, 0, "cannot restore " RD_OBJECT ": %s", problem);
    }
    return rc;
}

enum hangar_rc rd_sender_finish(struct rd_sender *sender)
{
    struct redis *redis = sender->redis;
    if (!rdb_walk_done(sender->walk)) {
        return redis->host->fail(redis->ctx, HANGAR_CORRUPT, 0,
                                 "cannot restore " RD_OBJECT ": its end is missing");
    }
    if (rdb_walk_counts(sender->walk)->module_aux > 0) {
        redis->host->log(redis->ctx, HANGAR_LOG_WARN,
                         "the module data outside of keys was not restored: only method: file can "
                         "restore it");
    }
    return leave_db(sender);
}

const struct rd_sent_counts *rd_sender_sent(const struct rd_sender *sender)
{
    return &sender->sent;
}

const struct rdb_counts *rd_sender_counts(const struct rd_sender *sender)
{
    return rdb_walk_counts(sender->walk);
}
