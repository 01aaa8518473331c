/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transport: one connection to a server, by TCP, Unix socket or TLS.  Knows
 * bytes, timeouts and cancellation, and nothing of what the bytes mean.
 *
 * Every wait ends by itself: rd_connect after `connect_timeout`, the others when
 * nothing moved for `timeout`, all of them when the instance is cancelled.
 * What fails is recorded with the host, with the server's name in it.
 */
#ifndef RD_TRANSPORT_H
#define RD_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include "redis.h"

struct rd_conn;

enum hangar_rc rd_connect(struct redis *redis, struct rd_conn **out);
void rd_conn_close(struct rd_conn *conn); /* NULL is fine */

/* Does anything accept connections there?  Records no failure. */
bool rd_answers(struct redis *redis);

/* 1 to `size` bytes; *got == 0: the server closed the connection. */
enum hangar_rc rd_conn_read(struct rd_conn *conn, void *buffer, size_t size, size_t *got);

/* Writes all of it. */
enum hangar_rc rd_conn_write(struct rd_conn *conn, const void *data, size_t size);

/* The same without waiting: *done may be 0.  A closed connection is an error. */
enum hangar_rc rd_conn_try_read(struct rd_conn *conn, void *buffer, size_t size, size_t *done);
enum hangar_rc rd_conn_try_write(struct rd_conn *conn, const void *data, size_t size, size_t *done);

/* Waits until reading (and, if `write`, writing) may move something. */
enum hangar_rc rd_conn_wait(struct rd_conn *conn, bool write);

/* A line up to \n, which is taken away with a \r before it; ended by a NUL. */
enum hangar_rc rd_conn_line(struct rd_conn *conn, char *line, size_t size);

#endif
