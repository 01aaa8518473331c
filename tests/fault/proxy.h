/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * proxy.h: what the proxy does to the bytes that pass, as read from its control file.
 */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stdint.h>

enum proxy_fault { PROXY_PASS, PROXY_CUT, PROXY_RESET, PROXY_STALL };

/* What shall happen, all of it to connections from then on. */
struct proxy_order {
    enum proxy_fault fault;
    bool down;      /* bytes from the server are counted, not those to it */
    uint64_t after; /* so many bytes of all connections together pass before */
    unsigned piece; /* at most so many bytes at once; 0: as they come */
    unsigned pause; /* milliseconds after each piece */
};

/* Reads an order: words of
 *     cut|reset|stall up|down N     after N bytes in that direction
 *     piece N    pause MS
 * An empty text lets everything pass.  False when it is none. */
bool proxy_order_parse(const char *text, struct proxy_order *order);

#endif
