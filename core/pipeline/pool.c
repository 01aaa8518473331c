/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pool: see pool.h.
 */
#include "pipeline/pool.h"

#include <stdlib.h>

bool hg_pool_init(struct hg_pool *pool, size_t count, size_t capacity, size_t shares)
{
    *pool = (struct hg_pool){.count = count, .capacity = capacity, .idle_shares = shares};
    pool->blocks = calloc(count, sizeof(*pool->blocks));
    void *memory = NULL;
    if (!pool->blocks || posix_memalign(&memory, 64, count * capacity) != 0) {
        hg_pool_fini(pool);
        return false;
    }
    pool->memory = memory;
    for (size_t i = 0; i < count; i++) {
        pool->blocks[i].data = pool->memory + i * capacity;
        pool->blocks[i].next = pool->free;
        pool->free = &pool->blocks[i];
    }
    pool->free_count = count;
    return true;
}

void hg_pool_fini(struct hg_pool *pool)
{
    free(pool->blocks);
    free(pool->memory);
    *pool = (struct hg_pool){0};
}

struct hg_block *hg_pool_take(struct hg_pool *pool, struct hg_share *share)
{
    if (share->held > 0 && pool->free_count <= pool->idle_shares) {
        return NULL; /* what is free is promised to others */
    }
    struct hg_block *block = pool->free;
    pool->free = block->next;
    pool->free_count--;
    if (share->held++ == 0) {
        pool->idle_shares--;
    }
    *block = (struct hg_block){.share = share, .data = block->data};
    return block;
}

void hg_pool_give(struct hg_pool *pool, struct hg_block *block)
{
    if (--block->share->held == 0) {
        pool->idle_shares++;
    }
    block->share = NULL;
    block->next = pool->free;
    pool->free = block;
    pool->free_count++;
}
