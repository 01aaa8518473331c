/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipe: sends many commands over one connection without waiting for each reply, matches each
 * reply to its command, and uses a fixed amount of memory.  It is independent of RDBs.
 *
 * There are two buffers of commands: while the pipe waits for the replies to one, it fills and
 * sends the other.  It reads replies whenever it writes, so that the two sides never block each
 * other.  A command stays in its buffer until its reply arrives, so it can be sent again when the
 * server was busy.  A command of more than 128 KiB is sent directly, with no other in flight.
 */
#ifndef RD_WIRE_PIPE_H
#define RD_WIRE_PIPE_H

#include "wire/resp.h"

#define RD_PIPE_ARGS 12

/* Passed back to the owner with the reply. */
struct rd_tag {
    uint8_t kind;
    uint8_t type;
    bool expiring;
};

/* Handles a reply.  HANGAR_RETRY: the pipe sends the command again.  Any other failure must be
 * recorded with the host, and ends the pipe.  `key` is cut after 256 bytes. */
typedef enum hangar_rc (*rd_pipe_reply)(void *arg, struct rd_tag tag, const redisReply *reply,
                                        const unsigned char *key, size_t key_size);

struct rd_pipe;

/* Returns NULL when out of memory.  `client` stays the caller's. */
struct rd_pipe *rd_pipe_new(struct rd_client *client, rd_pipe_reply on_reply, void *arg);
void rd_pipe_free(struct rd_pipe *pipe);

/* The words of a command.  One of them may be a payload (data NULL), whose bytes follow with
 * rd_pipe_add.  The data of the words must stay valid until rd_pipe_end.  The word at index `key`
 * is passed back with the reply. */
struct rd_words {
    struct {
        const void *data;
        size_t size;
    } items[RD_PIPE_ARGS];
    size_t count, key;
};

void rd_words_add(struct rd_words *words, const void *data, size_t size);
void rd_words_add_text(struct rd_words *words, const char *text);

/* A command is: begin, then add until all bytes of the payload are there, then end.  Without a
 * payload there is no add. */
enum hangar_rc rd_pipe_begin(struct rd_pipe *pipe, const struct rd_words *words, struct rd_tag tag);
enum hangar_rc rd_pipe_add(struct rd_pipe *pipe, const void *data, size_t size);
enum hangar_rc rd_pipe_end(struct rd_pipe *pipe);

/* Waits for the replies to all commands. */
enum hangar_rc rd_pipe_drain(struct rd_pipe *pipe);

#endif
