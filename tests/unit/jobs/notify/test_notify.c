/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * notify: a notifier gets the events that it is configured for, and its failure does not
 * change a run.  Hooks run before and after a job; the first one can prevent the job.
 */
#include "world.h"

#define PARTS(notifiers, pipeline)                                                                 \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n" notifiers                  \
    "pipelines: { p: { sources: [db], sinks: [a]" pipeline " } }\n"

#define NOTIFIER(name, more) "  " name ": { plugin: test-notifier, " more " }\n"

START_TEST(a_notifier_gets_the_events_it_is_configured_for)
{
    world_config(PARTS("notifiers:\n" NOTIFIER("all", "events: [\"*\"], options: { file: ./all }")
                           NOTIFIER("bad", "events: [\"*.failed\"], options: { file: ./bad }")
                               NOTIFIER("usual", "options: { file: ./usual }"),
                       ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("all", "^backup.done level=2 pipeline=p id=backup_.* json$"), 1);
    ck_assert_uint_eq(world_lines("all", "^verify.done level=2 pipeline=p"), 1);
    ck_assert_int_eq(world_shell("test ! -e bad && test ! -e usual"), 0);
    ck_assert_int_eq(world_shell("for f in $(find a -name SHA256SUMS); do echo >\"$f\"; done"), 0);
    ck_assert_int_ne(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("bad", "^verify.failed level=0 pipeline=p"), 1);
}
END_TEST

START_TEST(a_pipeline_chooses_its_notifiers)
{
    world_config(PARTS("notifiers:\n" NOTIFIER("x", "events: \"*\", options: { file: ./x }")
                           NOTIFIER("y", "events: \"*\", options: { file: ./y }"),
                       ", notifiers: [y]"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("y", "^backup.done"), 1);
    ck_assert_int_eq(world_shell("test ! -e x"), 0);
}
END_TEST

START_TEST(a_notifier_that_fails_changes_no_run)
{
    world_config(PARTS(
        "notifiers:\n" NOTIFIER("late",
                                "events: \"*.done\", options: { file: ./late, fail_first: 1 }")
            NOTIFIER("never", "events: \"*.done\", options: { file: ./never, refuse: true }")
                NOTIFIER("shut", "events: \"*.done\", options: { file: ./s, secret_file: ./none }"),
        ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("late", "^backup.done .* call=2 "), 1);
    ck_assert_ptr_nonnull(strstr(world_log(), "notifier never: the receiver is closed"));
    ck_assert_ptr_nonnull(strstr(world_log(), "shut, 0 of 3 tries"));
    ck_assert_int_eq(world_shell("grep -q '\"sent\": 1' state/counters.json && "
                                 "grep -c '\"failed\": 1' state/counters.json | grep -qx 2"),
                     0);
}
END_TEST

START_TEST(a_test_message_reports_the_result_of_each_notifier)
{
    world_config(PARTS("notifiers:\n" NOTIFIER("good", "options: { file: ./good }")
                           NOTIFIER("never", "options: { file: ./never, refuse: true }"),
                       ""));
    ck_assert_int_eq(world_notify("good"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("notifiers.0.status"), "done");
    ck_assert_uint_eq(world_lines("good", "^test level=2"), 1);
    ck_assert_int_eq(world_notify(NULL), HANGAR_STATUS_AUTH);
    ck_assert_uint_eq(world_count("notifiers"), 2);
    ck_assert_str_eq(world_text("notifiers.1.error"), "notifier never: the receiver is closed");
    ck_assert_int_eq(world_notify("godo"), HANGAR_STATUS_NOT_FOUND);
}
END_TEST

#define HOOK(name, script) name ": { command: [sh, -c, '" script "'], timeout: 30s }"

START_TEST(hooks_run_around_a_backup_and_get_its_result)
{
    world_config(
        PARTS("", ", hooks: { " HOOK("before_backup",
                                     "env | grep ^HANGAR_ >before; echo "
                                     "stopping it") ", " HOOK("after_backup",
                                                              "env | grep ^HANGAR_ >after") " }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("before", "^HANGAR_HOOK=before_backup$"), 1);
    ck_assert_uint_eq(world_lines("before", "^HANGAR_PIPELINE=p$"), 1);
    ck_assert_uint_eq(world_lines("before", "^HANGAR_RUN_ID=[0-9a-z]+$"), 1);
    ck_assert_uint_eq(world_lines("before", "^HANGAR_STATUS="), 0);
    ck_assert_uint_eq(world_lines("after", "^HANGAR_STATUS=done$"), 1);
    ck_assert_uint_eq(world_lines("after", "^HANGAR_BACKUP_ID=backup_"), 1);
}
END_TEST

START_TEST(a_failed_before_hook_prevents_the_run_and_the_after_hook_runs)
{
    world_config(PARTS(
        "", ", hooks: { " HOOK("before_backup",
                               "echo the unit is masked >&2; exit "
                               "4") ", " HOOK("after_backup", "echo $$HANGAR_STATUS >after") " }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_error(), "hook before_backup: sh failed with exit status 4: the unit is "
                                    "masked");
    ck_assert_uint_eq(world_lines("after", "^failed$"), 1);
    ck_assert(world_is_empty("a"));
}
END_TEST

START_TEST(hooks_run_around_a_restore_unless_they_are_switched_off)
{
    world_config(PARTS("", ", hooks: { " HOOK("before_restore", "echo x >>before") ", " HOOK(
                               "after_restore", "echo $$HANGAR_STATUS >>after") " }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_restore("latest", HANGAR_REQUEST_DRY_RUN, NULL, NULL),
                     HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_restore("latest", HANGAR_REQUEST_NO_HOOKS, NULL, NULL),
                     HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("test ! -e before && test ! -e after"), 0);
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(
        world_restore("latest", 0, NULL, (const char *const[]){"db.fail_at=restore_prepare", NULL}),
        HANGAR_STATUS_FAILED);
    ck_assert_uint_eq(world_lines("before", "x"), 2);
    ck_assert_uint_eq(world_lines("after", "^done$"), 1);
    ck_assert_uint_eq(world_lines("after", "^failed$"), 1);
}
END_TEST

START_TEST(a_backup_whose_after_hook_fails_stays_and_is_degraded)
{
    world_config(PARTS("", ", hooks: { after_backup: [./missing] }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DEGRADED);
    ck_assert(world_error_has("hook after_backup: cannot run "));
    ck_assert(world_error_has("/missing"));
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_hook_that_hangs_is_killed_and_a_service_it_started_is_not)
{
    world_config(PARTS("", ", hooks: { before_backup: { command: [sh, -c, 'sleep 1000 & sleep "
                           "1000'], timeout: 200ms } }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("did not end within 200 ms"));
    world_config(PARTS("", ", hooks: { before_backup: { command: [sh, -c, 'sleep 1000 & echo $! "
                           ">pid'], timeout: 30s } }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("kill $(cat pid)"), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_notifier_gets_the_events_it_is_configured_for,
        a_pipeline_chooses_its_notifiers,
        a_notifier_that_fails_changes_no_run,
        a_test_message_reports_the_result_of_each_notifier,
        hooks_run_around_a_backup_and_get_its_result,
        a_failed_before_hook_prevents_the_run_and_the_after_hook_runs,
        hooks_run_around_a_restore_unless_they_are_switched_off,
        a_backup_whose_after_hook_fails_stays_and_is_degraded,
        a_hook_that_hangs_is_killed_and_a_service_it_started_is_not,
    };
    return SUITE_RUN("jobs/notify/notify", tests, world_setup, world_teardown);
}
