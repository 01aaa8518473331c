/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * transport: see transport.h.  All sockets are non-blocking; each wait polls the socket and the
 * cancel_fd of the instance.
 */
#include "wire/transport.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "clock.h"
#include "wire/tls.h"

struct rd_conn {
    struct redis *redis;
    int fd;
    struct rd_tls *tls;
    bool tls_wants_write; /* TLS must write before it can read on */
    bool tls_wants_read;  /* TLS must read before it can write on */
    size_t ahead_at, ahead_size;
    unsigned char ahead[4096]; /* bytes rd_conn_line read after its line */
};

/* HANGAR_OK when `fd` is ready, HANGAR_EOF after the timeout. */
static enum hangar_rc wait_for_fd(struct redis *redis, int fd, short events, int timeout_ms)
{
    int64_t deadline = clock_monotonic_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - clock_monotonic_ms();
        struct pollfd fds[2] = {{.fd = fd, .events = events},
                                {.fd = redis->cancel_fd, .events = POLLIN}};
        int n = poll(fds, 2, left > 0 ? (int)left : 0);
        if (n < 0 && errno != EINTR) {
            return redis->host->fail(redis->ctx, HANGAR_IO, errno, "cannot wait for %s",
                                     redis->place);
        }
        if (n > 0 && fds[1].revents) {
            return redis->host->fail(redis->ctx, HANGAR_CANCELLED, 0, "cancelled");
        }
        if (n > 0) {
            return HANGAR_OK;
        }
        if (n == 0) {
            return HANGAR_EOF;
        }
    }
}

/* ---- connecting ---- */

static enum hangar_rc connect_address(struct redis *redis, const struct sockaddr *address,
                                      socklen_t size, int *out, int *problem)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        *problem = errno;
        return HANGAR_IO;
    }
    enum hangar_rc rc = HANGAR_OK;
    if (connect(fd, address, size) < 0 && errno != EINPROGRESS) {
        *problem = errno;
        rc = HANGAR_IO;
    } else {
        rc = wait_for_fd(redis, fd, POLLOUT, redis->connect_timeout_ms);
        socklen_t length = sizeof(*problem);
        *problem = 0;
        if (rc == HANGAR_OK &&
            (getsockopt(fd, SOL_SOCKET, SO_ERROR, problem, &length) < 0 || *problem != 0)) {
            rc = HANGAR_IO;
        }
        if (rc == HANGAR_EOF) {
            *problem = ETIMEDOUT;
            rc = HANGAR_IO;
        }
    }
    if (rc != HANGAR_OK) {
        close(fd);
        return rc;
    }
    *out = fd;
    return HANGAR_OK;
}

/* Connects to the Unix socket; on failure *problem is an errno. */
static enum hangar_rc connect_unix(struct redis *redis, int *fd, int *problem)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *problem = ENAMETOOLONG;
    if (strlen(redis->socket) >= sizeof(address.sun_path)) {
        return HANGAR_IO;
    }
    memcpy(address.sun_path, redis->socket, strlen(redis->socket));
    return connect_address(redis, (struct sockaddr *)&address, sizeof(address), fd, problem);
}

/* Tries all addresses of the host.  On failure *problem is an errno, or *resolve_error the text of
 * the resolver. */
static enum hangar_rc connect_tcp(struct redis *redis, int *fd, int *problem,
                                  const char **resolve_error)
{
    char port[8];
    snprintf(port, sizeof(port), "%d", redis->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    int failed = getaddrinfo(redis->server, port, &hints, &found);
    *resolve_error = failed ? gai_strerror(failed) : NULL;
    *problem = 0;
    if (failed) {
        return HANGAR_IO;
    }
    enum hangar_rc rc = HANGAR_IO;
    for (const struct addrinfo *it = found; it && rc == HANGAR_IO; it = it->ai_next) {
        rc = connect_address(redis, it->ai_addr, it->ai_addrlen, fd, problem);
    }
    freeaddrinfo(found);
    if (rc == HANGAR_OK) {
        int on = 1;
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    return rc;
}

/* What an operator can do about an errno of connect. */
static const char *hint_of_connect(const struct redis *redis, int problem)
{
    switch (problem) {
    case EACCES:
        return "the user that runs hangar needs write permission on the socket (unixsocketperm of "
               "the server; in Debian, be in the group redis), and search permission on its folder";
    case ENOENT:
        return "start the server, or correct the option socket (unixsocket of the server)";
    case ECONNREFUSED:
        return redis->socket ? "the server of this socket has ended: start it"
                             : "start the server, or correct host and port (bind and port of the "
                               "server)";
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "check host and port, and the firewalls between";
    default:
        return NULL;
    }
}

static enum hangar_rc connect_server(struct redis *redis, int *fd)
{
    int problem = 0;
    const char *resolve_error = NULL;
    enum hangar_rc rc = redis->socket ? connect_unix(redis, fd, &problem)
                                      : connect_tcp(redis, fd, &problem, &resolve_error);
    if (rc == HANGAR_IO && resolve_error) {
        return redis->host->fail(redis->ctx, rc, 0,
                                 "cannot resolve the host %s: %s; hint: correct the option host",
                                 redis->server, resolve_error);
    }
    const char *hint = hint_of_connect(redis, problem);
    if (rc == HANGAR_IO && hint) {
        return redis->host->fail(redis->ctx, rc, 0, "cannot connect to redis at %s: %s; hint: %s",
                                 redis->place, strerrordesc_np(problem), hint);
    }
    if (rc == HANGAR_IO) {
        return redis->host->fail(redis->ctx, rc, problem, "cannot connect to redis at %s",
                                 redis->place);
    }
    return rc;
}

bool rd_answers(struct redis *redis)
{
    int fd = -1, problem;
    const char *resolve_error;
    enum hangar_rc rc = redis->socket ? connect_unix(redis, &fd, &problem)
                                      : connect_tcp(redis, &fd, &problem, &resolve_error);
    if (rc == HANGAR_OK) {
        close(fd);
    }
    return rc == HANGAR_OK;
}

static enum hangar_rc connect_tls(struct redis *redis, struct rd_conn *conn)
{
    enum hangar_rc rc = rd_tls_open(redis, conn->fd, &conn->tls);
    while (rc == HANGAR_OK) {
        enum rd_tls_result result = rd_tls_handshake(conn->tls);
        if (result == RD_TLS_DONE) {
            return HANGAR_OK;
        }
        if (result == RD_TLS_FAILED || result == RD_TLS_CLOSED) {
            return redis->host->fail(redis->ctx, HANGAR_IO, 0, "cannot open TLS to redis at %s: %s",
                                     redis->place,
                                     result == RD_TLS_CLOSED ? "the server closed the connection"
                                                             : rd_tls_problem(conn->tls));
        }
        rc = wait_for_fd(redis, conn->fd, result == RD_TLS_WANTS_READ ? POLLIN : POLLOUT,
                         redis->connect_timeout_ms);
        if (rc == HANGAR_EOF) {
            return redis->host->fail(redis->ctx, HANGAR_IO, ETIMEDOUT,
                                     "cannot open TLS to redis at %s", redis->place);
        }
    }
    return rc;
}

enum hangar_rc rd_connect(struct redis *redis, struct rd_conn **out)
{
    struct rd_conn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        return rd_no_memory(redis, "connect to redis");
    }
    conn->redis = redis;
    conn->fd = -1;
    enum hangar_rc rc = connect_server(redis, &conn->fd);
    if (rc == HANGAR_OK && redis->tls) {
        rc = connect_tls(redis, conn);
    }
    if (rc != HANGAR_OK) {
        rd_conn_close(conn);
        return rc;
    }
    *out = conn;
    return HANGAR_OK;
}

void rd_conn_close(struct rd_conn *conn)
{
    if (!conn) {
        return;
    }
    rd_tls_close(conn->tls);
    if (conn->fd >= 0) {
        close(conn->fd);
    }
    free(conn);
}

/* ---- moving bytes ---- */

/* Reads once without waiting.  *closed: the server ended the stream.  *done is 0 when no byte has
 * arrived. */
static enum hangar_rc conn_receive(struct rd_conn *conn, void *buffer, size_t size, size_t *done,
                                   bool *closed)
{
    struct redis *redis = conn->redis;
    *done = 0;
    *closed = false;
    if (conn->tls) {
        enum rd_tls_result result = rd_tls_read(conn->tls, buffer, size, done);
        conn->tls_wants_write = result == RD_TLS_WANTS_WRITE;
        *closed = result == RD_TLS_CLOSED;
        if (result == RD_TLS_FAILED) {
            return redis->host->fail(redis->ctx, HANGAR_IO, 0, "cannot read from redis at %s: %s",
                                     redis->place, rd_tls_problem(conn->tls));
        }
        return HANGAR_OK;
    }
    ssize_t n = recv(conn->fd, buffer, size, 0);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return redis->host->fail(redis->ctx, HANGAR_IO, errno, "cannot read from redis at %s",
                                 redis->place);
    }
    *closed = n == 0;
    *done = n > 0 ? (size_t)n : 0;
    return HANGAR_OK;
}

static size_t read_buffered(struct rd_conn *conn, void *buffer, size_t size)
{
    size_t left = conn->ahead_size - conn->ahead_at;
    size_t n = left < size ? left : size;
    memcpy(buffer, conn->ahead + conn->ahead_at, n);
    conn->ahead_at += n;
    return n;
}

enum hangar_rc rd_conn_try_read(struct rd_conn *conn, void *buffer, size_t size, size_t *done)
{
    *done = read_buffered(conn, buffer, size);
    if (*done > 0) {
        return HANGAR_OK;
    }
    bool closed;
    enum hangar_rc rc = conn_receive(conn, buffer, size, done, &closed);
    if (rc == HANGAR_OK && closed) {
        rc = conn->redis->host->fail(conn->redis->ctx, HANGAR_IO, 0,
                                     "redis at %s closed the connection", conn->redis->place);
    }
    return rc;
}

enum hangar_rc rd_conn_try_write(struct rd_conn *conn, const void *data, size_t size, size_t *done)
{
    struct redis *redis = conn->redis;
    *done = 0;
    if (conn->tls) {
        enum rd_tls_result result = rd_tls_write(conn->tls, data, size, done);
        conn->tls_wants_read = result == RD_TLS_WANTS_READ;
        if (result == RD_TLS_FAILED || result == RD_TLS_CLOSED) {
            return redis->host->fail(redis->ctx, HANGAR_IO, 0, "cannot write to redis at %s: %s",
                                     redis->place, rd_tls_problem(conn->tls));
        }
        return HANGAR_OK;
    }
    ssize_t n = send(conn->fd, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        return redis->host->fail(redis->ctx, HANGAR_IO, errno, "cannot write to redis at %s",
                                 redis->place);
    }
    *done = n > 0 ? (size_t)n : 0;
    return HANGAR_OK;
}

enum hangar_rc rd_conn_wait(struct rd_conn *conn, bool write)
{
    struct redis *redis = conn->redis;
    bool may_write = (write && !conn->tls_wants_read) || conn->tls_wants_write;
    short events = (short)(POLLIN | (may_write ? POLLOUT : 0));
    enum hangar_rc rc = wait_for_fd(redis, conn->fd, events, redis->timeout_ms);
    if (rc == HANGAR_EOF) {
        rc = redis->host->fail(redis->ctx, HANGAR_IO, 0,
                               "redis at %s sent and received nothing for %d s; hint: the option "
                               "timeout sets this limit",
                               redis->place, (redis->timeout_ms + 999) / 1000);
    }
    return rc;
}

enum hangar_rc rd_conn_read(struct rd_conn *conn, void *buffer, size_t size, size_t *got)
{
    size_t done = read_buffered(conn, buffer, size);
    bool closed = false;
    while (done == 0 && !closed) {
        enum hangar_rc rc = conn_receive(conn, buffer, size, &done, &closed);
        if (rc == HANGAR_OK && done == 0 && !closed) {
            rc = rd_conn_wait(conn, false);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
    }
    *got = done;
    return HANGAR_OK;
}

enum hangar_rc rd_conn_write(struct rd_conn *conn, const void *data, size_t size)
{
    const unsigned char *at = data;
    while (size > 0) {
        size_t done;
        enum hangar_rc rc = rd_conn_try_write(conn, at, size, &done);
        if (rc == HANGAR_OK && done == 0) {
            rc = rd_conn_wait(conn, true);
        }
        if (rc != HANGAR_OK) {
            return rc;
        }
        at += done;
        size -= done;
    }
    return HANGAR_OK;
}

enum hangar_rc rd_conn_line(struct rd_conn *conn, char *line, size_t size)
{
    struct redis *redis = conn->redis;
    size_t n = 0;
    for (;;) {
        if (conn->ahead_at == conn->ahead_size) {
            size_t got;
            enum hangar_rc rc = rd_conn_read(conn, conn->ahead, sizeof(conn->ahead), &got);
            if (rc != HANGAR_OK) {
                return rc;
            }
            if (got == 0) {
                return redis->host->fail(redis->ctx, HANGAR_IO, 0,
                                         "redis at %s closed the connection", redis->place);
            }
            conn->ahead_at = 0;
            conn->ahead_size = got;
        }
        char byte = (char)conn->ahead[conn->ahead_at++];
        if (byte == '\n') {
            break;
        }
        if (n + 1 >= size) {
            return redis->host->fail(redis->ctx, HANGAR_IO, 0,
                                     "redis at %s sent a line of more than %zu bytes", redis->place,
                                     size - 1);
        }
        line[n++] = byte;
    }
    if (n > 0 && line[n - 1] == '\r') {
        n--;
    }
    line[n] = '\0';
    return HANGAR_OK;
}
