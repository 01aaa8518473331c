/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * json_memory: see json_memory.h.
 */
#include "base/json_memory.h"

#include <pthread.h>
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
    if (!reserve.memory || size > reserve.size - reserve.taken) {
        return NULL;
    }
    memory = reserve.memory + reserve.taken;
    reserve.taken += size;
    return memory;
}

static void give(void *memory)
{
    uintptr_t at = (uintptr_t)memory, start = (uintptr_t)reserve.memory;
    if (!reserve.memory || at < start || at - start >= reserve.size) {
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
