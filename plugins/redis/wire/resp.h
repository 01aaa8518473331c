/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * resp: commands and replies on one connection, and the login.  Commands are always sent as
 * arrays of binary-safe strings.  It is independent of their purpose.
 */
#ifndef RD_WIRE_RESP_H
#define RD_WIRE_RESP_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include "wire/transport.h"

/* A connection with a parser of replies. */
struct rd_client {
    struct redis *redis;
    struct rd_conn *conn;
    redisReader *reader;
    const redisReplyObjectFunctions *make; /* of hiredis */
    redisReplyObjectFunctions counting;    /* the same, limited to REPLY_MOST bytes a reply */
    size_t held;                           /* bytes of the reply that is being read */
};

/* Connects and logs in.  `client` must be zero before.  Call rd_close also after a failure. */
enum hangar_rc rd_open(struct redis *redis, struct rd_client *client);
void rd_close(struct rd_client *client);

/* Sends a command of words, ended by NULL; at most 16. */
enum hangar_rc rd_send(struct rd_client *client, ...) __attribute__((sentinel));

/* Sends a command whose words may hold any bytes. */
enum hangar_rc rd_send_array(struct rd_client *client, int count, const char **words,
                             const size_t *sizes);

/* Reads the next reply, which may be an error reply.  Free it with freeReplyObject.  Without
 * `wait`, *reply is NULL when no whole reply has arrived. */
enum hangar_rc rd_reply(struct rd_client *client, bool wait, redisReply **reply);

/* rd_send, then rd_reply. */
enum hangar_rc rd_call(struct rd_client *client, redisReply **reply, ...) __attribute__((sentinel));

/* Sends a command and fails when the reply is an error. */
enum hangar_rc rd_order(struct rd_client *client, ...) __attribute__((sentinel));

/* SELECT; an error reply is a failure. */
enum hangar_rc rd_select(struct rd_client *client, uint64_t db);

/* True for an error reply that begins with `prefix` ("" for any error). */
bool rd_is_error(const redisReply *reply, const char *prefix);

/* Records "redis at PLACE refused WHAT: ERROR" and returns the rc for that error. */
enum hangar_rc rd_refused(struct redis *redis, const char *what, const char *error);

/* The rc for the text of an error reply. */
enum hangar_rc rd_error_class(const char *error);

/* Converts bytes to printable text, NUL-terminated.  Text that does not fit ends in "...". */
#define RD_TEXT_SIZE 200
const char *rd_text(const void *bytes, size_t size, char out[RD_TEXT_SIZE]);

#endif
