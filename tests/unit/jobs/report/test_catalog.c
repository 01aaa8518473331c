/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * catalog: lists and selections over several sinks and pipelines.
 */
#include "world.h"

#define CONFIG                                                                                     \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "transforms: { gzip: { plugin: compress-gzip } }\n"                                            \
    "sinks:\n  a: { plugin: storage-local, options: { path: ./a } }\n"                             \
    "  b: { plugin: storage-local, options: { path: ./b } }\n"
#define ONE "pipelines: { p: { sources: [db], transforms: [gzip], sinks: [a, b] } }\n"
#define TWO                                                                                        \
    "pipelines:\n  p: { sources: [db], transforms: [gzip], sinks: [a, b] }\n"                      \
    "  q: { sources: [db], sinks: [a], schedule: \"0 2 * * *\" }\n"

static void catalog_damage_file(const char *file, const char *how)
{
    ck_assert_int_eq(world_shell("f=$(ls -d %s) && chmod u+w $f && %s", file, how), 0);
}

#define FLIP "printf X | dd of=$f bs=1 seek=30 conv=notrunc 2>/dev/null"

START_TEST(lists_and_overviews_have_the_promised_fields)
{
    world_config(CONFIG TWO);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert(json_is_null(world_at("pipelines.0.last_run")));
    world_fields(world_at("pipelines.0.sinks.0"),
                 "name:s plugin:s target:s required:b backups:i newest:n newest_time:n age_ms:n "
                 "oldest:n stored_bytes:i free_bytes:in");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s backups:a problems:a");
    world_fields(world_at("backups.1"), "id:s pipeline:s created:s duration_ms:i state:s sinks:a "
                                        "sources:a objects:i plain_bytes:i stored_bytes:i "
                                        "skew_ms:i hangar:s");
    ck_assert_str_eq(world_text("backups.0.pipeline"), "q"); /* newest first */
    ck_assert_uint_eq(world_count("backups.1.sinks"), 2);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s config:s state_dir:s limits:o pipelines:a "
                            "instances:a");
    world_fields(world_at("limits"), "memory_bytes:i workers:i stall_timeout_ms:i");
    world_fields(world_at("pipelines.0"), "name:s sources:a transforms:a schedule:n last_run:o "
                                          "next:n sinks:a");
    world_fields(world_at("pipelines.1"), "schedule:s next:s");
    world_fields(world_at("pipelines.0.last_run"), "run:s id:s status:s started:s duration_ms:i");
    world_fields(world_at("pipelines.0.sinks.1"),
                 "name:s plugin:s target:s required:b backups:i newest:s newest_time:s age_ms:i "
                 "oldest:s stored_bytes:i free_bytes:i");
    for (size_t i = 0; i < world_count("instances"); i++) {
        world_fields(json_array_get(world_at("instances"), i),
                     "kind:s name:s plugin:s version:s target:sn options:o");
    }
    ck_assert_int_eq(world_show(world_id()), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s sink:s sinks:a manifest:o");
    ck_assert_str_eq(world_text("manifest.id"), world_id());
    ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_QUICK), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s level:s backups:a");
    ck_assert_uint_eq(world_count("backups"), 3);
    world_fields(world_at("backups.0"), "id:s pipeline:s sink:s status:s objects:i plain_bytes:i "
                                        "stored_bytes:i duration_ms:i problems:a");
    ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_DRILL), HANGAR_STATUS_FAILED);
}
END_TEST

START_TEST(check_calls_each_source_and_sink)
{
    world_config(CONFIG TWO);
    ck_assert_int_eq(world_check(), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s config:s items:a");
    for (size_t i = 0; i < world_count("items"); i++) {
        world_fields(json_array_get(world_at("items"), i),
                     "kind:s name:s status:s messages:a facts:o");
    }
    world_config("sources: { db: { plugin: test-source, options: { fail_at: check } } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a, fail_at: probe } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_eq(world_check(), HANGAR_STATUS_FAILED);
    char *text = json_dumps(world_doc, 0);
    ck_assert_ptr_nonnull(strstr(text, "source db: cannot check: injected fault"));
    ck_assert_ptr_nonnull(strstr(text, "sink a: cannot probe: injected fault"));
    ck_assert_ptr_nonnull(strstr(text, "the data is made up"));
    free(text);
}
END_TEST

START_TEST(latest_is_the_newest_backup_of_all_sinks)
{
    char older[64];
    world_config(CONFIG ONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_str_eq(world_error(), "there is no backup yet; hint: make one with `hangar backup`");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(older, sizeof(older), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("rm -rf a/p/%s", world_id()), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE); /* in the second sink only */
    ck_assert_str_eq(world_text("manifest.id"), world_id());
    ck_assert_str_eq(world_text("sink"), "b");
    /* a run that was killed before it stored all its files has made no backup */
    ck_assert_int_eq(world_shell("cd b/p/%s && rm manifest.json RESTORE.txt", world_id()), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("manifest.id"), older);
    ck_assert_str_eq(world_text("sink"), "a");
    ck_assert_uint_eq(world_count("sinks"), 2);
}
END_TEST

START_TEST(a_damaged_copy_is_skipped_when_another_copy_is_whole)
{
    world_config(CONFIG ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    catalog_damage_file("a/p/backup*/manifest.json", FLIP);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("sink"), "b");
    ck_assert_ptr_nonnull(strstr(world_log(), "skipping a damaged copy: sink a: "));
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.state"), "complete");
    ck_assert_str_eq(world_text("problems.0.sink"), "a");
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_QUICK), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups"), 2);
    catalog_damage_file("b/p/backup*/manifest.json", FLIP);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_CORRUPT);
    ck_assert(world_error_has("there is no good backup: sink a: "));
    ck_assert_int_eq(world_restore(world_id(), 0, NULL, NULL), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.state"), "corrupt");
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_QUICK), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups"), 2);
}
END_TEST

START_TEST(an_unreadable_sink_is_reported_and_another_sink_is_used)
{
    const char *const config = "sources: { db: { plugin: test-source } }\n"
                               "sinks:\n  a: { plugin: test-sink, options: { path: ./a%s } }\n"
                               "  b: { plugin: test-sink, options: { path: ./b } }\n"
                               "pipelines: { p: { sources: [db], sinks: [a, b] } }\n";
    char text[1024];
    snprintf(text, sizeof(text), config, "");
    world_config("%s", text);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    static const char *const faults[] = {", fail_at: list", ", fail_at: stat", ", fail_at: get",
                                         ", fail_at: create"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(text, sizeof(text), config, faults[i]);
        world_config("%s", text);
        ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
        if (i >= 2) { /* a failed list or stat does not prevent a read */
            ck_assert_str_eq(world_text("sink"), "b");
        }
        ck_assert_msg(strstr(world_log(), "sink a: cannot ") != NULL, "%s: %s", faults[i],
                      world_log());
        ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
        world_list();
        ck_assert_uint_eq(world_count("backups"), 1);
    }
    /* when it is the only sink, the error is not "there is no backup" */
    ck_assert_int_eq(world_shell("rm -rf b"), 0);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_FAILED);
}
END_TEST

START_TEST(an_id_or_latest_of_two_pipelines_is_ambiguous)
{
    world_config(CONFIG TWO);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_DONE);
    char p[64];
    snprintf(p, sizeof(p), "%s", world_id());
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_show("latest"), HANGAR_STATUS_USAGE);
    ck_assert_str_eq(world_error(), "latest is ambiguous: pipelines p and q have such a backup; "
                                    "hint: select one with --pipeline");
    ck_assert_int_eq(world_show(p), HANGAR_STATUS_DONE);
    struct hangar_selection which = {.struct_size = sizeof(which), .id = "latest", .pipeline = "q"};
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_DONE);
    which.pipeline = "r";
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_NOT_FOUND);
    which.pipeline = "q";
    which.sink = "b";
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_NOT_FOUND);
    which.sink = "c";
    ck_assert_int_eq(hangar_show(world_hangar, &which, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_str_eq(world_error(), "there is no sink c in backup.yaml");
    ck_assert_int_eq(hangar_list(world_hangar, "r", NULL, NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_list(world_hangar, NULL, "c", NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(hangar_list(world_hangar, "q", "a", NULL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(more_places_than_one_job_has_instances_can_be_listed)
{
    char text[6000] = CONFIG "pipelines:\n";
    for (int i = 0; i < 40; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "  p%d: { sources: [db], sinks: [a, b] }\n", i);
    }
    world_config("%s", text);
    ck_assert_int_eq(world_backup("p39"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups.0.sinks"), 2);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.39.sinks.1.newest"), world_id());
}
END_TEST

START_TEST(the_newest_20_records_of_verifications_are_kept)
{
    world_config(CONFIG ONE);
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

START_TEST(a_newer_format_is_listed_and_refused)
{
    world_config(CONFIG ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(
        world_shell("for f in */p/*/manifest.json; do chmod u+w $f; "
                    "sed -i 's/\"format\": 1,/\"format\": 9,/' $f; head -n -2 $f > x; "
                    "truncate -s -2 x; s=$(sha256sum < x | cut -d' ' -f1); "
                    "printf ',\\n  \"manifest_sha256\": \"%%s\"\\n}\\n' $s | cat x - > $f; done"),
        0);
    world_list();
    ck_assert_str_eq(world_text("backups.0.state"), "unsupported");
    ck_assert_int_eq(world_restore("latest", 0, NULL, NULL), HANGAR_STATUS_FAILED);
    ck_assert(world_error_has(
        " has format 9 (supported: up to 1); hint: use a newer hangar, or follow its RESTORE.txt"));
    ck_assert_int_eq(world_verify("all", HANGAR_VERIFY_FULL), HANGAR_STATUS_FAILED);
}
END_TEST

START_TEST(a_truncated_history_is_read_up_to_its_last_whole_line)
{
    world_config(CONFIG ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("printf '{\"run\": \"cut' >> state/history/p.jsonl"), 0);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.last_run.id"), world_id());
    ck_assert_int_eq(world_backup("p"),
                     HANGAR_STATUS_DONE); /* the next line is appended behind it */
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.last_run.id"), world_id());
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        lists_and_overviews_have_the_promised_fields,
        check_calls_each_source_and_sink,
        latest_is_the_newest_backup_of_all_sinks,
        a_damaged_copy_is_skipped_when_another_copy_is_whole,
        an_unreadable_sink_is_reported_and_another_sink_is_used,
        an_id_or_latest_of_two_pipelines_is_ambiguous,
        more_places_than_one_job_has_instances_can_be_listed,
        the_newest_20_records_of_verifications_are_kept,
        a_newer_format_is_listed_and_refused,
        a_truncated_history_is_read_up_to_its_last_whole_line,
    };
    return SUITE_RUN("jobs/report/catalog", tests, world_setup, world_teardown);
}
