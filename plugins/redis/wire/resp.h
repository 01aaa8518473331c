/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * resp: commands and replies on a connection, logging in, and what a server
 * says about itself.  Commands always go out as arrays of binary-safe strings.
 */
#ifndef RD_RESP_H
#define RD_RESP_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include "wire/transport.h"

/* A connection with a reader of replies. */
struct rd_client {
    struct redis *redis;
    struct rd_conn *conn;
    redisReader *reader;
    const redisReplyObjectFunctions *make; /* of hiredis; ours count what they make */
    redisReplyObjectFunctions counting;
    size_t held; /* bytes of the reply that is being read */
};

/* Connects and logs in; waits for nothing else.  Zero it before; close it also
 * after a failure. */
enum hangar_rc rd_open(struct redis *redis, struct rd_client *client);
void rd_close(struct rd_client *client);

/* Sends a command of words, ended by NULL. */
enum hangar_rc rd_send(struct rd_client *client, ...) __attribute__((sentinel));

/* The same for words of any bytes. */
enum hangar_rc rd_send_array(struct rd_client *client, int count, const char **words,
                             const size_t *sizes);

/* The next reply; an error reply is a reply.  Free it with freeReplyObject.
 * HANGAR_OK with *reply NULL: `wait` was false and it is not complete. */
enum hangar_rc rd_reply(struct rd_client *client, bool wait, redisReply **reply);

/* rd_send and rd_reply. */
enum hangar_rc rd_call(struct rd_client *client, redisReply **reply, ...) __attribute__((sentinel));

/* Sends a command and takes any reply but an error for success. */
enum hangar_rc rd_order(struct rd_client *client, ...) __attribute__((sentinel));

/* Is it an error that begins with `prefix` ("" for any error)? */
bool rd_is_error(const redisReply *reply, const char *prefix);

/* Records that the server refused `what` with the text of an error reply, and
 * returns the rc that goes with it. */
enum hangar_rc rd_refused(struct redis *redis, const char *what, const char *error);

/* What an error's text means for the caller. */
enum hangar_rc rd_error_class(const char *error);

/* Bytes as printable text, cut with "..." when there is no room; always ended. */
#define RD_TEXT_SIZE 200
const char *rd_text(const void *bytes, size_t size, char out[RD_TEXT_SIZE]);

/* What INFO says; fields that it did not say are 0 or -1. */
struct rd_server {
    bool known; /* INFO was allowed */
    char version[32];
    unsigned version_number; /* 7.0.15 as 70015 */
    bool replica, link_down, loading, saving, cluster;
    char master[128];
    char run_id[48]; /* another one after each start */
    uint64_t keys, expiring, libraries, used_memory;
    uint64_t memory_most, system_memory; /* maxmemory, and that of its machine; 0: no limit known */
    bool evicts, evicts_lru, evicts_lfu;
    int64_t clock_offset_ms; /* the server's clock less ours */
    char *text;              /* all of it; rd_server_fini frees it */
};

/* Asks; HANGAR_OK with known false when the user may not.  Zero it before. */
enum hangar_rc rd_ask_server(struct rd_client *client, struct rd_server *server);
void rd_server_fini(struct rd_server *server);

/* Keys and expiring keys of one database, 0 when it has none. */
void rd_server_db(const struct rd_server *server, uint64_t db, uint64_t *keys, uint64_t *expiring);

/* The databases that have keys, one after the other; *at is NULL at first. */
bool rd_server_next_db(const struct rd_server *server, const char **at, uint64_t *db,
                       uint64_t *keys, uint64_t *expiring);

/* A number from CONFIG GET, or the fallback when that is not allowed. */
enum hangar_rc rd_ask_config(struct rd_client *client, const char *name, int64_t fallback,
                             int64_t *value);

/* Milliseconds since 1970 by our clock. */
int64_t rd_now_ms(void);

#endif
