/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pool: a fixed set of equal blocks, with one block promised to each share.
 *
 * A share (an open object) that holds no block can always take one; whatever is
 * not promised goes to whoever comes first.  So no object can starve another,
 * whatever it does.  No lock of its own: the engine's mutex guards it.
 */
#ifndef HG_POOL_H
#define HG_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_flow;

/* Bytes on their way, with their place in the object they belong to. */
struct hg_block {
    struct hg_block *next; /* in the one list that it is in */
    struct hg_share *share;
    struct hg_flow *flow;
    uint64_t index;
    bool last;
    unsigned refs; /* sinks that still have to write it */
    size_t size;
    unsigned char *data;
};

struct hg_share {
    size_t held;
};

struct hg_pool {
    struct hg_block *blocks, *free;
    unsigned char *memory;
    size_t count, capacity; /* blocks, bytes in each */
    size_t free_count, idle_shares;
};

/* `count` must be at least the number of shares.  False when out of memory. */
bool hg_pool_init(struct hg_pool *pool, size_t count, size_t capacity, size_t shares);
void hg_pool_fini(struct hg_pool *pool);

/* NULL when the share has to wait. */
struct hg_block *hg_pool_take(struct hg_pool *pool, struct hg_share *share);
void hg_pool_give(struct hg_pool *pool, struct hg_block *block);

#endif
