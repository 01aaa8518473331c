/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * vec: see vec.h.
 */
#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool hg_vec_reserve(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return true;
    }
    if (*capacity > SIZE_MAX / 2) {
        return false;
    }
    size_t wanted = *capacity != 0 ? *capacity * 2 : 8;
    if (wanted > SIZE_MAX / size) {
        return false;
    }

    /* The caller's pointer has another type than void *: it is copied, not accessed. */
    void *array;
    memcpy(&array, items, sizeof(array));
    array = realloc(array, wanted * size);
    if (!array) {
        return false;
    }
    memcpy(items, &array, sizeof(array));
    *capacity = wanted;
    return true;
}
