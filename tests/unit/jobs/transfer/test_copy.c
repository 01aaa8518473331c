/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * copy: a backup is copied from one sink into another whole, or not at all.
 */
#include "world.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#define CONFIG(before, a, b, sinks)                                                                \
    before "origin: me\n"                                                                          \
           "sources: { db: { plugin: test-source, options: { objects: 12, size: 200KiB } } }\n"    \
           "transforms: { gzip: { plugin: compress-gzip } }\n"                                     \
           "sinks:\n  a: { plugin: test-sink, options: { path: ./a " a " } }\n"                    \
           "  b: { plugin: test-sink, options: { path: ./b " b " } }\n"                            \
           "  c: { plugin: test-sink, options: { path: ./c } }\n"                                  \
           "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [" sinks "] },\n"          \
           "  q: { sources: [db], sinks: [c] } }\n"

static enum hangar_status copy_from(const char *id, const char *from, const char *to)
{
    char *text = NULL;
    struct hangar_selection which = {.struct_size = sizeof(which), .id = id, .sink = from};
    enum hangar_status status = hangar_copy(world_hangar, &which, to, &text);
    return world_take(status, text);
}

static enum hangar_status copy_copy(const char *id)
{
    return copy_from(id, "a", "b");
}

/* Makes `count` backups in a alone; then the pipeline gets both sinks. */
static void copy_make(size_t count, const char *before)
{
    world_config(CONFIG("%s", "", "", "a"), before);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
    }
    world_config(CONFIG("%s", "", "", "a, b"), before);
}

/* The files of the backup are the same; origin, run and verifications are not compared. */
static bool the_same(void)
{
    return world_shell(
               "for s in a b; do ls $s | grep -v 'origin.json\\|run.json\\|verify' > $s.ls; "
               "done; cmp a.ls b.ls && while read f; do cmp -s a/$f b/$f || exit 1; "
               "done < a.ls") == 0;
}

START_TEST(a_copy_is_whole_and_identical)
{
    copy_make(1, "");
    ck_assert_msg(copy_copy(world_id()) == HANGAR_STATUS_DONE, "%s", world_error());
    world_fields(world_doc, "schema:s status:s pipeline:s from:s to:s backups:a");
    world_fields(world_at("backups.0"),
                 "id:s status:s copied:b repaired:b objects:i stored_bytes:i duration_ms:i");
    ck_assert_str_eq(world_text("schema"), "hangar.copy/1");
    ck_assert(json_is_true(world_at("backups.0.copied")));
    ck_assert_int_eq(world_int("backups.0.objects"), 12);
    ck_assert(the_same());
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups.0.sinks"), 2);
}
END_TEST

START_TEST(a_backup_that_is_there_already_is_not_copied_again)
{
    copy_make(1, "");
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("touch -d 2001-01-01 b/*"), 0);
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert(json_is_false(world_at("backups.0.copied")));
    ck_assert_int_eq(world_shell("test -z \"$(find b -newermt 2002-01-01 -type f)\""), 0);
}
END_TEST

START_TEST(all_missing_backups_can_be_copied_at_once)
{
    copy_make(3, "");
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(copy_copy("missing"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
    ck_assert_str_lt(world_text("backups.0.id"), world_text("backups.1.id"));
    ck_assert(the_same());
    ck_assert_int_eq(copy_copy("missing"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 0);
    /* a damaged backup does not prevent the copies of the others */
    world_shell("rm -rf b; echo x >> $(ls a/*0003.bin.gz | head -1)");
    ck_assert_int_eq(copy_copy("missing"), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups"), 3);
    ck_assert_str_eq(world_text("backups.0.status"), "corrupt");
    ck_assert_str_eq(world_text("backups.2.status"), "done");
    ck_assert_int_eq(world_shell("test $(ls b/*manifest.json | wc -l) = 2"), 0);
}
END_TEST

/* It is unknown whether a sink has a backup: the copy fails, and the other copies are made. */
START_TEST(a_failed_call_of_a_sink_fails_that_backup)
{
    const char *const of[] = {"a", "b"}, *const calls[] = {"stat", "get"};
    for (size_t i = 0; i < 2; i++) {
        world_shell("rm -rf a b");
        copy_make(2, "");
        char fault[128];
        snprintf(fault, sizeof(fault), ", fail_at: %s, only: %s", calls[i], world_id());
        if (*of[i] == 'a') {
            world_config(CONFIG("", "%s", "", "a, b"), fault);
        } else {
            world_config(CONFIG("", "", "%s", "a, b"), fault);
        }
        ck_assert_int_eq(copy_copy("missing"), HANGAR_STATUS_FAILED);
        ck_assert(
            world_error_has(i ? "cannot get: injected fault" : "cannot stat: injected fault"));
        ck_assert_uint_eq(json_array_size(json_object_get(world_doc, "backups")), 2);
        ck_assert_int_eq(world_shell("test $(ls b | grep -c manifest.json) = 1"), 0);
    }
}
END_TEST

START_TEST(damage_is_not_copied_and_leaves_nothing)
{
    static const char *const damages[] = {
        "echo x >> $(ls a/*0003.bin.gz)",
        "truncate -s -1 a/*0007.bin.gz",
        "rm a/*0000.bin.gz",
        "printf x | dd of=$(ls a/*0005*) conv=notrunc 2>/dev/null",
        "echo >> $(ls a/*RESTORE.txt)",
        "rm a/*SHA256SUMS",
        "sed -i 's/gzip/gz1p/' a/*manifest.json",
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        world_shell("rm -rf a b");
        copy_make(1, "");
        world_shell("%s", damages[i]);
        ck_assert_msg(copy_copy(world_id()) == HANGAR_STATUS_CORRUPT, "%s: %s", damages[i],
                      world_error());
        ck_assert_msg(world_is_empty("b"), "%s", damages[i]);
    }
}
END_TEST

START_TEST(a_sink_in_which_a_copy_fails_is_left_empty)
{
    static const char *const faults[] = {
        "fail_at: open, only: run.json",
        "fail_at: open, only: data, fail_nth: 3",
        "fail_at: write, only: data",
        "fail_at: commit, only: data, fail_nth: 12",
        "lose: 1, only: 0004",
        "fail_at: commit, only: RESTORE",
        "lose: 1, only: SHA256SUMS",
        "fail_at: write, only: manifest",
        "fail_at: commit, only: manifest",
        "fail_at: commit, only: origin",
    };
    copy_make(1, "");
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        world_shell("rm -rf b");
        world_config(CONFIG("", "", ", %s", "a, b"), faults[i]);
        ck_assert_msg(copy_copy("latest") != HANGAR_STATUS_DONE, "%s", faults[i]);
        ck_assert_msg(world_error_has("sink b: "), "%s: %s", faults[i], world_error());
        ck_assert_msg(world_is_empty("b"), "%s", faults[i]);
        ck_assert_int_eq(world_shell("ls b 2>/dev/null | grep '#'"), 1);
    }
    world_config(CONFIG("", "", "", "a, b"));
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert(the_same());
}
END_TEST

START_TEST(a_signature_is_copied_and_a_wrong_one_is_refused)
{
    folder_file("key", "0123456789abcdef0123456789abcdef", 32, 0600);
    copy_make(1, "signing: { key_file: key }\n");
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert(the_same());
    ck_assert_int_eq(world_shell("ls b | grep -q 'manifest.json.sig$'"), 0);
    /* also without a key */
    world_shell("rm -rf b");
    world_config(CONFIG("", "", "", "a, b"));
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert(the_same());
    world_shell("rm -rf b; rm a/*.sig");
    world_config(CONFIG("signing: { key_file: key }\n", "", "", "a, b"));
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_CORRUPT);
    ck_assert(world_is_empty("b"));
}
END_TEST

START_TEST(a_hold_is_copied_and_records_of_verifications_are_not)
{
    copy_make(1, "");
    struct hangar_selection which = {.struct_size = sizeof(which), .id = world_id()};
    ck_assert_int_eq(hangar_hold(world_hangar, &which, 1, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("ls a | grep -q verify"), 0);
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("ls b | grep -q hold"), 0);
    ck_assert_int_eq(world_shell("ls b | grep verify"), 1);
    which.sink = "b";
    ck_assert_int_eq(hangar_remove(world_hangar, &which, NULL), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("is held in sink b"));
}
END_TEST

START_TEST(an_impossible_request_is_refused_before_anything_changes)
{
    copy_make(1, "");
    ck_assert_int_eq(copy_from(world_id(), "a", "a"), HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("cannot copy: both sinks are a"));
    ck_assert_int_eq(copy_from(world_id(), "a", "c"), HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("sink c does not belong to pipeline p"));
    ck_assert_int_eq(copy_from(world_id(), "x", "a"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(copy_from(world_id(), "a", "x"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(copy_from(world_id(), "b", "a"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(copy_from("backup_2001-01-01T00-00-00-000Z", "a", "b"),
                     HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(copy_from(NULL, "a", "b"), HANGAR_STATUS_USAGE);
    ck_assert_int_eq(copy_from("missing", "c", "a"), HANGAR_STATUS_USAGE);
    ck_assert(world_is_empty("b") && world_is_empty("c"));
}
END_TEST

START_TEST(a_place_of_another_origin_or_with_another_backup_is_not_changed)
{
    copy_make(1, "");
    folder_file("o", "{\"origin\": \"you\"}\n", 18, 0600);
    world_shell("mkdir -p b; cp o b/p%%origin.json");
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("folder p belongs to origin \"you\" (this is \"me\")"));
    ck_assert_int_eq(world_shell("test $(ls b | wc -l) = 1; rm b/*"), 0);
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_DONE);
    world_shell("f=$(ls b/*manifest.json); head -c -92 $f | sed 's/\"arch\": \"/&x/' > t; "
                "printf ',\\n  \"manifest_sha256\": \"%%s\"\\n}\\n' "
                "$(sha256sum < t | cut -c-64) | cat t - > $f");
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("with a different manifest"));
    ck_assert_int_eq(world_shell("test $(ls b/*data* | wc -l) = 12"), 0);
}
END_TEST

START_TEST(a_run_of_the_pipeline_and_a_copy_exclude_each_other)
{
    copy_make(1, "");
    int fd = open("state/lock/p.lock", O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_BUSY);
    ck_assert(world_is_empty("b"));
    close(fd);
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_DONE);
}
END_TEST

static void *copy_main(void *arg)
{
    *(enum hangar_status *)arg = copy_copy("latest");
    return NULL;
}

START_TEST(an_interrupted_copy_leaves_nothing)
{
    static const char *const where[] = {"only: data", "only: manifest", "only: RESTORE"};
    copy_make(1, "");
    for (size_t i = 0; i < 3; i++) {
        enum hangar_status status = HANGAR_STATUS_DONE;
        pthread_t thread;
        world_config(CONFIG("", "", ", block: true, %s", "a, b"), where[i]);
        ck_assert_int_eq(pthread_create(&thread, NULL, copy_main, &status), 0);
        for (int k = 0; k < 2000 && world_shell("ls b 2>/dev/null | grep -q '%s.*#'",
                                                where[i] + strlen("only: ")) != 0;
             k++) {
            usleep(5000);
        }
        hangar_cancel(world_hangar);
        pthread_join(thread, NULL);
        ck_assert_int_eq(status, HANGAR_STATUS_INTERRUPTED);
        ck_assert(world_is_empty("b"));
    }
    world_config(CONFIG("", "", "", "a, b"));
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert(the_same());
}
END_TEST

START_TEST(the_next_copy_clears_what_a_killed_copy_left)
{
    copy_make(1, "");
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    /* the state after a kill just before the last files */
    world_shell("rm b/*manifest.json b/*SHA256SUMS; echo old > b/p%%%s%%junk", world_id());
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    ck_assert(json_is_true(world_at("backups.0.copied")));
    ck_assert(the_same());
}
END_TEST

/* The number of files in b that were written since `mark` was, without records of verifications. */
#define WRITTEN "find b -type f -newer mark ! -name '*%%verify%%*' | wc -l"

START_TEST(a_damaged_copy_is_repaired_and_only_what_is_damaged_is_replaced)
{
    static const struct {
        const char *damage;
        int replaced;
    } damages[] = {
        {"rm b/*manifest.json", 1},
        {"rm b/*manifest.json b/*run.json", 1},
        {"rm b/*0003.bin.gz", 1}, /* the manifest is whole */
        {"echo x >> $(ls b/*0003.bin.gz)", 1},
        {"truncate -s 0 b/*manifest.json", 1},
        {"sed -i 's/gzip/gz1p/' b/*manifest.json", 1},
        {"printf '{ \"hangar\": \"abandoned\" }\\n' > $(ls b/*manifest.json)", 1},
        {"rm b/*manifest.json; echo x >> $(ls b/*0003.bin.gz)", 2},
        {"rm b/*manifest.json b/*0003.bin.gz b/*0004.bin.gz", 3},
        /* a removal that hangar did not begin */
        {"rm b/*manifest.json; echo {} > b/p%$(ls b | cut -d% -f2 | head -1)%deleted.json", 1},
        {"rm b/*0003.bin.gz; touch b/p%$(ls b | cut -d% -f2 | head -1)%deleted.json", 1},
        {"rm b/*manifest.json b/*RESTORE.txt; touch b/p%$(ls b | cut -d% -f2 | head -1)%hold", 2},
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        world_shell("rm -rf a b");
        copy_make(1, "");
        ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_shell("touch -d '2 hours ago' b/*; touch -d '1 hour ago' mark"), 0);
        world_shell("%s", damages[i].damage);
        world_shell("touch -d '2 hours ago' b/*");
        ck_assert_msg(copy_copy(world_id()) == HANGAR_STATUS_DONE, "%s: %s", damages[i].damage,
                      world_error());
        ck_assert_msg(json_is_true(world_at("backups.0.repaired")), "%s", damages[i].damage);
        ck_assert(json_is_false(world_at("backups.0.copied")));
        ck_assert_msg(world_shell("test $(" WRITTEN ") = %d", damages[i].replaced) == 0, "%s",
                      damages[i].damage);
        ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_DONE);
        ck_assert(json_is_false(world_at("backups.0.repaired")));
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    }
}
END_TEST

START_TEST(a_damaged_copy_is_not_repaired_from_a_damaged_one)
{
    copy_make(1, "");
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    world_shell("rm b/*manifest.json; echo x >> $(ls b/*0003.bin.gz); "
                "echo x >> $(ls a/*0003.bin.gz); sha256sum b/* > before");
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(world_shell("sha256sum b/* | cmp - before"), 0);
}
END_TEST

START_TEST(a_copy_that_is_being_removed_is_not_repaired)
{
    copy_make(1, "");
    ck_assert_int_eq(copy_copy("latest"), HANGAR_STATUS_DONE);
    world_shell("rm b/*manifest.json; echo '{\"deleted\": \"2026-01-03T00:00:00.000Z\"}' > "
                "b/p%%%s%%deleted.json",
                world_id());
    ck_assert_int_eq(copy_copy(world_id()), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("delete_grace"));
    ck_assert_int_eq(world_shell("ls b/*manifest.json 2>/dev/null"), 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_copy_is_whole_and_identical,
        a_backup_that_is_there_already_is_not_copied_again,
        all_missing_backups_can_be_copied_at_once,
        a_failed_call_of_a_sink_fails_that_backup,
        damage_is_not_copied_and_leaves_nothing,
        a_sink_in_which_a_copy_fails_is_left_empty,
        a_signature_is_copied_and_a_wrong_one_is_refused,
        a_hold_is_copied_and_records_of_verifications_are_not,
        an_impossible_request_is_refused_before_anything_changes,
        a_place_of_another_origin_or_with_another_backup_is_not_changed,
        a_run_of_the_pipeline_and_a_copy_exclude_each_other,
        an_interrupted_copy_leaves_nothing,
        the_next_copy_clears_what_a_killed_copy_left,
        a_damaged_copy_is_repaired_and_only_what_is_damaged_is_replaced,
        a_damaged_copy_is_not_repaired_from_a_damaged_one,
        a_copy_that_is_being_removed_is_not_repaired,
    };
    return SUITE_RUN("copy", tests, world_setup, world_teardown);
}
