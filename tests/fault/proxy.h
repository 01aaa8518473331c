/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * proxy: an order from the control file: the fault that the proxy makes.
 */
#ifndef TEST_FAULT_PROXY_H
#define TEST_FAULT_PROXY_H

#include <stdbool.h>
#include <stdint.h>

enum proxy_fault { PROXY_PASS, PROXY_CUT, PROXY_RESET, PROXY_STALL };

/* A fault for all connections of the proxy. */
struct proxy_order {
    enum proxy_fault fault;
    bool down;      /* count the bytes from the server, else those to it */
    uint64_t after; /* this many bytes of all connections pass before the fault */
    unsigned piece; /* the most bytes at once; 0: no limit */
    unsigned pause; /* milliseconds after each piece */
};

/* Reads an order: words of
 *     cut|reset|stall up|down N     after N bytes in that direction
 *     piece N    pause MS
 * An empty text lets everything pass.  False when the text is not an order. */
bool proxy_order_parse(const char *text, struct proxy_order *order);

#endif
