/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * random: see random.h.
 */
#include "base/random.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* One step of splitmix64: each bit of the seed changes about half of the bits of the result. */
static uint64_t random_mix(uint64_t seed)
{
    seed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    seed = (seed ^ (seed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return seed ^ (seed >> 31);
}

static void random_fill_from_time(unsigned char *bytes, size_t size)
{
    static atomic_uint_fast64_t calls;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = random_mix((uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec);
    seed = random_mix(seed + (uint64_t)getpid());
    seed = random_mix(seed + atomic_fetch_add(&calls, 1));
    for (size_t i = 0; i < size; i++) {
        seed = random_mix(seed + i);
        bytes[i] = (unsigned char)seed;
    }
}

void hg_random_fill(void *bytes, size_t size)
{
    unsigned char *next = bytes;
    while (size > 0) {
        ssize_t n = getrandom(next, size, 0);
        if (n < 0 && errno != EINTR) {
            random_fill_from_time(next, size);
            return;
        }
        if (n > 0) {
            next += n;
            size -= (size_t)n;
        }
    }
}
