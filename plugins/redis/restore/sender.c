/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sender: see sender.h.
 *
 * A plain string goes as SET, which is the fastest; everything else as RESTORE,
 * whose payload is the value as it stands in the RDB with a footer.  The size of
 * an argument must be sent before it.  For a value that is one string it is known
 * at once, and the bytes go through as they come, whatever their number; any
 * other value is collected first (value.c).
 */
#include "restore/sender.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rdb/crc64.h"
#include "rdb/lzf.h"
#include "wire/pipe.h"
#include "wire/value.h"

#define FOOTER 10

enum kind { KIND_SET, KIND_RESTORE, KIND_FUNCTION, KIND_SCRIPT, KIND_REMOVE };

/* What is done with the key at hand. */
enum way { WAY_NONE, WAY_SET, WAY_STREAM, WAY_COLLECT, WAY_KEEP };

struct rd_sender {
    struct redis *redis;
    struct rd_client *client;
    const struct rd_target *target;
    struct rdb_walk *walk;
    struct rd_pipe *pipe;
    struct rd_sent sent;

    bool in_db;                           /* a database was selected */
    uint64_t db, db_lasting, db_expiring; /* taken keys of it, without and with an expiry */
    uint64_t db_there;                    /* what it is in the server: itself, or a spare one */

    /* the key at hand; its name lives in the walk */
    struct rdb_key key;
    enum way way;
    bool begun; /* its command has been begun */
    uint64_t crc;
    struct rd_words words;
    char number[3][24];
    size_t numbers;
    struct rd_lzf lzf;
    bool compressed;
    struct rd_value value;
    struct rdb_digest *digest; /* NULL: nobody compares */
};

/* ---- replies ---- */

static enum hangar_rc fail_key(struct rd_sender *sender, struct rd_tag tag,
                               const unsigned char *key, size_t key_size, const char *reply)
{
    struct redis *redis = sender->redis;
    char name[RD_TEXT_SIZE], why[RD_TEXT_SIZE];
    enum hangar_rc rc = rd_error_class(reply);
    rd_text(reply, strlen(reply), why);
    if (tag.kind == KIND_FUNCTION || tag.kind == KIND_SCRIPT) {
        return redis->host->fail(redis->ctx, rc, 0, "cannot restore a %s into redis at %s: %s",
                                 tag.kind == KIND_FUNCTION ? "library of functions" : "script",
                                 redis->place, why);
    }
    bool unreadable = strstr(reply, "Bad data format") != NULL;
    enum rdb_class class = rdb_class_of(tag.type);
    return redis->host->fail(
        redis->ctx, unreadable ? HANGAR_UNSUPPORTED : rc, 0,
        "cannot restore key %s (%s, type %u) of database %" PRIu64 " into redis at %s: %s%s",
        rd_text(key, key_size, name), class < RDB_CLASSES ? rdb_class_name(class) : "value",
        tag.type, sender->db, redis->place, why,
        !unreadable ? ""
        : class == RDB_CLASS_MODULE
            ? "; hint: the target needs the module that wrote it"
            : "; hint: the target may be older than the server of the backup");
}

static void count_taken(struct rd_sender *sender, struct rd_tag tag)
{
    sender->sent.keys++;
    if (tag.expiring) {
        sender->db_expiring++;
    } else {
        sender->db_lasting++;
    }
}

/* The name was taken: a failure, unless that is what was asked for. */
static enum hangar_rc key_exists(struct rd_sender *sender, struct rd_tag tag,
                                 const unsigned char *key, size_t key_size)
{
    if (sender->redis->on_conflict != RD_SKIP_EXISTING) {
        return fail_key(sender, tag, key, key_size,
                        "BUSYKEY the key exists, though the target was empty: something else is "
                        "writing to it");
    }
    sender->sent.skipped++;
    return HANGAR_OK;
}

static enum hangar_rc on_reply(void *arg, struct rd_tag tag, const redisReply *reply,
                               const unsigned char *key, size_t key_size)
{
    struct rd_sender *sender = arg;
    bool error = rd_is_error(reply, "");
    if (error && rd_error_class(reply->str) == HANGAR_RETRY) {
        return HANGAR_RETRY;
    }
    if (tag.kind == KIND_RESTORE && rd_is_error(reply, "BUSYKEY")) {
        return key_exists(sender, tag, key, key_size);
    }
    if (tag.kind == KIND_SET && reply->type == REDIS_REPLY_NIL) {
        return key_exists(sender, tag, key, key_size);
    }
    if (tag.kind == KIND_FUNCTION && error && strstr(reply->str, "already exists") != NULL &&
        sender->redis->on_conflict == RD_SKIP_EXISTING) {
        sender->sent.functions_skipped++;
        return HANGAR_OK;
    }
    if (error) {
        return fail_key(sender, tag, key, key_size, reply->str);
    }
    if (tag.kind == KIND_FUNCTION) {
        sender->sent.functions++;
    } else if (tag.kind == KIND_SCRIPT) {
        sender->sent.scripts++;
    } else if (tag.kind != KIND_REMOVE) {
        count_taken(sender, tag);
    }
    return HANGAR_OK;
}

/* ---- databases ---- */

/* With all replies in: does the server have what was sent?  Keys without an
 * expiry are exact in a target that was empty; the others may expire meanwhile. */
static enum hangar_rc check_db(struct rd_sender *sender)
{
    struct redis *redis = sender->redis;
    struct rd_server server = {.known = false};
    uint64_t keys, expiring;
    enum hangar_rc rc = rd_ask_server(sender->client, &server);
    if (rc != HANGAR_OK) {
        return rc;
    }
    rd_server_db(&server, sender->db_there, &keys, &expiring);
    rd_server_fini(&server);
    uint64_t lasting = keys - expiring;
    if (sender->target->clean != NULL && lasting > 0) {
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
                             " lasting keys and %" PRIu64 " expiring ones, but took %" PRIu64
                             " and %" PRIu64 "; hint: is something else writing to it, or does "
                             "it evict keys (maxmemory)?",
                             sender->db_there, redis->place, lasting, expiring, sender->db_lasting,
                             sender->db_expiring);
}

static enum hangar_rc leave_db(struct rd_sender *sender)
{
    enum hangar_rc rc = rd_pipe_drain(sender->pipe);
    if (rc == HANGAR_OK && sender->in_db) {
        rc = check_db(sender);
    }
    if (rc == HANGAR_OK && sender->in_db && sender->target->clean != NULL) {
        rd_clean_loaded(sender->target->clean, sender->db, sender->db_lasting, sender->db_expiring);
    }
    sender->db_lasting = sender->db_expiring = 0;
    return rc;
}

/* SELECT goes alone: if it failed in the midst of others, those behind it would
 * be written to the wrong database. */
static enum hangar_rc enter_db(struct rd_sender *sender, uint64_t db)
{
    if (sender->in_db && sender->db == db) {
        return HANGAR_OK;
    }
    enum hangar_rc rc = leave_db(sender);
    char number[24];
    sender->db_there = db;
    if (rc == HANGAR_OK && sender->target->clean != NULL) {
        rc = rd_clean_db(sender->target->clean, db, &sender->db_there);
    }
    snprintf(number, sizeof(number), "%" PRIu64, sender->db_there);
    if (rc == HANGAR_OK) {
        rc = rd_order(sender->client, "SELECT", number, NULL);
    }
    sender->in_db = rc == HANGAR_OK;
    sender->db = db;
    return rc;
}

/* ---- building commands ---- */

static void add_number(struct rd_sender *sender, int64_t number)
{
    char *text = sender->number[sender->numbers++];
    snprintf(text, sizeof(sender->number[0]), "%" PRId64, number);
    rd_words_add_text(&sender->words, text);
}

static void start_words(struct rd_sender *sender, const char *command, const char *subcommand)
{
    sender->words.count = 0;
    sender->words.key = 1;
    sender->numbers = 0;
    rd_words_add_text(&sender->words, command);
    if (subcommand != NULL) {
        rd_words_add_text(&sender->words, subcommand);
    }
}

static void add_name(struct rd_sender *sender)
{
    rd_words_add(&sender->words, sender->key.name, sender->key.name_size);
}

static int64_t target_now_ms(const struct rd_sender *sender)
{
    return rd_now_ms() + sender->target->clock_offset_ms;
}

/* Milliseconds that the key has left, for servers that take no points in time. */
static int64_t time_left(const struct rd_sender *sender)
{
    int64_t left = sender->key.expire_ms - target_now_ms(sender);
    return left > 0 ? left : 1;
}

static enum hangar_rc begin_command(struct rd_sender *sender, enum kind kind)
{
    struct rd_tag tag = {.kind = (uint8_t)kind,
                         .type = (uint8_t)sender->key.type,
                         .expiring = sender->key.expire_ms >= 0};
    sender->begun = true;
    return rd_pipe_begin(sender->pipe, &sender->words, tag);
}

static enum hangar_rc refuse_size(struct rd_sender *sender, uint64_t size)
{
    char why[160];
    snprintf(why, sizeof(why),
             "its value takes %" PRIu64 " bytes, and the server accepts %" PRIu64
             "; hint: raise proto-max-bulk-len there, or use method: file",
             size, sender->target->bulk_most);
    struct rd_tag tag = {.kind = KIND_RESTORE, .type = (uint8_t)sender->key.type};
    return fail_key(sender, tag, sender->key.name, sender->key.name_size, why);
}

static enum hangar_rc begin_set(struct rd_sender *sender, uint64_t size)
{
    if (size > sender->target->bulk_most) {
        return refuse_size(sender, size);
    }
    start_words(sender, "SET", NULL);
    add_name(sender);
    rd_words_add(&sender->words, NULL, (size_t)size);
    if (sender->key.expire_ms >= 0 && sender->target->version >= 60200) {
        rd_words_add_text(&sender->words, "PXAT");
        add_number(sender, sender->key.expire_ms);
    } else if (sender->key.expire_ms >= 0) {
        rd_words_add_text(&sender->words, "PX");
        add_number(sender, time_left(sender));
    }
    if (sender->redis->on_conflict != RD_REPLACE) {
        rd_words_add_text(&sender->words, "NX");
    }
    return begin_command(sender, KIND_SET);
}

static void add_restore_options(struct rd_sender *sender)
{
    const struct rdb_key *key = &sender->key;
    bool modern = sender->target->version >= 50000;
    if (sender->redis->on_conflict == RD_REPLACE) {
        rd_words_add_text(&sender->words, "REPLACE");
    }
    if (modern && key->expire_ms >= 0) {
        rd_words_add_text(&sender->words, "ABSTTL");
    }
    if (modern && key->idle_s >= 0 && sender->target->evicts_lru) {
        rd_words_add_text(&sender->words, "IDLETIME");
        add_number(sender, key->idle_s);
    } else if (modern && key->freq >= 0 && sender->target->evicts_lfu) {
        rd_words_add_text(&sender->words, "FREQ");
        add_number(sender, key->freq);
    }
}

/* Passes a part of a RESTORE payload on. */
static enum hangar_rc add_payload(void *arg, const unsigned char *data, size_t size)
{
    struct rd_sender *sender = arg;
    sender->crc = rd_crc64(sender->crc, data, size);
    return rd_pipe_add(sender->pipe, data, size);
}

/* A RESTORE whose value takes `size` bytes, which follow. */
static enum hangar_rc begin_restore(struct rd_sender *sender, uint64_t size)
{
    const struct rdb_key *key = &sender->key;
    if (1 + size + FOOTER > sender->target->bulk_most) {
        return refuse_size(sender, size);
    }
    if (key->type == RDB_FUNCTION) {
        start_words(sender, "FUNCTION", "RESTORE");
        rd_words_add(&sender->words, NULL, (size_t)(1 + size + FOOTER));
        rd_words_add_text(&sender->words,
                          sender->redis->on_conflict == RD_REPLACE ? "REPLACE" : "APPEND");
    } else {
        start_words(sender, "RESTORE", NULL);
        add_name(sender);
        int64_t ttl = key->expire_ms < 0                 ? 0
                      : sender->target->version >= 50000 ? key->expire_ms
                                                         : time_left(sender);
        add_number(sender, ttl);
        rd_words_add(&sender->words, NULL, (size_t)(1 + size + FOOTER));
        add_restore_options(sender);
    }
    unsigned char type = (unsigned char)key->type;
    sender->crc = 0;
    enum hangar_rc rc =
        begin_command(sender, key->type == RDB_FUNCTION ? KIND_FUNCTION : KIND_RESTORE);
    return rc == HANGAR_OK ? add_payload(sender, &type, 1) : rc;
}

/* The server refuses a version newer than its own, and reads an older one alike. */
static enum hangar_rc end_restore(struct rd_sender *sender)
{
    unsigned version = rdb_walk_counts(sender->walk)->version;
    if (version > sender->target->rdb_version) {
        version = sender->target->rdb_version;
    }
    unsigned char footer[FOOTER] = {(unsigned char)version, (unsigned char)(version >> 8)};
    enum hangar_rc rc = add_payload(sender, footer, 2);
    for (int i = 0; i < 8; i++) {
        footer[2 + i] = (unsigned char)(sender->crc >> (8 * i));
    }
    if (rc == HANGAR_OK) {
        rc = rd_pipe_add(sender->pipe, footer + 2, 8);
    }
    return rc == HANGAR_OK ? rd_pipe_end(sender->pipe) : rc;
}

/* ---- events of the walk ---- */

static enum hangar_rc on_aux(void *arg, const char *name, const unsigned char *value, size_t size)
{
    struct rd_sender *sender = arg;
    if (strcmp(name, "lua") != 0) {
        return HANGAR_OK;
    }
    start_words(sender, "SCRIPT", "LOAD");
    rd_words_add(&sender->words, value, size);
    enum hangar_rc rc = begin_command(sender, KIND_SCRIPT);
    if (rc == HANGAR_OK) {
        rc = rd_pipe_end(sender->pipe);
    }
    /* `value` is only there until we return */
    return rc == HANGAR_OK ? rd_pipe_drain(sender->pipe) : rc;
}

/* The time of this key is over.  It is not sent, but takes the place of one that
 * would have been replaced. */
static enum hangar_rc pass_over(struct rd_sender *sender)
{
    sender->way = WAY_NONE;
    sender->sent.expired++;
    if (sender->redis->on_conflict != RD_REPLACE) {
        return HANGAR_OK;
    }
    start_words(sender, "DEL", NULL);
    add_name(sender);
    enum hangar_rc rc = begin_command(sender, KIND_REMOVE);
    return rc == HANGAR_OK ? rd_pipe_end(sender->pipe) : rc;
}

/* The backup was made while a restore was under way, and has what that one had loaded. */
static enum hangar_rc leave_marker(struct rd_sender *sender)
{
    const struct redis *redis = sender->redis;
    sender->way = WAY_NONE;
    sender->sent.markers++;
    redis->host->log(redis->ctx, HANGAR_LOG_WARN,
                     "the backup was made while a restore was under way: its database %" PRIu64
                     " holds a part of what that one loaded",
                     sender->key.db);
    return HANGAR_OK;
}

/* Functions are replaced when the databases are swapped. */
static enum hangar_rc begin_function(struct rd_sender *sender)
{
    const unsigned char opcode = RDB_FUNCTION;
    sender->way = sender->target->clean != NULL ? WAY_KEEP : WAY_STREAM;
    return sender->way == WAY_KEEP ? rd_clean_function(sender->target->clean, &opcode, 1)
                                   : HANGAR_OK;
}

static enum hangar_rc on_key(void *arg, const struct rdb_key *key)
{
    struct rd_sender *sender = arg;
    sender->key = *key;
    sender->begun = false;
    rd_value_clear(&sender->value);
    if (sender->target->clean != NULL && rd_clean_is_marker(key->name, key->name_size)) {
        return leave_marker(sender);
    }
    if (sender->digest != NULL) {
        rdb_digest_key(sender->digest, key);
    }
    if (key->type == RDB_FUNCTION) {
        return begin_function(sender);
    }
    if (key->name_full > key->name_size) {
        struct rd_tag tag = {.kind = KIND_RESTORE, .type = (uint8_t)key->type};
        return fail_key(sender, tag, key->name, RD_TEXT_SIZE,
                        "names of more than 1 MiB can be restored with method: file only");
    }
    enum hangar_rc rc = enter_db(sender, key->db);
    if (rc != HANGAR_OK) {
        return rc;
    }
    if (key->expire_ms >= 0 && key->expire_ms <= target_now_ms(sender)) {
        return pass_over(sender);
    }
    bool use_known = (key->idle_s >= 0 && sender->target->evicts_lru) ||
                     (key->freq >= 0 && sender->target->evicts_lfu);
    sender->way = key->type == RDB_STRING && !use_known ? WAY_SET
                  : rdb_is_one_string(key->type)        ? WAY_STREAM
                                                        : WAY_COLLECT;
    return HANGAR_OK;
}

static enum hangar_rc on_string(void *arg, const struct rdb_string *string)
{
    struct rd_sender *sender = arg;
    if (sender->digest != NULL) {
        rdb_digest_string(sender->digest, string);
    }
    if (sender->way == WAY_STREAM && !sender->begun) {
        return begin_restore(sender, string->head + string->stored);
    }
    if (sender->way != WAY_SET) {
        return HANGAR_OK;
    }
    if (string->encoding == RDB_TEXT_NUMBER) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%" PRId64, string->number);
        enum hangar_rc rc = begin_set(sender, (uint64_t)n);
        return rc == HANGAR_OK ? rd_pipe_add(sender->pipe, text, (size_t)n) : rc;
    }
    sender->compressed = string->encoding == RDB_TEXT_LZF;
    if (sender->compressed) {
        rd_lzf_init(&sender->lzf, string->plain);
    }
    return begin_set(sender, string->plain);
}

static enum hangar_rc add_plain(void *arg, const unsigned char *data, size_t size)
{
    struct rd_sender *sender = arg;
    return rd_pipe_add(sender->pipe, data, size);
}

static enum hangar_rc damaged(struct rd_sender *sender, enum hangar_rc rc)
{
    if (rc != HANGAR_CORRUPT) {
        return rc;
    }
    char name[RD_TEXT_SIZE];
    return sender->redis->host->fail(sender->redis->ctx, rc, 0,
                                     "cannot restore key %s: its compressed value is damaged",
                                     rd_text(sender->key.name, sender->key.name_size, name));
}

static enum hangar_rc on_body(void *arg, bool text, const unsigned char *data, size_t size)
{
    struct rd_sender *sender = arg;
    if (sender->digest != NULL) {
        rdb_digest_body(sender->digest, text, data, size);
    }
    switch (sender->way) {
    case WAY_SET:
        if (!text) {
            return HANGAR_OK;
        }
        if (!sender->compressed) {
            return rd_pipe_add(sender->pipe, data, size);
        }
        return damaged(sender, rd_lzf_feed(&sender->lzf, data, size, add_plain, sender));
    case WAY_STREAM:
        return add_payload(sender, data, size);
    case WAY_KEEP:
        return rd_clean_function(sender->target->clean, data, size);
    case WAY_COLLECT:
        if (rd_value_size(&sender->value) + size > sender->target->bulk_most) {
            return refuse_size(sender, rd_value_size(&sender->value) + size);
        }
        return rd_value_add(&sender->value, data, size, sender->target->bulk_most);
    default:
        return HANGAR_OK;
    }
}

static enum hangar_rc on_end(void *arg, bool empty)
{
    struct rd_sender *sender = arg;
    enum hangar_rc rc = HANGAR_OK;
    if (sender->digest != NULL) {
        rdb_digest_end(sender->digest, empty);
    }
    switch (sender->way) {
    case WAY_SET:
        if (sender->compressed) {
            rc = damaged(sender, rd_lzf_end(&sender->lzf, add_plain, sender));
        }
        sender->compressed = false;
        return rc == HANGAR_OK ? rd_pipe_end(sender->pipe) : rc;
    case WAY_STREAM:
        return end_restore(sender);
    case WAY_KEEP:
        sender->sent.functions++;
        return HANGAR_OK;
    case WAY_COLLECT:
        if (empty) {
            sender->sent.empty++;
            return HANGAR_OK;
        }
        rc = begin_restore(sender, rd_value_size(&sender->value));
        if (rc == HANGAR_OK) {
            rc = rd_value_take(&sender->value, add_payload, sender);
        }
        return rc == HANGAR_OK ? end_restore(sender) : rc;
    default:
        return HANGAR_OK;
    }
}

/* ---- public ---- */

enum hangar_rc rd_sender_new(struct rd_client *client, const struct rd_target *target,
                             struct rd_sender **out)
{
    static const struct rdb_events events = {
        .aux = on_aux, .key = on_key, .string = on_string, .body = on_body, .end = on_end};
    struct redis *redis = client->redis;
    struct rd_sender *sender = calloc(1, sizeof(*sender));
    if (sender != NULL) {
        sender->redis = redis;
        sender->client = client;
        sender->target = target;
        rd_value_init(&sender->value, redis);
        sender->walk = rdb_walk_new(&events, sender, RD_NAME_MOST, UINT64_MAX);
        sender->pipe = rd_pipe_new(client, on_reply, sender);
    }
    if (sender == NULL || sender->walk == NULL || sender->pipe == NULL) {
        rd_sender_free(sender);
        return rd_no_memory(redis, "prepare the restore");
    }
    *out = sender;
    return HANGAR_OK;
}

void rd_sender_free(struct rd_sender *sender)
{
    if (sender == NULL) {
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
        problem = "there are bytes behind its end";
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
                                 "cannot restore " RD_OBJECT ": it has no end");
    }
    if (rdb_walk_counts(sender->walk)->module_aux > 0) {
        redis->host->log(redis->ctx, HANGAR_LOG_WARN,
                         "the backup holds data of modules beside the keys, which only method: "
                         "file can restore: it was left out");
    }
    return leave_db(sender);
}

const struct rd_sent *rd_sender_sent(const struct rd_sender *sender)
{
    return &sender->sent;
}

const struct rdb_counts *rd_sender_counts(const struct rd_sender *sender)
{
    return rdb_walk_counts(sender->walk);
}
