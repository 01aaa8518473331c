/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * state: the state survives a restart, is replaced atomically, and is locked.
 */
#include "state.h"

#include <errno.h>
#include <sys/wait.h>

#include "suite.h"

static struct daemon_plan *make_plan(const char *cron)
{
    json_t *document =
        json_pack("{s:s, s:s, s:s, s:{s:i, s:i}, s:[{s:s, s:s, s:[{s:s, s:s}, {s:s, s:s}]}]}",
                  "config", "c", "state_dir", folder_path, "origin", "here", "limits", "jobs", 1,
                  "stop_timeout_ms", 1, "pipelines", "name", "p", "timezone", "UTC", "jobs", "job",
                  "backup", "schedule", cron, "job", "drill", "schedule", "@monthly");
    struct daemon_plan *plan = daemon_plan_read(document);
    ck_assert_ptr_nonnull(plan);
    json_decref(document);
    return plan;
}

START_TEST(the_saved_state_is_loaded_again)
{
    struct daemon_plan *plan = make_plan("@daily"), *again = make_plan("@daily");
    struct daemon_state *state = NULL;
    ck_assert_int_eq(daemon_state_load(folder_path, &state), 0);
    ck_assert_ptr_null(state);
    plan->schedules[0].last_ms = 1768435200123;
    plan->schedules[0].started_ms = 1768435200000;
    plan->schedules[0].lost = 2;
    strcpy(plan->schedules[0].run, "abc");
    plan->schedules[1].last_ms = 5;
    for (int i = 0; i < 3; i++) { /* also replaces a file */
        ck_assert_int_eq(daemon_state_save(folder_path, plan), 0);
    }
    ck_assert_int_eq(access("daemon.json.new", F_OK), -1);
    ck_assert_int_eq(daemon_state_load(folder_path, &state), 0);
    daemon_state_apply(state, again, 1768435200200);
    ck_assert(again->schedules[0].last_ms == 1768435200123);
    ck_assert(again->schedules[0].started_ms == 1768435200000);
    ck_assert_uint_eq(again->schedules[0].lost, 2);
    ck_assert_str_eq(again->schedules[0].run, "abc");
    ck_assert(again->schedules[1].last_ms == 5 && again->schedules[1].started_ms == -1);
    /* a schedule that was changed continues from now */
    struct daemon_plan *other = make_plan("@hourly");
    daemon_state_apply(state, other, 1768435200200);
    ck_assert(other->schedules[0].last_ms == 1768435200200);
    ck_assert(other->schedules[1].last_ms == 5);
    daemon_state_free(state);
    daemon_plan_free(plan);
    daemon_plan_free(again);
    daemon_plan_free(other);
}
END_TEST

START_TEST(a_file_of_another_format_is_refused)
{
    static const char *const texts[] = {"", "{", "[]", "{\"schema\": \"hangar.daemon/2\"}",
                                        "{\"schedules\": []}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct daemon_state *state = NULL;
        folder_file("daemon.json", texts[i], strlen(texts[i]), 0600);
        ck_assert_int_eq(daemon_state_load(folder_path, &state), EILSEQ);
        ck_assert_ptr_null(state);
    }
    ck_assert_int_eq(unlink("daemon.json"), 0);
    ck_assert_int_eq(symlink("elsewhere", "daemon.json"), 0);
    struct daemon_state *state = NULL;
    ck_assert_int_eq(daemon_state_load(folder_path, &state), ELOOP);
}
END_TEST

START_TEST(strange_values_are_ignored)
{
    static const char *const texts[] = {
        "{\"schedules\": 1}",
        "{\"schedules\": [1, null, [], {}]}",
        "{\"schedules\": [{\"pipeline\": \"q\", \"job\": \"backup\"}]}",
        "{\"schedules\": [{\"pipeline\": \"p\", \"job\": \"backup\", \"last_ms\": \"x\"}]}",
        "{\"schedules\": [{\"pipeline\": \"p\", \"job\": \"backup\", \"run\": 7}]}",
        "{\"schedules\": [{\"pipeline\": \"p\", \"job\": \"backup\", \"lost\": -1}]}"};
    struct daemon_plan *plan = make_plan("@daily");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_t *document = json_loads(texts[i], 0, NULL);
        struct daemon_state *state = daemon_state_parse(document);
        ck_assert_ptr_nonnull(state);
        daemon_state_apply(state, plan, 100);
        daemon_state_free(state);
        json_decref(document);
    }
    ck_assert(plan->schedules[0].last_ms == 100); /* the times of the schedule are unknown */
    ck_assert_str_eq(plan->schedules[0].run, "");
    daemon_plan_free(plan);
    daemon_state_apply(NULL, NULL, 0);
}
END_TEST

START_TEST(a_failed_write_keeps_the_old_file)
{
    struct daemon_plan *plan = make_plan("@daily");
    plan->schedules[0].last_ms = 1;
    ck_assert_int_eq(daemon_state_save(folder_path, plan), 0);
    ck_assert_int_eq(mkdir("daemon.json.new", 0700), 0); /* blocks the temporary file */
    plan->schedules[0].last_ms = 2;
    ck_assert_int_eq(daemon_state_save(folder_path, plan), EISDIR);
    struct daemon_state *state = NULL;
    ck_assert_int_eq(daemon_state_load(folder_path, &state), 0);
    daemon_state_apply(state, plan, 3);
    ck_assert(plan->schedules[0].last_ms == 1);
    ck_assert_int_eq(daemon_state_save("/nonexistent/folder", plan), ENOENT);
    daemon_state_free(state);
    daemon_plan_free(plan);
}
END_TEST

START_TEST(one_daemon_locks_the_folder)
{
    char folder[128];
    int first = -1, second = -1, status = 0;
    snprintf(folder, sizeof(folder), "%s/made/on/the/way", folder_path);
    ck_assert_int_eq(daemon_state_lock(folder, &first), 0);
    ck_assert_int_eq(daemon_state_lock(folder, &second), EWOULDBLOCK);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(daemon_state_lock(folder, &second) == EWOULDBLOCK ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    close(first);
    ck_assert_int_eq(daemon_state_lock(folder, &second), 0);
    close(second);
    ck_assert_int_eq(daemon_state_lock("/proc/nowhere", &first), ENOENT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_saved_state_is_loaded_again, a_file_of_another_format_is_refused,
        strange_values_are_ignored,      a_failed_write_keeps_the_old_file,
        one_daemon_locks_the_folder,
    };
    return SUITE_RUN("state", tests, folder_setup, folder_teardown);
}
