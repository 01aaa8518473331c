/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * http: see http.h.  A thread of libmicrohttpd answers; it shares the text of the metrics
 * with the thread of the daemon, under a mutex.
 */
#include "http.h"

#include <hangar/hangar.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

enum { CONNECTIONS = 32, CONNECTIONS_PER_ADDRESS = 16, TIMEOUT_S = 10, MEMORY_BYTES = 16 * 1024 };

struct daemon_http {
    struct MHD_Daemon *server;
    pthread_mutex_t mutex;
    char *metrics; /* guarded by the mutex; NULL: no status yet */
};

static enum MHD_Result http_answer(struct MHD_Connection *connection, unsigned status,
                                   const char *type, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result http_answer_metrics(struct daemon_http *http,
                                           struct MHD_Connection *connection)
{
    pthread_mutex_lock(&http->mutex);
    char *text = http->metrics ? strdup(http->metrics) : NULL;
    pthread_mutex_unlock(&http->mutex);
    enum MHD_Result result =
        text ? http_answer(connection, MHD_HTTP_OK, DAEMON_METRICS_TYPE, text)
             : http_answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
                           "no metrics yet; try again in a few seconds\n");
    free(text);
    return result;
}

static enum MHD_Result http_handle(void *arg, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **state)
{
    static int seen;

    (void)version, (void)data;
    if (!*state) { /* only the headers have arrived: answer after the body */
        *state = &seen;
        return MHD_YES;
    }
    if (*size) { /* ignore the body */
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return http_answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
                           "method not allowed; use GET or HEAD\n");
    }
    if (strcmp(url, "/metrics") == 0) {
        return http_answer_metrics(arg, connection);
    }
    if (strcmp(url, "/healthz") == 0) {
        return http_answer(connection, MHD_HTTP_OK, "text/plain", "ok\n");
    }
    return http_answer(connection, MHD_HTTP_NOT_FOUND, "text/plain",
                       "not found; the paths are /metrics and /healthz\n");
}

/* "127.0.0.1:9848", "[::1]:9848"; free the result.  NULL with a reason. */
static struct addrinfo *http_parse(const char *listen, const char **why)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM},
                    *found = NULL;
    char host[64];
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;

    *why = "not an address and a port; hint: for example 127.0.0.1:9848";
    if (!colon || n == 0 || n >= sizeof(host) || !colon[1]) {
        return NULL;
    }
    if (listen[0] == '[' && listen[n - 1] == ']') {
        snprintf(host, sizeof(host), "%.*s", (int)n - 2, listen + 1);
    } else {
        snprintf(host, sizeof(host), "%.*s", (int)n, listen);
    }
    return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

struct daemon_http *daemon_http_start(const char *listen, char **error)
{
    const char *why = "out of memory";
    struct daemon_http *http = calloc(1, sizeof(*http));
    struct addrinfo *address = http ? http_parse(listen, &why) : NULL;

    *error = NULL;
    if (address) {
        unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;
        flags |= address->ai_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0;
        pthread_mutex_init(&http->mutex, NULL);
        why =
            "the address cannot be used; hint: stop the program that uses it, or choose another port";
        http->server = MHD_start_daemon(
            flags, 0, NULL, NULL, http_handle, http, MHD_OPTION_SOCK_ADDR, address->ai_addr,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
            (unsigned)CONNECTIONS_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES, MHD_OPTION_END);
        freeaddrinfo(address);
        if (http->server) {
            return http;
        }
        pthread_mutex_destroy(&http->mutex);
    }
    if (asprintf(error, "cannot listen on %s: %s", listen, why) < 0) {
        *error = NULL;
    }
    free(http);
    return NULL;
}

void daemon_http_stop(struct daemon_http *http)
{
    if (!http) {
        return;
    }
    MHD_stop_daemon(http->server);
    pthread_mutex_destroy(&http->mutex);
    free(http->metrics);
    free(http);
}

void daemon_http_show(struct daemon_http *http, const json_t *status, int64_t time_ms)
{
    char *text = daemon_metrics(status, hangar_version(), time_ms);

    if (!text) {
        return; /* out of memory: keep the older metrics, which have their time */
    }
    pthread_mutex_lock(&http->mutex);
    free(http->metrics);
    http->metrics = text;
    pthread_mutex_unlock(&http->mutex);
}
