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

START_TEST(damaged_backups_are_not_counted_and_only_removed_by_hand)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    world_write(world.ids[3], "manifest.json", "{ damaged");
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[3]), FILES);
    ck_assert_int_eq(world_files(world.ids[2]), FILES); /* the newest good one */
    ck_assert_int_eq(world_files(world.ids[1]), -1);
    ck_assert_int_eq(world_do('h', world.ids[3]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_do('r', world.ids[3]), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_do('u', world.ids[3]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_do('r', "latest"), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(world_do('r', world.ids[3]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[3]), -1);
    ck_assert_int_eq(world_do('r', world.ids[3]), HANGAR_STATUS_NOT_FOUND);
}
END_TEST

/* The manifests of the newest backups are whole, and what they list is not. */
START_TEST(the_only_good_backup_stays_while_newer_ones_lack_objects)
{
    world_open("keep_last: 1, min_keep: 2, delete_grace: 0");
    world_four(OBJECTS);
    ck_assert_int_eq(unlink(world_path(world.ids[3], "db/00001")), 0);
    world_write(world.ids[2], "db/00002", "dat");
    world_write(world.ids[1], "RESTORE.txt", "");
    for (size_t i = 0; i < 2; i++) { /* the second time from the cache */
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 0);
        ck_assert_str_eq(hg_json_string(world_sink(), "oldest", ""), world.ids[0]);
        ck_assert_int_eq(world_files(world.ids[0]), FILES);
        ck_assert_int_eq(world_files(world.ids[1]), FILES);
        ck_assert_int_eq(world_files(world.ids[3]), FILES - 1);
    }
    /* once repaired, they count */
    world_write(world.ids[3], "db/00001", "data");
    world_write(world.ids[2], "db/00002", "data");
    world_write(world.ids[2], "db/unlisted", "a file that no manifest lists does no harm");
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 1);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
    ck_assert_int_eq(world_files(world.ids[2]), FILES + 1);
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
        damaged_backups_are_not_counted_and_only_removed_by_hand,
        the_only_good_backup_stays_while_newer_ones_lack_objects,
        an_interrupted_removal_is_completed_by_the_next_prune,
    };
    return SUITE_RUN("jobs/prune/hold", tests, world_setup, world_teardown);
}
