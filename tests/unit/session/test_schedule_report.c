/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * schedule_report: the plan of the configuration, and the calendar functions.
 */
#include "world.h"

#define CONFIG                                                                                     \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"                             \
    "  b: { plugin: storage-local, required: false, options: { path: ./b } }\n"

static void call_plan(void)
{
    char *json = NULL;
    ck_assert_int_eq(hangar_plan(world_hangar, &json), HANGAR_STATUS_DONE);
    json_decref(world_doc);
    world_doc = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(world_doc);
    hangar_free(json);
}

START_TEST(the_plan_has_each_schedule_and_its_limits)
{
    world_config(
        CONFIG
        "limits: { jobs: 3, stop_timeout: 2s }\npipelines:\n"
        "  p: { sources: [db], sinks: [a], schedule: '0 2 * * *', verify: '@weekly', "
        "drill: '@monthly', timezone: Europe/Berlin, windows: ['22:00-06:00'], "
        "jitter: 5m, catch_up: false, max_duration: 1h, max_age: 2d, retry: { times: 3, after: "
        "15m } }\n"
        "  q: { sources: [db], sinks: [a] }\n");
    call_plan();
    world_fields(world_doc, "schema:s status:s config:s state_dir:s origin:s limits:o pipelines:a");
    ck_assert_int_eq(world_int("limits.jobs"), 3);
    ck_assert_int_eq(world_int("limits.stop_timeout_ms"), 2000);
    world_fields(world_at("pipelines.0"),
                 "name:s jobs:a timezone:s windows:a jitter_ms:i catch_up:b max_duration_ms:i "
                 "max_age_ms:i last_run:n");
    ck_assert_uint_eq(world_count("pipelines.0.jobs"), 3);
    ck_assert_str_eq(world_text("pipelines.0.jobs.0.job"), "backup");
    ck_assert_str_eq(world_text("pipelines.0.jobs.0.schedule"), "0 2 * * *");
    ck_assert_str_eq(world_text("pipelines.0.jobs.1.job"), "verify");
    ck_assert_str_eq(world_text("pipelines.0.jobs.2.job"), "drill");
    ck_assert_str_eq(world_text("pipelines.0.windows.0"), "22:00-06:00");
    ck_assert_int_eq(world_int("pipelines.0.retry_times"), 3);
    ck_assert_int_eq(world_int("pipelines.0.retry_after_ms"), 900000);
    ck_assert_int_eq(world_int("pipelines.1.retry_times"), 0);
    ck_assert_int_eq(world_int("pipelines.0.jitter_ms"), 300000);
    ck_assert(json_is_false(world_at("pipelines.0.catch_up")));
    ck_assert_int_eq(world_int("pipelines.0.max_age_ms"), 2 * 86400000);
    ck_assert_uint_eq(world_count("pipelines.1.jobs"), 0);
    ck_assert(json_is_null(world_at("pipelines.1.timezone")));
    ck_assert_int_eq(world_int("pipelines.1.max_age_ms"), 25 * 3600000);
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    call_plan();
    world_fields(world_at("pipelines.1.last_run"), "run:s id:s status:s started:s");
}
END_TEST

START_TEST(the_calendar_needs_no_configuration)
{
    ck_assert_int_eq(hangar_next_time("30 2 * * *", "Europe/Berlin", 1774700000000), 1774746000000);
    ck_assert_int_eq(hangar_next_time("30 2 * *", "Europe/Berlin", 0), -1);
    ck_assert_int_eq(hangar_next_time("30 2 * * *", "Europe/Berln", 0), -1);
    ck_assert_int_eq(hangar_next_time("@daily", "UTC", INT64_MAX), -1);
    ck_assert_int_eq(hangar_in_window("02:00-03:00", "UTC", 2 * 3600000), 1);
    ck_assert_int_eq(hangar_in_window("02:00-03:00", "Europe/Berlin", 2 * 3600000), 0);
    ck_assert_int_eq(hangar_in_window("02:00", "UTC", 2 * 3600000), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_plan_has_each_schedule_and_its_limits,
        the_calendar_needs_no_configuration,
    };
    return SUITE_RUN("session/schedule", tests, world_setup, world_teardown);
}
