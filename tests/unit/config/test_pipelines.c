/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipelines: what their names refer to.
 */
#include "config/config_file.h"

#include "suite.h"
#include "config_world.h"

/* Instances up to line 9; a pipeline begins in line 10. */
#define WITH(lines)                                                                                \
    "version: 1\nsources:\n  app_db: {plugin: demo}\n  cache: {plugin: demo}\n"                    \
    "transforms:\n  gzip: {plugin: demo}\nsinks:\n  local: {plugin: store, options: {path: b}}\n"  \
    "pipelines:\n" lines

#define P(key) WITH("  p: {sources: [app_db], sinks: [local], " key "}\n")

static const struct world_row wrong[] = {
    {WITH("  p: {sources: [app_bd], sinks: [local]}\n"),
     "backup.yaml:10:17: unknown source \"app_bd\"; hint: did you mean \"app_db\"?"},
    {WITH("  p: {sources: [local], sinks: [local]}\n"),
     "backup.yaml:10:17: unknown source \"local\"; hint: \"local\" is defined under \"sinks\""},
    {WITH("  p: {sources: [app_db], sinks: [s3]}\n"),
     "backup.yaml:10:34: unknown sink \"s3\"; hint: define it under \"sinks\""},
    {WITH("  p: {sources: [app_db], transforms: [zstd], sinks: [local]}\n"),
     "backup.yaml:10:39: unknown transform \"zstd\"; hint: define it under \"transforms\""},
    {WITH("  p: {sources: [app_db, cache, app_db], sinks: [local]}\n"),
     "backup.yaml:10:32: source \"app_db\" is listed twice"},
    {WITH("  p: {sources: [app_db], sinks: [local, local]}\n"),
     "backup.yaml:10:41: sink \"local\" is listed twice"},
    {WITH("  p: {sources: [], sinks: [local]}\n"),
     "backup.yaml:10:16: sources must have at least one entry"},
    {WITH("  p: {sources: [app_db], sinks: }\n"),
     "backup.yaml:10:33: sinks has no value; hint: list their names, such as [one, two]"},
    {WITH("  p: {sources: [app_db], sinks: [local], transforms: }\n"),
     "backup.yaml:10:54: transforms has no value; hint: list their names, such as [one, two], or "
     "remove the key"},
    {WITH("  p: {sources: [app_db], sinks: [store]}\n"),
     "backup.yaml:10:34: unknown sink \"store\"; hint: did you mean \"local\", which uses this "
     "plugin?"},
    {WITH("  p: {sources: [app_db], sinks: [local], cron: \"0 2 * * *\"}\n"),
     "backup.yaml:10:42: unknown key \"cron\"; hint: did you mean \"schedule\"?"},
    {WITH("  p: {sources: [app_db], sinks: [local], retention: {keep_days: 7}}\n"),
     "backup.yaml:10:42: unknown key \"retention\"; hint: \"retention\" belongs to a sink, beside "
     "its \"plugin\""},
    {WITH("  p: {sources: [app_db], sinks: [local], before_backup: [x]}\n"),
     "backup.yaml:10:42: unknown key \"before_backup\"; hint: \"before_backup\" belongs to the "
     "\"hooks\" of a pipeline"},
    {WITH("  p: {sources: [app_db], sinks: [local], keep: 5}\n"),
     "backup.yaml:10:42: unknown key \"keep\"; hint: did you mean \"keep_last\"? It belongs to the "
     "\"retention\" of a sink"},
    {WITH("  p: {sources: [app_db], sinks: [local], hooks: }\n"),
     "backup.yaml:10:49: hooks has no value; hint: indent below it what belongs to it, or remove "
     "the key"},
    {WITH("  p:\n  sources: [app_db]\n"),
     "backup.yaml:10:5: pipeline \"p\" must be a map with the keys \"sources\" and \"sinks\"; "
     "hint: indent its keys below it\n"
     "backup.yaml:11:12: pipeline \"sources\" must be a map with the keys \"sources\" and "
     "\"sinks\"; hint: indent it more to make it a key of the pipeline above"},
    {WITH("  p: {sinks: [local]}\n"), "backup.yaml:10:3: pipeline \"p\" has no \"sources\""},
    {WITH("  p: {sources: [app_db]}\n"), "backup.yaml:10:3: pipeline \"p\" has no \"sinks\""},
    {WITH("  p: {sources: {app_db: 1}, sinks: [local]}\n"),
     "backup.yaml:10:16: sources must be a list of names"},
    {WITH("  p: {sources: [[app_db]], sinks: [local]}\n"),
     "backup.yaml:10:17: source must be a single value, not a list"},
    {WITH("  p: [app_db]\n"),
     "backup.yaml:10:6: pipeline \"p\" must be a map with the keys \"sources\" and \"sinks\""},
    {WITH("  p: {sources: [app_db], sinks: [local], shedule: x}\n"),
     "backup.yaml:10:42: unknown key \"shedule\"; hint: did you mean \"schedule\"?"},
    {WITH("  p: {sources: [app_db], sinks: [local], hooks: {befor_backup: [x]}}\n"),
     "backup.yaml:10:50: unknown key \"befor_backup\"; hint: did you mean \"before_backup\"?"},
    {WITH("  p: {sources: [app_db], sinks: [local], hooks: {before_backup: stop it}}\n"),
     "backup.yaml:10:65: before_backup is run without a shell; hint: give a list: the program, "
     "then its arguments"},
    {WITH("  p: {sources: [app_db], sinks: [local], hooks: {after_backup: {timeout: 3m}}}\n"),
     "backup.yaml:10:64: after_backup has no \"command\""},
    {WITH("  p: {sources: [app_db], sinks: [local], hooks: {after_backup: []}}\n"),
     "backup.yaml:10:64: after_backup must name a program; hint: give a list: the program, then "
     "its arguments"},
    {WITH("  p: {sources: [app_db], sinks: [local], hooks: {after_backup: {command: x, timeout: "
          "9x}}}\n"),
     "backup.yaml:10:86: timeout must be a duration, not \"9x\"; hint: write it as 500ms, 30s, "
     "5m or 7d"},
    {WITH("  p: {sources: [app_db], sinks: [local], notifiers: [ops]}\n"),
     "backup.yaml:10:54: unknown notifier \"ops\"; hint: define it under \"notifiers\""},
    {WITH("  p: {sources: [app_db], sinks: [local], schedule: \"\"}\n"),
     "backup.yaml:10:53: schedule: minute is missing; hint: a schedule is \"minute hour day month "
     "weekday\", such as \"0 2 * * *\""},
    {WITH("  p: {sources: [app_db], sinks: [local], schedule: 0 25 * * *}\n"),
     "backup.yaml:10:54: schedule: hour must be from 0 to 23, not 25"},
    {WITH("  p: {sources: [app_db], sinks: [local], schedule: \"${HG_NONE:-0 25 * * *}\"}\n"),
     "backup.yaml:10:52: schedule: hour must be from 0 to 23, not 25"},
    {WITH("  p:\n    sources: [app_db]\n    sinks: [local]\n    verify: \"0 4 * * sum\"\n"
          "    drill: '@dialy'\n    timezone: Europe/Berln\n    windows: [\"22:00-06:00\", 22-6]\n"
          "    jitter: 2d\n    catch_up: yes\n    max_duration: soon\n    max_age: 25\n"),
     "backup.yaml:13:22: verify: \"sum\" is not a day of week; hint: names are sun to "
     "sat\nbackup.yaml:14:13: drill: unknown schedule \"@dialy\"; hint: use @hourly, @daily, "
     "@weekly, @monthly or @yearly\nbackup.yaml:15:15: unknown time zone \"Europe/Berln\"; "
     "hint: use a name of tzdata, such as Europe/Berlin or UTC\nbackup.yaml:16:30: windows: a "
     "time of the day is missing, such as 22:00\nbackup.yaml:17:13: jitter must be from 0 ms to "
     "1 d, not \"2d\"\nbackup.yaml:18:15: catch_up must be true or false, not "
     "\"yes\"; hint: write true\nbackup.yaml:19:19: max_duration must be a duration, not "
     "\"soon\"; hint: write it as 500ms, 30s, 5m or 7d\nbackup.yaml:20:14: max_age must be a "
     "duration, not \"25\"; hint: write it as 500ms, 30s, 5m or 7d"},
    {WITH("  p: {sources: [app_db], sinks: [local], windows: []}\n"),
     "backup.yaml:10:51: windows is an empty list; hint: remove the key to let jobs begin at any "
     "time"},
    {P("schedule: daily"),
     "backup.yaml:10:52: schedule: minute must be a number from 0 to 59; hint: write \"@daily\""},
    {P("verify: Weekly"),
     "backup.yaml:10:50: verify: minute must be a number from 0 to 59; hint: write \"@weekly\""},
    {P("schedule: '02:30'"), "backup.yaml:10:55: schedule: unexpected character in the minute; "
                             "hint: write \"30 2 * * *\" for 02:30 each day"},
    {P("schedule: '23:05:00'"), "backup.yaml:10:55: schedule: unexpected character in the minute; "
                                "hint: write \"5 23 * * *\" for 23:05 each day"},
    {P("schedule: '24:00'"),
     "backup.yaml:10:55: schedule: unexpected character in the minute; hint: a schedule is "
     "\"minute hour day month weekday\", such as \"0 2 * * *\", or @daily"},
    {P("schedule: at night"),
     "backup.yaml:10:52: schedule: minute must be a number from 0 to 59; hint: a schedule is "
     "\"minute hour day month weekday\", such as \"0 2 * * *\", or @daily"},
    {P("retry: 3"), "backup.yaml:10:49: retry must be a map of keys and values; hint: write "
                    "retry: { times: 3, after: 10m }"},
    {P("retry: {count: 3}"), "backup.yaml:10:50: unknown key \"count\"; hint: did you mean "
                             "\"times\"?"},
    {P("retry: {times: 3, delay: 5m}"), "backup.yaml:10:60: unknown key \"delay\"; hint: did you "
                                        "mean \"after\"?"},
    {P("retry: {times: 3, every: 5m}"), "backup.yaml:10:60: unknown key \"every\"; hint: did you "
                                        "mean \"after\"?"},
    {P("retries: 3"), "backup.yaml:10:42: unknown key \"retries\"; hint: did you mean \"retry\"?"},
    {P("times: 3"), "backup.yaml:10:42: unknown key \"times\"; hint: \"times\" belongs to the "
                    "\"retry\" of a pipeline"},
    {P("hooks: ./dump.sh"), "backup.yaml:10:49: hooks must be a map of keys and values; hint: "
                            "write hooks: { before_backup: [./program, argument] }"},
    {WITH("  p: {sources: [app_db], sinks: [local], schedule: [1]}\n"),
     "backup.yaml:10:52: schedule must be a single value, not a list"},
    {WITH("  \"Night ly\": {sources: [app_db], sinks: [local]}\n"),
     "backup.yaml:10:3: \"Night ly\" is not a valid name; hint: a name consists of a-z, 0-9, \"_\" "
     "and \"-\", begins with a letter and has at most 64 characters"},
    {WITH("  {}\n"), "backup.yaml:10:3: pipelines is empty"},
    {WITH("  [p]\n"),
     "backup.yaml:10:3: pipelines must be a map of keys and values; hint: write pipelines: { "
     "nightly: { sources: [app], sinks: [local] } }"},
    {WITH("# none\n"), "backup.yaml:9:11: pipelines has no value; hint: indent below it what "
                       "belongs to it, or remove the key"},
    {WITH("  p: {sources: [x], sinks: [y]}\n  q: {sources: [cahce], sinks: [local]}\n"),
     "backup.yaml:10:17: unknown source \"x\"; hint: define it under \"sources\"\n"
     "backup.yaml:10:29: unknown sink \"y\"; hint: define it under \"sinks\"\n"
     "backup.yaml:11:17: unknown source \"cahce\"; hint: did you mean \"cache\"?"},
};

START_TEST(wrong_pipelines_are_reported_with_their_place)
{
    WORLD_CHECK(wrong);
}
END_TEST

START_TEST(a_pipeline_has_its_instances_in_order)
{
    const char *yaml = WITH(
        "  one: {sources: [cache, app_db], transforms: [], sinks: local}\n"
        "  two: {sources: app_db, transforms: gzip, sinks: [local], schedule: "
        "\"${HG_NONE:-@daily}\", windows: 22:00-06:00, jitter: 10m, "
        "catch_up: false, timezone: UTC, max_age: 0}\n  three: {sources: cache, transforms: [], "
        "sinks: [local]}\n");
    folder_file("backup.yaml", yaml, strlen(yaml), 0600);
    struct hg_problems problems = {0};
    struct hg_config *c = hg_config_load("backup.yaml", &problems);
    ck_assert_uint_eq(problems.errors, 0);
    ck_assert_uint_eq(c->pipeline_count, 3);
    const struct hg_pipeline_config *one = &c->pipelines[0], *two = &c->pipelines[1];
    ck_assert_str_eq(one->name, "one");
    ck_assert_uint_eq(one->source_count, 2);
    ck_assert_str_eq(c->instances[one->sources[0]].name, "cache");
    ck_assert_str_eq(c->instances[one->sources[1]].name, "app_db");
    ck_assert_uint_eq(one->transform_count, 0);
    ck_assert_uint_eq(one->sink_count, 1);
    ck_assert_ptr_null(one->schedule);
    ck_assert_uint_eq(two->transform_count, 1);
    ck_assert_int_eq(c->instances[two->transforms[0]].kind, HG_TRANSFORM);
    ck_assert_str_eq(two->schedule, "@daily");
    ck_assert_str_eq(two->windows[0], "22:00-06:00");
    ck_assert_ptr_null(two->windows[1]);
    ck_assert_str_eq(two->timezone, "UTC");
    ck_assert_int_eq(two->jitter_ms, 600000);
    ck_assert(!two->catch_up);
    ck_assert_int_eq(hg_pipeline_max_age_ms(two), 0);
    ck_assert(one->catch_up && !one->windows && !one->timezone && !one->verify && !one->drill);
    ck_assert_int_eq(one->jitter_ms, 0);
    ck_assert_int_eq(one->max_duration_ms, 30 * 60000);
    ck_assert_uint_eq(c->pipelines[2].transform_count, 0);
    hg_config_free(c);
    hg_problems_free(&problems);
}
END_TEST

START_TEST(a_backup_may_be_an_hour_older_than_its_schedule_lets_pass)
{
    static const struct {
        const char *schedule;
        int hours;
    } rows[] = {{NULL, 25},
                {"0 2 * * *", 25},
                {"0 * * * *", 25},
                {"@weekly", 7 * 24 + 1},
                {"0 2 * * mon-fri", 3 * 24 + 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hg_pipeline_config p = {.max_age_ms = -1};
        p.schedule = rows[i].schedule ? strdup(rows[i].schedule) : NULL;
        ck_assert_int_eq(hg_pipeline_max_age_ms(&p), rows[i].hours * INT64_C(3600000));
        p.max_age_ms = 5;
        ck_assert_int_eq(hg_pipeline_max_age_ms(&p), 5);
        free(p.schedule);
    }
}
END_TEST

START_TEST(a_model_with_mistakes_is_there_for_the_rest_of_the_checks)
{
    const char *yaml = WITH("  p: {sources: [app_db, nobody], sinks: [local]}\n");
    folder_file("backup.yaml", yaml, strlen(yaml), 0600);
    struct hg_problems problems = {0};
    struct hg_config *c = hg_config_load("backup.yaml", &problems);
    ck_assert_uint_eq(problems.errors, 1);
    ck_assert_ptr_nonnull(c);
    ck_assert_uint_eq(c->instance_count, 4);
    ck_assert_uint_eq(c->pipelines[0].source_count, 1);
    hg_config_free(c);
    hg_problems_free(&problems);
}
END_TEST

START_TEST(very_many_names_cost_little)
{
    struct hg_str yaml = {0};
    hg_str_add(&yaml, WITH("  p: {sinks: [local], sources: ["));
    for (int i = 0; i < 50000; i++) {
        hg_str_add(&yaml, "app_d,");
    }
    hg_str_add(&yaml, "]}\n");
    char *errors = world_problems(yaml.data, yaml.len, false);
    ck_assert_ptr_nonnull(strstr(errors, "did you mean \"app_db\"?"));
    free(errors);
    hg_str_free(&yaml);

    hg_str_add(&yaml, WITH(""));
    for (int i = 0; i < 1005; i++) {
        hg_str_addf(&yaml, "  p%d: {sources: cache, sinks: local}\n", i);
    }
    errors = world_problems(yaml.data, yaml.len, false);
    ck_assert_str_eq(errors, "backup.yaml:1010:3: there are more than 1000 pipelines");
    free(errors);
    hg_str_free(&yaml);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        wrong_pipelines_are_reported_with_their_place,
        a_pipeline_has_its_instances_in_order,
        a_backup_may_be_an_hour_older_than_its_schedule_lets_pass,
        a_model_with_mistakes_is_there_for_the_rest_of_the_checks,
        very_many_names_cost_little,
    };
    return SUITE_RUN("pipelines", tests, folder_setup, folder_teardown);
}
