/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * restore: restores only after confirmation, and only the backup of the plan.
 */
#include "cli_world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"

#define PLANNED "restore backup_2026-01-15T02-00-00-000Z pipeline=nightly sink=-"

static char *plan, *done;

static void restore_queue(void)
{
    plan = world_file(FIXTURES "/plan.json");
    done = world_file(FIXTURES "/restore/restore.json");
    fake.answers[0] = (struct fake_answer){.json = plan};
    fake.answers[1] = (struct fake_answer){.json = done};
}

static void restore_unqueue(void)
{
    free(plan);
    free(done);
}

START_TEST(without_a_terminal_restore_requires_yes)
{
    restore_queue();
    ck_assert_int_eq(world_run("restore latest"), 2);
    ck_assert_str_eq(fake.calls, "open config=-\nrestore latest pipeline=- sink=- flags=1\n");
    ck_assert_str_eq(world.out, "");
    ck_assert_ptr_nonnull(strstr(world.err, "app_db -> PostgreSQL database area51_bot"));
    ck_assert_ptr_nonnull(strstr(world.err, "  hint: add --yes if the plan is right\n"));
    restore_unqueue();
}
END_TEST

START_TEST(input_from_a_pipe_is_not_a_confirmation)
{
    restore_queue();
    world_type("yes\n");
    world.io.in_tty = false;
    ck_assert_int_eq(world_run("restore latest"), 2);
    ck_assert_int_eq(fake.answered, 1);
    restore_unqueue();
}
END_TEST

START_TEST(yes_restores_the_backup_of_the_plan)
{
    restore_queue();
    ck_assert_int_eq(world_run("restore latest --yes --only app_db --mode clean"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\n"
                                 "restore latest pipeline=- sink=- flags=3 only=app_db\n" PLANNED
                                 " flags=2 only=app_db\n");
    ck_assert_ptr_nonnull(strstr(world.out, "rows    1234567\n"));
    restore_unqueue();
}
END_TEST

START_TEST(disconnect_requires_mode_clean)
{
    restore_queue();
    ck_assert_int_eq(world_run("restore latest --yes --mode clean --disconnect"), 0);
    ck_assert_ptr_nonnull(strstr(fake.calls, "restore latest pipeline=- sink=- flags=11\n"));
    ck_assert_ptr_nonnull(strstr(fake.calls, PLANNED " flags=10\n"));
    restore_unqueue();
    fake_reset();
    ck_assert_int_eq(world_run("restore latest --yes --disconnect"), 2);
    ck_assert_ptr_null(strstr(fake.calls, "restore"));
}
END_TEST

START_TEST(the_safety_backup_is_named_whatever_the_result)
{
    static const char safety[] = "\"safety\": { \"id\": \"backup_2026-01-16T02-00-00-000Z\", "
                                 "\"sink\": \"local\", \"sources\": [\"app_db\"] }";
    static const char line[] = "the previous data is in the safety backup "
                               "backup_2026-01-16T02-00-00-000Z in local\n";
    static const struct {
        enum hangar_status status;
        const char *name;
        bool restored;
    } rows[] = {{HANGAR_STATUS_DONE, "done", true},
                {HANGAR_STATUS_DEGRADED, "degraded", true},
                {HANGAR_STATUS_FAILED, "failed", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fake_reset();
        restore_queue();
        char json[1000];
        snprintf(json, sizeof(json), "{\"status\":\"%s\",\"id\":\"b\",%s}", rows[i].name, safety);
        fake.answers[1] =
            (struct fake_answer){.status = rows[i].status, .json = json, .error = "so it is"};
        ck_assert_int_eq(world_run("restore latest --yes --mode clean"), (int)rows[i].status);
        ck_assert_ptr_nonnull(strstr(world.err, line));
        ck_assert_int_eq(strstr(world.out, " restored b in ") != NULL, rows[i].restored);
        ck_assert_int_eq(strstr(world.err, "so it is") != NULL, rows[i].status != 0);
        restore_unqueue();
    }
}
END_TEST

START_TEST(a_yes_at_the_terminal_restores)
{
    restore_queue();
    world_type("Yes \n");
    ck_assert_int_eq(world_run("restore latest"), 0);
    ck_assert_ptr_nonnull(strstr(
        world.err, "restore 2 sources into PostgreSQL database area51_bot on localhost:5432 and "
                   "Redis localhost:6379? [y/N] "));
    ck_assert_int_eq(fake.answered, 2);
    restore_unqueue();
}
END_TEST

START_TEST(a_clean_restore_asks_with_the_data_that_it_replaces)
{
    static const char one[] =
        "{'status':'done','id':'b','sources':[{'name':'cache','target':'Redis localhost:6379'}]}";

    fake.answers[0] = (struct fake_answer){.json = world_json(one)};
    world_type("n\n");
    ck_assert_int_eq(world_run("restore latest --mode clean"), 1);
    ck_assert_ptr_nonnull(
        strstr(world.err, "replace what is in cache (Redis localhost:6379)? [y/N] "));
}
END_TEST

START_TEST(every_other_answer_means_no)
{
    static const char *const answers[] = {"", "\n", "n\n", "no\n", "yess\n", "y e s\n", "ja\n"};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        fake_reset();
        restore_queue();
        world_type(answers[i]);
        ck_assert_int_eq(world_run("restore latest"), 1);
        ck_assert_int_eq(fake.answered, 1);
        ck_assert_ptr_nonnull(strstr(world.err, "hangar: not restored: nothing was changed\n"));
        restore_unqueue();
    }
}
END_TEST

START_TEST(an_interrupt_at_the_question_changes_nothing)
{
    restore_queue();
    world_type("y\n");
    fake.answers[0].signal = SIGINT;
    ck_assert_int_eq(world_run("restore latest"), 130);
    ck_assert_int_eq(fake.answered, 1);
    restore_unqueue();
}
END_TEST

START_TEST(a_failed_plan_ends_the_command)
{
    restore_queue();
    fake.answers[0] = (struct fake_answer){
        .status = HANGAR_STATUS_NOT_FOUND, .json = "{\"status\":\"not_found\"}", .error = "none"};
    ck_assert_int_eq(world_run("restore latest --yes"), 5);
    ck_assert_str_eq(world.err, "hangar: none\n");
    ck_assert_int_eq(fake.answered, 1);
    restore_unqueue();
}
END_TEST

START_TEST(a_restore_that_fails_reports_nothing_as_restored)
{
    restore_queue();
    fake.answers[1] = (struct fake_answer){
        .status = HANGAR_STATUS_FAILED, .json = "{\"status\":\"failed\"}", .error = "died"};
    ck_assert_int_eq(world_run("restore latest --yes -q"), 1);
    ck_assert_str_eq(world.out, "");
    ck_assert_str_eq(world.err, "hangar: died\n");
    restore_unqueue();
}
END_TEST

START_TEST(a_dry_run_prints_the_plan_as_data)
{
    restore_queue();
    ck_assert_int_eq(world_run("restore latest --dry-run --yes"), 0);
    ck_assert_ptr_nonnull(strstr(world.out, "cache -> Redis localhost:6379\n"));
    ck_assert_str_eq(world.err, "nothing was changed: this was a dry run\n");
    ck_assert_int_eq(fake.answered, 1);
    restore_unqueue();
}
END_TEST

START_TEST(json_prints_the_report_and_not_the_plan)
{
    restore_queue();
    ck_assert_int_eq(world_run("restore latest --json --yes"), 0);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_ptr_nonnull(json_object_get(doc, "dry_run"));
    ck_assert(!cli_flag(doc, "dry_run"));
    json_decref(doc);
    ck_assert_str_eq(world.err, "");
    restore_unqueue();
}
END_TEST

START_TEST(json_of_a_refusal_is_one_document)
{
    restore_queue();
    ck_assert_int_eq(world_run("restore latest --json"), 2);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_str_eq(cli_string(doc, "schema"), "hangar.error/1");
    ck_assert_str_eq(cli_string(doc, "status"), "usage");
    json_decref(doc);
    restore_unqueue();
}
END_TEST

static void restore_add_tests(TCase *tests)
{
    tcase_add_test(tests, without_a_terminal_restore_requires_yes);
    tcase_add_test(tests, input_from_a_pipe_is_not_a_confirmation);
    tcase_add_test(tests, yes_restores_the_backup_of_the_plan);
    tcase_add_test(tests, disconnect_requires_mode_clean);
    tcase_add_test(tests, the_safety_backup_is_named_whatever_the_result);
    tcase_add_test(tests, a_yes_at_the_terminal_restores);
    tcase_add_test(tests, a_clean_restore_asks_with_the_data_that_it_replaces);
    tcase_add_test(tests, every_other_answer_means_no);
    tcase_add_test(tests, an_interrupt_at_the_question_changes_nothing);
    tcase_add_test(tests, a_failed_plan_ends_the_command);
    tcase_add_test(tests, a_restore_that_fails_reports_nothing_as_restored);
    tcase_add_test(tests, a_dry_run_prints_the_plan_as_data);
    tcase_add_test(tests, json_prints_the_report_and_not_the_plan);
    tcase_add_test(tests, json_of_a_refusal_is_one_document);
}

int main(void)
{
    return world_main("cli restore", restore_add_tests);
}
