/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * key_command: see key_command.h.
 */
#include "restore/key_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "rdb/crc64.h"
#include "rdb/footer.h"

/* ---- failures ---- */

enum hangar_rc rd_key_fail(struct redis *redis, struct rd_tag tag, uint64_t db,
                           const unsigned char *name, size_t name_size, const char *cause)
{
    char shown_name[RD_TEXT_SIZE], shown_cause[RD_TEXT_SIZE];
    enum hangar_rc rc = rd_error_class(cause);
    rd_text(cause, strlen(cause), shown_cause);
    if (tag.kind == RD_KEY_FUNCTION || tag.kind == RD_KEY_SCRIPT) {
        return redis->host->fail(redis->ctx, rc, 0, "cannot restore a %s into redis at %s: %s",
                                 tag.kind == RD_KEY_FUNCTION ? "library of functions" : "script",
                                 redis->place, shown_cause);
    }
    const struct rdb_type *type = rdb_type_of(tag.type);
    const char *hint = "";
    if (strstr(cause, "Bad data format")) {
        rc = HANGAR_UNSUPPORTED;
        hint = type->class == RDB_CLASS_MODULE
                   ? "; hint: load the module that wrote the key into the target"
                   : "; hint: the target may be older than the server of the backup";
    }
    return redis->host->fail(redis->ctx, rc, 0,
                             "cannot restore key %s (%s, type %u) of database %" PRIu64
                             " into redis at %s: %s%s",
                             rd_text(name, name_size, shown_name), rdb_class_name(type->class),
                             tag.type, db, redis->place, shown_cause, hint);
}

enum hangar_rc rd_key_refuse_size(const struct rd_key_command *command, uint64_t size)
{
    const struct rdb_key *key = &command->key;
    const bool is_function = key->type == RDB_OPCODE_FUNCTION;
    struct rd_tag tag = {.kind = is_function ? RD_KEY_FUNCTION : RD_KEY_RESTORE,
                         .type = (uint8_t)key->type};
    char cause[160];
    snprintf(cause, sizeof(cause),
             "its value has %" PRIu64 " bytes, and the server accepts %" PRIu64
             "; hint: raise proto-max-bulk-len there, or use method: file",
             size, command->target->bulk_most);
    return rd_key_fail(command->redis, tag, key->db, key->name, key->name_size, cause);
}

/* ---- words ---- */

static void start_key_words(struct rd_key_command *command, const char *name,
                            const char *subcommand)
{
    command->words.count = 0;
    command->words.key = 1;
    command->numbers = 0;
    rd_words_add_text(&command->words, name);
    if (subcommand) {
        rd_words_add_text(&command->words, subcommand);
    }
}

static void add_key_name(struct rd_key_command *command)
{
    rd_words_add(&command->words, command->key.name, command->key.name_size);
}

static void add_key_number(struct rd_key_command *command, int64_t number)
{
    char *text = command->number[command->numbers++];
    snprintf(text, sizeof(command->number[0]), "%" PRId64, number);
    rd_words_add_text(&command->words, text);
}

static enum hangar_rc begin_key_command(struct rd_key_command *command, enum rd_key_kind kind)
{
    struct rd_tag tag = {.kind = (uint8_t)kind,
                         .type = (uint8_t)command->key.type,
                         .expiring = command->key.expire_ms >= 0};
    command->begun = true;
    return rd_pipe_begin(command->pipe, &command->words, tag);
}

/* ---- time ---- */

int64_t rd_target_now_ms(const struct rd_target *target)
{
    return clock_now_ms() + target->clock_offset_ms;
}

/* Milliseconds until the key expires, at least 1, for servers that do not accept a time. */
static int64_t key_time_left_ms(const struct rd_key_command *command)
{
    int64_t left_ms = command->key.expire_ms - rd_target_now_ms(command->target);
    return left_ms > 0 ? left_ms : 1;
}

/* ---- commands ---- */

enum hangar_rc rd_key_set(struct rd_key_command *command, uint64_t size)
{
    const struct rdb_key *key = &command->key;
    if (size > command->target->bulk_most) {
        return rd_key_refuse_size(command, size);
    }
    start_key_words(command, "SET", NULL);
    add_key_name(command);
    rd_words_add(&command->words, NULL, (size_t)size);
    if (key->expire_ms >= 0 && command->target->version >= 60200) {
        rd_words_add_text(&command->words, "PXAT");
        add_key_number(command, key->expire_ms);
    } else if (key->expire_ms >= 0) {
        rd_words_add_text(&command->words, "PX");
        add_key_number(command, key_time_left_ms(command));
    }
    if (command->redis->on_conflict != RD_REPLACE) {
        rd_words_add_text(&command->words, "NX");
    }
    return begin_key_command(command, RD_KEY_SET);
}

static void add_restore_options(struct rd_key_command *command)
{
    const struct rdb_key *key = &command->key;
    const struct rd_target *target = command->target;
    bool modern = target->version >= 50000;
    if (command->redis->on_conflict == RD_REPLACE) {
        rd_words_add_text(&command->words, "REPLACE");
    }
    if (modern && key->expire_ms >= 0) {
        rd_words_add_text(&command->words, "ABSTTL");
    }
    if (modern && key->idle_s >= 0 && target->evicts_lru) {
        rd_words_add_text(&command->words, "IDLETIME");
        add_key_number(command, key->idle_s);
    } else if (modern && key->freq >= 0 && target->evicts_lfu) {
        rd_words_add_text(&command->words, "FREQ");
        add_key_number(command, key->freq);
    }
}

enum hangar_rc rd_key_restore(struct rd_key_command *command, uint64_t size)
{
    const struct rdb_key *key = &command->key;
    const bool is_function = key->type == RDB_OPCODE_FUNCTION;
    if (1 + size + RDB_FOOTER_BYTES > command->target->bulk_most) {
        return rd_key_refuse_size(command, size);
    }
    if (is_function) {
        start_key_words(command, "FUNCTION", "RESTORE");
        rd_words_add(&command->words, NULL, (size_t)(1 + size + RDB_FOOTER_BYTES));
        rd_words_add_text(&command->words,
                          command->redis->on_conflict == RD_REPLACE ? "REPLACE" : "APPEND");
    } else {
        start_key_words(command, "RESTORE", NULL);
        add_key_name(command);
        add_key_number(command, key->expire_ms < 0                  ? 0
                                : command->target->version >= 50000 ? key->expire_ms
                                                                    : key_time_left_ms(command));
        rd_words_add(&command->words, NULL, (size_t)(1 + size + RDB_FOOTER_BYTES));
        add_restore_options(command);
    }
    unsigned char type = (unsigned char)key->type;
    command->crc = 0;
    enum hangar_rc rc = begin_key_command(command, is_function ? RD_KEY_FUNCTION : RD_KEY_RESTORE);
    return rc == HANGAR_OK ? rd_key_add_payload(command, &type, 1) : rc;
}

enum hangar_rc rd_key_add_payload(struct rd_key_command *command, const unsigned char *data,
                                  size_t size)
{
    command->crc = rd_crc64(command->crc, data, size);
    return rd_pipe_add(command->pipe, data, size);
}

/* A server refuses a payload of a newer version than its own, and accepts any older one. */
enum hangar_rc rd_key_end_restore(struct rd_key_command *command, unsigned rdb_version)
{
    unsigned char footer[RDB_FOOTER_BYTES];
    const unsigned most = command->target->rdb_version;
    rdb_footer(footer, rdb_version < most ? rdb_version : most, command->crc);
    enum hangar_rc rc = rd_pipe_add(command->pipe, footer, sizeof(footer));
    return rc == HANGAR_OK ? rd_pipe_end(command->pipe) : rc;
}

enum hangar_rc rd_key_delete(struct rd_key_command *command)
{
    start_key_words(command, "DEL", NULL);
    add_key_name(command);
    enum hangar_rc rc = begin_key_command(command, RD_KEY_DELETE);
    return rc == HANGAR_OK ? rd_pipe_end(command->pipe) : rc;
}

enum hangar_rc rd_key_load_script(struct rd_key_command *command, const unsigned char *text,
                                  size_t size)
{
    start_key_words(command, "SCRIPT", "LOAD");
    rd_words_add(&command->words, text, size);
    enum hangar_rc rc = begin_key_command(command, RD_KEY_SCRIPT);
    if (rc == HANGAR_OK) {
        rc = rd_pipe_end(command->pipe);
    }
    return rc == HANGAR_OK ? rd_pipe_drain(command->pipe) : rc;
}
