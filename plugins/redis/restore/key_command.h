/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * key_command: the command that brings one key, library of functions or script into the target,
 * built on a pipe.  It is independent of the source of the keys.
 *
 * A plain string is sent with SET, the fastest command.  Everything else is sent with RESTORE or
 * FUNCTION RESTORE, whose payload is the value as the RDB stores it, with its type before it and a
 * footer after it.
 *
 *     rd_key_set ──► rd_pipe_add* ──► rd_pipe_end
 *     rd_key_restore ──► rd_key_add_payload* ──► rd_key_end_restore
 */
#ifndef RD_RESTORE_KEY_COMMAND_H
#define RD_RESTORE_KEY_COMMAND_H

#include "rdb/walk.h"
#include "wire/pipe.h"

/* The properties of the target server. */
struct rd_target {
    unsigned version;        /* 70015 for 7.0.15 */
    unsigned rdb_version;    /* the newest RDB format that it reads */
    uint64_t bulk_most;      /* bytes of the longest argument that it accepts */
    int64_t clock_offset_ms; /* its clock minus that of this machine */
    bool evicts_lru, evicts_lfu;
    bool was_empty; /* no keys but those of this restore */
};

/* rd_tag.kind of the commands */
enum rd_key_kind { RD_KEY_SET, RD_KEY_RESTORE, RD_KEY_FUNCTION, RD_KEY_SCRIPT, RD_KEY_DELETE };

struct rd_key_command {
    struct redis *redis;
    struct rd_pipe *pipe;
    const struct rd_target *target;
    struct rdb_key key; /* the current key */
    bool begun;         /* its command has been begun */
    uint64_t crc;       /* of the payload so far */
    struct rd_words words;
    char number[3][24]; /* the words that are numbers */
    size_t numbers;
};

/* Milliseconds since 1970 by the clock of the target. */
int64_t rd_target_now_ms(const struct rd_target *target);

/* Begins SET for the current key, with a string of `size` bytes. */
enum hangar_rc rd_key_set(struct rd_key_command *command, uint64_t size);

/* Begins RESTORE or FUNCTION RESTORE for the current key, with a value of `size` bytes. */
enum hangar_rc rd_key_restore(struct rd_key_command *command, uint64_t size);
enum hangar_rc rd_key_add_payload(struct rd_key_command *command, const unsigned char *data,
                                  size_t size);
/* `rdb_version`: the version of the RDB that contains the value. */
enum hangar_rc rd_key_end_restore(struct rd_key_command *command, unsigned rdb_version);

/* Sends DEL for the current key. */
enum hangar_rc rd_key_delete(struct rd_key_command *command);

/* Sends SCRIPT LOAD, and waits for the reply: `text` need not stay valid. */
enum hangar_rc rd_key_load_script(struct rd_key_command *command, const unsigned char *text,
                                  size_t size);

/* Refuses the current key, because its value of `size` bytes exceeds the limit of the target. */
enum hangar_rc rd_key_refuse_size(const struct rd_key_command *command, uint64_t size);

/* Records that a key of database `db` cannot be restored: `cause` is the error reply of the server,
 * or a text of the same form. */
enum hangar_rc rd_key_fail(struct redis *redis, struct rd_tag tag, uint64_t db,
                           const unsigned char *name, size_t name_size, const char *cause);

#endif
