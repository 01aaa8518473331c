/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: each backup once, the newest first, with the sinks that hold it and the state of its
 * copies.
 */
#include <stddef.h>

#include "report_world.h"

START_TEST(the_list_has_the_promised_fields_and_the_newest_backup_first)
{
    world_config(REPORT_CONFIG REPORT_TWO);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s backups:a problems:a");
    world_fields(world_at("backups.1"), "id:s pipeline:s created:s duration_ms:i state:s sinks:a "
                                        "sources:a objects:i plain_bytes:i stored_bytes:i "
                                        "skew_ms:i hangar:s");
    ck_assert_str_eq(world_text("backups.0.pipeline"), "q");
    ck_assert_uint_eq(world_count("backups.1.sinks"), 2);
}
END_TEST

START_TEST(more_sinks_than_one_job_has_instances_can_be_listed)
{
    char text[6000] = REPORT_CONFIG "pipelines:\n";
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

START_TEST(a_newer_format_is_listed_and_refused)
{
    world_config(REPORT_CONFIG REPORT_ONE);
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

static enum hangar_status list_of(const char *pipeline, const char *sink)
{
    char *json = NULL;
    const enum hangar_status status = hangar_list(world_hangar, pipeline, sink, &json);
    return world_take(status, json);
}

START_TEST(a_list_of_one_pipeline_or_sink_has_only_its_backups)
{
    world_config(REPORT_CONFIG REPORT_TWO);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_backup("q"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(list_of("p", NULL), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 1);
    ck_assert_str_eq(world_text("backups.0.pipeline"), "p");
    ck_assert_int_eq(list_of(NULL, "b"), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 1);
    ck_assert_uint_eq(world_count("backups.0.sinks"), 1);
    ck_assert_str_eq(world_text("backups.0.sinks.0"), "b");
    ck_assert_int_eq(list_of("r", NULL), HANGAR_STATUS_NOT_FOUND);
    ck_assert_uint_eq(world_count("backups"), 0);
}
END_TEST

START_TEST(copies_of_one_backup_are_one_entry_that_names_the_damaged_ones)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    report_damage("a/p/backup*/manifest.json");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups"), 1);
    ck_assert_uint_eq(world_count("backups.0.sinks"), 2);
    ck_assert_uint_eq(world_count("backups.0.damaged"), 1);
    ck_assert_str_eq(world_text("backups.0.damaged.0"), "a");
    world_fields(world_at("problems.0"), "sink:s pipeline:s error:s");
    /* without a whole copy the entry has no more than the folder shows */
    report_damage("b/p/backup*/manifest.json");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups.0.damaged"), 2);
    world_fields(world_at("backups.0"), "id:s pipeline:s created:s state:s problem:s sources:a");
    ck_assert_uint_eq(world_count("backups.0.sources"), 0);
    ck_assert_uint_eq(world_count("problems"), 2);
}
END_TEST

START_TEST(the_folder_of_a_run_under_way_is_not_a_backup)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("for s in a b; do cd $s/p/backup*; "
                                 "rm manifest.json RESTORE.txt SHA256SUMS; cd ../../..; done"),
                     0);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 0);
    ck_assert_uint_eq(world_count("problems"), 0);
}
END_TEST

START_TEST(a_manifest_that_cannot_be_read_leaves_the_state_unknown)
{
    static const char config[] = "sources: { db: { plugin: test-source } }\n"
                                 "sinks: { a: { plugin: test-sink, options: { path: ./a%s } } }\n"
                                 "pipelines: { p: { sources: [db], sinks: [a] } }\n";
    world_config(config, "");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("rm -rf state && mkdir -m 700 state"), 0); /* no cached manifest */
    world_config(config, ", fail_at: get, only: manifest.json");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_text("backups.0.state"), "unknown");
    ck_assert_ptr_nonnull(strstr(world_text("backups.0.problem"), "cannot get: injected fault"));
    ck_assert(world_error_has("cannot get: injected fault"));
}
END_TEST

/* A backup with a tag; NULL: without. */
static void list_make_tagged(const char *tag)
{
    const char *const tags[] = {tag, NULL};
    const struct hangar_backup_request request = {
        .struct_size = sizeof(request), .pipeline = "p", .tags = tags};
    ck_assert_int_eq(hangar_backup_with(world_hangar, &request, NULL), HANGAR_STATUS_DONE);
}

static enum hangar_status list_tagged(const char *tag, uint32_t size)
{
    char *json = NULL;
    const struct hangar_list_request request = {.struct_size = size, .tag = tag};
    const enum hangar_status status = hangar_list_with(world_hangar, &request, &json);
    return world_take(status, json);
}

START_TEST(a_list_of_a_tag_has_only_the_backups_with_it)
{
    const uint32_t size = sizeof(struct hangar_list_request);
    world_config(REPORT_CONFIG REPORT_ONE);
    list_make_tagged("release");
    list_make_tagged(NULL);
    ck_assert_int_eq(list_tagged("release", size), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 1);
    ck_assert_str_eq(world_text("tag"), "release");
    ck_assert_int_eq(list_tagged("other", size), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 0);
    ck_assert_int_eq(list_tagged(NULL, size), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
    ck_assert_ptr_null(world_at("tag"));
    /* a caller whose struct has no tag yet */
    ck_assert_int_eq(list_tagged("release", offsetof(struct hangar_list_request, tag)),
                     HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("backups"), 2);
}
END_TEST

START_TEST(a_good_verification_of_one_copy_does_not_hide_a_bad_one)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_list();
    ck_assert(json_is_null(world_at("backups.0.verified")));
    report_damage("b/p/backup*/db/data/*");
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_FULL), HANGAR_STATUS_CORRUPT);
    world_list();
    world_fields(world_at("backups.0.verified"),
                 "id:s sink:s time:s level:s status:s error:s outcome:s");
    ck_assert_str_eq(world_text("backups.0.verified.sink"), "b");
    ck_assert_str_eq(world_text("backups.0.verified.outcome"), "bad");
}
END_TEST

#define KEY "signing: { key_file: %s }\n"
#define SIGNED(key)                                                                                \
    key "sources: { db: { plugin: test-source, options: { objects: 2 } } }\n"                      \
        "sinks: { a: { plugin: test-sink, options: { path: ./a } } }\n"                            \
        "pipelines: { p: { sources: [db], sinks: [a] } }\n"

START_TEST(the_signature_is_reported_and_always_checked)
{
    folder_file("key", "0123456789abcdef0123456789abcdef", 32, 0600);
    folder_file("other", "fedcba9876543210fedcba9876543210", 32, 0600);
    world_config(SIGNED(""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_list();
    ck_assert(json_is_false(world_at("backups.0.signed")));
    world_show("latest");
    ck_assert(json_is_false(world_at("signed")));
    ck_assert_uint_eq(world_lines("state/manifests/p.a", "^sha256 "), 1);
    /* with a key an unsigned backup is not whole, also when its manifest is cached */
    world_config(SIGNED(KEY), "key");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    ck_assert_str_eq(world_text("backups.0.state"), "corrupt");
    world_shell("rm a/*");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_list();
    ck_assert(json_is_true(world_at("backups.0.signed")));
    world_show("latest");
    ck_assert(json_is_true(world_at("signed")));
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    /* a changed or removed signature is detected */
    world_shell("cp a/*.sig sig; sed -i 's/sha256 ./sha256 x/' a/*.sig");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    world_shell("cp sig $(ls a/*.sig)");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    world_shell("rm a/*.sig");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    world_shell("cp sig a/p%%%s%%manifest.json.sig", world_id());
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
    /* what one key has signed is not valid with another */
    world_config(SIGNED(KEY), "other");
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_list_has_the_promised_fields_and_the_newest_backup_first,
        more_sinks_than_one_job_has_instances_can_be_listed,
        a_newer_format_is_listed_and_refused,
        a_list_of_one_pipeline_or_sink_has_only_its_backups,
        copies_of_one_backup_are_one_entry_that_names_the_damaged_ones,
        the_folder_of_a_run_under_way_is_not_a_backup,
        a_manifest_that_cannot_be_read_leaves_the_state_unknown,
        a_list_of_a_tag_has_only_the_backups_with_it,
        a_good_verification_of_one_copy_does_not_hide_a_bad_one,
        the_signature_is_reported_and_always_checked,
    };
    return SUITE_RUN("jobs/report/list", tests, world_setup, world_teardown);
}
