/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * send: one message over the network with libcurl, for notifiers.  An address may
 * hold a secret (a token in its path): of it only the host is ever told.
 */
#ifndef PLUGIN_SEND_H
#define PLUGIN_SEND_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <hangar/plugin.h>

/* Who sends: part of an instance. */
struct sender {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    int64_t timeout_ms;
    const char *ca_file; /* NULL: the system's */
    atomic_bool cancelled;
};

/* For plugin->cancel. */
void sender_cancel(struct sender *sender);

/* POSTs a text of this type; `headers` are added ("Name: value"; may be NULL).  OK for a
 * status of 2xx; RETRY for what may pass: no connection, a timeout, 429, 5xx. */
enum hangar_rc sender_post(struct sender *sender, const char *url, const char *type,
                           struct curl_slist *headers, const char *text);

#define SENDER_JSON "application/json"

/* Runs a transfer that is set up but for timeouts and TLS, and tells failures as
 * "cannot send to HOST".  *status is the protocol's last reply. */
enum hangar_rc sender_run(struct sender *sender, CURL *curl, const char *url, long *status);

#endif
