/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * config: the file as a whole, where it is found, its limits.
 */
#include "config/config_file.h"

#include "suite.h"
#include "config_world.h"

static const struct world_row wrong[] = {
    {WITH_TOP(""), "backup.yaml:1:1: key \"version\" is missing; hint: begin the file with "
                   "\"version: 1\""},
    {WITH_TOP("version: 2\n"), "backup.yaml:1:10: version must be 1, not \"2\""},
    {WITH_TOP("version:\n"), "backup.yaml:1:9: version has no value; hint: remove the key, or "
                             "write \"\" for an empty text"},
    {WITH_TOP("version: [1]\n"), "backup.yaml:1:10: version must be a single value, not a list"},
    {WITH_TOP("version: 1\nsinkz: {}\n"),
     "backup.yaml:2:1: unknown key \"sinkz\"; hint: did you mean \"sinks\"?"},
    {WITH_TOP("version: 1\nrate_limit: 1MB\n"),
     "backup.yaml:2:1: unknown key \"rate_limit\"; hint: "
     "\"rate_limit\" belongs to a source or sink, "
     "beside its \"plugin\""},
    {WITH_TOP("version: 1\nmemory: 64MiB\n"), "backup.yaml:2:1: unknown key \"memory\"; hint: "
                                              "\"memory\" belongs to the section \"limits\""},
    {WITH_TOP("version: 1\ncron: \"@daily\"\n"),
     "backup.yaml:2:1: unknown key \"cron\"; hint: did you mean \"schedule\"? It belongs to a "
     "pipeline"},
    {WITH_TOP("version: 1\nlimits:\n"),
     "backup.yaml:2:8: limits has no value; hint: indent below it "
     "what belongs to it, or remove the key"},
    {"version: 1\n", "backup.yaml:1:1: key \"pipelines\" is missing"},
    {WITH_TOP("version: 1\norigin: a b\n"),
     "backup.yaml:2:9: origin must be 1 to 100 letters, digits, \".\", \"_\" and \"-\", not \"a "
     "b\""},
    {WITH_TOP("version: 1\norigin: ''\n"),
     "backup.yaml:2:9: origin must be 1 to 100 letters, digits, \".\", \"_\" and \"-\", not "
     "\"\""},
    {WITH_TOP("version: 1\nlimits: 5\n"),
     "backup.yaml:2:9: limits must be a map of keys and values; hint: write limits: { memory: "
     "256MiB }"},
    {WITH_TOP("version: 1\nhttp: 9848\n"),
     "backup.yaml:2:7: http must be a map of keys and values; hint: write http: { listen: "
     "'127.0.0.1:9848' }"},
    {WITH_TOP("version: 1\nhttp: {listen: '127.0.0.1:9848', port: 9848}\n"),
     "backup.yaml:2:34: unknown key \"port\"; hint: did you mean \"listen\"?"},
    {WITH_TOP("version: 1\nsigning: ./key\n"),
     "backup.yaml:2:10: signing must be a map of keys and values; hint: write signing: { "
     "key_file: ./signing.key }"},
    {WITH_TOP("version: 1\nsigning: {file: ./key}\n"),
     "backup.yaml:2:10: option \"key\" is missing\n"
     "backup.yaml:2:11: unknown key \"file\"; "
     "hint: did you mean \"key_file\"?"},
    {WITH_TOP("version: 1\nalerts: 7d\n"),
     "backup.yaml:2:9: alerts must be a map of keys and values; hint: write alerts: { "
     "max_drill_age: 30d }"},
    {WITH_TOP("version: 1\nlimits: {memory: 16MiB}\n"),
     "backup.yaml:2:18: memory must be from 32 MiB to 1 TiB, not \"16MiB\""},
    {WITH_TOP("version: 1\nlimits: {memory: lots}\n"),
     "backup.yaml:2:18: memory must be a size, not \"lots\"; hint: write it as 64KiB, 1.5GiB or "
     "10MB"},
    {WITH_TOP("version: 1\nlimits: {worker: 2}\n"),
     "backup.yaml:2:10: unknown key \"worker\"; hint: did you mean \"workers\"?"},
    {WITH_TOP("version: 1\nlimits: {workers: 0}\n"),
     "backup.yaml:2:19: workers must be auto or from 1 to 256, not \"0\""},
    {WITH_TOP("version: 1\nlimits: {workers: many}\n"),
     "backup.yaml:2:19: workers must be auto or from 1 to 256, not \"many\""},
    {WITH_TOP("version: 1\nlimits: {stall_timeout: 0}\n"),
     "backup.yaml:2:25: stall_timeout must be from 1 s to 7 d, not \"0\""},
    {WITH_TOP("version: 1\nlimits: {temp_dir: ''}\n"), "backup.yaml:2:20: temp_dir is empty"},
    {WITH_TOP("version: 1\nplugin_path: {a: b}\n"),
     "backup.yaml:2:14: plugin_path must be a list, not a map"},
    {WITH_TOP("version: 1\nplugin_path: [a, '', ~/b]\n"),
     "backup.yaml:2:14: plugin_path is empty\n"
     "backup.yaml:2:14: plugin_path cannot begin with \"~\"; hint: write \"${HOME}\""},
    {"version: 7\nlimitz: {}\nsources:\n  db: {plugin: demo, options: {prot: 1}}\n"
     "sinks:\n  out: {plugin: store}\npipelines:\n  p: {sources: [bd], sinks: [out]}\n",
     "backup.yaml:1:10: version must be 1, not \"7\"\n"
     "backup.yaml:2:1: unknown key \"limitz\"; hint: did you mean \"limits\"?\n"
     "backup.yaml:4:32: unknown key \"prot\"; hint: did you mean \"port\"?\n"
     "backup.yaml:6:3: option \"path\" is missing\n"
     "backup.yaml:8:17: unknown source \"bd\"; hint: did you mean \"db\"?"},
};

START_TEST(all_errors_are_reported_at_once)
{
    WORLD_CHECK(wrong);
}
END_TEST

START_TEST(limits_have_defaults)
{
    const char *yaml = WITH_TOP("version: \"1\"\n");
    folder_file("backup.yaml", yaml, strlen(yaml), 0600);
    struct hg_problems problems = {0};
    struct hg_config *c = hg_config_load(NULL, &problems); /* found where one works */
    ck_assert_uint_eq(problems.errors, 0);
    ck_assert_str_eq(problems.file, "backup.yaml");
    ck_assert_str_eq(c->path, "backup.yaml");
    ck_assert_str_eq(c->dir, folder_path);
    ck_assert_int_eq(c->memory_bytes, 128 << 20);
    ck_assert_int_eq(c->workers, 0);
    ck_assert_int_eq(c->stall_timeout_ms, 600000);
    ck_assert_ptr_null(c->temp_dir);
    ck_assert_ptr_null(c->plugin_path);
    hg_config_free(c);
    hg_config_free(NULL);
    hg_problems_free(&problems);
}
END_TEST

START_TEST(limits_and_paths_are_as_given)
{
    ck_assert_int_eq(mkdir("sub", 0700), 0);
    const char *yaml = WITH_TOP(
        "version: 1\norigin: shop-1\nplugin_path: [./mine, /opt/p]\nlimits: {memory: 64MiB, "
        "workers: 3, stall_timeout: 1h, temp_dir: \"${HG_NONE:-t}\"}\n");
    folder_file("sub/my.yaml", yaml, strlen(yaml), 0600);
    struct hg_problems problems = {0};
    struct hg_config *c = hg_config_load("sub/my.yaml", &problems);
    ck_assert_uint_eq(problems.errors, 0);
    ck_assert_str_eq(c->path, "sub/my.yaml");
    ck_assert_str_eq(c->origin, "shop-1");
    char expected[128];
    snprintf(expected, sizeof(expected), "%s/sub", folder_path);
    ck_assert_str_eq(c->dir, expected);
    ck_assert_int_eq(c->memory_bytes, 64 << 20);
    ck_assert_int_eq(c->workers, 3);
    ck_assert_int_eq(c->stall_timeout_ms, 3600000);
    snprintf(expected, sizeof(expected), "%s/sub/t", folder_path);
    ck_assert_str_eq(c->temp_dir, expected);
    snprintf(expected, sizeof(expected), "%s/sub/mine", folder_path);
    ck_assert_str_eq(c->plugin_path[0], expected);
    ck_assert_str_eq(c->plugin_path[1], "/opt/p");
    ck_assert_ptr_null(c->plugin_path[2]);
    hg_config_free(c);
    hg_problems_free(&problems);
}
END_TEST

static void cannot_load(const char *path, const char *error)
{
    struct hg_problems problems = {0};
    ck_assert_ptr_null(hg_config_load(path, &problems));
    ck_assert_uint_eq(problems.errors, 1);
    ck_assert_int_eq(problems.rc, HANGAR_CONFIG);
    struct hg_str text = {0};
    hg_problems_text(&problems, false, &text);
    ck_assert_str_eq(hg_str_text(&text), error);
    hg_str_free(&text);
    hg_problems_free(&problems);
}

START_TEST(a_file_that_cannot_be_read_is_reported_with_the_reason)
{
    cannot_load("none.yaml", "cannot open none.yaml: No such file or directory");
    cannot_load("none/x.yaml", "cannot open none/x.yaml: No such file or directory");
    cannot_load(".", "cannot read .: it is not a regular file");
    ck_assert_int_eq(truncate((folder_file("big.yaml", "", 0, 0600), "big.yaml"), 1 << 30), 0);
    cannot_load("big.yaml", "cannot read big.yaml: it is larger than 1048576 bytes");
    if (access("/etc/hangar/backup.yaml", F_OK) != 0) {
        cannot_load(NULL,
                    "cannot find a configuration: neither backup.yaml nor /etc/hangar/backup.yaml "
                    "exists; hint: run \"hangar init\", or name a file with -c");
    }
    ck_assert_int_eq(mkdir("backup.yaml", 0700), 0); /* what is there is not passed over */
    cannot_load(NULL, "cannot read backup.yaml: it is not a regular file");
}
END_TEST

START_TEST(the_file_is_named_as_the_caller_wants)
{
    folder_file("backup.yaml", "version: 2\n", 11, 0600);
    struct hg_problems problems = {.file = "shown.yaml"};
    struct hg_config *c = hg_config_load("backup.yaml", &problems);
    struct hg_str text = {0};
    hg_problems_text(&problems, false, &text);
    ck_assert(hg_starts_with(hg_str_text(&text), "shown.yaml:1:1: "));
    hg_str_free(&text);
    hg_config_free(c);
    hg_problems_free(&problems);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        all_errors_are_reported_at_once,
        limits_have_defaults,
        limits_and_paths_are_as_given,
        a_file_that_cannot_be_read_is_reported_with_the_reason,
        the_file_is_named_as_the_caller_wants,
    };
    return SUITE_RUN("config", tests, folder_setup, folder_teardown);
}
