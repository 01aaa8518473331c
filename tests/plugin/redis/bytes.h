/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * bytes: pseudo-random bytes, and bytes that arrive in pieces.
 */
#ifndef TEST_PLUGIN_REDIS_BYTES_H
#define TEST_PLUGIN_REDIS_BYTES_H

#include <stdint.h>
#include <hangar/plugin.h>

/* The next of a sequence of numbers of 24 bits, the same in each run. */
uint32_t next_random(uint32_t *state);

struct bytes {
    unsigned char data[400000];
    size_t size;
};

/* Appends to the struct bytes `arg`. */
enum hangar_rc bytes_add(void *arg, const unsigned char *data, size_t size);

#endif
