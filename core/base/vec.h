/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * vec: growing arrays.  The owner keeps `items`, `count` and `capacity`.
 */
#ifndef HG_BASE_VEC_H
#define HG_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

/* Makes room for one more item of `size` bytes after `count`.  False when out of memory;
 * then the array is unchanged. */
bool hg_vec_reserve(void **items, size_t count, size_t *capacity, size_t size);

/* Room for one more in a struct with the members items, count, capacity. */
#define HG_VEC_RESERVE(v)                                                                          \
    hg_vec_reserve((void **)&(v)->items, (v)->count, &(v)->capacity, sizeof(*(v)->items))

#endif
