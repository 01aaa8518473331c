/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * check: "ready" means that a backup succeeds, and a check changes nothing.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

#define WITH(sink, pipeline)                                                                       \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks: { a: { plugin: storage-local, " sink " } }\n"                                          \
    "pipelines: { p: { sources: [db], sinks: [a]" pipeline " } }\n"
#define PLAIN WITH("options: { path: ./a }", "")

/* The item of this kind and name of the last check. */
static const json_t *check_item(const char *kind, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach (json_object_get(world_doc, "items"), i, one) {
        if (strcmp(json_string_value(json_object_get(one, "kind")), kind) == 0 &&
            strcmp(json_string_value(json_object_get(one, "name")), name) == 0) {
            return one;
        }
    }
    ck_abort_msg("the check has no %s %s", kind, name);
}

/* The item has this status, and one of its messages or facts contains the text. */
static void assert_item(const char *kind, const char *name, const char *status, const char *text)
{
    const json_t *one = check_item(kind, name);
    char *all = json_dumps(one, 0);
    ck_assert_msg(strcmp(json_string_value(json_object_get(one, "status")), status) == 0 &&
                      strstr(all, text) != NULL,
                  "%s %s is not %s with \"%s\": %s", kind, name, status, text, all);
    free(all);
}

START_TEST(a_check_that_is_ready_makes_no_folder)
{
    world_config(PLAIN);
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    assert_item("sink", "a", "ok", "the first backup creates it");
    assert_item("pipeline", "p", "ok", "uncompressed");
    ck_assert_int_eq(access("a", F_OK), -1);
    ck_assert_int_eq(world_shell("test -z \"$(find . -path '*lock/p.lock')\""), 0);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("find a | sort >before"), 0);
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("find a | sort | cmp - before"), 0);
}
END_TEST

START_TEST(no_space_beside_min_free_is_not_ready)
{
    world_config(WITH("options: { path: ./a, min_free: 1000000TiB }", ""));
    ck_assert_int_ne(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_check(), HANGAR_STATUS_FAILED);
    assert_item("pipeline", "p", "failed", "min_free");
    ck_assert(world_error_has("min_free"));
}
END_TEST

START_TEST(a_sink_of_another_origin_is_not_ready)
{
    world_config("origin: one\n" PLAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_open("origin: two\n" PLAIN), HANGAR_STATUS_DONE);
    ck_assert_int_ne(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_ne(world_check(), HANGAR_STATUS_DONE);
    assert_item("pipeline", "p", "failed", "one");
}
END_TEST

START_TEST(an_optional_sink_that_would_fail_is_a_warning)
{
    world_config("sources: { db: { plugin: test-source } }\n"
                 "sinks: { a: { plugin: storage-local, options: { path: ./a } },\n"
                 "  b: { plugin: storage-local, required: false,\n"
                 "       options: { path: ./b, min_free: 1000000TiB } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a, b] } }\n");
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    assert_item("pipeline", "p", "warning", "sink b");
}
END_TEST

START_TEST(a_sink_that_refuses_the_first_file_of_a_run_is_not_ready)
{
    static const char config[] = "sources: { db: { plugin: test-source } }\n"
                                 "sinks: { a: { plugin: test-sink, options: { path: ./a%s } } }\n"
                                 "pipelines: { p: { sources: [db], sinks: [a] } }\n";
    world_config(config, "");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_config(config, ", fail_at: open, only: run.json");
    ck_assert_int_ne(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_ne(world_check(), HANGAR_STATUS_DONE);
    assert_item("sink", "a", "ok", "");
    assert_item("pipeline", "p", "failed", "injected fault");
}
END_TEST

START_TEST(a_hook_that_cannot_run_is_not_ready)
{
    world_config(WITH("options: { path: ./a }", ", hooks: { before_backup: [./none] }"));
    ck_assert_int_ne(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_ne(world_check(), HANGAR_STATUS_DONE);
    assert_item("pipeline", "p", "failed", "hook before_backup: cannot run");
    world_config(WITH("options: { path: ./a }", ", hooks: { after_restore: [no-such-program] }"));
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    assert_item("pipeline", "p", "warning", "hook after_restore: cannot run no-such-program");
    world_config(WITH("options: { path: ./a }", ", hooks: { before_backup: ['true'] }"));
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    assert_item("pipeline", "p", "ok", "uncompressed");
}
END_TEST

START_TEST(a_lock_that_is_not_a_file_is_not_ready)
{
    static const char *const others[] = {"mkdir lock/p.lock", "mkfifo lock/p.lock",
                                         "ln -s ../x lock/p.lock", "rmdir lock && touch lock"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        world_config(PLAIN);
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_shell("cd state && rm lock/p.lock && %s", others[i]), 0);
        ck_assert_int_eq(world_check(), HANGAR_STATUS_FAILED);
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
        ck_assert(world_error_has("cannot lock pipeline p"));
        world_shell("rm -rf state");
    }
}
END_TEST

START_TEST(state_that_cannot_be_written_is_a_warning)
{
    static const struct {
        const char *command, *file;
    } rows[] = {{"rm history/p.jsonl && mkdir history/p.jsonl", "history/p.jsonl"},
                {"rm -r history && touch history", "/history"},
                {"rm counters.json; mkdir counters.json", "counters.json"},
                {"rm -f alerts.lock && mkfifo alerts.lock", "alerts.lock"},
                {"rm -r sizes && touch sizes", "/sizes"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_config(PLAIN);
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_shell("cd state && %s", rows[i].command), 0);
        ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
        assert_item("config", json_string_value(json_object_get(world_doc, "config")), "warning",
                    rows[i].file);
        world_shell("rm -rf state");
    }
    /* what others keep there is theirs; a folder may be elsewhere */
    world_config(PLAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("cd state && mkdir .ssh lost+found && touch README && mv sizes "
                                 "../other && ln -s ../other sizes && mkfifo pipe"),
                     0);
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    assert_item("config", json_string_value(json_object_get(world_doc, "config")), "ok", "");
}
END_TEST

START_TEST(too_little_memory_for_the_sources_is_not_ready)
{
    world_config("limits: { memory: 32MiB }\n"
                 "sources: { db: { plugin: test-source, options: { jobs: 64 } } }\n"
                 "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    const enum hangar_status backup = world_backup("p");
    ck_assert_int_eq(world_check(), backup);
}
END_TEST

START_TEST(a_source_that_cannot_be_prepared_is_not_ready)
{
    world_config("sources: { db: { plugin: test-source, options: { fail_at: prepare } } }\n"
                 "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_ne(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_ne(world_check(), HANGAR_STATUS_DONE);
    assert_item("source", "db", "warning", "made up");
    assert_item("pipeline", "p", "failed", "prepare");
}
END_TEST

START_TEST(notifiers_are_checked_and_receive_nothing)
{
    world_config(PLAIN
                 "notifiers: { ops: { plugin: test-notifier, options: { file: ./notified } },\n"
                 "  shut: { plugin: test-notifier, options: { file: ./notified, "
                 "secret_file: ./none } } }\n");
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE); /* a backup works without them */
    assert_item("notifier", "ops", "ok", "test-notifier");
    assert_item("notifier", "shut", "warning", "none");
    ck_assert_int_eq(access("notified", F_OK), -1);
}
END_TEST

#define KEY "signing: { key_file: %s }\n"
#define BOTH                                                                                       \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"                                 \
    "  b: { plugin: test-sink, options: { path: ./b } }\n"                                         \
    "pipelines: { p: { sources: [db], sinks: [a, b] } }\n"

START_TEST(check_reports_an_unreadable_key_and_checks_all_else)
{
    static const char *const kinds[] = {"config", "signing", "source", "sink", "pipeline"};
    folder_file("key", "0123456789abcdef0123456789abcdef", 32, 0600);
    for (int readable = 1; readable >= 0; readable--) {
        world_config(KEY PLAIN, readable ? "key" : "missing");
        ck_assert_int_eq(world_check(), readable ? HANGAR_STATUS_DONE : HANGAR_STATUS_AUTH);
        ck_assert_uint_eq(world_count("items"), 5);
        for (size_t i = 0; i < 5; i++) {
            char path[40];
            snprintf(path, sizeof(path), "items.%zu.kind", i);
            ck_assert_str_eq(world_text(path), kinds[i]);
        }
        ck_assert_str_eq(world_text("items.1.status"), readable ? "ok" : "failed");
        ck_assert_str_eq(world_text("items.3.status"), "ok");
    }
    ck_assert_str_eq(world_text("items.1.messages.0"), world_error());
}
END_TEST

START_TEST(the_manifest_has_the_capabilities_that_a_check_found)
{
    world_config(BOTH);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_show("latest");
    ck_assert_str_eq(world_text("manifest.sinks.b.plugin"), "test-sink");
    ck_assert_str_eq(world_text("manifest.sinks.b.version"), "1.0.0");
    ck_assert_ptr_null(world_at("manifest.sinks.b.capabilities")); /* no check has run yet */
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_show("latest");
    ck_assert_str_eq(world_text("manifest.sinks.a.capabilities.create_only"), "yes");
    ck_assert_str_eq(world_text("manifest.sinks.b.capabilities.create_only"), "yes");
    world_fields(world_at("manifest.sinks.b"), "plugin:s version:s probed:s capabilities:o");
    ck_assert_ptr_null(world_at("manifest.sinks.b.target")); /* a target may be confidential */
    /* the capabilities of another store, or an unreadable record, are left out */
    world_shell("sed -i s/test-sink/other/ state/capabilities/a; echo x > state/capabilities/b");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_show("latest");
    ck_assert_ptr_null(world_at("manifest.sinks.a.capabilities"));
    ck_assert_ptr_null(world_at("manifest.sinks.b.capabilities"));
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(check_calls_each_source_and_sink)
{
    world_config(BOTH);
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s config:s items:a");
    for (size_t i = 0; i < world_count("items"); i++) {
        world_fields(json_array_get(world_at("items"), i),
                     "kind:s name:s status:s messages:a facts:o");
    }
    world_config("sources: { db: { plugin: test-source, options: { fail_at: check } } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a, fail_at: probe } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_eq(world_check(), HANGAR_STATUS_FAILED);
    char *text = json_dumps(world_doc, 0);
    ck_assert_ptr_nonnull(strstr(text, "source db: cannot check: injected fault"));
    ck_assert_ptr_nonnull(strstr(text, "sink a: cannot probe: injected fault"));
    ck_assert_ptr_nonnull(strstr(text, "the data is made up"));
    free(text);
}
END_TEST

START_TEST(check_reports_what_runs_the_schedules)
{
    world_config(WITH("options: { path: ./a }", ", schedule: '@daily'"));
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    bool found = false;
    for (size_t i = 0; i < world_count("items"); i++) {
        json_t *item = json_array_get(world_at("items"), i);
        if (strcmp(json_string_value(json_object_get(item, "kind")), "pipeline") != 0) {
            continue;
        }
        json_t *facts = json_object_get(item, "facts");
        found = true;
        ck_assert_str_eq(json_string_value(json_object_get(facts, "run_by")), "hangar daemon");
        const char *schedule = json_string_value(json_object_get(facts, "schedule"));
        ck_assert(strncmp(schedule, "@daily, next 2", 14) == 0);
        ck_assert_str_eq(json_string_value(json_object_get(item, "status")), "ok");
    }
    ck_assert(found);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_check_that_is_ready_makes_no_folder,
        no_space_beside_min_free_is_not_ready,
        a_sink_of_another_origin_is_not_ready,
        an_optional_sink_that_would_fail_is_a_warning,
        a_sink_that_refuses_the_first_file_of_a_run_is_not_ready,
        a_hook_that_cannot_run_is_not_ready,
        a_lock_that_is_not_a_file_is_not_ready,
        state_that_cannot_be_written_is_a_warning,
        too_little_memory_for_the_sources_is_not_ready,
        a_source_that_cannot_be_prepared_is_not_ready,
        notifiers_are_checked_and_receive_nothing,
        check_reports_an_unreadable_key_and_checks_all_else,
        the_manifest_has_the_capabilities_that_a_check_found,
        check_calls_each_source_and_sink,
        check_reports_what_runs_the_schedules,
    };
    return SUITE_RUN("jobs/backup/check", tests, world_setup, world_teardown);
}
