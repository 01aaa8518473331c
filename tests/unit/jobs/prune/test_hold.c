/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * hold: a backup on hold stays, and one that is removed by its id is whole or not listed at each
 * moment.
 */
#include "suite.h"
#include "stored_backups.h"

enum { OBJECTS = 3, FILES = WORLD_FILES(OBJECTS) };

START_TEST(held_backups_stay_until_they_are_released)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    ck_assert_int_eq(world_do('h', world.ids[0]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_do('h', world.ids[0]), HANGAR_STATUS_DONE); /* again */
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[0]), FILES + 1);
    ck_assert_int_eq(world_files(world.ids[1]), -1);
    ck_assert_int_eq(world_do('r', world.ids[0]), HANGAR_STATUS_FAILED);
    ck_assert_ptr_nonnull(
        strstr(hangar_error(world.h), "is held in sink local; hint: `hangar unh"));
    ck_assert_int_eq(world_do('u', world.ids[0]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_do('u', world.ids[0]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
    ck_assert_int_eq(world_do('h', world.ids[0]), HANGAR_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(an_interrupted_removal_is_completed_by_the_next_prune)
{
    enum hangar_status status = HANGAR_STATUS_FAILED;
    world_open("keep_last: 9, delete_grace: 0");
    for (long steps = 0; status != HANGAR_STATUS_DONE; steps++) {
        world_four(OBJECTS);
        world.calls_left = steps;
        status = world_do('r', world.ids[1]);
        world.calls_left = -1;
        ck_assert_int_lt(steps, 50);
        bool listed = world_has(world.ids[1], "manifest.json");
        ck_assert(!listed || world_files(world.ids[1]) >= FILES);
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_files(world.ids[1]) == -1, !listed);
        ck_assert_int_eq(world_files(world.ids[0]), FILES);
        ck_assert_int_eq(system("rm -r backups"), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        held_backups_stay_until_they_are_released,
        an_interrupted_removal_is_completed_by_the_next_prune,
    };
    return SUITE_RUN("jobs/prune/hold", tests, world_setup, world_teardown);
}
