/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * object_lock: a store that can lock objects gets a lock for the time that retention surely
 * keeps a backup.  A backup that the store keeps longer than retention is not a failure.
 */
#include "world.h"

#define CONFIG(retention, sink)                                                                    \
    "sources: { db: { plugin: test-source, options: { objects: 2 } } }\n"                          \
    "sinks:\n  a: { plugin: test-sink, retention: { delete_grace: 0s, " retention " },\n"          \
    "       options: { path: ./a, locks: ./locks " sink " } }\n"                                   \
    "pipelines: { p: { sources: [db], sinks: [a] } }\n"

static enum hangar_status lock_prune(void)
{
    char *text = NULL;
    enum hangar_status status = hangar_prune(world_hangar, NULL, NULL, 0, &text);
    return world_take(status, text);
}

static void lock_make_backups(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
    }
}

/* Are there this many locks, set by this many calls of the store? */
static int lock_count_is(int files, int calls)
{
    return world_shell("test $(ls locks 2>/dev/null | wc -l) = %d && "
                       "test $(cat locks/* 2>/dev/null | wc -c) = %d",
                       files, calls) == 0;
}

START_TEST(a_backup_is_locked_for_as_long_as_it_surely_stays)
{
    world_config(CONFIG("keep_days: 7", ""));
    lock_make_backups(1);
    /* two objects, RESTORE.txt, SHA256SUMS, the manifest: not the files that are replaced */
    ck_assert(lock_count_is(5, 5));
    ck_assert_int_eq(world_shell("ls locks | grep 'run.json\\|origin'"), 1);
    ck_assert_int_eq(world_shell("test -z \"$(find locks -type f ! -newermt '6 days 23 hours')\""),
                     0);
    ck_assert_int_eq(world_shell("test -z \"$(find locks -type f -newermt '7 days 1 hour')\""), 0);
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("sinks.0.retained"), 0);
    ck_assert(lock_count_is(5, 5)); /* no lock is set twice */
    lock_make_backups(1);
    ck_assert(lock_count_is(10, 10));
}
END_TEST

START_TEST(a_lock_is_made_longer_and_never_shorter)
{
    world_config(CONFIG("keep_days: 7", ""));
    lock_make_backups(1);
    world_config(CONFIG("keep_days: 30", ""));
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("sinks.0.retained"), 1);
    ck_assert(lock_count_is(5, 10));
    world_config(CONFIG("keep_days: 2", ""));
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert(lock_count_is(5, 10));
    /* a lock whose record is lost is set again; the result is the same */
    world_shell("rm -r state/retained");
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("sinks.0.retained"), 1);
    ck_assert(lock_count_is(5, 10));
}
END_TEST

START_TEST(rules_that_depend_on_later_backups_lock_nothing)
{
    world_config(CONFIG("keep_last: 3, keep_daily: 7, min_keep: 2", ""));
    lock_make_backups(2);
    ck_assert(lock_count_is(0, 0));
    /* a store that cannot lock gets no call */
    world_config(
        "sources: { db: { plugin: test-source } }\n"
        "sinks: { a: { plugin: test-sink, retention: { keep_days: 7 }, options: { path: ./a "
        "} } }\npipelines: { p: { sources: [db], sinks: [a] } }\n");
    lock_make_backups(1);
    ck_assert_str_eq(world_log(), "");
}
END_TEST

START_TEST(a_locked_backup_is_not_a_failure_and_is_removed_after_its_lock_ends)
{
    world_config(CONFIG("keep_days: 7", ""));
    lock_make_backups(1);
    char old[64];
    snprintf(old, sizeof(old), "%s", world_id());
    lock_make_backups(1);
    world_config(CONFIG("keep_last: 1, min_keep: 1", ""));
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("sinks.0.locked"), 1);
    ck_assert_int_eq(world_int("sinks.0.kept"), 2);
    ck_assert_int_eq(world_int("sinks.0.removed"), 0);
    ck_assert_str_eq(world_text("sinks.0.backups.1.id"), old);
    ck_assert(json_is_true(world_at("sinks.0.backups.1.keep")));
    ck_assert_ptr_nonnull(strstr(world_text("sinks.0.backups.1.reason"), "kept by the store: "));
    ck_assert_ptr_nonnull(strstr(world_text("sinks.0.backups.1.reason"), "is locked until"));
    ck_assert_int_eq(world_shell("ls a | grep deleted"), 1);
    ck_assert_int_eq(world_verify(old, HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    lock_make_backups(1); /* nor does it fail a run */
    struct hangar_selection which = {.struct_size = sizeof(which), .id = old};
    ck_assert_int_eq(hangar_remove(world_hangar, &which, NULL), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("is locked until"));
    ck_assert_int_eq(world_shell("touch -d yesterday locks/*"), 0);
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("sinks.0.removed"), 2);
    ck_assert_int_eq(world_shell("ls a | grep '%s'", old), 1);
}
END_TEST

START_TEST(locked_objects_without_a_manifest_are_removed_later)
{
    world_config(CONFIG("keep_days: 7", ""));
    lock_make_backups(1);
    char old[64];
    snprintf(old, sizeof(old), "%s", world_id());
    lock_make_backups(1);
    ck_assert_int_eq(world_shell("rm locks/*manifest*"), 0);
    world_config(CONFIG("keep_last: 1, min_keep: 1", ""));
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_int("sinks.0.removed"), 1);
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sinks.0.leftovers.0.action"), "locked");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 1);
    ck_assert_int_eq(world_shell("touch -d yesterday locks/*"), 0);
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sinks.0.leftovers.0.action"), "removed");
    ck_assert_int_eq(world_shell("ls a | grep '%s'", old), 1);
}
END_TEST

/* Two sinks; b is new and can lock the objects that are copied into it. */
#define TWO(sinks, b)                                                                              \
    "sources: { db: { plugin: test-source, options: { objects: 2 } } }\n"                          \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"                                 \
    "  b: { plugin: test-sink, retention: { keep_days: 7 },\n"                                     \
    "       options: { path: ./b, locks: ./locks " b " } }\n"                                      \
    "pipelines: { p: { sources: [db], sinks: [" sinks "] } }\n"

static enum hangar_status lock_copy_missing(void)
{
    char *text = NULL;
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "missing", .sink = "a"};
    enum hangar_status status = hangar_copy(world_hangar, &which, "b", &text);
    return world_take(status, text);
}

START_TEST(a_copied_backup_is_locked)
{
    world_config("%s", TWO("a", ""));
    lock_make_backups(2);
    world_config("%s", TWO("a, b", ""));
    ck_assert_msg(lock_copy_missing() == HANGAR_STATUS_DONE, "%s", world_error());
    ck_assert(lock_count_is(10, 10));
    ck_assert_int_eq(lock_copy_missing(), HANGAR_STATUS_DONE);
    ck_assert(lock_count_is(10, 10)); /* no lock is set twice */
    ck_assert_str_eq(world_log(), "");
}
END_TEST

static int lock_write_file(void *arg, const void *data, size_t size)
{
    return fwrite(data, 1, size, arg) != size;
}

static long lock_read_file(void *arg, void *data, size_t size)
{
    return (long)fread(data, 1, size, arg);
}

START_TEST(an_imported_backup_is_locked)
{
    const struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    world_config("%s", TWO("a", ""));
    lock_make_backups(1);
    ck_assert_int_eq(hangar_export(world_hangar, &which, lock_write_file, file, NULL),
                     HANGAR_STATUS_DONE);
    rewind(file);
    world_config("%s", TWO("a, b", ""));
    ck_assert_msg(hangar_import(world_hangar, NULL, "b", lock_read_file, file, NULL) ==
                      HANGAR_STATUS_DONE,
                  "%s", world_error());
    fclose(file);
    ck_assert(lock_count_is(5, 5));
    ck_assert_str_eq(world_log(), "");
}
END_TEST

START_TEST(a_copy_that_cannot_be_locked_stays_and_a_warning_is_logged)
{
    world_config("%s", TWO("a", ""));
    lock_make_backups(1);
    world_config("%s", TWO("a, b", ", fail_at: retain"));
    ck_assert_msg(lock_copy_missing() == HANGAR_STATUS_DONE, "%s", world_error());
    ck_assert_ptr_nonnull(strstr(world_log(), "sink b: cannot retain: injected fault"));
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
}
END_TEST

START_TEST(a_lock_that_cannot_be_set_is_reported_and_fails_no_backup)
{
    world_config(CONFIG("keep_days: 7", ", fail_at: retain"));
    lock_make_backups(1);
    ck_assert_ptr_nonnull(strstr(world_log(), "sink a: cannot retain: injected fault"));
    ck_assert_int_eq(lock_prune(), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("sink a: cannot retain: injected fault"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_backup_is_locked_for_as_long_as_it_surely_stays,
        a_lock_is_made_longer_and_never_shorter,
        rules_that_depend_on_later_backups_lock_nothing,
        a_locked_backup_is_not_a_failure_and_is_removed_after_its_lock_ends,
        locked_objects_without_a_manifest_are_removed_later,
        a_copied_backup_is_locked,
        an_imported_backup_is_locked,
        a_copy_that_cannot_be_locked_stays_and_a_warning_is_logged,
        a_lock_that_cannot_be_set_is_reported_and_fails_no_backup,
    };
    return SUITE_RUN("inventory/object_lock", tests, world_setup, world_teardown);
}
