/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pool: a fixed number of blocks of one size, with one block reserved for each
 * share.
 *
 * A share (an open object) that holds no block can always take one.  The blocks
 * that are not reserved go to the shares in the order of their requests.  So no
 * object can starve another.  The pool has no lock: the engine's mutex guards it.
 */
#ifndef HG_PIPELINE_POOL_H
#define HG_PIPELINE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hg_flow;

/* Bytes of an object, with their place in it. */
struct hg_block {
    struct hg_block *next; /* in the one list that holds it */
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

/* NULL when the share must wait. */
struct hg_block *hg_pool_take(struct hg_pool *pool, struct hg_share *share);
void hg_pool_give(struct hg_pool *pool, struct hg_block *block);

#endif
