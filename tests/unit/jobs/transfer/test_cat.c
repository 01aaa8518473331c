/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * cat: the plain bytes of one object are written; the result states whether they are right.
 */
#include "transfer_world.h"

/* Options of the source and of sink a; the objects are longer than a block of the reader. */
#define CONFIG                                                                                     \
    "sources: { db: { plugin: test-source, options: { objects: 2, size: %s } } }\n"                \
    "transforms: { gzip: { plugin: compress-gzip }, flip: { plugin: test-transform } }\n"          \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a%s } }\n"                               \
    "  b: { plugin: test-sink, options: { path: ./b } }\n"                                         \
    "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [a, b] } }\n"
#define SIZE ((size_t)300 << 10)

static void cat_setup(void)
{
    world_setup();
    world_config(CONFIG, "300KiB", "");
    ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
    ck_assert_int_eq(world_shell("cp -r a good; gunzip <$(echo a/*0000.bin.gz) >plain0; "
                                 "gunzip <$(echo a/*0001.bin.gz) >plain1"),
                     0);
}

static enum hangar_status cat_from(const char *id, const char *sink, const char *object)
{
    struct hangar_selection which = {.struct_size = sizeof(which), .id = id, .sink = sink};
    return hangar_cat(world_hangar, &which, object, transfer_write, &written);
}

static enum hangar_status cat_from_a(const char *object)
{
    return cat_from("latest", "a", object);
}

/* What was written is the file of the shell pattern. */
static void cat_expect_file(const char *object, const char *file)
{
    transfer_forget();
    ck_assert_msg(cat_from_a(object) == HANGAR_STATUS_DONE, "%s: %s", object, world_error());
    ck_assert_str_eq(world_error(), "");
    transfer_save("got");
    ck_assert_msg(world_shell("cmp got %s", file) == 0, "%s", object);
}

START_TEST(an_object_is_written_with_its_plain_bytes_by_either_name)
{
    char name[64], file[16];
    for (int i = 0; i < 2; i++) {
        snprintf(file, sizeof(file), "plain%d", i);
        snprintf(name, sizeof(name), "db/data/000%d.bin", i);
        cat_expect_file(name, file);
        ck_assert_uint_eq(written.size, SIZE);
        strcat(name, ".gz");
        cat_expect_file(name, file);
    }
    /* its two texts are objects, too */
    cat_expect_file("RESTORE.txt", "a/*RESTORE.txt");
    cat_expect_file("SHA256SUMS", "a/*SHA256SUMS");
}
END_TEST

START_TEST(an_empty_object_is_done_and_nothing_is_written)
{
    world_config(CONFIG, "0", "");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(cat_from_a("db/data/0001.bin"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(written.calls, 0);
}
END_TEST

START_TEST(the_chain_of_the_backup_decodes_it_whatever_the_configuration_has_now)
{
    world_config("sources: { db: { plugin: test-source } }\n"
                 "transforms: { flip: { plugin: test-transform } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a } } }\n"
                 "pipelines: { p: { sources: [db], transforms: [flip], sinks: [a] } }\n");
    cat_expect_file("db/data/0000.bin", "plain0");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(cat_from_a("db/data/0000.bin"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(cat_from_a("db/data/0000.bin.gz"), HANGAR_STATUS_NOT_FOUND);
}
END_TEST

START_TEST(what_is_unknown_is_not_found_and_nothing_is_written)
{
    static const struct {
        const char *name, *hint;
    } unknown[] = {
        {"db/data/0001.bim", "did you mean db/data/000"},
        {"RESTORE.TXT", "did you mean RESTORE.txt?"},
        {"nothing/of/the/kind", "` lists those it has"},
        {"", "` lists those it has"},
        {"db", "hint: "},
        {"db/", "hint: "},
        {"data/0001.bin", "hint: "}, /* without its source */
        {"db/data/0001.bin/", "hint: "},
        {"manifest.json", "hint: "},
        {"run.json", "hint: "},
        {"../p/origin.json", "hint: "},
    };
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        enum hangar_status status = cat_from_a(unknown[i].name);
        ck_assert_msg(status == HANGAR_STATUS_NOT_FOUND, "%s: %d", unknown[i].name, status);
        ck_assert_msg(world_error_has(" has no object ") && world_error_has(unknown[i].hint), "%s",
                      world_error());
        ck_assert_int_eq(written.calls, 0);
    }
    /* nor is another backup, sink or pipeline */
    const char *object = "db/data/0001.bin";
    ck_assert_int_eq(cat_from("backup_2020-01-01T00-00-00-000Z", NULL, object),
                     HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(cat_from("latest", "c", object), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(cat_from("../p", NULL, object), HANGAR_STATUS_USAGE);
    struct hangar_selection which = {
        .struct_size = sizeof(which), .id = "latest", .pipeline = "none"};
    ck_assert_int_eq(hangar_cat(world_hangar, &which, object, transfer_write, &written),
                     HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(written.calls, 0);
}
END_TEST

/* The first bytes of an object were written, and nothing else. */
static void cat_expect_beginning_of(const char *file)
{
    ck_assert_uint_le(written.size, SIZE);
    transfer_save("got");
    ck_assert_int_eq(world_shell("cmp -n %zu got %s", written.size, file), 0);
}

START_TEST(damage_is_corrupt_and_what_was_written_before_it_must_not_be_used)
{
    static const struct {
        const char *damage, *why;
        bool begins; /* with bytes of the object; else nothing is written */
    } damages[] = {
        {"rm a/*0001.bin.gz", "it is missing", false},
        {"truncate -s 0 a/*0001.bin.gz", "", false},
        {"printf XX | dd of=$(echo a/*0001.bin.gz) conv=notrunc 2>/dev/null", "", false},
        {"truncate -s -1 a/*0001.bin.gz", "", true},
        {"truncate -s -20 a/*0001.bin.gz", "", true},
        {"echo >>$(echo a/*0001.bin.gz)", "longer", true},
        {"gzip -1 <plain1 >$(echo a/*0001.bin.gz)", "", true},
        {"cp $(echo good/*0000.bin.gz) $(echo a/*0001.bin.gz)", "", false},
    };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const char *damage = damages[i].damage;
        transfer_forget();
        ck_assert_int_eq(world_shell("cp good/* a; %s", damage), 0);
        ck_assert_msg(cat_from_a("db/data/0001.bin") == HANGAR_STATUS_CORRUPT, "%s: %s", damage,
                      world_error());
        ck_assert_msg(world_error_has("a: ") && world_error_has("/db/data/0001.bin.gz: ") &&
                          world_error_has(damages[i].why),
                      "%s: %s", damage, world_error());
        ck_assert_msg(world_error_has("the output is damaged and must not be used") ==
                          (written.size > 0),
                      "%s: %s", damage, world_error());
        if (damages[i].begins) {
            cat_expect_beginning_of("plain1");
        }
    }
    ck_assert_int_eq(cat_from("latest", "b", "db/data/0001.bin"), HANGAR_STATUS_DONE);
    /* it is none of another object */
    ck_assert_int_eq(world_shell("rm a/*0001.bin.gz a/*SHA256SUMS"), 0);
    cat_expect_file("db/data/0000.bin", "plain0");
    cat_expect_file("RESTORE.txt", "a/*RESTORE.txt");
}
END_TEST

START_TEST(a_damaged_text_or_manifest_is_corrupt)
{
    ck_assert_int_eq(world_shell("tr a b <$(echo good/*RESTORE.txt) >$(echo a/*RESTORE.txt)"), 0);
    ck_assert_int_eq(cat_from_a("RESTORE.txt"), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_gt(written.size, 0);
    ck_assert(world_error_has("the output is damaged and must not be used"));
    transfer_forget();
    ck_assert_int_eq(world_shell("rm a/*RESTORE.txt"), 0);
    ck_assert_int_eq(cat_from_a("RESTORE.txt"), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(written.calls, 0);
    transfer_forget();
    ck_assert_int_eq(world_shell("truncate -s -5 a/*manifest.json"), 0);
    ck_assert_int_eq(cat_from(world_id(), "a", "db/data/0000.bin"), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(written.calls, 0);
}
END_TEST

START_TEST(a_sink_that_cannot_be_read_is_a_failure_and_no_damage)
{
    world_config(CONFIG, "300KiB", ", fail_at: get, only: 0001");
    ck_assert_int_eq(cat_from_a("db/data/0001.bin"), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("injected fault"));
    ck_assert(!world_error_has("damaged"));
    ck_assert_int_eq(written.calls, 0);
}
END_TEST

START_TEST(a_receiver_that_fails_ends_it_and_is_not_called_again)
{
    ck_assert_int_eq(cat_from_a("db/data/0001.bin"), HANGAR_STATUS_DONE);
    const int calls[] = {1, written.calls};
    ck_assert_int_gt(calls[1], 1);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        transfer_forget();
        written.fail_at = calls[i];
        ck_assert_int_eq(cat_from_a("db/data/0001.bin"), HANGAR_STATUS_FAILED);
        ck_assert(world_error_has("cannot write the object: its receiver failed"));
        ck_assert(world_error_has("the output is incomplete and must not be used"));
        ck_assert_int_eq(written.calls, calls[i]);
        cat_expect_beginning_of("plain1");
    }
    /* it may have cancelled the job */
    transfer_forget();
    written.cancel_at = 1;
    ck_assert_int_eq(cat_from_a("db/data/0001.bin"), HANGAR_STATUS_INTERRUPTED);
    ck_assert(world_error_has("the output is incomplete and must not be used"));
    ck_assert_int_eq(written.calls, 1);
    cat_expect_file("db/data/0001.bin", "plain1"); /* the next job is another one */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_object_is_written_with_its_plain_bytes_by_either_name,
        an_empty_object_is_done_and_nothing_is_written,
        the_chain_of_the_backup_decodes_it_whatever_the_configuration_has_now,
        what_is_unknown_is_not_found_and_nothing_is_written,
        damage_is_corrupt_and_what_was_written_before_it_must_not_be_used,
        a_damaged_text_or_manifest_is_corrupt,
        a_sink_that_cannot_be_read_is_a_failure_and_no_damage,
        a_receiver_that_fails_ends_it_and_is_not_called_again,
    };
    return SUITE_RUN("jobs/transfer/cat", tests, cat_setup, transfer_teardown);
}
