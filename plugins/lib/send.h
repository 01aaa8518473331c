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

/* Who sends.  An instance begins with it. */
struct sender {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    int64_t timeout_ms;
    const char *ca_file; /* NULL: the system's */
    atomic_bool cancelled;
};

/* The options that each sender has, for the table of its options. */
#define SENDER_OPTIONS(timeout_default)                                                            \
    {.name = "timeout",                                                                            \
     .type = HANGAR_OPT_DURATION,                                                                  \
     .default_value = timeout_default,                                                             \
     .min = 100,                                                                                   \
     .max = 300000,                                                                                \
     .help = "How long one try may take."},                                                        \
        {.name = "ca_file",                                                                        \
         .type = HANGAR_OPT_PATH,                                                                  \
         .help = "Certificates to trust, in PEM form, instead of the system's."}

/* An instance of `size` bytes, zero but for its sender, that free() destroys; NULL when out
 * of memory, which the host has then been told. */
void *sender_new(const struct hangar_host *host, struct hangar_ctx *ctx, size_t size);

/* plugin->cancel. */
void sender_cancel(void *instance);

/* Is it the address of a web server? */
bool sender_is_web(const char *url);

/* Appends a line; false when out of memory, and the list is as it was. */
bool sender_append(struct curl_slist **list, const char *line);

/* POSTs a text of this type; `headers` are added ("Name: value"; may be NULL).  OK for a
 * status of 2xx; RETRY for what may pass: no connection, a timeout, 429, 5xx. */
enum hangar_rc sender_post(struct sender *sender, const char *url, const char *type,
                           struct curl_slist *headers, const char *text);

#define SENDER_JSON "application/json"

/* Runs a transfer that is set up but for timeouts and TLS, and tells failures as
 * "cannot send to HOST".  *status is the protocol's last reply. */
enum hangar_rc sender_run(struct sender *sender, CURL *curl, const char *url, long *status);

#endif
