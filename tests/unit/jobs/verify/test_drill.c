/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * drill: a drill restores only a copy whose bytes are right, and what the restore finds is the
 * result.  The throw-away server is a second test-source, named under `scratch:`.
 */
#include "world.h"

/* `options` are those of the throw-away server. */
#define DRILLED(options)                                                                           \
    "sources: { db: { plugin: test-source, scratch: { journal: ./j" options " } } }\n"             \
    "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"                            \
    "pipelines: { p: { sources: [db], sinks: [a] } }\n"

static void drill_start(const char *config)
{
    world_config("%s", config);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_shell("rm -f j");
}

START_TEST(a_drill_restores_into_the_throw_away_server)
{
    drill_start(DRILLED(""));
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_DRILL), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("outcome"), "good");
    ck_assert_uint_eq(world_count("backups.0.sources"), 1);
    ck_assert_str_eq(world_text("backups.0.sources.0.name"), "db");
    ck_assert_uint_eq(world_lines("j", "^restore_open"), 3);
    ck_assert_uint_eq(world_lines("j", "^restore_end$"), 1);
}
END_TEST

START_TEST(a_damaged_copy_is_not_restored)
{
    drill_start(DRILLED(""));
    ck_assert_int_eq(world_shell("f=$(ls a/p/*/db/data/0001.bin) && chmod u+w $f && "
                                 "printf X | dd of=$f bs=1 seek=30 conv=notrunc 2>/dev/null"),
                     0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_DRILL), HANGAR_STATUS_CORRUPT);
    ck_assert_uint_eq(world_count("backups.0.problems"), 1);
    ck_assert_uint_eq(world_count("backups.0.sources"), 0);
    ck_assert_uint_eq(world_lines("j", "restore"), 0);
}
END_TEST

/* Whatever else keeps a drill from proving the backup, the backup is not judged. */
START_TEST(only_a_difference_is_damage)
{
    static const struct {
        const char *config;
        enum hangar_status status;
        const char *outcome;
    } rows[] = {
        {DRILLED(", fail_at: restore_end, fail_rc: 9"), HANGAR_STATUS_CORRUPT, "bad"},
        {DRILLED(", fail_at: restore_end, fail_rc: 8"), HANGAR_STATUS_FAILED, "not_judged"},
        {DRILLED(", fail_at: restore_end, fail_rc: 4"), HANGAR_STATUS_FAILED, "not_judged"},
        {DRILLED(", fail_at: restore_prepare, fail_rc: 5"), HANGAR_STATUS_FAILED, "not_judged"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_shell("rm -rf a state/sinks");
        drill_start(rows[i].config);
        enum hangar_status status = world_verify("latest", HANGAR_VERIFY_DRILL);
        ck_assert_msg(status == rows[i].status, "row %zu: %d %s", i, (int)status, world_error());
        ck_assert_str_eq(world_text("outcome"), rows[i].outcome);
        bool bad = rows[i].status == HANGAR_STATUS_CORRUPT;
        ck_assert_int_eq(world_list(), bad ? HANGAR_STATUS_CORRUPT : HANGAR_STATUS_DONE);
        /* right bytes do not refute what the restore found */
        ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
        ck_assert_int_eq(world_list(), bad ? HANGAR_STATUS_CORRUPT : HANGAR_STATUS_DONE);
    }
}
END_TEST

START_TEST(a_good_drill_ends_what_an_earlier_one_found)
{
    drill_start(DRILLED(", fail_at: restore_end, fail_rc: 9"));
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_DRILL), HANGAR_STATUS_CORRUPT);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_CORRUPT);
    world_config(DRILLED(""));
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_DRILL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_list(), HANGAR_STATUS_DONE);
}
END_TEST

/* Also in a server of the user, which hangar does not start. */
START_TEST(a_drill_that_does_not_end_is_ended_and_not_judged)
{
    drill_start("limits: { drill_timeout: 1s }\n" DRILLED(", hold: ./held"));
    ck_assert_int_eq(world_shell("touch held"), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_DRILL), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_text("outcome"), "not_judged");
    ck_assert(world_error_has("the drill did not end within 1 s"));
    ck_assert_int_eq(world_shell("rm held"), 0);
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_DRILL), HANGAR_STATUS_DONE);
}
END_TEST

START_TEST(a_plugin_without_drills_needs_a_server_of_the_user)
{
    drill_start("sources: { db: { plugin: test-source } }\n"
                "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"
                "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_eq(world_verify("latest", HANGAR_VERIFY_DRILL), HANGAR_STATUS_FAILED);
    ck_assert_str_eq(world_text("outcome"), "not_judged");
    ck_assert(world_error_has("plugin test-source has no drills"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_drill_restores_into_the_throw_away_server,
        a_damaged_copy_is_not_restored,
        only_a_difference_is_damage,
        a_good_drill_ends_what_an_earlier_one_found,
        a_drill_that_does_not_end_is_ended_and_not_judged,
        a_plugin_without_drills_needs_a_server_of_the_user,
    };
    return SUITE_RUN("jobs/verify/drill", tests, world_setup, world_teardown);
}
