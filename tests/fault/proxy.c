/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * proxy: a proxy between a client and a server that damages the traffic as a bad network
 * does.  It is independent of the protocol.
 *
 *     fault_proxy PORT TARGET CONTROL
 *
 * listens on 127.0.0.1:PORT and connects to TARGET, a port of 127.0.0.1 or the path of a
 * Unix socket.  The file CONTROL holds an order (see proxy.h).  On SIGHUP the proxy reads it
 * again, prints a line with the bytes that passed up and down since the last order, and
 * counts from 0.  It ends at the end of its standard input.
 */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 64
#define BUFFER 65536

/* One direction of a connection: bytes that were read and are not yet written. */
struct proxy_direction {
    char data[BUFFER];
    size_t size, at;
    bool ended; /* the sender has closed its side */
    bool shut;  /* the receiver's side was shut down, too */
};

struct pair {
    int fd[2];                     /* client, server; -1: free */
    struct proxy_direction way[2]; /* 0: up to the server, 1: down from it */
};

static struct pair pairs[PAIRS];
static struct proxy_order order;
static uint64_t passed[2];
static bool stalled;

static int proxy_dial(const char *target)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    bool path = *target == '/';
    int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (path) {
        snprintf(un.sun_path, sizeof(un.sun_path), "%s", target);
    } else {
        in.sin_port = htons((uint16_t)atoi(target));
    }
    int failed = fd < 0 || (path ? connect(fd, (struct sockaddr *)&un, sizeof(un))
                                 : connect(fd, (struct sockaddr *)&in, sizeof(in)));
    if (failed && fd >= 0) {
        close(fd);
    }
    return failed ? -1 : fd;
}

static void proxy_drop(struct pair *pair, bool reset)
{
    struct linger linger = {1, 0};
    for (int i = 0; i < 2; i++) {
        if (reset) {
            setsockopt(pair->fd[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        }
        close(pair->fd[i]);
        pair->fd[i] = -1;
    }
}

static void drop_all(bool reset)
{
    for (size_t i = 0; i < PAIRS; i++) {
        if (pairs[i].fd[0] >= 0) {
            proxy_drop(&pairs[i], reset);
        }
    }
}

static void proxy_accept(int listener, const char *target)
{
    int on = 1, client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
        return;
    }
    int server = proxy_dial(target);
    for (size_t i = 0; i < PAIRS && server >= 0; i++) {
        struct pair *pair = &pairs[i];
        if (pair->fd[0] >= 0) {
            continue;
        }
        pair->fd[0] = client;
        pair->fd[1] = server;
        memset(pair->way, 0, sizeof(pair->way));
        for (int side = 0; side < 2; side++) {
            setsockopt(pair->fd[side], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            fcntl(pair->fd[side], F_SETFL, O_NONBLOCK);
        }
        return;
    }
    if (server >= 0) {
        close(server);
    }
    close(client);
}

/* How many of `size` bytes may pass now; 0: the fault is due. */
static size_t proxy_allowed(int direction, size_t size)
{
    if (order.piece && size > order.piece) {
        size = order.piece;
    }
    if (order.fault == PROXY_PASS || direction != order.down) {
        return size;
    }
    uint64_t left = order.after > passed[direction] ? order.after - passed[direction] : 0;
    return left < size ? (size_t)left : size;
}

/* Moves the bytes that have arrived; false when the pair was dropped or the fault happened. */
static bool proxy_move(struct pair *pair, int direction)
{
    struct proxy_direction *way = &pair->way[direction];
    int from = pair->fd[direction], to = pair->fd[!direction];
    if (!way->size && !way->ended) {
        ssize_t n = read(from, way->data, sizeof(way->data));
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            proxy_drop(pair, false);
            return false;
        }
        way->ended = n == 0;
        way->size = n > 0 ? (size_t)n : 0;
        way->at = 0;
    }
    size_t size = proxy_allowed(direction, way->size);
    if (way->size && !size) { /* the fault is due */
        if (order.fault == PROXY_STALL) {
            stalled = true;
        } else {
            drop_all(order.fault == PROXY_RESET);
        }
        return false;
    }
    ssize_t n = size ? send(to, way->data + way->at, size, MSG_NOSIGNAL) : 0;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        proxy_drop(pair, false);
        return false;
    }
    if (n > 0) {
        way->at += (size_t)n;
        way->size -= (size_t)n;
        passed[direction] += (uint64_t)n;
        struct timespec pause = {order.pause / 1000, order.pause % 1000 * 1000000L};
        if (order.pause) {
            nanosleep(&pause, NULL);
        }
    }
    if (way->ended && !way->size && !way->shut) {
        shutdown(to, SHUT_WR);
        way->shut = true;
    }
    if (pair->way[0].shut && pair->way[1].shut) {
        proxy_drop(pair, false);
        return false;
    }
    return true;
}

static void read_order(const char *control)
{
    char text[256] = "";
    FILE *file = fopen(control, "r");
    size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[n] = '\0';
    if (file) {
        fclose(file);
    }
    if (!file || !proxy_order_parse(text, &order)) {
        fprintf(stderr, "fault_proxy: cannot read an order from %s\n", control);
        exit(2);
    }
    printf("%llu %llu\n", (unsigned long long)passed[0], (unsigned long long)passed[1]);
    fflush(stdout);
    passed[0] = passed[1] = 0;
    if (stalled) {
        drop_all(false);
    }
    stalled = false;
}

/* What each direction of a pair waits for. */
static void proxy_watch(const struct pair *pair, struct pollfd fds[2])
{
    for (int i = 0; i < 2; i++) {
        fds[i] = (struct pollfd){stalled ? -1 : pair->fd[i], 0, 0};
    }
    for (int i = 0; i < 2; i++) {
        if (pair->way[i].size) {
            fds[!i].events |= POLLOUT;
        } else if (!pair->way[i].ended) {
            fds[i].events |= POLLIN;
        }
    }
    for (int i = 0; i < 2; i++) { /* without this POLLHUP is reported in an endless loop */
        if (!fds[i].events) {
            fds[i].fd = -1;
        }
    }
}

static int proxy_serve(int listener, int signals, const char *target, const char *control)
{
    static struct pollfd fds[3 + 2 * PAIRS];
    for (;;) {
        fds[0] = (struct pollfd){listener, POLLIN, 0};
        fds[1] = (struct pollfd){signals, POLLIN, 0};
        fds[2] = (struct pollfd){0, POLLIN, 0};
        for (size_t i = 0; i < PAIRS; i++) {
            proxy_watch(&pairs[i], &fds[3 + 2 * i]);
        }
        if (poll(fds, 3 + 2 * PAIRS, -1) < 0) {
            return 1;
        }
        struct signalfd_siginfo info;
        if (fds[1].revents && read(signals, &info, sizeof(info)) > 0) {
            read_order(control);
        }
        char byte;
        if (fds[2].revents && read(0, &byte, 1) <= 0) {
            return 0;
        }
        for (size_t i = 0; i < PAIRS; i++) {
            if (pairs[i].fd[0] >= 0 && (fds[3 + 2 * i].revents || fds[4 + 2 * i].revents) &&
                !stalled && proxy_move(&pairs[i], 0)) {
                proxy_move(&pairs[i], 1);
            }
        }
        if (fds[0].revents) {
            proxy_accept(listener, target);
        }
    }
}

int main(int argc, char **argv)
{
    int on = 1;
    if (argc != 4) {
        fprintf(stderr, "usage: fault_proxy PORT TARGET CONTROL\n");
        return 2;
    }
    for (size_t i = 0; i < PAIRS; i++) {
        pairs[i].fd[0] = pairs[i].fd[1] = -1;
    }
    sigset_t hup;
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    sigprocmask(SIG_BLOCK, &hup, NULL);
    int signals = signalfd(-1, &hup, SFD_CLOEXEC);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (signals < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 64)) {
        perror("fault_proxy");
        return 1;
    }
    read_order(argv[3]);
    return proxy_serve(listener, signals, argv[2], argv[3]);
}
