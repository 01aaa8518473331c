/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * bytes: see bytes.h.
 */
#include "bytes.h"

#include <check.h>
#include <string.h>

uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

enum hangar_rc bytes_add(void *arg, const unsigned char *data, size_t size)
{
    struct bytes *bytes = arg;
    ck_assert_uint_le(bytes->size + size, sizeof(bytes->data));
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return HANGAR_OK;
}
