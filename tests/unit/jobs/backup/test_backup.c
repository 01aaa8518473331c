/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * backup: a run stores a whole backup or nothing in each sink, and reports the result.
 */
#include "world.h"

#include <pthread.h>
#include <sys/resource.h>

/* A source with these options, and two sinks in ./a and ./b. */
#define SOURCE(options)                                                                            \
    "sources: { db: { plugin: test-source, options: { journal: j" options " } } }\n"
#define SINKS(a, b)                                                                                \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a" a " } }\n"                            \
    "  b: { plugin: test-sink, " b " }\n"
#define GOOD_B "options: { path: ./b }"
#define PIPE "pipelines: { p: { sources: [db], sinks: [a, b] } }\n"
#define CHAIN                                                                                      \
    "transforms: { gzip: { plugin: compress-gzip }, not: { plugin: test-transform } }\n"           \
    "pipelines: { p: { sources: [db], transforms: [gzip, not], sinks: [a, b] } }\n"

static void backup_assert_is_whole(const char *sink)
{
    ck_assert_int_eq(world_shell("test $(ls %s | grep -c manifest.json) = 1", sink), 0);
}

START_TEST(each_sink_gets_the_whole_backup)
{
    world_config(SOURCE("") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s pipeline:s run:s id:s started:s duration_ms:i "
                            "objects:i plain_bytes:i stored_bytes:i skew_ms:i sources:a sinks:a");
    world_fields(world_at("sources.0"), "name:s plugin:s target:s point:o objects:i plain_bytes:i "
                                        "facts:o");
    world_fields(world_at("sources.0.point"), "time:s place:s");
    world_fields(world_at("sinks.1"), "name:s plugin:s target:s required:b status:s");
    ck_assert_str_eq(world_text("schema"), "hangar.backup/1");
    ck_assert_str_eq(world_text("sources.0.target"), "made-up data");
    ck_assert_int_eq(world_int("objects"), 3);
    ck_assert_int_eq(world_int("plain_bytes"), 3 * 102400);
    ck_assert_ptr_null(world_at("error"));
    ck_assert_int_eq(world_shell("for f in a/*; do cmp -s $f b/${f#a/} || "
                                 "case $f in *origin.json) ;; *) exit 1;; esac; done"),
                     0);
    /* the transforms were applied in their order */
    ck_assert_int_eq(world_shell("ls a | grep -q 'db%%data%%0002.bin.gz.not$'"), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    /* stock tools can check the files */
    ck_assert_int_eq(world_shell("cd a && tr %% / < /dev/null; awk '{print $2}' *SHA256SUMS | "
                                 "grep -c . | grep -qx 4"),
                     0);
}
END_TEST

START_TEST(without_transforms_the_bytes_of_the_source_are_stored)
{
    world_config(SOURCE(", objects: 2, size: 1") SINKS(
        "", GOOD_B) "pipelines: { p: { sources: [db], transforms: [], sinks: [a] } }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("test $(cat a/*0001.bin | od -An -tu1) = 1"), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(empty_sources_and_empty_objects_make_a_backup)
{
    world_config(SOURCE(", objects: 0") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("objects"), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    world_config(SOURCE(", size: 0") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("plain_bytes"), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_DONE);
}
END_TEST

/* Wherever a sink fails, it keeps nothing, and the other sink has the whole backup. */
START_TEST(a_failed_sink_leaves_the_run_and_the_other_sink_has_the_whole_backup)
{
    static const char *const faults[] = {
        "fail_at: create",
        "fail_at: open",
        "fail_at: open, only: data",
        "fail_at: open, only: data, fail_nth: 3",
        "fail_at: write, only: data",
        "fail_at: write, only: data, fail_nth: 2, fail_rc: 7",
        "fail_at: commit, only: data",
        "fail_at: commit, only: data, fail_nth: 3",
        "fail_at: commit, only: manifest",
        "fail_at: write, only: RESTORE",
        "fail_at: write, only: run.json",
        "fail_at: open, only: data, fail_rc: 1",
        "fail_at: open, only: data, fail_rc: 99",
        "lose: 1, only: data",
        "lose: 1, only: manifest",
        "lose: 1, only: run.json",
        "lose: 1, only: origin",
        "lose: 1",
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        for (int required = 0; required < 2; required++) {
            world_shell("rm -rf a b");
            world_config(SOURCE("") SINKS("", "required: %s, options: { path: ./b, %s }") CHAIN,
                         required ? "true" : "false", faults[i]);
            enum hangar_status status = world_backup("p");
            ck_assert_msg(status == (required ? HANGAR_STATUS_FAILED : HANGAR_STATUS_DEGRADED),
                          "%s: %d %s", faults[i], (int)status, world_error());
            ck_assert_str_eq(world_text("sinks.0.status"), "done");
            ck_assert_str_eq(world_text("sinks.1.status"), "failed");
            ck_assert_str_ne(world_text("sinks.1.error"), "");
            ck_assert_msg(world_error_has("sink b: "), "%s: %s", faults[i], world_error());
            backup_assert_is_whole("a");
            ck_assert_msg(world_is_empty("b"), "%s leaves something", faults[i]);
            ck_assert_int_eq(world_shell("ls b 2>/dev/null | grep '#'"), 1);
            world_list(); /* the sink b may fail to be listed, too */
            ck_assert_uint_eq(world_count("backups.0.sinks"), 1);
        }
    }
}
END_TEST

START_TEST(a_run_that_loses_all_sinks_fails_even_if_all_are_optional)
{
    world_config(
        SOURCE("") "sinks:\n  a: { plugin: test-sink, required: false, options: { path: ./a, "
                   "fail_at: write, only: data } }\n"
                   "  b: { plugin: test-sink, required: false, options: { path: ./b, fail_at: "
                   "commit, only: data } }\n" PIPE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert(json_is_null(world_at("id")));
    ck_assert(world_is_empty("a") && world_is_empty("b"));
    ck_assert_uint_eq(world_lines("j", "^end"), 1); /* with or without success */
}
END_TEST

START_TEST(a_failed_source_leaves_nothing)
{
    static const char *const faults[] = {
        "fail_at: create",
        "fail_at: prepare",
        "fail_at: begin",
        "fail_at: next",
        "fail_at: next, fail_nth: 3",
        "fail_at: read",
        "fail_at: read, fail_nth: 5",
        "fail_at: close",
        "fail_at: close, fail_nth: 3",
        "fail_at: end",
        "fail_at: begin, fail_rc: 1",
        "fail_at: read, fail_rc: 1",
        "fail_at: end, fail_rc: 5",
        "fail_at: prepare, fail_rc: 77",
        "phase: 1001",
        "time: -5",
        "name: x, objects: 2",
        "name: ../x",
        "name: /etc/passwd",
        "name: a b",
        "name: x//y",
        "name: \"\"",
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        world_shell("rm -rf a b j");
        world_config(SOURCE(", %s") SINKS("", GOOD_B) CHAIN, faults[i]);
        enum hangar_status status = world_backup("p");
        ck_assert_msg(status == HANGAR_STATUS_FAILED, "%s: %d", faults[i], (int)status);
        ck_assert_str_ne(world_error(), "");
        ck_assert(json_is_null(world_at("id")));
        ck_assert_msg(world_is_empty("a") && world_is_empty("b"), "%s leaves something", faults[i]);
        ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
        ck_assert_uint_eq(world_count("backups"), 0);
        /* each prepare has one end, and each open has one close */
        size_t opened = world_lines("j", "^next"), closed = world_lines("j", "^(close|abandon)");
        ck_assert_msg(strstr(faults[i], "next") || opened == closed, "%s: %zu opened, %zu closed",
                      faults[i], opened, closed);
        ck_assert_msg(world_lines("j", "^prepare$") == world_lines("j", "^end"), "%s: no end",
                      faults[i]);
    }
}
END_TEST

START_TEST(the_error_names_what_failed)
{
    world_config(SOURCE(", fail_at: read") SINKS("", GOOD_B) CHAIN);
    world_backup("p");
    ck_assert_str_eq(world_error(), "source db: cannot read: injected fault");
    world_config(SOURCE(", name: x, objects: 2") SINKS("", GOOD_B) CHAIN);
    world_backup("p");
    ck_assert_str_eq(world_error(), "source db: two objects have the name x");
    world_config(SOURCE(", name: ../x") SINKS("", GOOD_B) CHAIN);
    world_backup("p");
    ck_assert_str_eq(world_error(), "source db: invalid object name \"../x\"");
    world_config(SOURCE(", phase: 1001") SINKS("", GOOD_B) CHAIN);
    world_backup("p");
    ck_assert(world_error_has("impossible number \"phase\""));
    world_config(SOURCE(", fail_at: prepare, fail_rc: 4") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_AUTH);
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_str_eq(world_error(), "there is no pipeline q in backup.yaml");
}
END_TEST

START_TEST(a_temporary_failure_is_tried_three_times)
{
    world_config(SOURCE(", fail_at: prepare, fail_rc: 2") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_uint_eq(world_lines("j", "^prepare$"), 3);
    ck_assert_uint_eq(world_lines("j", "^end-failed$"), 3);
    ck_assert(world_is_empty("a") && world_is_empty("b"));
    ck_assert_uint_eq(world_lines("state/history/p.jsonl", "\"failed\""), 1); /* one run */
}
END_TEST

START_TEST(an_object_that_can_be_rewound_is_read_again)
{
    world_config(SOURCE(", fail_at: read, fail_nth: 3, fail_times: 1, fail_rc: 2, size: 5MiB")
                     SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("j", "^rewind"), 1);
    ck_assert_uint_eq(world_lines("j", "^prepare$"), 1);
    ck_assert_int_eq(world_int("plain_bytes"), 3 * 5 << 20);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_DONE);
    world_shell("rm -rf a b j");
    world_config(SOURCE(", fail_at: read, fail_rc: 2, objects: 1") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_uint_eq(world_lines("j", "^rewind"), 9); /* the limit: three in each of three tries */
    ck_assert(world_is_empty("a") && world_is_empty("b"));
}
END_TEST

/* ---- interrupted and concurrent runs ---- */

static void *backup_backup_thread(void *arg)
{
    char *text = NULL;
    *(enum hangar_status *)arg = hangar_backup(world_hangar, "p", &text);
    hangar_free(text);
    return NULL;
}

static pthread_t begin_backup(enum hangar_status *status, const char *until)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, backup_backup_thread, status), 0);
    for (int i = 0; i < 2000 && world_lines("j", until) == 0; i++) {
        usleep(5000);
    }
    ck_assert_uint_gt(world_lines("j", until), 0);
    return thread;
}

START_TEST(an_interrupted_run_leaves_nothing)
{
    static const char *const where[] = {", size: 20MiB", ", hold: j"};
    for (int i = 0; i < 2; i++) {
        enum hangar_status status = HANGAR_STATUS_DONE;
        world_shell("rm -rf a b j");
        /* blocked in a write of a sink, and in a read of the source */
        world_config(SOURCE("%s") SINKS("%s", GOOD_B) CHAIN, where[i],
                     i == 0 ? ", block: true, only: data" : "");
        pthread_t thread = begin_backup(&status, "^read$");
        hangar_cancel(world_hangar);
        pthread_join(thread, NULL);
        ck_assert_int_eq(status, HANGAR_STATUS_INTERRUPTED);
        ck_assert_str_eq(world_error(), "interrupted; nothing is left over");
        ck_assert(world_is_empty("a") && world_is_empty("b"));
        ck_assert_uint_eq(world_lines("state/history/p.jsonl", "\"interrupted\""), (size_t)i + 1);
        ck_assert_uint_eq(world_lines("j", "^next"), world_lines("j", "^(close|abandon)"));
        /* the next run works */
        world_config(SOURCE("") SINKS("", GOOD_B) CHAIN);
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    }
}
END_TEST

START_TEST(a_second_run_of_a_pipeline_is_refused_during_the_first)
{
    enum hangar_status status = HANGAR_STATUS_FAILED;
    folder_file("held", "", 0, 0600);
    world_config(SOURCE(", hold: held") SINKS("", GOOD_B) CHAIN);
    pthread_t thread = begin_backup(&status, "^read$");
    struct hangar_settings settings = {.struct_size = sizeof(settings),
                                       .config_file = "backup.yaml",
                                       .plugin_dir = REAL_PLUGIN_DIR,
                                       .state_dir = "state"};
    struct hangar *second = NULL;
    ck_assert_int_eq(hangar_open(&settings, &second), HANGAR_STATUS_DONE);
    ck_assert_int_eq(hangar_backup(second, "p", NULL), HANGAR_STATUS_BUSY);
    const char *refused = hangar_error(second);
    ck_assert_ptr_eq(strstr(refused, "another job of pipeline p is running (backup since 2"),
                     refused);
    ck_assert_ptr_nonnull(strstr(refused, "Z); hint: wait until it ends, which also releases the "
                                          "lock"));
    char *text = NULL;
    ck_assert_int_eq(hangar_list(second, NULL, NULL, &text), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(text, "\"backups\": []")); /* not visible before it is whole */
    hangar_free(text);
    ck_assert_int_eq(unlink("held"), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(status, HANGAR_STATUS_DONE);
    ck_assert_int_eq(hangar_backup(second, "p", NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("state/history/p.jsonl", "\"done\""), 2);
    ck_assert_uint_eq(world_lines("state/history/p.jsonl", "\"busy\""), 0);
    hangar_close(second);
}
END_TEST

START_TEST(a_place_of_another_origin_is_refused_by_a_run)
{
    world_config("origin: one\n" SOURCE("") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_config("origin: two\n" SOURCE("") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("folder p belongs to origin \"one\" (this is \"two\")"));
    backup_assert_is_whole("a");
}
END_TEST

START_TEST(the_recovery_points_and_the_skew_are_reported)
{
    world_config("sources:\n  db: { plugin: test-source, options: { time: 1768442400000 } }\n"
                 "  cache: { plugin: test-source, options: { time: 1768442401500 } }\n" SINKS(
                     "", GOOD_B) "pipelines: { p: { sources: [db, cache], sinks: [a] } }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("skew_ms"), 1500);
    ck_assert_str_eq(world_text("sources.1.point.time"), "2026-01-15T02:00:01.500Z");
    ck_assert_int_eq(world_int("objects"), 6);
}
END_TEST

START_TEST(secrets_are_in_no_file_and_no_document)
{
    world_config(SOURCE(", password: c4n4ry") SINKS("", GOOD_B) CHAIN);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    char *text = json_dumps(world_doc, 0);
    ck_assert_ptr_null(strstr(text, "c4n4ry"));
    ck_assert_ptr_nonnull(strstr(text, "\"password\": \"***\""));
    free(text);
    ck_assert_int_eq(world_shell("grep -rl c4n4ry a b state j"), 1);
}
END_TEST

START_TEST(a_backup_has_the_configured_priority_and_its_caller_keeps_its_own)
{
    int before = getpriority(PRIO_PROCESS, 0);
    world_config("limits: { nice: 15, ionice: idle }\n" SOURCE(", priority: ./priority")
                     SINKS("", GOOD_B) PIPE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("priority", "^15 3$"), 1);
    ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), before);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_rate_limit_slows_source_and_sink_and_nothing_else)
{
    world_config("sources: { db: { plugin: test-source, rate_limit: 4MiB, options: { objects: 2, "
                 "size: 1MiB } } }\n" SINKS("", "rate_limit: 4MiB, " GOOD_B) PIPE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_ge(world_int("duration_ms"), 350); /* 2 MiB, the first 0.4 MiB without a wait */
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
}
END_TEST

/* ---- how often a run opens a sink ---- */

#define OPENS(limits, hooks)                                                                       \
    limits "sources: { db: { plugin: test-source } }\n"                                            \
           "sinks:\n  a: { plugin: test-sink, retention: { keep_last: 1, min_keep: 1,\n"           \
           "       delete_grace: 0s }, options: { path: ./a, opens: ./a.opens } }\n"               \
           "  b: { plugin: test-sink, required: false, retention: { keep_last: 1 },\n"             \
           "       options: { path: ./b, opens: ./b.opens, %s } }\n"                               \
           "notifiers: { ops: { plugin: test-notifier, options: { file: ./sent } } }\n"            \
           "pipelines: { p: { sources: [db], sinks: [a, b]" hooks " } }\n"

START_TEST(a_run_with_retention_and_alerts_opens_each_sink_once)
{
    world_config(OPENS("", ""), "lose: 0");
    for (size_t i = 1; i <= 3; i++) {
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
        ck_assert_uint_eq(world_lines("a.opens", ""), i);
        ck_assert_uint_eq(world_lines("b.opens", ""), i);
    }
    backup_assert_is_whole("a"); /* retention removed the others */
    ck_assert_str_eq(world_log(), "");
}
END_TEST

START_TEST(a_failed_sink_is_opened_again_to_be_cleared_and_read)
{
    world_config(OPENS("", ""), "fail_at: write, only: data");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DEGRADED);
    ck_assert_uint_eq(world_lines("a.opens", ""), 1);
    ck_assert_uint_eq(world_lines("b.opens", ""), 3);
    ck_assert(world_is_empty("b"));
}
END_TEST

START_TEST(a_hook_that_takes_long_does_not_stall_the_open_sinks)
{
    world_config(
        OPENS("limits: { stall_timeout: 1s }\n", ", hooks: { after_backup: [sleep, '3'] }"),
        "lose: 0");
    for (size_t i = 1; i <= 2; i++) {
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
        ck_assert_uint_eq(world_lines("a.opens", ""), i);
    }
    backup_assert_is_whole("a");
    ck_assert_str_eq(world_log(), "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_sink_gets_the_whole_backup,
        without_transforms_the_bytes_of_the_source_are_stored,
        empty_sources_and_empty_objects_make_a_backup,
        a_failed_sink_leaves_the_run_and_the_other_sink_has_the_whole_backup,
        a_run_that_loses_all_sinks_fails_even_if_all_are_optional,
        a_failed_source_leaves_nothing,
        the_error_names_what_failed,
        a_temporary_failure_is_tried_three_times,
        an_object_that_can_be_rewound_is_read_again,
        an_interrupted_run_leaves_nothing,
        a_second_run_of_a_pipeline_is_refused_during_the_first,
        a_place_of_another_origin_is_refused_by_a_run,
        the_recovery_points_and_the_skew_are_reported,
        secrets_are_in_no_file_and_no_document,
        a_backup_has_the_configured_priority_and_its_caller_keeps_its_own,
        a_rate_limit_slows_source_and_sink_and_nothing_else,
        a_run_with_retention_and_alerts_opens_each_sink_once,
        a_failed_sink_is_opened_again_to_be_cleared_and_read,
        a_hook_that_takes_long_does_not_stall_the_open_sinks,
    };
    return SUITE_RUN("jobs/backup/backup", tests, world_setup, world_teardown);
}
