/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * counters: they add up, also when several processes count at the same time, and a damaged
 * file begins again at 0.
 */
#include "state/counters.h"

#include <sys/wait.h>
#include "base/json.h"
#include "state_folder.h"

static void check_counter(const char *counter, const char *of, const char *kind, int64_t n)
{
    json_t *doc = hg_counters_read(&state);
    const json_t *values = json_object_get(json_object_get(doc, counter), of);
    ck_assert_int_eq(hg_json_int(values, kind, -1), n);
    json_decref(doc);
}

START_TEST(counters_of_a_new_folder_are_empty)
{
    json_t *doc = hg_counters_read(&state);
    ck_assert(json_is_object(doc));
    ck_assert_uint_eq(json_object_size(doc), 0);
    json_decref(doc);
}
END_TEST

START_TEST(each_counter_adds_up_separately)
{
    hg_counters_add(&state, "runs", "nightly", "done", 1);
    hg_counters_add(&state, "runs", "nightly", "done", 2);
    hg_counters_add(&state, "runs", "nightly", "failed", 1);
    hg_counters_add(&state, "runs", "weekly", "done", 5);
    hg_counters_add(&state, "bytes", "nightly", "done", INT64_C(1) << 40);
    check_counter("runs", "nightly", "done", 3);
    check_counter("runs", "nightly", "failed", 1);
    check_counter("runs", "weekly", "done", 5);
    check_counter("bytes", "nightly", "done", INT64_C(1) << 40);
    ck_assert_int_eq(warnings, 0);
}
END_TEST

START_TEST(processes_that_count_at_the_same_time_lose_nothing)
{
    enum { PROCESSES = 4, TIMES = 10 };
    for (int i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            for (int n = 0; n < TIMES; n++) {
                hg_counters_add(&state, "runs", "nightly", "done", 1);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        ck_assert_int_gt(wait(NULL), 0);
    }
    check_counter("runs", "nightly", "done", (int64_t)PROCESSES * TIMES);
}
END_TEST

START_TEST(a_damaged_file_begins_again)
{
    hg_counters_add(&state, "runs", "nightly", "done", 3);
    folder_file("state/counters.json", "{\"runs\": {", 10, 0600);
    hg_counters_add(&state, "runs", "nightly", "done", 1);
    check_counter("runs", "nightly", "done", 1);
    folder_file("state/counters.json", "{\"runs\": 1}", 11, 0600);
    hg_counters_add(&state, "runs", "nightly", "done", 2);
    check_counter("runs", "nightly", "done", 2);
}
END_TEST

START_TEST(a_counter_that_cannot_be_written_is_a_warning)
{
    state_block();
    hg_counters_add(&state, "runs", "nightly", "done", 1);
    ck_assert_int_eq(warnings, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        counters_of_a_new_folder_are_empty,
        each_counter_adds_up_separately,
        processes_that_count_at_the_same_time_lose_nothing,
        a_damaged_file_begins_again,
        a_counter_that_cannot_be_written_is_a_warning,
    };
    return SUITE_RUN("counters", tests, state_setup, state_teardown);
}
