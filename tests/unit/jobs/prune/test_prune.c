/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * prune: retention removes what it does not keep, at each moment of its removal a backup is whole
 * or not listed, and what may be wrong stops it.
 */
#include <sys/file.h>

#include "jobs/prune/expiry.h"
#include "session/session.h"
#include "base/io.h"
#include "suite.h"
#include "stored_backups.h"

static const int64_t minute = 60000, hour = 3600000, day = 86400000;

enum { OBJECTS = 3, FILES = WORLD_FILES(OBJECTS) };

#define SOME_ID "backup_2026-01-02T03-04-05-006Z"

START_TEST(a_backup_that_retention_does_not_keep_is_removed_completely)
{
    world_open("keep_last: 2, delete_grace: 0");
    world_four(OBJECTS);
    ck_assert_int_eq(world_prune(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 2);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hg_json_int(world_sink(), "kept", -1), 2);
    ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 2);
    ck_assert_str_eq(hg_json_string(world_sink(), "oldest", ""), world.ids[2]);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
    ck_assert_int_eq(world_files(world.ids[1]), -1);
    ck_assert_int_eq(world_files(world.ids[2]), FILES);
    ck_assert_int_eq(world_files(world.ids[3]), FILES);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hg_json_int(world_sink(), "removed", -1), 0);
}
END_TEST

START_TEST(more_objects_than_a_page_are_removed)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_backup(2 * day, 1100);
    world_backup(day, 1);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
}
END_TEST

/* The sink fails after the first, the second, the third ... change of a prune. */
START_TEST(at_each_moment_a_backup_is_whole_or_not_listed)
{
    enum hangar_status status = HANGAR_STATUS_FAILED;
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    for (long steps = 0; status != HANGAR_STATUS_DONE; steps++) {
        world_four(OBJECTS);
        world.calls_left = steps;
        status = world_prune(0);
        ck_assert_int_eq(status, status ? HANGAR_STATUS_FAILED : HANGAR_STATUS_DONE);
        ck_assert_int_lt(steps, 100);
        for (size_t i = 0; i < 4; i++) {
            if (world_has(world.ids[i], "manifest.json")) {
                long more = world_has(world.ids[i], "deleted.json");
                ck_assert_int_eq(world_files(world.ids[i]), FILES + more);
            }
        }
        ck_assert_int_eq(world_files(world.ids[3]), FILES);
        world.calls_left = -1;
        ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
        for (size_t i = 0; i < 3; i++) {
            ck_assert_msg(world_files(world.ids[i]) == -1, "%ld files after %ld steps",
                          world_files(world.ids[i]), steps);
        }
        ck_assert_int_eq(world_files(world.ids[3]), FILES);
        ck_assert_int_eq(system("rm -r backups"), 0);
    }
}
END_TEST

START_TEST(objects_stay_for_delete_grace)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 1h");
    world_four(OBJECTS);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert(!world_has(world.ids[0], "manifest.json"));
    ck_assert(world_has(world.ids[0], "deleted.json"));
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    world_age(world.ids[0], "deleted.json", 59 * minute);
    world_age(world.ids[1], "deleted.json", 61 * minute);
    world_age(world.ids[2], "deleted.json", -hour); /* the clock was set back */
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_action(world.ids[0]), "waiting");
    ck_assert_str_eq(world_action(world.ids[1]), "removed");
    ck_assert_str_eq(world_action(world.ids[2]), "waiting");
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    ck_assert_int_eq(world_files(world.ids[1]), -1);
    ck_assert_int_eq(world_files(world.ids[2]), FILES);
}
END_TEST

START_TEST(a_hold_that_is_set_after_the_plan_is_respected)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    struct hg_session s;
    struct hg_error err = {0};
    struct hg_expiry p = {.plan = {.h = world.h,
                                   .pipeline = &world.h->config->pipelines[0],
                                   .config = &world.h->config->instances[1]}};
    ck_assert_int_eq(hg_session_begin(&s, world.h, 0, NULL, NULL, &err), HANGAR_OK);
    ck_assert_int_eq(hg_session_open(&s, 1, NULL, 0, &p.plan.sink, &err), HANGAR_OK);
    ck_assert_int_eq(hg_prune_plan_make(&p.plan, &err), HANGAR_OK);
    world_write(world.ids[1], "hold", "{}");
    ck_assert_int_eq(hg_expiry_execute(&p, &err), HANGAR_OK);
    ck_assert_uint_eq(p.removed, 2);
    ck_assert_uint_eq(p.plan.kept, 2);
    hg_expiry_fini(&p);
    hg_session_end(&s);
    ck_assert_int_eq(world_files(world.ids[1]), FILES + 1);
    ck_assert_int_eq(world_files(world.ids[2]), -1);
}
END_TEST

START_TEST(nothing_is_removed_while_the_clock_is_in_doubt)
{
    world_open("keep_last: 1, delete_grace: 0");
    world_four(OBJECTS);
    world_backup(-day, 1);
    world_dead_run(SOME_ID, 2 * hour);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_files(SOME_ID), 2);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
}
END_TEST

static enum hangar_rc (*list_of_sink)(void *inst, struct hangar_page *page);

/* The clock of this host is three days ahead of the store's. */
static enum hangar_rc list_of_a_store_behind(void *inst, struct hangar_page *page)
{
    enum hangar_rc rc = list_of_sink(inst, page);
    page->store_time_ms -= 3 * day;
    return rc;
}

START_TEST(what_is_young_by_the_clock_of_the_store_stays)
{
    world_open("keep_days: 2, min_keep: 1, delete_grace: 0");
    world_backup(5 * day + 2 * hour, OBJECTS); /* older than two days by either clock */
    world_backup(4 * day + hour, OBJECTS);
    world_backup(3 * day + hour, OBJECTS);
    world_backup(hour, OBJECTS); /* of this host */
    list_of_sink = world.sink.sink.list;
    world.sink.sink.list = list_of_a_store_behind;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[0]), -1);
    ck_assert_int_eq(world_files(world.ids[1]), FILES);
    ck_assert_int_eq(world_files(world.ids[2]), FILES);
    ck_assert_int_eq(world_files(world.ids[3]), FILES);
    world.sink.sink.list = list_of_sink;
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_files(world.ids[2]), -1);
}
END_TEST

/* ---- refusals ---- */

START_TEST(the_place_of_another_origin_is_refused)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    folder_file("backups/nightly/origin.json", "{\"origin\":\"db2\"}", 16, 0600);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_USAGE);
    ck_assert_ptr_nonnull(strstr(hangar_error(world.h), "origin \"db2\""));
    ck_assert_int_eq(world_do('r', world.ids[0]), HANGAR_STATUS_USAGE);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
}
END_TEST

START_TEST(a_busy_pipeline_is_reported)
{
    world_open("keep_last: 1, min_keep: 1, delete_grace: 0");
    world_four(OBJECTS);
    ck_assert_int_eq(hg_make_dirs("state/lock", 0700, NULL), HANGAR_OK);
    int fd = open("state/lock/nightly.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_BUSY);
    ck_assert_str_eq(hg_json_string(world_sink(), "status", ""), "busy");
    ck_assert_int_eq(world_do('r', world.ids[0]), HANGAR_STATUS_BUSY);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    ck_assert_int_eq(world_do('h', world.ids[0]), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_prune(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    close(fd);
    ck_assert_int_eq(world_prune(0), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(unknown_names_are_reported)
{
    world_open(NULL);
    ck_assert_int_eq(hangar_prune(world.h, "nigthly", NULL, 0, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_prune(world.h, NULL, "nowhere", 0, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_prune(world.h, "nightly", "local", 0, NULL), HANGAR_STATUS_DONE);
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

/* ---- status ---- */

START_TEST(status_reports_the_result_of_the_next_prune)
{
    world_open("keep_last: 2");
    world_four(OBJECTS);
    char *json = NULL;
    ck_assert_int_eq(hangar_overview(world.h, &json), HANGAR_STATUS_DONE);
    json_t *doc = json_loads(json, 0, NULL);
    json_t *pipeline = json_array_get(json_object_get(doc, "pipelines"), 0);
    json_t *sink = json_array_get(json_object_get(pipeline, "sinks"), 0);
    json_t *after = json_object_get(sink, "after_prune");
    ck_assert_int_eq(hg_json_int(after, "kept", -1), 2);
    ck_assert_int_eq(hg_json_int(after, "removed", -1), 2);
    ck_assert_str_eq(hg_json_string(after, "oldest", ""), world.ids[2]);
    ck_assert(json_is_null(json_object_get(after, "refused")));
    json_decref(doc);
    hangar_free(json);
    ck_assert_int_eq(world_files(world.ids[0]), FILES);
    world_open(NULL);
    ck_assert_int_eq(hangar_overview(world.h, &json), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(json, "\"after_prune\": null"));
    hangar_free(json);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_backup_that_retention_does_not_keep_is_removed_completely,
        more_objects_than_a_page_are_removed,
        at_each_moment_a_backup_is_whole_or_not_listed,
        objects_stay_for_delete_grace,
        a_hold_that_is_set_after_the_plan_is_respected,
        nothing_is_removed_while_the_clock_is_in_doubt,
        what_is_young_by_the_clock_of_the_store_stays,
        the_place_of_another_origin_is_refused,
        a_busy_pipeline_is_reported,
        unknown_names_are_reported,
        damaged_backups_are_not_counted_and_only_removed_by_hand,
        the_only_good_backup_stays_while_newer_ones_lack_objects,
        status_reports_the_result_of_the_next_prune,
    };
    return SUITE_RUN("jobs/prune/prune", tests, world_setup, world_teardown);
}
