/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transport: one connection to a server, over TCP, a Unix socket or TLS.  It handles bytes,
 * timeouts and cancellation; it is independent of the meaning of the bytes.
 *
 * Every wait has a limit: rd_connect waits for `connect_timeout` per address, the other functions
 * for `timeout` since the last byte that moved, and a cancellation of the instance ends all of
 * them.  A failure is recorded with the host and names the server.
 */
#ifndef RD_WIRE_TRANSPORT_H
#define RD_WIRE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include "instance.h"

struct rd_conn;

enum hangar_rc rd_connect(struct redis *redis, struct rd_conn **out);
void rd_conn_close(struct rd_conn *conn); /* NULL is allowed */

/* True when something accepts connections at the address.  Records no failure. */
bool rd_answers(struct redis *redis);

/* Reads 1 to `size` bytes; *got is 0 when the server closed the connection. */
enum hangar_rc rd_conn_read(struct rd_conn *conn, void *buffer, size_t size, size_t *got);

/* Writes all `size` bytes. */
enum hangar_rc rd_conn_write(struct rd_conn *conn, const void *data, size_t size);

/* The same without waiting: *done may be 0.  A closed connection is a failure. */
enum hangar_rc rd_conn_try_read(struct rd_conn *conn, void *buffer, size_t size, size_t *done);
enum hangar_rc rd_conn_try_write(struct rd_conn *conn, const void *data, size_t size, size_t *done);

/* Waits until reading or, with `write`, writing may make progress. */
enum hangar_rc rd_conn_wait(struct rd_conn *conn, bool write);

/* Reads a line and stores it without its "\n" or "\r\n", NUL-terminated. */
enum hangar_rc rd_conn_line(struct rd_conn *conn, char *line, size_t size);

#endif
