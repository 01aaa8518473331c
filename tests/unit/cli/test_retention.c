/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * retention: prune, remove and hold; nothing is removed without confirmation.
 */
#include "cli_world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ID "backup_2026-01-13T02-00-00-000Z"

static const char plan[] =
    "{'status':'done','dry_run':true,'sinks':["
    "{'pipeline':'nightly','sink':'local','status':'done','kept':2,'removed':2,'backups':["
    "{'id':'" ID "','keep':false,'reason':'no rule keeps it'}]},"
    "{'pipeline':'nightly','sink':'usb','status':'done','kept':4,'removed':0},"
    "{'pipeline':'weekly','sink':'local','status':'done','kept':2,'removed':1}]}";
static const char done[] =
    "{'status':'done','dry_run':false,'sinks':["
    "{'pipeline':'nightly','sink':'local','status':'done','kept':2,'removed':2}]}";
static const char list[] = "{'status':'done','backups':[{'id':'backup_x'},{'id':'" ID
                           "','pipeline':'nightly','sinks':['local','usb']}]}";

static char *texts[2];

/* Queues two documents of the library. */
static void retention_queue(const char *first, const char *second)
{
    texts[0] = strdup(world_json(first));
    texts[1] = strdup(world_json(second));
    fake.answers[0] = (struct fake_answer){.json = texts[0]};
    fake.answers[1] = (struct fake_answer){.json = texts[1]};
}

static void retention_teardown(void)
{
    free(texts[0]);
    free(texts[1]);
    texts[0] = texts[1] = NULL;
}

START_TEST(without_a_terminal_no_job_is_started)
{
    ck_assert_int_eq(world_run("prune"), 2);
    ck_assert_str_eq(fake.calls, "open config=-\n");
    ck_assert_ptr_nonnull(strstr(world.err, "--dry-run"));
    fake_reset();
    ck_assert_int_eq(world_run("remove " ID), 2);
    ck_assert_str_eq(fake.calls, "open config=-\n");
    ck_assert_ptr_nonnull(strstr(world.err, "add --yes"));
    fake_reset();
    ck_assert_int_eq(world_run("remove " ID " --json"), 2);
    ck_assert_ptr_nonnull(strstr(world.out, "hangar.error/1"));
}
END_TEST

START_TEST(yes_prunes_at_once)
{
    retention_queue(done, done);
    ck_assert_int_eq(world_run("prune nightly --from local --yes"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\nprune pipeline=nightly sink=local flags=0\n");
    ck_assert_ptr_nonnull(strstr(world.out, "nightly in local: kept 2, removed 2 (0 B)\n"));
    retention_teardown();
}
END_TEST

START_TEST(a_dry_run_only_prints_the_plan)
{
    retention_queue(plan, done);
    ck_assert_int_eq(world_run("prune --dry-run --yes"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\nprune pipeline=- sink=- flags=1\n");
    ck_assert_ptr_nonnull(strstr(world.out, ID));
    ck_assert_str_eq(world.err, "nothing was removed: this was a dry run\n");
    retention_teardown();
}
END_TEST

START_TEST(the_plan_is_shown_before_the_question)
{
    retention_queue(plan, done);
    world_type("yes\n");
    ck_assert_int_eq(world_run("prune"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\nprune pipeline=- sink=- flags=1\n"
                                 "prune pipeline=- sink=- flags=0\n");
    ck_assert_ptr_nonnull(strstr(world.err, "no rule keeps it\n"));
    ck_assert_ptr_nonnull(strstr(world.err, "remove 2 backups of nightly from local, 1 backup of "
                                            "weekly from local? [y/N] "));
    retention_teardown();
}
END_TEST

START_TEST(another_answer_or_a_signal_removes_nothing)
{
    retention_queue(plan, done);
    world_type("no\n");
    ck_assert_int_eq(world_run("prune"), 1);
    ck_assert_int_eq(fake.answered, 1);
    ck_assert_ptr_nonnull(strstr(world.err, "nothing was removed\n"));
    fake_reset();
    retention_teardown();
    retention_queue(plan, done);
    world_type("yes\n");
    fake.answers[0].signal = SIGINT;
    ck_assert_int_eq(world_run("prune"), 130);
    ck_assert_int_eq(fake.answered, 1);
    retention_teardown();
}
END_TEST

START_TEST(without_removals_there_is_no_question)
{
    retention_queue("{'status':'done','dry_run':true,'sinks':[{'pipeline':'nightly','sink':'local',"
                    "'status':'done','kept':2,'removed':0}]}",
                    done);
    world_type("");
    ck_assert_int_eq(world_run("prune"), 0);
    ck_assert_int_eq(fake.answered, 2);
    ck_assert_ptr_null(strstr(world.err, "[y/N]"));
    retention_teardown();
}
END_TEST

START_TEST(a_failed_plan_ends_the_command)
{
    retention_queue(plan, done);
    world_type("yes\n");
    fake.answers[0].status = HANGAR_STATUS_FAILED;
    fake.answers[0].error = "nothing is removed: the clock";
    ck_assert_int_eq(world_run("prune"), 1);
    ck_assert_int_eq(fake.answered, 1);
    retention_teardown();
}
END_TEST

START_TEST(the_question_of_remove_names_backup_and_sinks)
{
    retention_queue(list,
                    "{'status':'done','id':'" ID "','sinks':[{'sink':'local','status':'done'}]}");
    world_type("y\n");
    ck_assert_int_eq(world_run("remove " ID " --from local"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\nlist pipeline=- sink=local\n"
                                 "remove " ID " pipeline=nightly sink=local\n");
    ck_assert_ptr_nonnull(
        strstr(world.err, "remove " ID " of nightly permanently from local, usb? [y/N] "));
    ck_assert_ptr_nonnull(strstr(world.out, "removed " ID " from local\n"));
    retention_teardown();
    fake_reset();
    retention_queue(list, list);
    world_type("n\n");
    ck_assert_int_eq(world_run("remove " ID), 1);
    ck_assert_int_eq(fake.answered, 1);
    retention_teardown();
}
END_TEST

START_TEST(remove_requires_one_existing_backup)
{
    ck_assert_int_eq(world_run("remove latest --yes"), 2);
    ck_assert_str_eq(fake.calls, "open config=-\n");
    retention_queue("{'status':'done','backups':[]}", done);
    world_type("y\n");
    ck_assert_int_eq(world_run("remove " ID), 5);
    ck_assert_int_eq(fake.answered, 1);
    retention_teardown();
    fake_reset();
    retention_queue("{'status':'done','backups':[{'id':'" ID "','pipeline':'a'},{'id':'" ID
                    "','pipeline':'b'}]}",
                    done);
    world_type("y\n");
    ck_assert_int_eq(world_run("remove " ID), 2);
    ck_assert_ptr_nonnull(strstr(world.err, "--pipeline"));
    retention_teardown();
}
END_TEST

START_TEST(a_damaged_backup_can_be_removed)
{
    retention_queue(list,
                    "{'status':'done','id':'" ID "','sinks':[{'sink':'local','status':'done'}]}");
    fake.answers[0].status = HANGAR_STATUS_CORRUPT;
    world_type("y\n");
    ck_assert_int_eq(world_run("remove " ID), 0);
    ck_assert_int_eq(fake.answered, 2);
    retention_teardown();
    fake_reset();
    retention_queue(list, list);
    fake.answers[0].status = HANGAR_STATUS_FAILED;
    fake.answers[0].error = "cannot read sink usb";
    world_type("y\n");
    ck_assert_int_eq(world_run("remove " ID), 1); /* the content of usb is unknown */
    ck_assert_int_eq(fake.answered, 1);
    retention_teardown();
}
END_TEST

START_TEST(hold_and_unhold_pass_the_selection)
{
    ck_assert_int_eq(world_run("hold latest --pipeline nightly"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\nhold latest pipeline=nightly sink=-\n");
    fake_reset();
    ck_assert_int_eq(world_run("unhold " ID " --from usb"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\nunhold " ID " pipeline=- sink=usb\n");
}
END_TEST

static void retention_add_tests(TCase *tests)
{
    tcase_add_test(tests, without_a_terminal_no_job_is_started);
    tcase_add_test(tests, yes_prunes_at_once);
    tcase_add_test(tests, a_dry_run_only_prints_the_plan);
    tcase_add_test(tests, the_plan_is_shown_before_the_question);
    tcase_add_test(tests, another_answer_or_a_signal_removes_nothing);
    tcase_add_test(tests, without_removals_there_is_no_question);
    tcase_add_test(tests, a_failed_plan_ends_the_command);
    tcase_add_test(tests, the_question_of_remove_names_backup_and_sinks);
    tcase_add_test(tests, remove_requires_one_existing_backup);
    tcase_add_test(tests, a_damaged_backup_can_be_removed);
    tcase_add_test(tests, hold_and_unhold_pass_the_selection);
}

int main(void)
{
    return world_main("cli retention", retention_add_tests);
}
