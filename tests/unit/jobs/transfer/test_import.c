/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * import: an exported backup is stored whole in a sink of its pipeline, or nothing is.
 */
#include "transfer_world.h"

#define CONFIG                                                                                     \
    "origin: me\n"                                                                                 \
    "sources: { db: { plugin: test-source, options: { objects: 3 } } }\n"                          \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"                                 \
    "  b: { plugin: test-sink, options: { path: ./b%s } }\n"                                       \
    "  c: { plugin: test-sink, options: { path: ./c } }\n"                                         \
    "pipelines: { p: { sources: [db], sinks: [a, b] }, q: { sources: [db], sinks: [c] } }\n"

static size_t position;

static long read_archive(void *arg, void *buffer, size_t size)
{
    (void)arg;
    size_t left = written.size - position;
    size_t n = left < size ? left : size;
    memcpy(buffer, written.data + position, n);
    position += n;
    return (long)n;
}

static void import_setup(void)
{
    world_setup();
    world_config(CONFIG, "");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(transfer_export("latest", "a"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("rm -rf b c"), 0);
}

static enum hangar_status import_into(const char *sink)
{
    char *text = NULL;
    position = 0;
    enum hangar_status status = hangar_import(world_hangar, NULL, sink, read_archive, NULL, &text);
    return world_take(status, text);
}

START_TEST(an_exported_backup_is_imported_whole)
{
    ck_assert_msg(import_into("b") == HANGAR_STATUS_DONE, "%s", world_error());
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_str_eq(world_text("id"), world_id());
    ck_assert_int_eq(world_int("objects"), 3);
    ck_assert_int_eq(world_int("bytes"), (int64_t)written.size);
    ck_assert_int_eq(world_shell("for f in a/*; do case $f in *run.json|*origin.json) ;; "
                                 "*) cmp -s $f b/${f#a/} || exit 1;; esac; done"),
                     0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
}
END_TEST

START_TEST(a_backup_that_is_there_already_is_not_replaced)
{
    /* ends as a copy of it does */
    ck_assert_int_eq(world_shell("touch -d 2001-01-01 a/*"), 0);
    ck_assert_int_eq(import_into("a"), HANGAR_STATUS_DONE);
    ck_assert(json_is_false(world_at("imported")));
    ck_assert_str_eq(world_text("sink"), "a");
    ck_assert_int_eq(world_shell("test -z \"$(find a -newermt 2002-01-01 -type f)\""), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_sink_of_another_pipeline_is_refused_and_not_reported_as_the_target)
{
    ck_assert_int_eq(import_into("c"), HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("sink c does not belong to pipeline p"));
    ck_assert(json_is_null(world_at("sink")));
    ck_assert_int_eq(world_shell("test ! -e c"), 0);
}
END_TEST

START_TEST(a_sink_in_which_an_import_fails_is_left_empty)
{
    world_config(CONFIG, ", fail_at: commit, only: data, fail_nth: 2");
    ck_assert_int_eq(import_into("b"), HANGAR_STATUS_FAILED);
    ck_assert(world_is_empty("b"));
}
END_TEST

START_TEST(a_truncated_archive_leaves_nothing)
{
    written.size -= 200;
    ck_assert_int_eq(import_into("b"), HANGAR_STATUS_CORRUPT);
    ck_assert(world_error_has("the archive is damaged: "));
    ck_assert(world_is_empty("b"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_exported_backup_is_imported_whole,
        a_backup_that_is_there_already_is_not_replaced,
        a_sink_of_another_pipeline_is_refused_and_not_reported_as_the_target,
        a_sink_in_which_an_import_fails_is_left_empty,
        a_truncated_archive_leaves_nothing,
    };
    return SUITE_RUN("jobs/transfer/import", tests, import_setup, transfer_teardown);
}
