/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * run: exit statuses, the two streams, --json, interruption.
 */
#include "cli_world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "interrupt.h"

#include "document.h"

#define ID "backup_2026-01-15T02-00-00-000Z"
#define RUN                                                                                        \
    "{\"schema\":\"hangar.backup/1\",\"status\":\"done\",\"pipeline\":\"nightly\",\"id\":\"" ID    \
    "\"}"
#define NO_RUN "{\"schema\":\"hangar.backup/1\",\"status\":\"failed\",\"error\":\"no\",\"id\":null}"

static void run_answer(int n, enum hangar_status status, const char *json, const char *error)
{
    fake.answers[n] = (struct fake_answer){.status = status, .json = json, .error = error};
}

START_TEST(a_backup_prints_its_id_and_nothing_else_on_standard_output)
{
    run_answer(0, HANGAR_STATUS_DONE, RUN, NULL);
    ck_assert_int_eq(world_run("backup"), 0);
    ck_assert_str_eq(world.out, ID "\n");
    ck_assert_ptr_nonnull(strstr(world.err, "restore it with: hangar restore " ID "\n"));
}
END_TEST

START_TEST(the_next_step_names_the_configuration_that_was_given)
{
    run_answer(0, HANGAR_STATUS_DONE, RUN, NULL);
    ck_assert_int_eq(world_run("-c my.yaml backup"), 0);
    ck_assert_ptr_nonnull(strstr(world.err, "hangar -c my.yaml restore " ID "\n"));
}
END_TEST

START_TEST(a_failed_backup_prints_no_id)
{
    run_answer(0, HANGAR_STATUS_AUTH, NO_RUN, "cannot connect: wrong password; hint: look at it");
    ck_assert_int_eq(world_run("backup"), 8);
    ck_assert_str_eq(world.out, "");
    ck_assert_str_eq(world.err, "hangar: cannot connect: wrong password\n  hint: look at it\n");
}
END_TEST

START_TEST(each_line_of_an_error_is_a_message)
{
    run_answer(0, HANGAR_STATUS_USAGE, NULL, "first; hint: fix it\nsecond\033\n");
    ck_assert_int_eq(world_run("check"), 2);
    ck_assert_str_eq(world.err, "hangar: first\n  hint: fix it\nhangar: second\\x1b\n");
}
END_TEST

START_TEST(a_wrong_configuration_is_reported)
{
    fake.opens =
        (struct fake_answer){.status = HANGAR_STATUS_USAGE, .error = "backup.yaml:1:1: bad"};
    ck_assert_int_eq(world_run("list"), 2);
    ck_assert_str_eq(world.err, "hangar: backup.yaml:1:1: bad\n");
    ck_assert_int_eq(fake.closed, 1);
    ck_assert_int_eq(world_run("list --json"), 2);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_str_eq(cli_string(doc, "error"), "backup.yaml:1:1: bad");
    json_decref(doc);
}
END_TEST

START_TEST(plugins_are_listed_without_a_configuration)
{
    fake.opens = (struct fake_answer){.status = HANGAR_STATUS_USAGE, .error = "no file"};
    ck_assert_int_eq(world_run("plugin list"), 0);
    ck_assert_str_eq(fake.calls, "open config=-\nopen config=\nplugins -\n");
    ck_assert_int_eq(fake.closed, 2);
    ck_assert_int_eq(world_run("plugin list -c named.yaml"), 2);
}
END_TEST

START_TEST(all_pipelines_are_run_and_the_worst_status_wins)
{
    memcpy(fake.pipelines, (const char *[]){"a", "b", "c", "d"}, 4 * sizeof(char *));
    run_answer(0, HANGAR_STATUS_DEGRADED, RUN, "sink far: down");
    run_answer(1, HANGAR_STATUS_BUSY, NO_RUN, "another run");
    run_answer(2, HANGAR_STATUS_FAILED, NO_RUN, "no space");
    run_answer(3, HANGAR_STATUS_DONE, RUN, NULL);
    ck_assert_int_eq(world_run("backup"), 1);
    ck_assert_str_eq(world.out, ID "\n" ID "\n");
    ck_assert_str_eq(fake.calls, "open config=-\nbackup a\nbackup b\nbackup c\nbackup d\n");
    ck_assert_ptr_nonnull(strstr(world.err, "hangar: pipeline c: no space\n"));
}
END_TEST

START_TEST(a_wrong_pipeline_is_refused_before_any_run)
{
    ck_assert_int_eq(world_run("backup nightly nigthly"), 5);
    ck_assert_str_eq(fake.calls, "open config=-\n");
    ck_assert_ptr_nonnull(strstr(world.err, "unknown pipeline \"nigthly\"\n  hint: "));
    ck_assert_int_eq(world_run("backup nightly nightly"), 2);
    ck_assert_ptr_null(strstr(fake.calls, "backup"));
}
END_TEST

START_TEST(an_interrupt_stops_the_pipelines_that_follow)
{
    memcpy(fake.pipelines, (const char *[]){"a", "b"}, 2 * sizeof(char *));
    run_answer(0, HANGAR_STATUS_INTERRUPTED, NO_RUN, "interrupted");
    fake.answers[0].signal = SIGINT;
    ck_assert_int_eq(world_run("backup"), 130);
    ck_assert_str_eq(fake.calls, "open config=-\nbackup a\n");
    ck_assert_int_eq(fake.cancelled, 1);
    ck_assert_int_eq(cli_interrupted(), SIGINT);
    ck_assert(!cli_interrupt(SIGTERM));
}
END_TEST

START_TEST(an_interrupt_after_a_good_run_stops_the_others_too)
{
    memcpy(fake.pipelines, (const char *[]){"a", "b"}, 2 * sizeof(char *));
    run_answer(0, HANGAR_STATUS_DONE, RUN, NULL);
    fake.answers[0].signal = SIGINT;
    ck_assert_int_eq(world_run("backup"), 130);
    ck_assert_str_eq(fake.calls, "open config=-\nbackup a\n");
    ck_assert_str_eq(world.out, ID "\n");
}
END_TEST

START_TEST(json_of_one_run_is_the_document_of_the_library)
{
    run_answer(0, HANGAR_STATUS_DONE, RUN, NULL);
    ck_assert_int_eq(world_run("--json backup"), 0);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_str_eq(cli_string(doc, "schema"), "hangar.backup/1");
    ck_assert_str_eq(cli_string(doc, "id"), ID);
    ck_assert_str_eq(world.err, "");
    json_decref(doc);
}
END_TEST

START_TEST(json_of_several_runs_is_one_document)
{
    memcpy(fake.pipelines, (const char *[]){"a", "b"}, 2 * sizeof(char *));
    run_answer(0, HANGAR_STATUS_DONE, RUN, NULL);
    run_answer(1, HANGAR_STATUS_FAILED, NULL, "died");
    ck_assert_int_eq(world_run("backup --json"), 1);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_ptr_nonnull(doc);
    ck_assert_str_eq(cli_string(doc, "schema"), "hangar.backups/1");
    ck_assert_str_eq(cli_string(doc, "status"), "failed");
    ck_assert_uint_eq(json_array_size(cli_array(doc, "runs")), 2);
    const json_t *second = json_array_get(cli_array(doc, "runs"), 1);
    ck_assert_str_eq(cli_string(second, "pipeline"), "b");
    ck_assert_str_eq(cli_string(second, "error"), "died");
    json_decref(doc);
}
END_TEST

START_TEST(json_is_printed_unchanged)
{
    static const char *const commands[] = {
        "check", "list", "show x", "status", "verify --all", "plugin list", "restore x --dry-run"};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        fake_reset();
        run_answer(0, HANGAR_STATUS_CORRUPT, "{\"schema\": \"x/1\"}\n", "bad");
        char words[64];
        snprintf(words, sizeof(words), "%s --json --color always", commands[i]);
        ck_assert_int_eq(world_run(words), 4);
        ck_assert_str_eq(world.out, "{\"schema\": \"x/1\"}\n");
        ck_assert_ptr_nonnull(strstr(world.err, "bad"));
    }
}
END_TEST

START_TEST(an_error_that_the_document_contains_is_printed_once)
{
    run_answer(0, HANGAR_STATUS_CORRUPT,
               "{\"backups\":[{\"id\":\"b\",\"status\":\"corrupt\",\"problems\":[\"flipped\"]}]}",
               "flipped");
    ck_assert_int_eq(world_run("verify --all"), 4);
    ck_assert_str_eq(world.err, "");
    run_answer(1, HANGAR_STATUS_CORRUPT, "{\"backups\":[]}", "cannot list");
    fake.answers[0] = fake.answers[1];
    fake.answered = 0;
    ck_assert_int_eq(world_run("verify --all"), 4);
    ck_assert_str_eq(world.err, "hangar: cannot list\n");
}
END_TEST

/* A line of the log, and the message at the end of the command. */
START_TEST(a_failure_that_a_log_line_has_reported_is_not_repeated)
{
    static const struct {
        const char *words, *log, *error, *message;
    } cases[] = {
        {"list", "sink s: disk full", "sink s: disk full", ""},
        {"backup", "pipeline p after 7 ms: sink s: disk full; hint: free some",
         "sink s: disk full; hint: free some", ""},
        {"list", "sink s: disk full", "cannot list", "hangar: cannot list\n"},
        {"list", "sink s: disk full", "full", "hangar: full\n"},
        {"list", "full", "disk full", "hangar: disk full\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_reset();
        run_answer(0, HANGAR_STATUS_FAILED, NO_RUN, cases[i].error);
        fake.answers[0].log = cases[i].log;
        ck_assert_int_eq(world_run(cases[i].words), 1);
        const char *line = strchr(world.err, '\n');
        ck_assert_ptr_nonnull(line);
        ck_assert_ptr_nonnull(strstr(world.err, cases[i].log));
        ck_assert_str_eq(line + 1, cases[i].message);
    }
}
END_TEST

START_TEST(metrics_are_a_document_with_json)
{
    run_answer(0, HANGAR_STATUS_DONE, "{\"schema\":\"hangar.status/1\",\"pipelines\":[]}", NULL);
    ck_assert_int_eq(world_run("--json metrics"), 0);
    json_t *doc = json_loads(world.out, 0, NULL);
    ck_assert_str_eq(cli_string(doc, "schema"), "hangar.metrics/1");
    ck_assert_str_eq(cli_string(doc, "status"), "done");
    ck_assert_ptr_nonnull(strstr(cli_string(doc, "metrics"), "# TYPE "));
    ck_assert(json_is_null(json_object_get(doc, "file")));
    json_decref(doc);
}
END_TEST

START_TEST(an_invalid_document_is_a_failure)
{
    run_answer(0, HANGAR_STATUS_DONE, "{]", NULL);
    ck_assert_int_eq(world_run("list"), 1);
    ck_assert_str_eq(world.err, "hangar: cannot parse the document of the library\n");
}
END_TEST

START_TEST(warnings_are_text_on_a_terminal_and_log_lines_elsewhere)
{
    fake.answers[0].log = "slow \"disk\"\033";
    world_run("list");
    ck_assert_str_eq(world.err, "time=2026-01-15T02:00:00.000Z level=warning run=run_1 "
                                "event=backup.slow msg=\"slow \\\"disk\\\"\\\\x1b\"\n");
    ck_assert_uint_eq(fake.log_level, 2);
    fake.answered = 0;
    world.io.err_tty = true;
    world_run("list");
    ck_assert_str_eq(world.err, "\033[33mwarning\033[0m: slow \"disk\"\\x1b\n");
    ck_assert_uint_eq(fake.log_level, 1);
    fake.answered = 0;
    world_run("list -v");
    ck_assert_ptr_nonnull(strstr(world.err, "level=warning"));
    ck_assert_uint_eq(fake.log_level, 3);
}
END_TEST

START_TEST(colour_follows_the_terminal_and_the_options)
{
    static const struct {
        const char *words;
        bool tty, dumb, no_color, expected;
    } cases[] = {
        {"check", true, false, false, true},
        {"check", false, false, false, false},
        {"check", true, true, false, false},
        {"check", true, false, true, false},
        {"check --color never", true, false, false, false},
        {"check --color always", false, false, true, true},
    };
    const char *doc = "{\"items\":[{\"kind\":\"sink\",\"name\":\"x\",\"status\":\"ok\"}]}";

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_reset();
        run_answer(0, HANGAR_STATUS_DONE, doc, NULL);
        world.io.out_tty = cases[i].tty;
        world.io.dumb = cases[i].dumb;
        world.io.no_color = cases[i].no_color;
        world_run(cases[i].words);
        ck_assert_msg((strchr(world.out, '\033') != NULL) == cases[i].expected, "case %zu", i);
    }
}
END_TEST

START_TEST(the_folders_of_the_environment_reach_the_library)
{
    world.io.plugin_dir = "/plugins";
    world.io.state_dir = "/state";
    ck_assert_int_eq(world_run("list"), 0);
    ck_assert_str_eq(fake.plugin_dir, "/plugins");
    ck_assert_str_eq(fake.state_dir, "/state");
}
END_TEST

START_TEST(the_next_step_can_be_pasted_into_a_shell)
{
    struct cli cli = {.err = {.utf8 = true}};
    static const struct {
        const char *config, *text;
    } cases[] = {
        {NULL, "hangar"},
        {"/etc/my.yaml", "hangar -c /etc/my.yaml"},
        {"my file.yaml", "hangar -c 'my file.yaml'"},
        {"it's $HOME", "hangar -c 'it'\\''s $HOME'"},
        {"a\nb", "hangar -c 'a\\x0ab'"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = cli_program(&cli, cases[i].config);
        ck_assert_str_eq(text, cases[i].text);
        free(text);
    }
}
END_TEST

START_TEST(the_worse_of_two_statuses_does_not_depend_on_their_order)
{
    static const int order[] = {130, 1, 4, 8, 2, 5, 6, 7, 3, 0};

    for (size_t i = 0; i < 10; i++) {
        for (size_t j = i; j < 10; j++) {
            ck_assert_int_eq(cli_worse(order[i], order[j]), order[i]);
            ck_assert_int_eq(cli_worse(order[j], order[i]), order[i]);
        }
    }
}
END_TEST

static void run_add_tests(TCase *tests)
{
    tcase_add_test(tests, a_backup_prints_its_id_and_nothing_else_on_standard_output);
    tcase_add_test(tests, the_next_step_names_the_configuration_that_was_given);
    tcase_add_test(tests, a_failed_backup_prints_no_id);
    tcase_add_test(tests, each_line_of_an_error_is_a_message);
    tcase_add_test(tests, a_wrong_configuration_is_reported);
    tcase_add_test(tests, plugins_are_listed_without_a_configuration);
    tcase_add_test(tests, all_pipelines_are_run_and_the_worst_status_wins);
    tcase_add_test(tests, a_wrong_pipeline_is_refused_before_any_run);
    tcase_add_test(tests, an_interrupt_stops_the_pipelines_that_follow);
    tcase_add_test(tests, an_interrupt_after_a_good_run_stops_the_others_too);
    tcase_add_test(tests, json_of_one_run_is_the_document_of_the_library);
    tcase_add_test(tests, json_of_several_runs_is_one_document);
    tcase_add_test(tests, json_is_printed_unchanged);
    tcase_add_test(tests, an_error_that_the_document_contains_is_printed_once);
    tcase_add_test(tests, a_failure_that_a_log_line_has_reported_is_not_repeated);
    tcase_add_test(tests, metrics_are_a_document_with_json);
    tcase_add_test(tests, an_invalid_document_is_a_failure);
    tcase_add_test(tests, warnings_are_text_on_a_terminal_and_log_lines_elsewhere);
    tcase_add_test(tests, colour_follows_the_terminal_and_the_options);
    tcase_add_test(tests, the_next_step_can_be_pasted_into_a_shell);
    tcase_add_test(tests, the_worse_of_two_statuses_does_not_depend_on_their_order);
    tcase_add_test(tests, the_folders_of_the_environment_reach_the_library);
}

int main(void)
{
    return world_main("cli run", run_add_tests);
}
