/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * http: answers on the local network what the daemon last found out: /metrics for
 * Prometheus, /healthz for whoever watches the process.  It reads nothing but the
 * request's path, and asks no sink: an answer costs the same whoever asks how often.
 */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct daemon_http;

/* Begins to listen at "127.0.0.1:9848" or "[::1]:9848"; *error says why not, and is the
 * caller's to free.  NULL when it cannot. */
struct daemon_http *daemon_http_start(const char *listen, char **error);
void daemon_http_stop(struct daemon_http *http);

/* What to answer from now on: hangar.status/1, found out at this time. */
void daemon_http_show(struct daemon_http *http, const json_t *status, int64_t time_ms);

#endif
