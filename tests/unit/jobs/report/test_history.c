/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: the last jobs of the pipelines on this machine, read from their journals.
 */
#include "report_world.h"

START_TEST(a_truncated_history_is_read_up_to_its_last_whole_line)
{
    world_config(REPORT_CONFIG REPORT_ONE);
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
        a_truncated_history_is_read_up_to_its_last_whole_line,
    };
    return SUITE_RUN("jobs/report/history", tests, world_setup, world_teardown);
}
