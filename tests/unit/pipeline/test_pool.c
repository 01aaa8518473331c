/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_pool: one block is reserved for each share; any share may use the others.
 */
#include <check.h>
#include <stdlib.h>

#include "pipeline/pool.h"

START_TEST(each_share_can_always_take_its_first_block)
{
    struct hg_pool pool;
    struct hg_share greedy = {0}, late[3] = {{0}};
    ck_assert(hg_pool_init(&pool, 6, 64, 4));
    struct hg_block *taken[6];
    size_t n = 0;
    while (n < 6 && (taken[n] = hg_pool_take(&pool, &greedy))) {
        n++;
    }
    ck_assert_uint_eq(n, 3); /* its own and the two that are not promised */
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_nonnull(hg_pool_take(&pool, &late[i]));
        ck_assert_ptr_null(hg_pool_take(&pool, &late[i]));
    }
    hg_pool_give(&pool, taken[0]);
    ck_assert_ptr_nonnull(hg_pool_take(&pool, &late[0]));
    hg_pool_fini(&pool);
}
END_TEST

START_TEST(a_block_given_back_by_an_idle_share_is_promised_again)
{
    struct hg_pool pool;
    struct hg_share a = {0}, b = {0};
    ck_assert(hg_pool_init(&pool, 2, 64, 2));
    struct hg_block *block = hg_pool_take(&pool, &a);
    hg_pool_give(&pool, block);
    ck_assert_ptr_nonnull(hg_pool_take(&pool, &b));
    ck_assert_ptr_null(hg_pool_take(&pool, &b));
    ck_assert_ptr_nonnull(hg_pool_take(&pool, &a));
    hg_pool_fini(&pool);
}
END_TEST

START_TEST(blocks_do_not_overlap)
{
    struct hg_pool pool;
    struct hg_share share = {0};
    ck_assert(hg_pool_init(&pool, 5, 100, 1));
    struct hg_block *blocks[5];
    for (int i = 0; i < 5; i++) {
        blocks[i] = hg_pool_take(&pool, &share);
        ck_assert_ptr_nonnull(blocks[i]);
        for (int k = 0; k < i; k++) {
            ck_assert_int_ge(labs(blocks[i]->data - blocks[k]->data), 100);
        }
    }
    hg_pool_fini(&pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *tc = tcase_create("pool");
    tcase_add_test(tc, each_share_can_always_take_its_first_block);
    tcase_add_test(tc, a_block_given_back_by_an_idle_share_is_promised_again);
    tcase_add_test(tc, blocks_do_not_overlap);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
