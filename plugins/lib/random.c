/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * random: see random.h.
 */
#include "random.h"

#include <errno.h>
#include <sys/random.h>

bool random_fill(void *bytes, size_t size)
{
    unsigned char *next = bytes;
    while (size > 0) {
        ssize_t n = getrandom(next, size, 0);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            next += n;
            size -= (size_t)n;
        }
    }
    return true;
}
