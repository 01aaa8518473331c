/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * vec: arrays grow, keep what they hold, and refuse to overflow.
 */
#include "base/vec.h"

#include <stdint.h>
#include "suite.h"

START_TEST(an_array_keeps_its_items_as_it_grows)
{
    struct {
        int *items;
        size_t count, capacity;
    } v = {0};
    for (int i = 0; i < 1000; i++) {
        ck_assert(HG_VEC_RESERVE(&v));
        v.items[v.count++] = i;
    }
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(v.items[i], i);
    }
    ck_assert_uint_le(v.capacity, 2000);
    free(v.items);
}
END_TEST

START_TEST(a_size_that_overflows_is_refused_and_changes_nothing)
{
    char *array = malloc(8);
    void *items = array;
    size_t capacity = 8;
    ck_assert(!hg_vec_reserve(&items, 8, &capacity, SIZE_MAX / 4));
    ck_assert_ptr_eq(items, array);
    ck_assert_uint_eq(capacity, 8);
    capacity = SIZE_MAX - 1;
    ck_assert(!hg_vec_reserve(&items, SIZE_MAX - 1, &capacity, 1));
    ck_assert_ptr_eq(items, array);
    free(array);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_array_keeps_its_items_as_it_grows,
        a_size_that_overflows_is_refused_and_changes_nothing,
    };
    return SUITE_RUN("vec", tests, NULL, NULL);
}
