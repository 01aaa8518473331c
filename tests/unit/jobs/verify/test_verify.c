/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * verify: what each level reads, and what a copy that is bad or cannot be read does to the result.
 */
#include "world.h"

#define LOCAL                                                                                      \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "transforms: { gzip: { plugin: compress-gzip } }\n"                                            \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"                             \
    "  b: { plugin: storage-local, options: { path: ./b } }\n"                                     \
    "pipelines:\n  p: { sources: [db], transforms: [gzip], sinks: [a, b] }\n"

/* Sink t lists in ./rt what is read; `options` are more of its options, such as faults. */
#define LISTED(sinks, options)                                                                     \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"                             \
    "  t: { plugin: test-sink, options: { path: ./t, reads: ./rt" options " } }\n"                 \
    "pipelines: { p: { sources: [db], sinks: [" sinks "] } }\n"
#define OBJECTS 3 /* of test-source */
#define UNREADABLE ", fail_at: get, only: /db/"

static void verify_damage_file(const char *file, const char *how)
{
    ck_assert_int_eq(world_shell("f=$(ls -d %s) && chmod u+w $f && %s", file, how), 0);
}

#define FLIP "printf X | dd of=$f bs=1 seek=30 conv=notrunc 2>/dev/null"

/* The damage that a quick verification finds, and the damage that only a full one finds. */
START_TEST(verify_finds_every_damage)
{
    static const struct {
        const char *file, *how;
        bool quick;
    } rows[] = {
        {"a/p/*/db/data/0001.bin.gz", FLIP, false},
        {"a/p/*/db/data/0001.bin.gz", "truncate -s -1 $f", true},
        {"a/p/*/db/data/0001.bin.gz", "printf X >> $f", true},
        {"a/p/*/db/data/0001.bin.gz", "rm $f", true},
        {"a/p/*/RESTORE.txt", FLIP, false},
        {"a/p/*/SHA256SUMS", "rm $f", true},
        {"a/p/*/db/data",
         "mv $f/0000.bin.gz $f/x && mv $f/0001.bin.gz $f/0000.bin.gz && "
         "mv $f/x $f/0001.bin.gz",
         false},
        {"a/p/*/manifest.json", "truncate -s -1 $f", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_shell("rm -rf a b state/sinks"); /* new sinks, not lost ones */
        world_config(LOCAL);
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
        verify_damage_file(rows[i].file, rows[i].how);
        enum hangar_status quick = world_verify(world_id(), HANGAR_VERIFY_QUICK);
        /* a quick one also finds swapped objects of different sizes */
        ck_assert_msg(quick == HANGAR_STATUS_CORRUPT || !rows[i].quick, "row %zu", i);
        ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
        ck_assert_str_eq(world_text("backups.0.status"), "corrupt");
        ck_assert_uint_ge(world_count("backups.0.problems"), 1);
        ck_assert_str_eq(world_text("backups.1.status"), "done");
    }
}
END_TEST

START_TEST(a_quick_verification_reads_no_object_and_leaves_no_record)
{
    world_config(LISTED("t", ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_shell("rm -f rt");
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_QUICK), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("level"), "quick");
    ck_assert_str_eq(world_text("outcome"), "good");
    ck_assert_uint_ge(world_lines("rt", "manifest.json"), 1);
    ck_assert_uint_eq(world_lines("rt", "/db/"), 0);
    /* the figures are those of the manifest */
    const int64_t objects = world_int("backups.0.objects"),
                  bytes = world_int("backups.0.plain_bytes");
    ck_assert_int_eq(objects, OBJECTS);
    world_shell("ls t > files");
    ck_assert_uint_eq(world_lines("files", "verify"), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("rt", "/db/"), OBJECTS); /* each once */
    ck_assert_uint_eq(world_lines("rt", "/RESTORE.txt"), 1);
    ck_assert_uint_eq(world_lines("rt", "/SHA256SUMS"), 1);
    ck_assert_int_eq(world_int("backups.0.objects"), objects);
    ck_assert_int_eq(world_int("backups.0.plain_bytes"), bytes);
    world_shell("ls t > files");
    ck_assert_uint_eq(world_lines("files", "verify"), 1);
}
END_TEST

START_TEST(a_verification_opens_each_sink_once)
{
    static const char *const which[] = {"all", "latest"};
    world_config(LISTED("t", ", opens: ./opens"));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    }
    for (int i = 0; i < 2; i++) {
        world_shell("rm -f opens");
        ck_assert_int_eq(world_verify(which[i], HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
        ck_assert_uint_eq(world_count("backups"), i == 0 ? 3 : 1);
        ck_assert_uint_eq(world_lines("opens", ""), 1);
    }
}
END_TEST

/* The record of the newest backup stalls; the session of the job ends with it, and not the job. */
START_TEST(a_sink_that_stalls_for_one_backup_serves_for_the_next)
{
    world_config(LISTED("t", ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    char config[1024];
    snprintf(config, sizeof(config), "limits: { stall_timeout: 1s }\n" LISTED("t", "%s%s"),
             ", block: true, only: ", world_id());
    world_config("%s", config);
    ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert(strstr(world_log(), "cannot store the verification record of"));
    ck_assert_uint_eq(world_count("backups"), 2);
    ck_assert_str_eq(world_text("backups.1.status"), "done");
    world_shell("ls t > files");
    ck_assert_uint_eq(world_lines("files", "verify"), 1);
}
END_TEST

START_TEST(damaged_objects_are_all_named_and_the_others_are_read)
{
    world_config(LISTED("t", ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    verify_damage_file("t/*db%data%0000.bin", FLIP);
    verify_damage_file("t/*db%data%0002.bin", FLIP);
    world_shell("rm -f rt");
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("outcome"), "bad");
    ck_assert_uint_eq(world_lines("rt", "/db/"), OBJECTS);
    ck_assert_int_eq(world_int("backups.0.objects"), OBJECTS - 2); /* the good ones */
    ck_assert_uint_eq(world_count("backups.0.problems"), 2);
    char *problems = json_dumps(world_at("backups.0.problems"), 0);
    ck_assert_ptr_nonnull(strstr(problems, "data/0000"));
    ck_assert_ptr_nonnull(strstr(problems, "data/0002"));
    ck_assert_ptr_null(strstr(problems, "data/0001"));
    free(problems);
}
END_TEST

START_TEST(missing_files_are_damage_and_then_no_object_is_read)
{
    world_config(LISTED("t", ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("rm -f rt t/*db%%data%%0001.bin"), 0);
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups.0.problems"), 1);
    ck_assert_uint_eq(world_lines("rt", "/db/"), 0);
}
END_TEST

START_TEST(an_object_that_cannot_be_read_ends_it_without_a_judgement)
{
    world_config(LISTED("t", ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_config(LISTED("t", UNREADABLE));
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_QUICK), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_text("outcome"), "not_judged");
    ck_assert_str_eq(world_text("backups.0.outcome"), "not_judged");
    world_shell("ls t > files");
    ck_assert_uint_eq(world_lines("files", "verify"), 0);
}
END_TEST

/* In either order of the sinks. */
START_TEST(damage_outranks_a_sink_that_cannot_be_read)
{
    const char *const sinks[] = {"a, t", "t, a"};
    for (size_t i = 0; i < 2; i++) {
        world_shell("rm -rf a t rt state/sinks");
        world_config(LISTED("%s", ""), sinks[i]);
        ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
        world_config(LISTED("%s", UNREADABLE), sinks[i]);
        /* beside a good copy it is the result */
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_FAILED);
        ck_assert_str_eq(world_text("outcome"), "not_judged");
        verify_damage_file("a/p/*/db/data/0001.bin", FLIP);
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
        ck_assert_str_eq(world_text("outcome"), "bad");
        ck_assert(world_error_has("data/0001"));
        ck_assert_uint_eq(world_count("backups"), 2); /* both are in the document */
    }
}
END_TEST

START_TEST(a_sink_that_lacks_the_backup_does_not_count)
{
    world_config(LOCAL);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("chmod -R u+w b && rm -r b/p/backup*"), 0);
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 1);
    ck_assert_str_eq(world_text("backups.0.sink"), "a");
    /* unless no sink has it */
    ck_assert_int_eq(world_verify("backup_2026-01-15T02-00-00-000Z", HANGAR_VERIFY_FULL),
                     HANGAR_STATUS_NOT_FOUND);
    ck_assert_uint_eq(world_count("backups"), 0);
}
END_TEST

START_TEST(a_level_that_does_not_exist_is_refused)
{
    world_config(LOCAL);
    ck_assert_int_eq(world_verify("all", (enum hangar_verify_level)(HANGAR_VERIFY_DRILL + 1)),
                     HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("there is no verification level"));
}
END_TEST

START_TEST(a_verification_of_all_backups_has_the_promised_fields)
{
    world_config(LOCAL "  q: { sources: [db], sinks: [a] }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_QUICK), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s level:s backups:a");
    ck_assert_uint_eq(world_count("backups"), 3);
    world_fields(world_at("backups.0"), "id:s pipeline:s sink:s status:s objects:i plain_bytes:i "
                                        "stored_bytes:i duration_ms:i problems:a");
    ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_DRILL), HANGAR_STATUS_FAILED);
}
END_TEST

START_TEST(the_newest_20_records_of_verifications_are_kept)
{
    world_config(LOCAL);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    for (int i = 0; i < 19; i++) {
        ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    }
    /* a foreign file in the folder stays */
    world_shell("for d in a/p/*/verify; do touch $d/notes.txt; done; ls a/p/*/verify > first");
    ck_assert_uint_eq(world_lines("first", "json"), 19);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    }
    world_shell("ls a/p/*/verify > last; head -n 6 first | grep json > oldest");
    ck_assert_uint_eq(world_lines("last", "json"), 20);
    ck_assert_uint_eq(world_lines("last", "notes.txt"), 1);
    ck_assert_int_eq(world_shell("head -n 5 oldest | grep -qxFf - last"),
                     1); /* the oldest ones were removed */
    ck_assert_int_eq(world_shell("sed -n '6,$p' first | grep json | grep -qvxFf last"), 1);
    ck_assert_str_eq(world_log(), "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        verify_finds_every_damage,
        a_quick_verification_reads_no_object_and_leaves_no_record,
        a_verification_opens_each_sink_once,
        a_sink_that_stalls_for_one_backup_serves_for_the_next,
        damaged_objects_are_all_named_and_the_others_are_read,
        missing_files_are_damage_and_then_no_object_is_read,
        an_object_that_cannot_be_read_ends_it_without_a_judgement,
        damage_outranks_a_sink_that_cannot_be_read,
        a_sink_that_lacks_the_backup_does_not_count,
        a_level_that_does_not_exist_is_refused,
        a_verification_of_all_backups_has_the_promised_fields,
        the_newest_20_records_of_verifications_are_kept,
    };
    return SUITE_RUN("jobs/verify/verify", tests, world_setup, world_teardown);
}
