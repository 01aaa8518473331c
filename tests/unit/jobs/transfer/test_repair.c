/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * repair: what is lost or damaged in one sink is rebuilt from another, or from the manifest; what
 * matches is never replaced, and what cannot be repaired is reported.
 */
#include "world.h"

#define CONFIG                                                                                     \
    "origin: me\n"                                                                                 \
    "sources: { db: { plugin: test-source, options: { objects: 12, size: 2KiB } } }\n"             \
    "transforms: { gzip: { plugin: compress-gzip } }\n"                                            \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a } }\n"                                 \
    "  b: { plugin: test-sink, options: { path: ./b } }\n"                                         \
    "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [a, b] } }\n"

static enum hangar_status repair_repair(const char *sink, uint32_t flags)
{
    char *text = NULL;
    struct hangar_selection which = {.struct_size = sizeof(which), .id = world_id(), .sink = sink};
    enum hangar_status status = hangar_repair(world_hangar, &which, flags, &text);
    return world_take(status, text);
}

/* A backup in both sinks, whose files are older than ./mark. */
static void make_two(void)
{
    world_shell("rm -rf a b");
    world_config(CONFIG);
    ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
    ck_assert_int_eq(world_shell("touch -d '2 hours ago' a/* b/*; touch -d '1 hour ago' mark"), 0);
}

static bool repair_written(const char *folder, int count)
{
    return world_shell("test $(find %s -type f -newer mark ! -name '*%%verify%%*' | wc -l) = %d",
                       folder, count) == 0;
}

START_TEST(what_is_damaged_is_rebuilt_and_nothing_else_is_written)
{
    static const struct {
        const char *damage;
        int files, replaced;
        bool manifest;
    } damages[] = {
        {"true", 0, 0, false},
        {"rm b/*manifest.json", 0, 1, true},
        {"truncate -s 0 b/*manifest.json", 0, 1, true},
        {"rm b/*0003.bin.gz", 1, 1, false},
        {"printf x | dd of=$(ls b/*0005*) conv=notrunc 2>/dev/null", 1, 1, false},
        {"rm b/*manifest.json b/*0001.bin.gz b/*0002.bin.gz", 2, 3, true},
        {"rm b/*SHA256SUMS", 1, 1, false},
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const char *damage = damages[i].damage;
        make_two();
        world_shell("%s", damage);
        world_shell("touch -d '2 hours ago' b/*; sha256sum b/* > before");
        ck_assert_msg(repair_repair("b", HANGAR_REQUEST_DRY_RUN) == HANGAR_STATUS_DONE, "%s: %s",
                      damage, world_error());
        ck_assert_int_eq(world_shell("sha256sum b/* | cmp - before"), 0);
        ck_assert_msg(repair_repair(NULL, 0) == HANGAR_STATUS_DONE, "%s: %s", damage,
                      world_error());
        ck_assert_uint_eq(world_count("sinks"), 2);
        ck_assert(json_is_false(world_at("sinks.0.repaired")));
        ck_assert_msg(world_int("sinks.1.damaged") == damages[i].files, "%s", damage);
        ck_assert(json_is_true(world_at("sinks.1.manifest")) == damages[i].manifest);
        ck_assert_msg(repair_written("a", 0) && repair_written("b", damages[i].replaced), "%s",
                      damage);
        ck_assert_int_eq(world_shell("test $(ls b | grep -c verify) = %d", i > 0), 0);
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    }
}
END_TEST

START_TEST(both_copies_can_repair_each_other_only_with_whole_files)
{
    make_two();
    world_shell("rm a/*0003.bin.gz b/*0003.bin.gz b/*0004.bin.gz; sha256sum b/* > before");
    ck_assert_int_eq(repair_repair(NULL, 0), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("sinks.0.status"), "corrupt");
    ck_assert_str_eq(world_text("sinks.1.status"), "corrupt");
    ck_assert_uint_ge(world_count("sinks.1.problems"), 1);
    ck_assert_int_eq(world_shell("sha256sum --quiet -c before"), 0); /* nothing good changed */
    ck_assert_int_ne(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(without_another_copy_the_manifest_is_enough_for_its_two_texts)
{
    make_two();
    world_shell("rm -rf b; rm a/*SHA256SUMS; echo x >> $(ls a/*RESTORE.txt)");
    ck_assert_msg(repair_repair(NULL, 0) == HANGAR_STATUS_DONE, "%s", world_error());
    ck_assert_int_eq(world_int("sinks.0.damaged"), 2);
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    world_shell("rm a/*0003.bin.gz");
    ck_assert_int_eq(repair_repair(NULL, 0), HANGAR_STATUS_CORRUPT);
    ck_assert(world_error_has("no other sink has them"));
    world_shell("rm a/*manifest.json");
    ck_assert_int_eq(repair_repair(NULL, 0), HANGAR_STATUS_CORRUPT);
    ck_assert(world_error_has("has no manifest"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_damaged_is_rebuilt_and_nothing_else_is_written,
        both_copies_can_repair_each_other_only_with_whole_files,
        without_another_copy_the_manifest_is_enough_for_its_two_texts,
    };
    return SUITE_RUN("repair", tests, world_setup, world_teardown);
}
