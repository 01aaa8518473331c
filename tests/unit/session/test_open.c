/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * open: a handle reports the problems of its configuration, and jobs on a handle without a
 * valid configuration fail.
 */
#include "world.h"

#define GOOD                                                                                       \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"                            \
    "pipelines: { p: { sources: [db], sinks: [a] }, q: { sources: [db], sinks: [a] } }\n"

START_TEST(pipelines_are_named_in_the_order_of_the_file)
{
    world_config(GOOD);
    const char *const *names = hangar_pipelines(world_hangar);
    ck_assert_str_eq(names[0], "p");
    ck_assert_str_eq(names[1], "q");
    ck_assert_ptr_null(names[2]);
    ck_assert_str_ne(hangar_version(), "");
    ck_assert_ptr_nonnull(strstr(hangar_sample_config(), "pipelines:"));
}
END_TEST

START_TEST(all_problems_are_reported_at_once)
{
    ck_assert_int_eq(world_open("sources: { db: { plugin: test-sorce }, x: { plugin: "
                                "compress-gzip } }\n"
                                "sinks: { a: { plugin: storage-local } }\n"
                                "pipelines: { p: { sources: [db, x], sinks: [a] } }\n"),
                     HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("backup.yaml:3:"));
    ck_assert(world_error_has("did you mean test-source?"));
    ck_assert(
        world_error_has("plugin compress-gzip is not a source; hint: it is a transform, to be used "
                        "under \"transforms\""));
    ck_assert(world_error_has("path"));
}
END_TEST

static int never_written(void *arg, const void *data, size_t size)
{
    (void)arg, (void)data, (void)size;
    ck_abort_msg("something was written");
}

static long never_read(void *arg, void *data, size_t size)
{
    (void)arg, (void)data, (void)size;
    ck_abort_msg("something was read");
}

static void check_all_jobs_fail(enum hangar_status expected)
{
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    struct hangar_restore_request request = {.struct_size = sizeof(request), .backup = which};
    const enum hangar_status got[] = {
        hangar_check(world_hangar, NULL),
        hangar_backup(world_hangar, "p", NULL),
        hangar_list(world_hangar, NULL, NULL, NULL),
        hangar_show(world_hangar, &which, NULL),
        hangar_overview(world_hangar, NULL),
        hangar_restore(world_hangar, &request, NULL),
        hangar_verify(world_hangar, &which, HANGAR_VERIFY_QUICK, NULL),
        hangar_watch(world_hangar, NULL),
        hangar_health(world_hangar, NULL, NULL),
        hangar_plan(world_hangar, NULL),
        hangar_prune(world_hangar, NULL, NULL, 0, NULL),
        hangar_hold(world_hangar, &which, 1, NULL),
        hangar_remove(world_hangar, &which, NULL),
        hangar_copy(world_hangar, &which, "a", NULL),
        hangar_repair(world_hangar, &which, 0, NULL),
        hangar_cat(world_hangar, &which, "x", never_written, NULL),
        hangar_export(world_hangar, &which, never_written, NULL, NULL),
        hangar_import(world_hangar, NULL, NULL, never_read, NULL, NULL),
        hangar_alerts(world_hangar, 0, NULL),
        hangar_report_crash(world_hangar, "backup", "p", "why", NULL),
        hangar_notify(world_hangar, NULL, NULL)};
    for (size_t i = 0; i < sizeof(got) / sizeof(got[0]); i++) {
        ck_assert_msg(got[i] == expected, "call %zu: %d", i, (int)got[i]);
    }
    ck_assert_str_eq(hangar_error(world_hangar), "no configuration is open");
}

START_TEST(calls_without_a_configuration_fail)
{
    world_open("sources: { db: { plugin: none } }\nsinks: { a: { plugin: none } }\n"
               "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    check_all_jobs_fail(HANGAR_STATUS_USAGE);
    hangar_close(world_hangar);
    struct hangar_settings settings = {
        .struct_size = sizeof(settings), .config_file = "", .plugin_dir = REAL_PLUGIN_DIR};
    ck_assert_int_eq(hangar_open(&settings, &world_hangar), HANGAR_STATUS_DONE);
    check_all_jobs_fail(HANGAR_STATUS_USAGE);
    hangar_cancel(world_hangar);
    hangar_close(NULL);
}
END_TEST

START_TEST(plugins_are_listed_with_options_or_an_error)
{
    char *text = NULL;
    world_config(GOOD);
    ck_assert_int_eq(hangar_plugins(world_hangar, NULL, &text), HANGAR_STATUS_DONE);
    world_doc = json_loads(text, 0, NULL);
    hangar_free(text);
    ck_assert_uint_ge(world_count("plugins"), 5);
    for (size_t i = 0; i < world_count("plugins"); i++) {
        world_fields(json_array_get(world_at("plugins"), i),
                     "name:s version:s summary:s license:s roles:a file:s abi:s options:a");
    }
    ck_assert_int_eq(hangar_plugins(world_hangar, "compress-gzip", &text), HANGAR_STATUS_DONE);
    json_decref(world_doc);
    world_doc = json_loads(text, 0, NULL);
    hangar_free(text);
    ck_assert_uint_eq(world_count("plugins"), 1);
    world_fields(world_at("plugins.0.options.0"), "name:s type:s default:sn required:b secret:b "
                                                  "help:s");
    ck_assert_int_eq(hangar_plugins(world_hangar, "compress-gzp", NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert(world_error_has("did you mean compress-gzip?"));
    /* a broken plugin is listed with the error */
    ck_assert_int_eq(mkdir("broken", 0755), 0);
    folder_file("broken/hangar-broken.so", "text", 4, 0644);
    struct hangar_settings settings = {
        .struct_size = sizeof(settings), .config_file = "", .plugin_dir = "broken"};
    hangar_close(world_hangar);
    ck_assert_int_eq(hangar_open(&settings, &world_hangar), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hangar_plugins(world_hangar, NULL, &text), HANGAR_STATUS_DONE);
    json_decref(world_doc);
    world_doc = json_loads(text, 0, NULL);
    hangar_free(text);
    world_fields(world_at("plugins.0"), "name:s version:n error:s file:s roles:a options:a");
    ck_assert_int_eq(hangar_plugins(world_hangar, "broken", NULL), HANGAR_STATUS_USAGE);
}
END_TEST

START_TEST(a_state_folder_that_cannot_be_written_is_reported)
{
    world_shell("rm -rf state && touch state");
    world_config(GOOD);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("hint: set STATE_DIRECTORY to a folder that you can write to"));
    ck_assert(world_is_empty("a"));
    ck_assert_int_eq(world_check(), HANGAR_STATUS_FAILED);
}
END_TEST

START_TEST(a_signing_key_that_other_users_can_read_causes_a_warning)
{
    const char *const hint = "other users can read the key in this file; hint: chmod 600 "
                             "backup.yaml, or use key_file";
    struct hangar_settings settings = {.struct_size = sizeof(settings),
                                       .config_file = "backup.yaml",
                                       .plugin_dir = REAL_PLUGIN_DIR,
                                       .state_dir = "state"};
    world_config(GOOD "signing: { key: 0123456789abcdef0123456789abcdef }\n");
    for (int mode = 0600; mode <= 0644; mode += 044) {
        hangar_close(world_hangar);
        ck_assert_int_eq(chmod("backup.yaml", (mode_t)mode), 0);
        ck_assert_int_eq(hangar_open(&settings, &world_hangar), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
        char *text = json_dumps(world_doc, 0);
        ck_assert_int_eq(strstr(text, hint) != NULL, mode == 0644);
        ck_assert_ptr_null(strstr(text, "0123456789abcdef"));
        free(text);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        pipelines_are_named_in_the_order_of_the_file,
        all_problems_are_reported_at_once,
        calls_without_a_configuration_fail,
        plugins_are_listed_with_options_or_an_error,
        a_state_folder_that_cannot_be_written_is_reported,
        a_signing_key_that_other_users_can_read_causes_a_warning,
    };
    return SUITE_RUN("session/open", tests, world_setup, world_teardown);
}
