/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sender: sends one message over the network with libcurl, for notifiers.  A URL may hold a
 * secret (a token in its path), so messages and logs contain only its host.
 */
#ifndef PLUGIN_SENDER_H
#define PLUGIN_SENDER_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <hangar/plugin.h>

/* The first member of a notifier's instance. */
struct sender {
    const struct hangar_host *host;
    struct hangar_ctx *ctx;
    int64_t timeout_ms;
    const char *ca_file; /* NULL: the certificates of the system */
    atomic_bool cancelled;
};

/* The options that all senders have: entries of a plugin's table of options. */
#define SENDER_OPTIONS(timeout_default)                                                            \
    {.name = "timeout",                                                                            \
     .type = HANGAR_OPT_DURATION,                                                                  \
     .default_value = timeout_default,                                                             \
     .min = 100,                                                                                   \
     .max = 300000,                                                                                \
     .help = "Time limit of one attempt."},                                                        \
        {.name = "ca_file",                                                                        \
         .type = HANGAR_OPT_PATH,                                                                  \
         .help = "PEM file of the certificates to trust instead of those of the system."}

/* Allocates an instance of `size` bytes, zero but for its sender; free() destroys it.  NULL: out
 * of memory, and the failure is recorded. */
void *sender_new(const struct hangar_host *host, struct hangar_ctx *ctx, size_t size);

/* Records that there is no memory.  Returns HANGAR_NO_MEMORY. */
enum hangar_rc sender_no_memory(const struct sender *sender);

/* For plugin->cancel. */
void sender_cancel(void *instance);

/* Does the URL begin with http:// or https://? */
bool sender_is_web(const char *url);

/* Appends a line.  False: out of memory, and the list is unchanged. */
bool sender_append(struct curl_slist **list, const char *line);

/* Sends a text of this media type with POST.  `headers` are lines "Name: value" and may be NULL.
 * HANGAR_OK: the status was 2xx; HANGAR_RETRY: a later attempt may succeed (no connection,
 * timeout, status 429 or 5xx). */
enum hangar_rc sender_post(struct sender *sender, const char *url, const char *type,
                           struct curl_slist *headers, const char *text);

#define SENDER_JSON "application/json"

/* Runs a transfer that is set up except for its URL, time limits and TLS.  A failure is recorded
 * as "cannot send to HOST".  *status is the last status that the server sent, 0: none. */
enum hangar_rc sender_run(struct sender *sender, CURL *curl, const char *url, long *status);

#endif
