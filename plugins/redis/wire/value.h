/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * value: the bytes of one value, collected because RESTORE needs their number before the first
 * byte is sent.  They stay in memory as far as the memory budget of the job allows; the rest goes
 * to a spool file on disk.
 */
#ifndef RD_WIRE_VALUE_H
#define RD_WIRE_VALUE_H

#include <stddef.h>
#include "instance.h"

struct rd_value {
    struct redis *redis;
    unsigned char *data;
    size_t size, capacity, budgeted;
    struct hangar_spool *spool; /* the bytes that do not fit into data; NULL: none */
    uint64_t spooled;
};

void rd_value_init(struct rd_value *value, struct redis *redis);
void rd_value_fini(struct rd_value *value);

/* Removes all bytes; keeps the memory for the next value. */
void rd_value_clear(struct rd_value *value);

/* Appends bytes.  `most` is the largest size of the value, and so the limit of the spool file. */
enum hangar_rc rd_value_add(struct rd_value *value, const unsigned char *data, size_t size,
                            uint64_t most);

uint64_t rd_value_size(const struct rd_value *value);

/* Passes all bytes to `sink`, in order.  It can be called once. */
enum hangar_rc rd_value_drain(struct rd_value *value,
                              enum hangar_rc (*sink)(void *arg, const unsigned char *data,
                                                     size_t size),
                              void *arg);

#endif
