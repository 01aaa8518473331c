/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * fanout: a detached sink gets its copy in the same run, from a sink that has the backup.
 * Otherwise the run reports the failure.
 */
#include "world.h"

#include <pthread.h>

/* The objects of the source are larger than the memory limit. */
#define CONFIG(source, sink)                                                                       \
    "limits: { memory: 32MiB }\n"                                                                  \
    "sources: { db: { plugin: test-source, options: { journal: j, objects: 12, size: 4MiB" source  \
    " } } }\n"                                                                                     \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"                                 \
    "  b: { plugin: test-sink, max_lag: 0s, " sink " }\n"                                          \
    "transforms: { gzip: { plugin: compress-gzip } }\n"                                            \
    "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [a, b] } }\n"

static bool fanout_copies_are_equal(void)
{
    return world_shell("test $(ls a | wc -l) = $(ls b | wc -l) && for f in a/*; do "
                       "cmp -s $f b/${f#a/} || case $f in *origin.json) ;; *) exit 1;; esac; "
                       "done") == 0;
}

static void both_are_whole(void)
{
    ck_assert(fanout_copies_are_equal());
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2); /* each copy is verified */
}

START_TEST(a_detached_sink_gets_its_copy_in_the_same_run)
{
    static const char *const faults[] = {
        "block: true, only: data",                                       /* hangs */
        "fail_at: write, only: data, fail_nth: 4, fail_rc: 2",           /* fails once */
        "fail_at: commit, only: data, fail_nth: 7, fail_rc: 2",          /* later */
        "fail_at: commit, only: data, fail_nth: 12, fail_rc: 2",         /* at the last object */
        "fail_at: open, only: data, fail_nth: 2, fail_rc: 2, slow: 1ms", /* early */
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        world_shell("rm -rf a b j; touch once");
        world_config(CONFIG("", "options: { path: ./b, once: ./once, %s }"), faults[i]);
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s: %s", faults[i], world_error());
        ck_assert_int_eq(world_shell("test ! -e once"), 0);
        ck_assert_str_eq(world_text("sinks.1.status"), "done");
        ck_assert_ptr_null(world_at("sinks.1.error"));
        ck_assert(json_is_false(world_at("sinks.0.caught_up")));
        ck_assert(json_is_true(world_at("sinks.1.caught_up")));
        ck_assert_int_ge(world_int("sinks.1.lag_ms"), 0);
        ck_assert_uint_eq(world_lines("j", "^end$"), 1);
        both_are_whole();
        ck_assert_ptr_nonnull(
            strstr(world_log(), "the backup is copied to this sink after the other sinks have it"));
    }
}
END_TEST

START_TEST(objects_that_a_detached_sink_has_are_not_copied_again)
{
    world_shell("touch once");
    world_config(CONFIG(", jobs: 1", "options: { path: ./b, once: ./once, fail_at: commit, only: "
                                     "0007, fail_rc: 2 }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert(json_is_true(world_at("sinks.1.caught_up")));
    /* object 0 was stored before a had all objects, and was not replaced */
    ck_assert_int_eq(world_shell("test $(ls b/*0000.bin.gz) -ot $(ls a/*0011.bin.gz)"), 0);
    ck_assert_int_eq(world_shell("test ! $(ls b/*0007.bin.gz) -ot $(ls a/*manifest.json)"), 0);
    both_are_whole();
}
END_TEST

START_TEST(a_sink_that_cannot_catch_up_degrades_or_fails_the_run)
{
    for (int required = 0; required < 2; required++) {
        world_shell("rm -rf a b j state/history");
        world_config(
            CONFIG("",
                   "required: %s, options: { path: ./b, fail_at: open, only: data, fail_rc: 2 }"),
            required ? "true" : "false");
        ck_assert_int_eq(world_backup("p"),
                         required ? HANGAR_STATUS_FAILED : HANGAR_STATUS_DEGRADED);
        ck_assert_str_eq(world_text("sinks.0.status"), "done");
        ck_assert_str_eq(world_text("sinks.1.status"), "failed");
        ck_assert(json_is_false(world_at("sinks.1.caught_up")));
        ck_assert(world_error_has("sink b fell behind, and "));
        ck_assert(
            world_error_has("could not be copied into it: sink b: cannot open: injected fault"));
        ck_assert(json_is_string(world_at("id")));
        ck_assert_uint_eq(world_lines("state/history/p.jsonl", "\"id\": ?\"backup_"), 1);
        ck_assert(world_is_empty("b"));
        ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
        ck_assert_uint_eq(world_count("backups"), 1);
    }
}
END_TEST

START_TEST(a_damaged_copy_is_not_copied_further)
{
    world_shell("touch once");
    /* the sink a changes a byte and reports no error: only the hash differs */
    world_config("sources: { db: { plugin: test-source, options: { objects: 3 } } }\n"
                 "sinks:\n  a: { plugin: test-sink, options: { path: ./a, damage: 0001 } }\n"
                 "  b: { plugin: test-sink, required: false, options: { path: ./b, once: ./once, "
                 "fail_at: write, only: 0001, fail_rc: 2 } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a, b] } }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DEGRADED);
    ck_assert(world_error_has("stored bytes differ from those of the backup"));
    ck_assert(world_is_empty("b"));
}
END_TEST

START_TEST(the_copy_has_its_signature)
{
    folder_file("key", "0123456789abcdef0123456789abcdef", 32, 0600);
    world_shell("touch once");
    world_config("signing: { key_file: key }\n" CONFIG(
        "", "options: { path: ./b, once: ./once, fail_at: commit, only: data, fail_rc: 2 }"));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert(json_is_true(world_at("sinks.1.caught_up")));
    ck_assert_int_eq(world_shell("ls b | grep -q 'manifest.json.sig'"), 0);
    both_are_whole();
}
END_TEST

/* ---- interrupted ---- */

static void *fanout_thread(void *arg)
{
    *(enum hangar_status *)arg = world_backup("p");
    return NULL;
}

/* Cancels the run as soon as sink a has its manifest.  Sink b hangs in its own copy or while
 * it catches up. */
static enum hangar_status interrupt_when_a_is_done(void)
{
    enum hangar_status status = HANGAR_STATUS_DONE;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fanout_thread, &status), 0);
    for (int i = 0; i < 4000 && world_shell("ls a/*manifest.json >/dev/null 2>&1") != 0; i++) {
        usleep(5000);
    }
    hangar_cancel(world_hangar);
    pthread_join(thread, NULL);
    return status;
}

START_TEST(a_backup_in_one_sink_stays_when_the_run_is_interrupted)
{
    static const char *const where[] = {"only: manifest", "only: RESTORE", "only: data"};
    for (size_t i = 0; i < 3; i++) {
        for (int required = 0; required < 2; required++) {
            world_shell("rm -rf a b j state/history");
            world_config(CONFIG("", "required: %s, options: { path: ./b, block: true, %s }"),
                         required ? "true" : "false", where[i]);
            ck_assert_int_eq(interrupt_when_a_is_done(), HANGAR_STATUS_INTERRUPTED);
            ck_assert_str_eq(world_text("sinks.0.status"), "done");
            ck_assert_str_eq(world_text("sinks.1.status"), "failed");
            ck_assert_str_eq(world_text("id"), world_id());
            ck_assert_uint_eq(world_lines("state/history/p.jsonl", world_id()), 1);
            ck_assert(world_is_empty("b"));
            ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
            ck_assert_uint_eq(world_count("backups"), 1);
            ck_assert_uint_eq(world_count("backups.0.sinks"), 1);
        }
    }
}
END_TEST

START_TEST(a_sink_that_hangs_again_while_it_catches_up_fails)
{
    world_config("sources: { db: { plugin: test-source, options: { objects: 12, size: 4MiB } } }\n"
                 "limits: { memory: 32MiB, stall_timeout: 2s }\n"
                 "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"
                 "  b: { plugin: test-sink, required: false, max_lag: 0s, options: { path: ./b, "
                 "block: true, only: data } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a, b] } }\n");
    ck_assert_msg(world_backup("p") == HANGAR_STATUS_DEGRADED, "%s", world_error());
    ck_assert_msg(world_error_has("no progress for 2 s (copying from sink a to sink b)"), "%s",
                  world_error());
    ck_assert_str_eq(world_text("sinks.0.status"), "done");
    ck_assert(world_is_empty("b"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_detached_sink_gets_its_copy_in_the_same_run,
        objects_that_a_detached_sink_has_are_not_copied_again,
        a_sink_that_cannot_catch_up_degrades_or_fails_the_run,
        a_damaged_copy_is_not_copied_further,
        the_copy_has_its_signature,
        a_backup_in_one_sink_stays_when_the_run_is_interrupted,
        a_sink_that_hangs_again_while_it_catches_up_fails,
    };
    return SUITE_RUN("jobs/backup/fanout", tests, world_setup, world_teardown);
}
