/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * tls: TLS over a connected, non-blocking socket.  It never waits and never raises SIGPIPE; the
 * caller polls the socket.  Without OpenSSL in the build, rd_tls_open always fails.
 */
#ifndef RD_WIRE_TLS_H
#define RD_WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "instance.h"

struct rd_tls;

/* True when the plugin was built with TLS. */
bool rd_tls_available(void);

/* Sets up a session on `fd`, which stays the caller's. */
enum hangar_rc rd_tls_open(struct redis *redis, int fd, struct rd_tls **out);
void rd_tls_close(struct rd_tls *tls);

enum rd_tls_result {
    RD_TLS_DONE,
    RD_TLS_WANTS_READ,
    RD_TLS_WANTS_WRITE,
    RD_TLS_CLOSED,
    RD_TLS_FAILED
};

enum rd_tls_result rd_tls_handshake(struct rd_tls *tls);
enum rd_tls_result rd_tls_read(struct rd_tls *tls, void *buffer, size_t size, size_t *done);
enum rd_tls_result rd_tls_write(struct rd_tls *tls, const void *data, size_t size, size_t *done);

/* The reason of the last failure, valid until the next call. */
const char *rd_tls_problem(struct rd_tls *tls);

#endif
