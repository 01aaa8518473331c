/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * show: one backup in full, from a sink that can be read and holds a whole copy.
 */
#include "report_world.h"

START_TEST(a_backup_is_shown_with_its_sinks_and_its_manifest)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show(world_id()), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s sink:s sinks:a manifest:o");
    ck_assert_str_eq(world_text("manifest.id"), world_id());
    ck_assert_uint_eq(world_count("sinks"), 2);
}
END_TEST

START_TEST(latest_is_the_newest_backup_of_all_sinks)
{
    char older[64];
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_str_eq(world_error(), "there is no backup yet; hint: make one with `hangar backup`");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(older, sizeof(older), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("rm -rf a/p/%s", world_id()), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE); /* in the second sink only */
    ck_assert_str_eq(world_text("manifest.id"), world_id());
    ck_assert_str_eq(world_text("sink"), "b");
    /* a run that was killed before it stored all its files has made no backup */
    ck_assert_int_eq(world_shell("cd b/p/%s && rm manifest.json RESTORE.txt", world_id()), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("manifest.id"), older);
    ck_assert_str_eq(world_text("sink"), "a");
    ck_assert_uint_eq(world_count("sinks"), 2);
}
END_TEST

START_TEST(a_damaged_copy_is_skipped_when_another_copy_is_whole)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    report_damage("a/p/backup*/manifest.json");
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_ptr_nonnull(strstr(world_log(), "skipping a damaged copy: sink a: "));
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.state"), "complete");
    ck_assert_str_eq(world_text("problems.0.sink"), "a");
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_QUICK), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups"), 2);
    report_damage("b/p/backup*/manifest.json");
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_CORRUPT);
    ck_assert(world_error_has("there is no good backup: sink a: "));
    ck_assert_int_eq(world_restore(world_id(), 0, NULL, NULL), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.state"), "corrupt");
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_QUICK), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups"), 2);
}
END_TEST

START_TEST(an_unreadable_sink_is_reported_and_another_sink_is_used)
{
    const char *const config = "sources: { db: { plugin: test-source } }\n"
                               "sinks:\n  a: { plugin: test-sink, options: { path: ./a%s } }\n"
                               "  b: { plugin: test-sink, options: { path: ./b } }\n"
                               "pipelines: { p: { sources: [db], sinks: [a, b] } }\n";
    char text[1024];
    snprintf(text, sizeof(text), config, "");
    world_config("%s", text);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    static const char *const faults[] = {", fail_at: list", ", fail_at: stat", ", fail_at: get",
                                         ", fail_at: create"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), config, faults[i]);
        world_config("%s", text);
        ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
        if (i >= 2) { /* a failed list or stat does not prevent a read */
            ck_assert_str_eq(world_text("sink"), "b");
        }
        ck_assert_msg(strstr(world_log(), "sink a: cannot ") != NULL, "%s: %s", faults[i],
                      world_log());
        ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
        world_list();
        ck_assert_uint_eq(world_count("backups"), 1);
    }
    /* when it is the only sink, the error is not "there is no backup" */
    ck_assert_int_eq(world_shell("rm -rf b"), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_FAILED);
}
END_TEST

START_TEST(an_id_or_latest_of_two_pipelines_is_ambiguous)
{
    world_config(REPORT_CONFIG REPORT_TWO);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    char p[64];
    snprintf(p, sizeof(p), "%s", world_id());
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_USAGE);
    ck_assert_str_eq(world_error(), "latest is ambiguous: pipelines p and q have such a backup; "
                                    "hint: select one with --pipeline");
    ck_assert_int_eq(world_show(p), HANGAR_STATUS_DONE);
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest", .pipeline = "q"};
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_DONE);
    which.pipeline = "r";
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_NOT_FOUND);
    which.pipeline = "q";
    which.sink = "b";
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_NOT_FOUND);
    which.sink = "c";
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_str_eq(world_error(), "there is no sink c in backup.yaml");
    ck_assert_int_eq(hangar_list(world_hangar, "r", NULL, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_list(world_hangar, NULL, "c", NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_list(world_hangar, "q", "a", NULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(the_last_verification_of_the_copy_is_shown)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert(json_is_null(world_at("verified")));
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("verified.level"), "full");
    ck_assert_str_eq(world_text("verified.status"), "done");
}
END_TEST

START_TEST(a_sink_that_does_not_hold_the_backup_is_not_named)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("rm -r a/p/%s", world_id()), 0);
    ck_assert_int_eq(world_show(world_id()), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_uint_eq(world_count("sinks"), 1);
    ck_assert_str_eq(world_text("sinks.0"), "b");
}
END_TEST

START_TEST(an_id_that_no_backup_has_is_not_found)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("backup_2026-01-15T02-00-00-000Z"), HANGAR_STATUS_NOT_FOUND);
    ck_assert(world_error_has("hint: `hangar list` shows all backups"));
    ck_assert_ptr_null(world_at("manifest"));
    ck_assert_int_eq(world_show("../x"), HANGAR_STATUS_USAGE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_backup_is_shown_with_its_sinks_and_its_manifest,
        latest_is_the_newest_backup_of_all_sinks,
        a_damaged_copy_is_skipped_when_another_copy_is_whole,
        an_unreadable_sink_is_reported_and_another_sink_is_used,
        an_id_or_latest_of_two_pipelines_is_ambiguous,
        the_last_verification_of_the_copy_is_shown,
        a_sink_that_does_not_hold_the_backup_is_not_named,
        an_id_that_no_backup_has_is_not_found,
    };
    return SUITE_RUN("jobs/report/show", tests, world_setup, world_teardown);
}
