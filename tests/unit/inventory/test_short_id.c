/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * short_id: a unique part of an id is enough; several candidates are listed.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

#define CONFIG                                                                                     \
    "sources: { db: { plugin: test-source } }\n"                                                   \
    "sinks: { a: { plugin: storage-local, options: { path: ./a } },\n"                             \
    "  b: { plugin: storage-local, options: { path: ./b } } }\n"                                   \
    "pipelines: { p: { sources: [db], sinks: [a, b] } }\n"

START_TEST(an_impossible_part_of_an_id_is_wrong_usage)
{
    static const char *const invalid[] = {"",        "23Z",   "backup_",    "backup_202", "../2026",
                                          "latest1", "2026%", "2026/../..", "back",       "2026 "};
    world_config(CONFIG);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        ck_assert_int_eq(world_show(invalid[i]), HANGAR_STATUS_USAGE);
        ck_assert(world_error_has("invalid backup id"));
    }
}
END_TEST

START_TEST(a_unique_part_selects_and_an_ambiguous_one_lists_the_candidates)
{
    char first[64], second[64];
    world_config(CONFIG);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(first, sizeof(first), "%s", world_id());
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    snprintf(second, sizeof(second), "%s", world_id());
    const char *end = first + strlen(first) - 11; /* "-00-00-123Z" */
    if (strcmp(end, second + strlen(second) - 11) != 0) {
        ck_assert_int_eq(world_show(end), HANGAR_STATUS_DONE);
        ck_assert_str_eq(world_text("manifest.id"), first);
    }
    ck_assert_int_eq(world_show(second + strlen("backup_")), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("manifest.id"), second);
    ck_assert_int_eq(world_show("backup_20"), HANGAR_STATUS_USAGE); /* too short */
    first[strlen("backup_2026")] = '\0';
    ck_assert_int_eq(world_show(first), HANGAR_STATUS_USAGE);
    ck_assert(world_error_has("is ambiguous"));
    ck_assert(world_error_has(second));
    ck_assert(world_error_has(" and backup_"));
    ck_assert_int_eq(world_show("1999-12-31"), HANGAR_STATUS_NOT_FOUND);
    ck_assert_int_eq(world_verify(second + strlen("backup_"), HANGAR_VERIFY_QUICK),
                     HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_damaged_backup_is_found_by_a_part_of_its_id)
{
    world_config(CONFIG);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    const char *part = world_id() + strlen("backup_");
    ck_assert_int_eq(world_shell("for f in */p/*/manifest.json; do echo x >$f; done"), 0);
    ck_assert_int_eq(world_verify(part, HANGAR_VERIFY_QUICK), HANGAR_STATUS_CORRUPT);
    struct hangar_selection which = {.struct_size = sizeof(which), .id = part};
    char *json = NULL;
    enum hangar_status status = hangar_repair(world_hangar, &which, 0, &json);
    ck_assert_int_eq(world_take(status, json), HANGAR_STATUS_CORRUPT); /* no copy is whole */
    ck_assert_str_eq(world_text("id") + strlen("backup_"), part);
    json = NULL;
    status = hangar_remove(world_hangar, &which, &json);
    ck_assert_int_eq(world_take(status, json), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("test -z \"$(ls a/p b/p | grep '^backup_' | head -1)\" || "
                                 "test -z \"$(find a b -name manifest.json)\""),
                     0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_impossible_part_of_an_id_is_wrong_usage,
        a_unique_part_selects_and_an_ambiguous_one_lists_the_candidates,
        a_damaged_backup_is_found_by_a_part_of_its_id,
    };
    return SUITE_RUN("inventory/short_id", tests, world_setup, world_teardown);
}
