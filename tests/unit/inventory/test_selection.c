/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * selection: which backup is selected, and how many manifests are read for that.  The sinks a
 * and b write the name of each object that is read to ./ra and ./rb.
 */
#include <stddef.h>

#include "world.h"

#define CONFIG(a, b)                                                                               \
    "sources: { db: { plugin: test-source, options: { objects: 2 } } }\n"                          \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a, reads: ./ra" a " } }\n"               \
    "  b: { plugin: test-sink, options: { path: ./b, reads: ./rb" b " } }\n"                       \
    "pipelines: { p: { sources: [db], sinks: [a, b] } }\n"

static const char *const only[] = {"db", NULL};

/* Selects a backup and reads nothing else of it: a dry run reads no objects. */
static enum hangar_status select_backup(const char *id)
{
    world_shell("rm -f ra rb");
    return world_restore(id, HANGAR_REQUEST_DRY_RUN, only, NULL);
}

static void make_backups(size_t count)
{
    world_config(CONFIG("", ""));
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
    }
}

/* The number of manifests that were read from a sink. */
static size_t selection_manifest_reads(const char *list)
{
    return world_lines(list, "/manifest.json$");
}

START_TEST(latest_reads_one_manifest_of_the_sink_that_has_it)
{
    make_backups(3);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), world_id());
    ck_assert_str_eq(world_text("sink"), "a");
    ck_assert_uint_eq(selection_manifest_reads("ra"), 1);
    ck_assert_uint_eq(selection_manifest_reads("rb"), 0);
}
END_TEST

START_TEST(latest_reads_one_manifest_of_each_sink_when_the_last_is_the_newest)
{
    make_backups(2);
    ck_assert_int_eq(world_shell("rm a/p%%%s%%*", world_id()), 0);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), world_id());
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_uint_eq(selection_manifest_reads("ra"), 1);
    ck_assert_uint_eq(selection_manifest_reads("rb"), 1);
}
END_TEST

START_TEST(an_id_reads_one_manifest)
{
    make_backups(2);
    ck_assert_int_eq(select_backup(world_id()), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "a");
    ck_assert_uint_eq(selection_manifest_reads("ra"), 1);
    ck_assert_uint_eq(selection_manifest_reads("rb"), 0);
}
END_TEST

START_TEST(a_damaged_copy_is_read_once_and_then_the_other)
{
    make_backups(1);
    char older[64];
    snprintf(older, sizeof(older), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("sed -i s/db/dc/ a/p%%%s%%manifest.json", world_id()), 0);
    static const char *const ids[] = {"latest", NULL};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(select_backup(ids[i] ? ids[i] : world_id()), HANGAR_STATUS_DONE);
        ck_assert_str_eq(world_text("id"), world_id());
        ck_assert_str_eq(world_text("sink"), "b");
        /* "latest" could also be an older backup of that sink */
        ck_assert_uint_eq(selection_manifest_reads("ra"), ids[i] ? 2 : 1);
        ck_assert_uint_eq(selection_manifest_reads("rb"), 1);
        ck_assert_ptr_nonnull(strstr(world_log(), "skipping a damaged copy: sink a: "));
    }
    ck_assert_int_eq(world_shell("sed -i s/db/dc/ b/p%%%s%%manifest.json", world_id()), 0);
    ck_assert_int_eq(select_backup(world_id()), HANGAR_STATUS_CORRUPT);
    ck_assert(world_error_has("sink a: ")); /* the damage of the first copy */
    ck_assert_uint_eq(selection_manifest_reads("ra") + selection_manifest_reads("rb"), 2);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), older); /* the newest good one, and a warning */
    ck_assert_ptr_nonnull(strstr(world_log(), "skipping a damaged copy: sink a: "));
}
END_TEST

START_TEST(a_copy_that_lacks_an_object_is_damaged)
{
    make_backups(1);
    char older[64], newer[64];
    snprintf(older, sizeof(older), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(newer, sizeof(newer), "%s", world_id());
    ck_assert_int_eq(world_shell("rm $(ls a/p%%%s%%db*| head -1)", newer), 0);
    static const char *const any[] = {"latest", NULL};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(select_backup(any[i] ? any[i] : newer), HANGAR_STATUS_DONE);
        ck_assert_str_eq(world_text("id"), newer);
        ck_assert_str_eq(world_text("sink"), "b");
    }
    ck_assert_int_eq(world_shell("truncate -s 1 $(ls b/p%%%s%%db*| head -1)", newer), 0);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), older);
    ck_assert_int_eq(select_backup(newer), HANGAR_STATUS_DONE); /* a dry run; a part may be whole */
    ck_assert_ptr_nonnull(strstr(world_log(), "has no good copy; using the damaged one in sink a"));
    /* without a good one, the bad one; and verify always means the newest */
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_QUICK), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.id"), newer);
    ck_assert_int_eq(world_shell("rm [ab]/p%%%s%%db*", older), 0);
    const size_t before = strlen(world_log());
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), newer);
    ck_assert_ptr_nonnull(strstr(world_log(), "has no good copy; using the damaged one in sink a"));
    /* the defect was reported when the copy was skipped, and is not reported again */
    const char *log = world_log() + before;
    ck_assert_ptr_nonnull(strstr(log, " is incomplete: "));
    ck_assert_ptr_nonnull(strstr(log, "has no good copy; using the damaged one in sink a"));
    ck_assert_ptr_null(strstr(strstr(log, "using the damaged"), " is incomplete: "));
}
END_TEST

START_TEST(without_a_good_copy_no_manifest_is_read_twice)
{
    make_backups(2);
    ck_assert_int_eq(world_shell("rm [ab]/p%%*%%db*"), 0);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), world_id());
    ck_assert_str_eq(world_text("sink"), "a");
    ck_assert_uint_eq(selection_manifest_reads("ra"), 2);
    ck_assert_uint_eq(selection_manifest_reads("rb"), 2);
    /* a copy whose manifest can be read is the better one */
    ck_assert_int_eq(world_shell("echo > a/p%%%s%%manifest.json", world_id()), 0);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_uint_eq(selection_manifest_reads("ra"), 2);
    ck_assert_uint_eq(selection_manifest_reads("rb"), 2);
}
END_TEST

/* The first sink has a bad copy of the newest backup, the second a good one. */
START_TEST(a_hold_of_latest_needs_one_good_copy)
{
    struct hangar_selection latest = {.struct_size = sizeof(latest), .id = "latest"};
    make_backups(2);
    ck_assert_int_eq(world_shell("rm a/p%%%s%%db*", world_id()), 0);
    world_shell("rm -f ra rb");
    char *text = NULL;
    ck_assert_int_eq(hangar_hold(world_hangar, &latest, 1, &text), HANGAR_STATUS_DONE);
    ck_assert_ptr_nonnull(strstr(text, world_id()));
    hangar_free(text);
    ck_assert_uint_eq(selection_manifest_reads("ra"), 1);
    ck_assert_uint_eq(selection_manifest_reads("rb"), 1);
    ck_assert_int_eq(world_shell("rm b/p%%%s%%db*", world_id()), 0);
    ck_assert_int_eq(hangar_hold(world_hangar, &latest, 1, &text), HANGAR_STATUS_CORRUPT);
    ck_assert_ptr_nonnull(strstr(text, "is damaged; hint: select one by its id"));
    hangar_free(text);
}
END_TEST

START_TEST(a_newer_backup_is_selected_before_a_damaged_older_one)
{
    make_backups(1);
    ck_assert_int_eq(world_shell("sed -i s/db/dc/ a/p%%%s%%manifest.json", world_id()), 0);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("rm a/p%%%s%%*", world_id()), 0);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), world_id());
    ck_assert_str_eq(world_text("sink"), "b");
}
END_TEST

START_TEST(a_safety_backup_is_not_the_latest)
{
    make_backups(1);
    char id[64];
    snprintf(id, sizeof(id), "%s", world_id());
    static const char *const full[] = {"db.full=true", NULL};
    ck_assert_int_eq(world_restore(id, HANGAR_REQUEST_CLEAN, only, full), HANGAR_STATUS_DONE);
    char safety_id[64];
    snprintf(safety_id, sizeof(safety_id), "%s", world_text("safety.id"));
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), id);
    ck_assert_uint_eq(selection_manifest_reads("ra"), 2); /* of the safety backup and its own */
    ck_assert_uint_eq(selection_manifest_reads("rb"), 0);
    ck_assert_int_eq(select_backup(safety_id), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), safety_id);
}
END_TEST

START_TEST(a_partial_backup_is_not_the_latest)
{
    world_config("sources:\n  db: { plugin: test-source, options: { objects: 2 } }\n"
                 "  cache: { plugin: test-source, options: { objects: 2 } }\n"
                 "sinks:\n  a: { plugin: test-sink, options: { path: ./a, reads: ./ra } }\n"
                 "pipelines: { p: { sources: [db, cache], sinks: [a] } }\n");
    const struct hangar_backup_request request = {
        .struct_size = sizeof(request), .pipeline = "p", .only = only};
    char *json = NULL;
    ck_assert_int_eq(hangar_backup_with(world_hangar, &request, &json), HANGAR_STATUS_DONE);
    json_t *doc = json_loads(json, 0, NULL);
    char partial[64];
    snprintf(partial, sizeof(partial), "%s", json_string_value(json_object_get(doc, "id")));
    ck_assert_str_eq(json_string_value(json_object_get(doc, "kind")), "partial");
    json_decref(doc);
    hangar_free(json);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_NOT_FOUND);
    ck_assert(world_error_has("there is no backup of all sources yet; hint: "));
    ck_assert_int_eq(select_backup(partial), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    char whole[64];
    snprintf(whole, sizeof(whole), "%s", world_id());
    ck_assert_int_eq(hangar_backup_with(world_hangar, &request, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), whole);
    /* a caller without these fields gets a whole backup */
    const struct hangar_backup_request old = {
        .struct_size = offsetof(struct hangar_backup_request, only), .pipeline = "p", .only = only};
    ck_assert_int_eq(hangar_backup_with(world_hangar, &old, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_ne(world_text("id"), whole);
}
END_TEST

/* It may be the latest: an older one must not be taken in its place. */
START_TEST(latest_does_not_skip_a_folder_that_cannot_be_read)
{
    char older[64], fault[128];
    make_backups(1);
    snprintf(older, sizeof(older), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(fault, sizeof(fault), ", fail_at: stat, only: %s", world_id());
    world_config(CONFIG("%s", ""), fault);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE); /* b has it */
    ck_assert_str_eq(world_text("id"), world_id());
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_int_eq(world_shell("rm b/p%%%s%%*", world_id()), 0);
    ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("which may be the latest backup"));
    ck_assert(world_error_has(world_id()));
    ck_assert_int_eq(select_backup(older), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("id"), older);
}
END_TEST

START_TEST(a_sink_that_cannot_be_read_is_skipped)
{
    static const char *const faults[] = {", fail_at: create", ", fail_at: list", ", fail_at: get"};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        world_shell("rm -rf a b");
        make_backups(1);
        world_config(CONFIG("%s", ""), faults[i]);
        ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_DONE);
        ck_assert_str_eq(world_text("sink"), "b");
        ck_assert_uint_eq(selection_manifest_reads("rb"), 1);
        ck_assert_ptr_nonnull(strstr(world_log(), "skipping a "));
        ck_assert_int_eq(world_shell("rm -rf b"), 0);
        ck_assert_int_eq(select_backup("latest"), HANGAR_STATUS_FAILED);
        ck_assert(world_error_has("sink a: cannot "));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        latest_reads_one_manifest_of_the_sink_that_has_it,
        latest_reads_one_manifest_of_each_sink_when_the_last_is_the_newest,
        an_id_reads_one_manifest,
        a_damaged_copy_is_read_once_and_then_the_other,
        a_copy_that_lacks_an_object_is_damaged,
        without_a_good_copy_no_manifest_is_read_twice,
        a_hold_of_latest_needs_one_good_copy,
        a_newer_backup_is_selected_before_a_damaged_older_one,
        a_safety_backup_is_not_the_latest,
        a_partial_backup_is_not_the_latest,
        latest_does_not_skip_a_folder_that_cannot_be_read,
        a_sink_that_cannot_be_read_is_skipped,
    };
    return SUITE_RUN("inventory/selection", tests, world_setup, world_teardown);
}
