/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * instance_sections: sources, transforms, sinks, notifiers and what belongs to them.
 */
#include "config/config_file.h"

#include "suite.h"
#include "config_world.h"

#define PIPELINE "pipelines:\n  p: {sources: [db], sinks: [out]}\n"
#define SOURCE "version: 1\nsources:\n  db: {plugin: demo}\n"
#define NAME_HINT                                                                                  \
    " is not a valid name; hint: a name consists of a-z, 0-9, \"_\" and \"-\", begins with a "     \
    "letter and has at most 64 characters"
#define LONG "a2345678901234567890123456789012345678901234567890123456789012345"
#define SINK(lines)                                                                                \
    SOURCE "sinks:\n  out:\n    plugin: store\n    options: {path: b}\n" lines PIPELINE

/* A notifier in line 7 whose list of events begins in line 8. */
#define NOTIFIER(event)                                                                            \
    SOURCE "sinks:\n  out: {plugin: store, options: {path: b}}\nnotifiers:\n"                      \
           "  ops: {plugin: demo,\n    events: [backup.start, \"" event "\"]}\n" PIPELINE

static const struct world_row wrong[] = {
    {SOURCE "sinks: [out]\n" PIPELINE,
     "backup.yaml:4:8: sinks must be a map of keys and values; hint: write sinks: { local: { "
     "plugin: NAME } }\n"
     "backup.yaml:6:30: unknown sink \"out\"; hint: define it under \"sinks\""},
    {SOURCE "sinks:\n  out: store\n" PIPELINE,
     "backup.yaml:5:8: sink \"out\" must be a map with the key \"plugin\"\n"
     "backup.yaml:7:30: unknown sink \"out\"; hint: define it under \"sinks\""},
    {SOURCE "sinks:\n  out: {options: {path: a}}\n" PIPELINE,
     "backup.yaml:5:3: sink \"out\" has no \"plugin\""},
    {SOURCE "sinks:\n  out: {plugin: Store}\n" PIPELINE,
     "backup.yaml:5:17: \"Store\" is not the name of a plugin; hint: a name consists of a-z, 0-9 "
     "and \"-\""},
    {SOURCE "sinks:\n  out: {plugin: ../store}\n" PIPELINE,
     "backup.yaml:5:17: \"../store\" is not the name of a plugin; hint: a name consists of a-z, "
     "0-9 and \"-\""},
    {SOURCE "sinks:\n  out: {plugin: [store]}\n" PIPELINE,
     "backup.yaml:5:17: plugin must be a single value, not a list"},
    {SOURCE "sinks:\n  out: {plugin: store}\n" PIPELINE,
     "backup.yaml:5:3: option \"path\" is missing"},
    {SOURCE "sinks:\n  out: {plugin: store, options: [a]}\n" PIPELINE,
     "backup.yaml:5:3: option \"path\" is missing\n"
     "backup.yaml:5:33: \"options\" must be a map of keys and values"},
    {SOURCE "sinks:\n  Out: {plugin: store, options: {path: b}}\n"
            "pipelines:\n  p: {sources: [db], sinks: [Out]}\n",
     "backup.yaml:5:3: \"Out\"" NAME_HINT},
    {SOURCE "sinks:\n  1a: {plugin: store, options: {path: b}}\n"
            "pipelines:\n  p: {sources: [db], sinks: [1a]}\n",
     "backup.yaml:5:3: \"1a\"" NAME_HINT},
    {SOURCE "sinks:\n  ../a: {plugin: store, options: {path: b}}\n"
            "pipelines:\n  p: {sources: [db], sinks: [../a]}\n",
     "backup.yaml:5:3: \"../a\"" NAME_HINT},
    {SOURCE "sinks:\n  " LONG ": {plugin: store, options: {path: b}}\n"
            "pipelines:\n  p: {sources: [db], sinks: [" LONG "]}\n",
     "backup.yaml:5:3: \"" LONG "\"" NAME_HINT},
    {"version: 1\nsources:\n  db: {plugin: demo, scratch: [a]}\n"
     "sinks:\n  out: {plugin: store, options: {path: b}}\n" PIPELINE,
     "backup.yaml:3:31: scratch must be a map of keys and values"},
    {SINK("    scratch: {path: b}\n"),
     "backup.yaml:8:5: unknown key \"scratch\"; hint: \"scratch\" belongs to a source, beside its "
     "\"plugin\""},
    {SINK("    path: b\n"), "backup.yaml:8:5: unknown key \"path\"; hint: the options of a plugin "
                            "stand under \"options\""},
    {SINK("    retension: {}\n"),
     "backup.yaml:8:5: unknown key \"retension\"; hint: did you mean \"retention\"?"},
    {"version: 1\nsources:\n  db:\n    plugin: demo\n    retention: {keep_last: 2}\n"
     "sinks:\n  out: {plugin: store, options: {path: b}}\n" PIPELINE,
     "backup.yaml:5:5: unknown key \"retention\"; hint: \"retention\" belongs to a sink, beside "
     "its \"plugin\""},
    {SINK("    type: store\n"),
     "backup.yaml:8:5: unknown key \"type\"; hint: did you mean \"plugin\"?"},
    {SINK("    keep_days: 7\n"), "backup.yaml:8:5: unknown key \"keep_days\"; hint: \"keep_days\" "
                                 "belongs to the \"retention\" of a sink"},
    {SINK("    retention:\n"), "backup.yaml:8:15: retention has no value; hint: indent below it "
                               "what belongs to it, or remove the key"},
    {SINK("    retention:\n    keep_days: 7\n"),
     "backup.yaml:8:15: retention has no value; hint: indent below it what belongs to it, or "
     "remove the key\nbackup.yaml:9:5: unknown key \"keep_days\"; hint: \"keep_days\" belongs to "
     "the \"retention\" of a sink"},
    {SINK("    retention: {days: 7}\n"),
     "backup.yaml:8:17: unknown key \"days\"; hint: did you mean \"keep_days\"?"},
    {"version: 1\nsources:\n  db:\n  plugin: demo\n"
     "sinks:\n  out: {plugin: store, options: {path: b}}\n" PIPELINE,
     "backup.yaml:3:6: source \"db\" must be a map with the key \"plugin\"; hint: indent its keys "
     "below it\n"
     "backup.yaml:4:11: source \"plugin\" must be a map with the key \"plugin\"; hint: indent it "
     "more to make it a key of the instance above\n"
     "backup.yaml:8:17: unknown source \"db\"; hint: define it under \"sources\""},
    {"version: 1\nsources:\ndb: {plugin: demo}\n"
     "sinks:\n  out: {plugin: store, options: {path: b}}\n" PIPELINE,
     "backup.yaml:2:9: sources has no value; hint: indent below it what belongs to it, or remove "
     "the key\nbackup.yaml:3:1: unknown key \"db\"\n"
     "backup.yaml:7:17: unknown source \"db\"; hint: define it under \"sources\""},
    {NOTIFIER("backup.fialed"), "backup.yaml:8:28: there is no event \"backup.fialed\"; hint: did "
                                "you mean \"backup.failed\"?"},
    {NOTIFIER("alerts.*"), "backup.yaml:8:28: there is no event \"alerts.*\"; hint: did you mean "
                           "\"alert.*\"?"},
    {NOTIFIER("Backup.*"), "backup.yaml:8:28: there is no event \"Backup.*\"; hint: did you mean "
                           "\"backup.*\"?"},
    {NOTIFIER("drill.failed"),
     "backup.yaml:8:28: there is no event \"drill.failed\"; hint: the events are backup.start, "
     "backup.done, backup.degraded, backup.failed, backup.interrupted, backup.retry, verify.done, "
     "verify.degraded, verify.failed, verify.interrupted, restore.done, restore.degraded, "
     "restore.failed, restore.interrupted, alert.firing, alert.resolved; \"*\" stands for any "
     "text, as in \"alert.*\""},
    {SINK("    required: no\n"),
     "backup.yaml:8:15: required must be true or false, not \"no\"; hint: "
     "write false"},
    {SINK("    required: [true]\n"),
     "backup.yaml:8:15: required must be a single value, not a list"},
    {SINK("    max_lag: 5\n"),
     "backup.yaml:8:14: max_lag must be a duration, not \"5\"; hint: write it as 500ms, 30s, 5m "
     "or 7d"},
    {SINK("    max_lag: 31d\n"),
     "backup.yaml:8:14: max_lag must be from 0 ms to 30 d, not \"31d\""},
    {SINK("    max_lag: {}\n"), "backup.yaml:8:14: max_lag must be a single value, not a map"},
    {SINK("    verify_first: yes\n"),
     "backup.yaml:8:19: verify_first must be one of auto, always, never, not \"yes\""},
    {SINK("    verify_first: [auto]\n"),
     "backup.yaml:8:19: verify_first must be a single value, not a list"},
    {SINK("    retention: 7d\n"), "backup.yaml:8:16: retention must be a map of keys and values; "
                                  "hint: write retention: { keep_days: 7 }"},
    {SINK("    retain: {keep_days: 7}\n"),
     "backup.yaml:8:5: unknown key \"retain\"; hint: did you mean \"retention\"?"},
    {SINK("    retention: {keep_dayz: 7}\n"),
     "backup.yaml:8:17: unknown key \"keep_dayz\"; hint: did you mean \"keep_days\"?"},
    {SINK("    retention: {keep_days: 7d}\n"),
     "backup.yaml:8:28: keep_days must be a whole number, not \"7d\"; hint: write 7, without a "
     "unit"},
    {SINK("    retention: {keep_last: -1}\n"),
     "backup.yaml:8:28: keep_last must be from 0 to 100000, not \"-1\""},
    {SINK("    retention: {min_keep: 0}\n"),
     "backup.yaml:8:27: min_keep must be from 1 to 100000, not \"0\""},
};

START_TEST(wrong_instances_are_reported_with_their_place)
{
    WORLD_CHECK(wrong);
}
END_TEST

START_TEST(an_instance_has_the_values_of_its_keys)
{
    const char *yaml = "version: 1\nsources:\n  db: {plugin: demo}\n"
                       "transforms:\n  z: {plugin: \"${HG_Z:-zip-9}\", options: {}}\n"
                       "sinks:\n  out:\n    plugin: store\n    required: false\n    max_lag: 90s\n"
                       "    verify_first: never\n"
                       "    options: {path: b}\n"
                       "    retention: {keep_last: 3, keep_yearly: 0, min_keep: \"2\"}\n"
                       "  other-1_x: {plugin: store}\n"
                       "pipelines:\n  p: {sources: db, transforms: z, sinks: [out, other-1_x]}\n";
    folder_file("backup.yaml", yaml, strlen(yaml), 0600);
    struct hg_problems problems = {0};
    struct hg_config *c = hg_config_load("backup.yaml", &problems);
    ck_assert_uint_eq(problems.errors, 0);
    ck_assert_uint_eq(c->instance_count, 4);
    const struct hg_instance_config *db = &c->instances[hg_config_find(c, HG_SOURCE, "db")];
    ck_assert_str_eq(db->plugin, "demo");
    ck_assert_uint_eq(db->line, 3);
    ck_assert_uint_eq(db->column, 3);
    ck_assert_uint_eq(db->plugin_column, 16);
    ck_assert_ptr_null(db->options);
    ck_assert(db->required && !db->retention.given);
    ck_assert_str_eq(c->instances[hg_config_find(c, HG_TRANSFORM, "z")].plugin, "zip-9");
    const struct hg_instance_config *out = &c->instances[hg_config_find(c, HG_SINK, "out")];
    ck_assert(!out->required && out->retention.given);
    ck_assert_int_eq(out->max_lag_ms, 90000);
    ck_assert_int_eq(out->verify_first, HG_VERIFY_FIRST_NEVER);
    ck_assert_int_eq(out->retention.policy.keep_last, 3);
    ck_assert_int_eq(out->retention.policy.keep_yearly, 0);
    ck_assert_int_eq(out->retention.policy.min_keep, 2);
    ck_assert_int_eq(out->retention.policy.keep_days, -1);
    ck_assert_ptr_nonnull(out->options);
    const struct hg_instance_config *other = &c->instances[hg_config_find(c, HG_SINK, "other-1_x")];
    ck_assert(other->required && !other->retention.given);
    ck_assert_int_eq(other->max_lag_ms, 60000);
    ck_assert_int_eq(other->verify_first, HG_VERIFY_FIRST_AUTO);
    ck_assert_int_eq(hg_config_find(c, HG_SINK, "db"), -1);
    ck_assert_str_eq(hg_kind_name(HG_NOTIFIER), "notifier");
    ck_assert_str_eq(hg_kind_section(HG_SINK), "sinks");
    hg_config_free(c);
    hg_problems_free(&problems);
}
END_TEST

START_TEST(keys_without_effect_and_unused_instances_cause_warnings)
{
    const char *yaml =
        SOURCE "  spare: {plugin: demo}\nnotifiers:\n  m: {plugin: demo, events: [backup.failed, "
               "\"alert.*\"]}\n"
               "sinks:\n  out:\n    plugin: store\n    options: {path: b}\n"
               "    retention: {keep_last: 1}\npipelines:\n"
               "  p: {sources: [db], sinks: [out], schedule: \"0 2 * * *\"}\n";
    char *errors = world_problems(yaml, strlen(yaml), false);
    char *warnings = world_problems(yaml, strlen(yaml), true);
    ck_assert_str_eq(errors, "");
    ck_assert_str_eq(warnings, "backup.yaml:4:3: no pipeline uses source \"spare\"");
    free(errors);
    free(warnings);
}
END_TEST

START_TEST(a_thousand_instances_are_enough)
{
    struct hg_str yaml = {0};
    hg_str_add(&yaml, "version: 1\nsources:\n");
    for (int i = 0; i < 1005; i++) {
        hg_str_addf(&yaml, "  s%d: {plugin: demo}\n", i);
    }
    hg_str_add(&yaml, "sinks:\n");
    char *errors = world_problems(yaml.data, yaml.len, false);
    ck_assert_ptr_nonnull(strstr(errors, "backup.yaml:1003:3: there are more than 1000 sources, "
                                         "transforms, sinks and notifiers"));
    free(errors);
    hg_str_free(&yaml);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        wrong_instances_are_reported_with_their_place,
        an_instance_has_the_values_of_its_keys,
        keys_without_effect_and_unused_instances_cause_warnings,
        a_thousand_instances_are_enough,
    };
    return SUITE_RUN("instances", tests, folder_setup, folder_teardown);
}
