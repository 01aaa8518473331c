/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * list: each backup once, the newest first, with the sinks that hold it and the state of its
 * copies.
 */
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
        the_signature_is_reported_and_always_checked,
    };
    return SUITE_RUN("jobs/report/list", tests, world_setup, world_teardown);
}
