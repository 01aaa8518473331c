/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * export: a backup becomes one archive that stock tools unpack; an archive that is not whole is
 * never completed.
 */
#include "transfer_world.h"

/* The beginning of the configuration, and options of sink a. */
#define CONFIG                                                                                     \
    "%s"                                                                                           \
    "sources: { db: { plugin: test-source, options: { objects: 3, size: 200KiB } } }\n"            \
    "transforms: { flip: { plugin: test-transform } }\n"                                           \
    "sinks:\n  a: { plugin: test-sink, options: { path: ./a%s } }\n"                               \
    "  b: { plugin: test-sink, options: { path: ./b } }\n"                                         \
    "pipelines: { p: { sources: [db], transforms: [flip], sinks: [a, b] } }\n"
#define KEY "signing: { key_file: key }\n"

static void export_setup(void)
{
    world_setup();
    folder_file("key", "0123456789abcdef0123456789abcdef", 32, 0600);
    world_config(CONFIG, "", "");
    ck_assert_msg(world_backup("p") == HANGAR_STATUS_DONE, "%s", world_error());
}

/* Exports from sink a, to the end. */
static void export_whole(void)
{
    transfer_forget();
    ck_assert_msg(transfer_export("latest", "a") == HANGAR_STATUS_DONE, "%s", world_error());
    transfer_save("whole.tar.gz");
}

/* The last export was not completed, and says so if anything was written. */
static void export_expect_incomplete(void)
{
    ck_assert(world_error_has("the archive is incomplete and must not be used") ==
              (written.size > 0));
    ck_assert_int_eq(world_int("bytes"), (int64_t)written.size);
    transfer_save("part.tar.gz");
    ck_assert_int_ne(world_shell("gzip -t part.tar.gz 2>/dev/null"), 0);
}

START_TEST(stock_tools_unpack_the_files_as_they_are_in_the_sink)
{
    export_whole();
    ck_assert_int_eq(world_shell("mkdir x && tar -xzf whole.tar.gz -C x && test $(ls x) = %s && "
                                 "cd x/%s && sha256sum --quiet -c SHA256SUMS",
                                 world_id(), world_id()),
                     0);
    ck_assert_int_eq(world_shell("cd x && for f in $(find * -type f); do "
                                 "cmp $f ../a/p%%$(echo $f | tr / %%) || exit 1; done"),
                     0);
    /* all but what belongs to the sink */
    ck_assert_int_eq(world_shell("test $(find x -type f | wc -l) = "
                                 "$(ls a | grep -vc -e run.json -e origin.json)"),
                     0);
    /* the manifest is first, and no other user may read the files */
    ck_assert_int_eq(
        world_shell("test $(tar -tzf whole.tar.gz | head -n 1) = %s/manifest.json", world_id()), 0);
    ck_assert_int_eq(world_shell("test x$(tar -tvzf whole.tar.gz | cut -d' ' -f1 | sort -u) = "
                                 "x-rw-------"),
                     0);
}
END_TEST

START_TEST(the_document_reports_the_backup_and_the_figures)
{
    export_whole();
    ck_assert_str_eq(world_text("schema"), "hangar.export/1");
    ck_assert_str_eq(world_text("id"), world_id());
    ck_assert_str_eq(world_text("pipeline"), "p");
    ck_assert_str_eq(world_text("sink"), "a");
    ck_assert_int_eq(world_int("objects"), 3);
    ck_assert_int_eq(world_int("bytes"), (int64_t)written.size);
    ck_assert_int_eq(
        world_shell("test $(cat a/*.bin.not | wc -c) = %lld", (long long)world_int("stored_bytes")),
        0);
    world_fields(world_doc, "duration_ms:i error:-");
    /* a caller that wants no document */
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest"};
    ck_assert_int_eq(hangar_export(world_hangar, &which, transfer_write, &written, NULL),
                     HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(the_same_backup_gives_the_same_bytes_from_each_sink)
{
    export_whole();
    ck_assert_int_eq(memcmp(written.data + 4, "\0\0\0", 4), 0); /* gzip's time */
    transfer_forget();
    ck_assert_int_eq(world_shell("rm a/*manifest.json"), 0);
    ck_assert_int_eq(transfer_export(world_id(), NULL), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b"); /* the first that has it whole */
    transfer_save("b.tar.gz");
    ck_assert_int_eq(world_shell("cmp whole.tar.gz b.tar.gz"), 0);
}
END_TEST

START_TEST(nothing_is_written_when_there_is_no_such_backup)
{
    static const struct {
        const char *id, *sink;
        enum hangar_status status;
    } none[] = {
        {"backup_2020-01-01T00-00-00-000Z", NULL, HANGAR_STATUS_NOT_FOUND},
        {"backup_2020-01-01T00-00-00-000Z", "a", HANGAR_STATUS_NOT_FOUND},
        {"latest", "c", HANGAR_STATUS_NOT_FOUND},
        {"../p", NULL, HANGAR_STATUS_USAGE},
        {"", NULL, HANGAR_STATUS_USAGE},
    };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        enum hangar_status status = transfer_export(none[i].id, none[i].sink);
        ck_assert_msg(status == none[i].status, "%s: %d: %s", none[i].id, status, world_error());
        ck_assert_int_eq(written.calls, 0);
        ck_assert(json_is_null(world_at("sink")));
        ck_assert_int_eq(world_int("bytes"), 0);
    }
}
END_TEST

START_TEST(an_archive_with_a_damaged_file_is_never_completed)
{
    static const struct {
        const char *damage, *file, *why;
    } damages[] = {
        {"printf X | dd of=$(echo a/*0001.bin.not) bs=1 seek=90 conv=notrunc 2>/dev/null",
         "/db/data/0001.bin.not: ", "stored bytes differ from those of the backup"},
        {"truncate -s -1 a/*0002.bin.not", "/db/data/0002.bin.not: ", "it is shorter"},
        {"echo >>$(echo a/*0000.bin.not)", "/db/data/0000.bin.not: ", "it is longer"},
        {"rm a/*0002.bin.not", "/db/data/0002.bin.not: ", "it is missing"},
        {"rm a/*SHA256SUMS", "/SHA256SUMS: ", "it is missing"},
        {"tr a b <$(echo good/*RESTORE.txt) >$(echo a/*RESTORE.txt)", "/RESTORE.txt: ", "differ"},
    };
    ck_assert_int_eq(world_shell("cp -r a good"), 0);
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const char *damage = damages[i].damage;
        transfer_forget();
        ck_assert_int_eq(world_shell("cp good/* a; %s", damage), 0);
        ck_assert_msg(transfer_export("latest", "a") == HANGAR_STATUS_CORRUPT, "%s: %s", damage,
                      world_error());
        ck_assert_msg(world_error_has("sink a: p/") && world_error_has(damages[i].file) &&
                          world_error_has(damages[i].why),
                      "%s: %s", damage, world_error());
        export_expect_incomplete();
    }
    /* a damaged manifest is found before anything is written */
    transfer_forget();
    ck_assert_int_eq(world_shell("truncate -s -5 a/*manifest.json"), 0);
    ck_assert_int_eq(transfer_export(world_id(), "a"), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(written.calls, 0);
}
END_TEST

START_TEST(a_sink_that_cannot_be_read_is_a_failure_and_no_damage)
{
    world_config(CONFIG, "", ", fail_at: get, only: 0001");
    ck_assert_int_eq(transfer_export("latest", "a"), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has("injected fault"));
    ck_assert_int_lt(world_int("objects"), 3);
    export_expect_incomplete();
}
END_TEST

START_TEST(a_receiver_that_fails_ends_the_export_and_is_not_called_again)
{
    export_whole();
    const int calls[] = {1, 2, written.calls};
    ck_assert_int_gt(calls[2], 2);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        transfer_forget();
        written.fail_at = calls[i];
        ck_assert_int_eq(transfer_export("latest", "a"), HANGAR_STATUS_FAILED);
        ck_assert(world_error_has("cannot write the archive: its receiver failed"));
        ck_assert_int_eq(written.calls, calls[i]);
        export_expect_incomplete();
    }
    /* it may have cancelled the job */
    transfer_forget();
    written.cancel_at = 2;
    ck_assert_int_eq(transfer_export("latest", "a"), HANGAR_STATUS_INTERRUPTED);
    ck_assert(world_error_has("the archive is incomplete and must not be used"));
    export_whole(); /* the next job is another one */
}
END_TEST

/* The archive of sink a has this many signatures, right behind the manifest. */
static void export_expect_signatures(int count)
{
    export_whole();
    ck_assert_int_eq(world_shell("test $(tar -tzf whole.tar.gz | grep -c '[.]sig$') = %d", count),
                     0);
    ck_assert_int_eq(
        world_shell("tar -tzf whole.tar.gz | sed -n 2p | grep -q '/manifest.json.sig$'"),
        count == 0);
}

START_TEST(a_signature_is_exported_also_without_the_key)
{
    export_expect_signatures(0);
    world_config(CONFIG, KEY, "");
    ck_assert_int_eq(transfer_export("latest", "a"), HANGAR_STATUS_CORRUPT); /* it is unsigned */
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    export_expect_signatures(1);
    world_config(CONFIG, "", "");
    export_expect_signatures(1);
}
END_TEST

START_TEST(nothing_is_written_when_the_signature_is_none)
{
    static const char *const keys[] = {KEY, ""};
    world_config(CONFIG, KEY, "");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("echo x >$(echo a/*manifest.json.sig)"), 0);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        transfer_forget();
        world_config(CONFIG, keys[i], "");
        ck_assert_int_eq(transfer_export(world_id(), "a"), HANGAR_STATUS_CORRUPT);
        ck_assert_msg(world_error_has("manifest.json.sig"), "%s", world_error());
        ck_assert_int_eq(written.calls, 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        stock_tools_unpack_the_files_as_they_are_in_the_sink,
        the_document_reports_the_backup_and_the_figures,
        the_same_backup_gives_the_same_bytes_from_each_sink,
        nothing_is_written_when_there_is_no_such_backup,
        an_archive_with_a_damaged_file_is_never_completed,
        a_sink_that_cannot_be_read_is_a_failure_and_no_damage,
        a_receiver_that_fails_ends_the_export_and_is_not_called_again,
        a_signature_is_exported_also_without_the_key,
        nothing_is_written_when_the_signature_is_none,
    };
    return SUITE_RUN("jobs/transfer/export", tests, export_setup, transfer_teardown);
}
