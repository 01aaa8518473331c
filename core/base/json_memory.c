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

/* An empty object takes about 200 bytes for its two bytes of text.  A token's buffer
 * doubles when it grows, and its value is one more copy. */
enum { PER_BYTE = 160, TOKEN_COPIES = 4 };

static _Thread_local struct {
    unsigned char *memory; /* NULL: none */
    size_t size, used;
} reserve;

static size_t json_memory_aligned(size_t size)
{
    const size_t unit = _Alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

static void *json_memory_alloc(size_t size)
{
    void *memory = size > 0 ? malloc(size) : NULL;
    if (memory || size == 0 || size > SIZE_MAX / 2) {
        return memory;
    }
    size = json_memory_aligned(size);
    if (!reserve.memory || size > reserve.size - reserve.used) {
        return NULL;
    }
    memory = reserve.memory + reserve.used;
    reserve.used += size;
    return memory;
}

static void json_memory_free(void *memory)
{
    uintptr_t at = (uintptr_t)memory, start = (uintptr_t)reserve.memory;
    if (!reserve.memory || at < start || at - start >= reserve.size) {
        free(memory);
    }
}

static void json_memory_set(void)
{
    json_set_alloc_funcs(json_memory_alloc, json_memory_free);
}

void hg_json_memory_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, json_memory_set);
}

bool hg_json_reserve_begin(size_t token)
{
    hg_json_memory_init();
    if (token > SIZE_MAX / 2 / TOKEN_COPIES) {
        return false;
    }
    reserve.size = HG_JSON_READ * PER_BYTE + token * TOKEN_COPIES;
    reserve.used = 0;
    reserve.memory = malloc(reserve.size);
    return reserve.memory != NULL;
}

bool hg_json_reserve_used(void)
{
    return reserve.used > 0;
}

void hg_json_reserve_end(void)
{
    free(reserve.memory);
    reserve.memory = NULL;
}
