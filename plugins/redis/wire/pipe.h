/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipe: many commands in flight on one connection, each reply matched to its
 * command, in bounded memory.  Knows nothing of RDB.
 *
 * Commands lie in two buffers: while the replies to one are awaited, the other
 * is filled and sent.  Replies are read whenever bytes are written, so that both
 * sides can never wait for each other.  A command stays in its buffer until its
 * reply is there, and can thus be sent again when the server was just busy.  One
 * that is too large for that goes out directly, alone.
 */
#ifndef RD_PIPE_H
#define RD_PIPE_H

#include "wire/resp.h"

#define RD_PIPE_ARGS 12

/* What the owner wants to know again with the reply. */
struct rd_tag {
    uint8_t kind;
    uint8_t type;
    bool expiring;
};

/* Takes a reply.  HANGAR_RETRY: the command shall be sent again.  Any other
 * failure, recorded with the host, ends the pipe.  `key` may have been cut. */
typedef enum hangar_rc (*rd_pipe_reply)(void *arg, struct rd_tag tag, const redisReply *reply,
                                        const unsigned char *key, size_t key_size);

struct rd_pipe;

/* NULL when out of memory.  `client` stays the caller's. */
struct rd_pipe *rd_pipe_new(struct rd_client *client, rd_pipe_reply on_reply, void *arg);
void rd_pipe_free(struct rd_pipe *pipe);

/* A command: words, of which one, the payload (data NULL), comes piece by piece.
 * Words must live until rd_pipe_end.  Word `key` is what replies are matched to. */
struct rd_words {
    struct {
        const void *data;
        size_t size;
    } items[RD_PIPE_ARGS];
    size_t count, key;
};

void rd_words_add(struct rd_words *words, const void *data, size_t size);
void rd_words_add_text(struct rd_words *words, const char *text);

/* begin, then exactly the announced number of bytes by add, then end.  Without a
 * payload word: begin, end. */
enum hangar_rc rd_pipe_begin(struct rd_pipe *pipe, const struct rd_words *words, struct rd_tag tag);
enum hangar_rc rd_pipe_add(struct rd_pipe *pipe, const void *data, size_t size);
enum hangar_rc rd_pipe_end(struct rd_pipe *pipe);

/* Waits for all replies. */
enum hangar_rc rd_pipe_drain(struct rd_pipe *pipe);

#endif
