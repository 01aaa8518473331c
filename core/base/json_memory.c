/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * json_memory: see json_memory.h.
 */
#include "base/json_memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <jansson.h>

/* An object of no members takes some 200 bytes for the two of its text; a token's buffer
 * doubles, and its value is one more copy. */
enum { PER_BYTE = 160, TOKEN_COPIES = 4 };

static _Thread_local struct {
    unsigned char *memory; /* NULL: none */
    size_t size, taken;
} reserve;

/* For those in this process that parse without a reserve, as a program's own documents:
 * one failure does not end it.  Taken once, never given back. */
static _Alignas(max_align_t) unsigned char pool[65536];
static atomic_size_t pool_taken;

static size_t aligned(size_t size)
{
    const size_t unit = _Alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

static void *take(size_t size)
{
    void *memory = size > 0 ? malloc(size) : NULL;
    if (memory || size == 0 || size > SIZE_MAX / 2) {
        return memory;
    }
    size = aligned(size);
    if (!reserve.memory) {
        size_t at = atomic_fetch_add(&pool_taken, size);
        return at <= sizeof(pool) && size <= sizeof(pool) - at ? pool + at : NULL;
    }
    if (size > reserve.size - reserve.taken) {
        return NULL;
    }
    memory = reserve.memory + reserve.taken;
    reserve.taken += size;
    return memory;
}

static bool within(const void *memory, const unsigned char *from, size_t size)
{
    uintptr_t at = (uintptr_t)memory, start = (uintptr_t)from;
    return at >= start && at - start < size;
}

static void give(void *memory)
{
    bool ours = within(memory, pool, sizeof(pool)) ||
                (reserve.memory && within(memory, reserve.memory, reserve.size));
    if (!ours) {
        free(memory);
    }
}

static void set(void)
{
    json_set_alloc_funcs(take, give);
}

void hg_json_memory_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set);
}

bool hg_json_reserve_begin(size_t token)
{
    hg_json_memory_init();
    if (token > SIZE_MAX / 2 / TOKEN_COPIES) {
        return false;
    }
    reserve.size = HG_JSON_READ * PER_BYTE + token * TOKEN_COPIES;
    reserve.taken = 0;
    reserve.memory = malloc(reserve.size);
    return reserve.memory != NULL;
}

bool hg_json_reserve_used(void)
{
    return reserve.taken > 0;
}

void hg_json_reserve_end(void)
{
    free(reserve.memory);
    reserve.memory = NULL;
}
