/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * http: see http.h.  A thread of libmicrohttpd answers; it shares the text of the metrics
 * with the thread of the daemon, under a mutex.
 *
 * Each connection answers one request and has a fixed time for it, which no byte renews: a second
 * thread ends those whose time is over.  An address that opens too many connections loses its
 * oldest one, and so do all together: a client that only waits cannot keep others out.
 */
#include "http.h"

#include <arpa/inet.h>
#include <hangar/hangar.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "metrics.h"

enum {
    CONNECTIONS = 32,
    CONNECTIONS_PER_ADDRESS = 8,
    CONNECTIONS_ENDING = 32, /* whose end libmicrohttpd has not processed yet */
    TIMEOUT_S = 10,          /* for a whole request and its answer */
    MEMORY_BYTES = 16 * 1024,
    ADDRESS_BYTES = 8,
};

/* An open connection. */
struct http_connection {
    bool open;
    int fd;
    unsigned char address[ADDRESS_BYTES]; /* of IPv6 the network, which one machine has alone */
    struct timespec since;
};

struct daemon_http {
    struct MHD_Daemon *server;
    char *host; /* a name that requests may use; NULL: none */
    pthread_t watch;
    pthread_cond_t ended;
    pthread_mutex_t mutex; /* guards what follows */
    bool stop;
    char *metrics; /* NULL: no status yet */
    struct http_connection connections[CONNECTIONS + CONNECTIONS_ENDING];
};

/* ---- connections ---- */

static void http_read_address(struct MHD_Connection *connection,
                              unsigned char address[ADDRESS_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    memset(address, 0, ADDRESS_BYTES);
    if (info && info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)info->client_addr;
        memcpy(address, &v4->sin_addr, sizeof(v4->sin_addr));
    } else if (info && info->client_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)info->client_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(address, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : ADDRESS_BYTES);
    }
}

/* Has libmicrohttpd end the connection.  The slot is free when it reports the end, which it does
 * before it closes the descriptor. */
static void http_end(struct http_connection *c)
{
    shutdown(c->fd, SHUT_RDWR);
}

static bool http_is_older(const struct http_connection *a, const struct http_connection *b)
{
    return a->since.tv_sec != b->since.tv_sec ? a->since.tv_sec < b->since.tv_sec
                                              : a->since.tv_nsec < b->since.tv_nsec;
}

/* Makes room for one more connection, of this address and of all.  The mutex is locked. */
static void http_make_room(struct daemon_http *http, const unsigned char address[ADDRESS_BYTES])
{
    struct http_connection *oldest = NULL, *oldest_there = NULL;
    unsigned count = 0, count_there = 0;

    for (size_t i = 0; i < sizeof(http->connections) / sizeof(http->connections[0]); i++) {
        struct http_connection *c = &http->connections[i];
        if (!c->open) {
            continue;
        }
        count++;
        oldest = !oldest || http_is_older(c, oldest) ? c : oldest;
        if (memcmp(c->address, address, ADDRESS_BYTES) == 0) {
            count_there++;
            oldest_there = !oldest_there || http_is_older(c, oldest_there) ? c : oldest_there;
        }
    }
    if (count_there >= CONNECTIONS_PER_ADDRESS) {
        http_end(oldest_there);
    } else if (count >= CONNECTIONS) {
        http_end(oldest);
    }
}

static void http_on_connection(void *arg, struct MHD_Connection *connection, void **state,
                               enum MHD_ConnectionNotificationCode code)
{
    struct daemon_http *http = arg;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection new = {.open = true, .fd = info ? info->connect_fd : -1};

    pthread_mutex_lock(&http->mutex);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct http_connection *c = *state;
        if (c) {
            c->open = false;
        }
    } else {
        http_read_address(connection, new.address);
        clock_gettime(CLOCK_MONOTONIC, &new.since);
        http_make_room(http, new.address);
        for (size_t i = 0; i < sizeof(http->connections) / sizeof(http->connections[0]); i++) {
            if (!http->connections[i].open) {
                http->connections[i] = new;
                *state = &http->connections[i];
                break;
            }
        }
    }
    pthread_mutex_unlock(&http->mutex);
}

/* Ends connections whose time is over. */
static void *http_watch(void *arg)
{
    struct daemon_http *http = arg;

    pthread_mutex_lock(&http->mutex);
    while (!http->stop) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        for (size_t i = 0; i < sizeof(http->connections) / sizeof(http->connections[0]); i++) {
            struct http_connection *c = &http->connections[i];
            if (c->open && now.tv_sec - c->since.tv_sec >= TIMEOUT_S) {
                http_end(c);
            }
        }
        now.tv_sec++;
        pthread_cond_timedwait(&http->ended, &http->mutex, &now);
    }
    pthread_mutex_unlock(&http->mutex);
    return NULL;
}

/* ---- requests ---- */

/* Is this Host one that a request to this machine has?  A page in the browser of an operator can
 * make its own name resolve to this address, and then read the answer: its Host is that name. */
static bool http_is_own_host(const struct daemon_http *http, const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    size_t n = end ? (size_t)(end - host) - 1 : strcspn(host, ":");
    const char *port = end ? end + 1 : host + n;

    char name[256];
    if (n == 0 || n >= sizeof(name) || (port[0] != '\0' && port[0] != ':') || strlen(port) > 6 ||
        (port[0] == ':' && strspn(port + 1, "0123456789") != strlen(port + 1)) ||
        (port[0] == ':' && strtol(port + 1, NULL, 10) > UINT16_MAX)) {
        return false;
    }
    snprintf(name, sizeof(name), "%.*s", (int)n, host + (end ? 1 : 0));
    if (end) {
        struct in6_addr v6;
        return inet_pton(AF_INET6, name, &v6) == 1;
    }
    struct in_addr v4;
    return inet_pton(AF_INET, name, &v4) == 1 || strcasecmp(name, "localhost") == 0 ||
           (http->host && strcasecmp(name, http->host) == 0);
}

/* The lines with the name Host of one request. */
struct http_hosts {
    unsigned count;
    const char *value; /* of the last one; NULL: it has none, or a zero byte */
};

static enum MHD_Result http_collect_host(void *arg, enum MHD_ValueKind kind, const char *key,
                                         size_t key_size, const char *value, size_t size)
{
    struct http_hosts *hosts = arg;

    (void)kind, (void)key_size;
    if (strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0) {
        hosts->count++;
        hosts->value = value && strlen(value) == size ? value : NULL;
    }
    return MHD_YES;
}

/* 0, or the status of a refusal.  HTTP/1.1 demands one Host, and who obeys one of two lines may not
 * obey the one that a proxy has checked.  HTTP/1.0 may have none: no browser sends that. */
static unsigned http_judge_host(const struct daemon_http *http, struct MHD_Connection *connection,
                                const char *version)
{
    struct http_hosts hosts = {0};

    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, http_collect_host, &hosts);
    if (hosts.count == 0) {
        return strcmp(version, MHD_HTTP_VERSION_1_0) == 0 ? 0 : MHD_HTTP_BAD_REQUEST;
    }
    if (hosts.count > 1 || !hosts.value) {
        return MHD_HTTP_BAD_REQUEST;
    }
    return http_is_own_host(http, hosts.value) ? 0 : MHD_HTTP_MISDIRECTED_REQUEST;
}

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
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
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

    (void)data;
    if (!*state) { /* only the headers have arrived: answer after the body */
        *state = &seen;
        return MHD_YES;
    }
    if (*size) { /* ignore the body */
        *size = 0;
        return MHD_YES;
    }
    const unsigned refusal = http_judge_host(arg, connection, version);
    if (refusal == MHD_HTTP_BAD_REQUEST) {
        return http_answer(connection, refusal, "text/plain",
                           "bad request; send the header Host, and send it once\n");
    }
    if (refusal) {
        return http_answer(connection, refusal, "text/plain",
                           "unknown host; use the address of this machine or localhost, or add the "
                           "name to the configuration: http: { host: NAME }\n");
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
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;

    *why = "not an address and a port; hint: for example 127.0.0.1:9848";
    char host[64];
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

static void http_free(struct daemon_http *http)
{
    pthread_cond_destroy(&http->ended);
    pthread_mutex_destroy(&http->mutex);
    free(http->host);
    free(http->metrics);
    free(http);
}

static struct daemon_http *http_new(const char *host)
{
    struct daemon_http *http = calloc(1, sizeof(*http));

    if (!http) {
        return NULL;
    }
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&http->ended, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&http->mutex, NULL);
    http->host = host ? strdup(host) : NULL;
    if (host && !http->host) {
        http_free(http);
        return NULL;
    }
    return http;
}

static bool http_start_server(struct daemon_http *http, const struct addrinfo *address)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL;
    unsigned limit = CONNECTIONS + CONNECTIONS_ENDING;

    flags |= address->ai_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0;
    http->server = MHD_start_daemon(
        flags, 0, NULL, NULL, http_handle, http, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        http_on_connection, http, MHD_OPTION_END);
    if (!http->server) {
        return false;
    }
    if (pthread_create(&http->watch, NULL, http_watch, http) != 0) {
        MHD_stop_daemon(http->server);
        return false;
    }
    return true;
}

struct daemon_http *daemon_http_start(const char *listen, const char *host, char **error)
{
    const char *why = "out of memory";
    struct daemon_http *http = http_new(host);
    struct addrinfo *address = http ? http_parse(listen, &why) : NULL;

    *error = NULL;
    if (address) {
        bool started = http_start_server(http, address);
        freeaddrinfo(address);
        if (started) {
            return http;
        }
        why = "the address cannot be used; hint: stop the program that uses it, "
              "or choose another port";
    }
    if (asprintf(error, "cannot listen on %s: %s", listen, why) < 0) {
        *error = NULL;
    }
    if (http) {
        http_free(http);
    }
    return NULL;
}

void daemon_http_stop(struct daemon_http *http)
{
    if (!http) {
        return;
    }
    pthread_mutex_lock(&http->mutex);
    http->stop = true;
    pthread_cond_signal(&http->ended);
    pthread_mutex_unlock(&http->mutex);
    pthread_join(http->watch, NULL);
    MHD_stop_daemon(http->server);
    http_free(http);
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
