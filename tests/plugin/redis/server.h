/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * server: real Redis servers for the tests.  Each has a folder of its own, listens on a Unix socket
 * in it and on a free port of 127.0.0.1, and ends with the test.
 */
#ifndef TEST_PLUGIN_REDIS_SERVER_H
#define TEST_PLUGIN_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct server {
    pid_t pid;
    int port;
    char dir[200], socket_option[220], port_option[32]; /* "socket=...", "port=..." */
    redisContext *link;
};

/* Starts a server with these additional arguments, ended by NULL, and waits until it is up. */
void server_start(struct server *server, const char *const *arguments);
void server_stop(struct server *server);

/* Sends a command, whose words are those of the format, split at blanks.  The caller frees the
 * reply. */
redisReply *server_ask(struct server *server, const char *format, ...);

/* The same; an error reply fails the test. */
void server_do(struct server *server, const char *format, ...);

/* DEBUG DIGEST of all data, valid until the next call. */
const char *server_digest(struct server *server);
long long server_keys(struct server *server, int db);

/* Writes data of all types and encodings into databases 0, 1, 5 and 15, with expiries in the far
 * and near future and in the past, names of all bytes, and functions.  With `small`, few
 * elements. */
void server_fill(struct server *server, bool small);

#endif
