/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * http: serves /metrics for Prometheus and /healthz for a check of the process.  It reads
 * only the path of a request and answers from memory: no request reads a sink.
 */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

#include <jansson.h>
#include <stdint.h>

struct daemon_http;

/* Starts to listen on "127.0.0.1:9848" or "[::1]:9848".  Requests name this machine by an address,
 * as localhost, or as `host` (may be NULL); others are refused.  NULL when that fails: *error is
 * the message, to be freed by the caller. */
struct daemon_http *daemon_http_start(const char *listen, const char *host, char **error);
void daemon_http_stop(struct daemon_http *http);

/* The status to serve from now on: hangar.status/1 of this time. */
void daemon_http_show(struct daemon_http *http, const json_t *status, int64_t time_ms);

#endif
