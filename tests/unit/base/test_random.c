/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * random: a call that is interrupted or cut short is continued; bytes differ even where the kernel
 * refuses them.
 */
#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include "suite.h"

static enum { WHOLE, INTERRUPTED_AND_SHORT, REFUSED } kernel;
static int kernel_calls;

/* In place of that of the C library. */
ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    kernel_calls++;
    if (kernel == REFUSED || (kernel == INTERRUPTED_AND_SHORT && kernel_calls % 2 == 1)) {
        errno = kernel == REFUSED ? ENOSYS : EINTR;
        return -1;
    }
    size_t n = kernel == WHOLE || size < 3 ? size : 3;
    memset(bytes, 0xa5, n);
    return (ssize_t)n;
}

START_TEST(all_bytes_are_filled_also_after_an_interruption)
{
    static const unsigned char all[] = {0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0};
    for (kernel = WHOLE; kernel != REFUSED; kernel++) {
        unsigned char bytes[9] = {0};
        kernel_calls = 0;
        hg_random_fill(bytes, 8);
        ck_assert_mem_eq(bytes, all, sizeof(all));
        ck_assert_int_eq(kernel_calls, kernel == WHOLE ? 1 : 6);
    }
}
END_TEST

START_TEST(bytes_differ_where_the_kernel_refuses_them)
{
    kernel = REFUSED;
    unsigned char bytes[100][11];
    for (int i = 0; i < 100; i++) {
        memset(bytes[i], 0, sizeof(bytes[i]));
        hg_random_fill(bytes[i], 10);
        ck_assert_int_eq(bytes[i][10], 0);
        for (int j = 0; j < i; j++) {
            ck_assert(memcmp(bytes[i], bytes[j], 10) != 0);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        all_bytes_are_filled_also_after_an_interruption,
        bytes_differ_where_the_kernel_refuses_them,
    };
    return SUITE_RUN("random", tests, NULL, NULL);
}
