/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * status: the last run and the newest backup of each pipeline and sink, the backups that a sink
 * lacks and other sinks have, and how far it is behind.
 */
#include "report_world.h"

#define CONFIG(before, b, sinks)                                                                   \
    before "sources: { db: { plugin: test-source, options: { objects: 2 } } }\n"                   \
           "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"                          \
           "  b: { plugin: test-sink, " b " options: { path: ./b } }\n"                            \
           "pipelines: { p: { sources: [db], sinks: [" sinks "] } }\n"

static void status_make_backups(const char *sinks, size_t count)
{
    world_config(CONFIG("", "", "%s"), sinks);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
    }
}

START_TEST(the_status_has_the_promised_fields)
{
    world_config(REPORT_CONFIG REPORT_TWO);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert(json_is_null(world_at("pipelines.0.last_run")));
    world_fields(world_at("pipelines.0.sinks.0"),
                 "name:s plugin:s target:s required:b backups:i newest:n newest_time:n age_ms:n "
                 "oldest:n stored_bytes:i free_bytes:in");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s config:s state_dir:s limits:o pipelines:a "
                            "instances:a");
    world_fields(world_at("limits"), "memory_bytes:i workers:i stall_timeout_ms:i");
    world_fields(world_at("pipelines.0"), "name:s sources:a transforms:a schedule:n last_run:o "
                                          "next:n sinks:a");
    world_fields(world_at("pipelines.1"), "schedule:s next:s");
    world_fields(world_at("pipelines.0.last_run"), "run:s id:s status:s started:s duration_ms:i");
    world_fields(world_at("pipelines.0.sinks.1"),
                 "name:s plugin:s target:s required:b backups:i newest:s newest_time:s age_ms:i "
                 "oldest:s stored_bytes:i free_bytes:i");
    for (size_t i = 0; i < world_count("instances"); i++) {
        world_fields(json_array_get(world_at("instances"), i),
                     "kind:s name:s plugin:s version:s target:sn options:o");
    }
}
END_TEST

START_TEST(status_names_what_a_sink_lacks_and_how_far_it_is_behind)
{
    status_make_backups("a, b", 1);
    world_status();
    ck_assert_int_eq(world_int("pipelines.0.sinks.1.lacks"), 0);
    ck_assert_int_eq(world_int("pipelines.0.sinks.1.lag_ms"), 0);
    usleep(20000);
    status_make_backups("a", 2);
    world_config(CONFIG("", "", "a, b"));
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("pipelines.0.sinks.0.lacks"), 0);
    ck_assert_int_eq(world_int("pipelines.0.sinks.0.lag_ms"), 0);
    ck_assert_int_eq(world_int("pipelines.0.sinks.1.lacks"), 2);
    ck_assert_uint_eq(world_count("pipelines.0.sinks.1.lacking"), 2);
    ck_assert_str_eq(world_text("pipelines.0.sinks.1.lacking.0"), world_id()); /* the newest */
    ck_assert_int_ge(world_int("pipelines.0.sinks.1.lag_ms"), 20);
}
END_TEST

START_TEST(a_sink_does_not_lack_what_its_own_retention_would_remove)
{
    status_make_backups("a", 4);
    status_make_backups("a, b", 1);
    usleep(10000);
    status_make_backups("a", 1);
    world_config(CONFIG("", "retention: { keep_last: 3 },", "a, b"));
    world_status();
    ck_assert_int_eq(world_int("pipelines.0.sinks.1.lacks"),
                     2); /* it has one of the three that it would keep */
    ck_assert_str_eq(world_text("pipelines.0.sinks.1.lacking.0"), world_id());
}
END_TEST

START_TEST(the_list_of_lacking_backups_is_bounded)
{
    status_make_backups("a", 23);
    world_config(CONFIG("", "", "a, b"));
    world_status();
    ck_assert_int_eq(world_int("pipelines.0.sinks.1.lacks"), 23);
    ck_assert_uint_eq(world_count("pipelines.0.sinks.1.lacking"), 20);
    ck_assert(json_is_null(world_at("pipelines.0.sinks.1.lag_ms"))); /* it has no backup */
}
END_TEST

START_TEST(a_damaged_copy_is_lacking_and_an_unreadable_sink_is_unknown)
{
    status_make_backups("a, b", 1);
    ck_assert_int_eq(world_shell("echo >> $(ls b/*manifest.json)"), 0);
    world_status();
    ck_assert_int_eq(world_int("pipelines.0.sinks.1.lacks"), 1);
    ck_assert_ptr_nonnull(world_at("pipelines.0.sinks.1.error"));
    world_config("sources: { db: { plugin: test-source } }\n"
                 "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"
                 "  b: { plugin: test-sink, options: { path: ./b, fail_at: list } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a, b] } }\n");
    world_status();
    ck_assert(json_is_null(world_at("pipelines.0.sinks.1.lacks")));
    ck_assert_int_eq(world_int("pipelines.0.sinks.0.lacks"), 0);
}
END_TEST

START_TEST(an_unreachable_sink_is_opened_once_and_not_once_per_pipeline)
{
    world_config("sources: { db: { plugin: test-source } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a, fail_at: list, "
                 "once: ./fault } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] }, q: { sources: [db], sinks: [a] } "
                 "}\n");
    world_shell("touch fault");
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert(json_is_false(world_at("pipelines.0.sinks.0.reachable")));
    ck_assert(json_is_false(world_at("pipelines.1.sinks.0.reachable")));
    ck_assert_str_eq(world_text("pipelines.1.sinks.0.error"),
                     "sink a: cannot list: injected fault");
    world_shell("touch fault");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_FAILED);
    ck_assert_uint_eq(world_count("problems"), 2);
    world_shell("touch fault");
    char *json = NULL;
    const enum hangar_status status = hangar_health(world_hangar, NULL, &json);
    ck_assert_int_eq(world_take(status, json), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_text("pipelines.1.sinks.0.error"),
                     "sink a: cannot list: injected fault");
    /* the next job tries it again */
    world_status();
    ck_assert(json_is_true(world_at("pipelines.0.sinks.0.reachable")));
}
END_TEST

/* What failed before must not look as if it had not. */
START_TEST(a_history_that_cannot_be_read_is_an_error)
{
    status_make_backups("a", 1);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    /* that of backups, and that of verifications */
    ck_assert_int_eq(system("f=$(find state -name p.jsonl) && cp $f ${f%.jsonl}.verify.jsonl"), 0);
    for (int verify = 0; verify < 2; verify++) {
        const char *name = verify ? "p.verify.jsonl" : "p.jsonl";
        char command[200];
        snprintf(command, sizeof(command), "f=$(find state -name %s) && mv $f $f.kept && mkdir $f",
                 name);
        ck_assert_int_eq(system(command), 0);
        ck_assert_int_eq(world_status(), HANGAR_STATUS_FAILED);
        ck_assert_ptr_nonnull(
            strstr(world_error(), "cannot read the history of jobs on this machine"));
        snprintf(command, sizeof(command), "f=$(find state -name %s) && rmdir $f && mv $f.kept $f",
                 name);
        ck_assert_int_eq(system(command), 0);
        ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_status_has_the_promised_fields,
        status_names_what_a_sink_lacks_and_how_far_it_is_behind,
        a_sink_does_not_lack_what_its_own_retention_would_remove,
        the_list_of_lacking_backups_is_bounded,
        a_damaged_copy_is_lacking_and_an_unreadable_sink_is_unknown,
        an_unreachable_sink_is_opened_once_and_not_once_per_pipeline,
        a_history_that_cannot_be_read_is_an_error,
    };
    return SUITE_RUN("jobs/report/status", tests, world_setup, world_teardown);
}
