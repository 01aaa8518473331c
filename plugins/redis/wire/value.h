/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * value: the bytes of one value, collected because their number must be known
 * before the first of them is sent.  Kept in memory as far as the job's budget
 * gives it, and behind that on disk.
 */
#ifndef RD_VALUE_H
#define RD_VALUE_H

#include <stddef.h>
#include "redis.h"

struct rd_value {
    struct redis *redis;
    unsigned char *data;
    size_t size, capacity, budgeted;
    struct hangar_spool *spool; /* what did not fit into data; NULL: nothing */
    uint64_t spooled;
};

void rd_value_init(struct rd_value *value, struct redis *redis);
void rd_value_fini(struct rd_value *value);

void rd_value_clear(struct rd_value *value);

/* `most`: bytes that the value may come to have, the bound of the disk it takes. */
enum hangar_rc rd_value_add(struct rd_value *value, const unsigned char *data, size_t size,
                            uint64_t most);

uint64_t rd_value_size(const struct rd_value *value);

/* Gives all bytes to `sink`, in order, once. */
enum hangar_rc
rd_value_take(struct rd_value *value,
              enum hangar_rc (*sink)(void *arg, const unsigned char *data, size_t size), void *arg);

#endif
