/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: somebody is told when something begins to be wrong, again after a while, and
 * when it is over; and is told once, whoever looks.
 */
#include "world.h"

#define PARTS(alerts, source, notifier)                                                            \
    alerts "sources: { db: { plugin: test-source" source " } }\n"                                  \
           "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"                     \
           "notifiers: { ops: { plugin: test-notifier, options: { file: ./told" notifier           \
           " } } }\n"                                                                              \
           "pipelines: { p: { sources: [db], sinks: [a], max_age: 25h } }\n"

#define GOOD ""
#define BAD ", options: { fail_at: prepare }"

START_TEST(a_failure_is_told_once_and_its_end_too)
{
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("test ! -e told"), 0);
    world_config(PARTS("", BAD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 1);
    ck_assert_str_eq(world_text("alerts.0.name"), "failed");
    ck_assert_uint_eq(world_lines("told", "^alert.firing level=0 pipeline=p"), 1);
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 0);
    ck_assert_uint_eq(world_lines("told", "^alert.resolved level=2 pipeline=p"), 1);
    ck_assert_uint_eq(world_lines("told", ""), 2);
}
END_TEST

START_TEST(what_lasts_is_told_again_after_a_while)
{
    world_config(PARTS("alerts: { repeat: 1h }\n", BAD, ""));
    world_backup("p"); /* failed, and there is no backup: two alerts */
    ck_assert_uint_eq(world_lines("told", "^alert.firing"), 2);
    /* as if it had been told two hours ago */
    ck_assert_int_eq(world_shell("python3 - <<'E'\nimport json, datetime\n"
                                 "d = json.load(open('state/alerts.json'))\n"
                                 "t = datetime.datetime.utcnow() - datetime.timedelta(hours=2)\n"
                                 "for a in d.values():\n"
                                 "    a['told'] = t.strftime('%%Y-%%m-%%dT%%H:%%M:%%S.000Z')\n"
                                 "json.dump(d, open('state/alerts.json', 'w'))\nE\n"),
                     0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("told", "^alert.firing"), 4);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("told", "^alert.firing"), 4);
}
END_TEST

START_TEST(what_nobody_could_be_told_is_told_later)
{
    world_config(PARTS("", BAD, ", refuse: true"));
    world_backup("p");
    ck_assert_int_eq(world_shell("test ! -e told"), 0);
    world_config(PARTS("", BAD, ""));
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("told", "^alert.firing"), 2);
}
END_TEST

START_TEST(a_dry_run_tells_and_remembers_nothing)
{
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_alerts(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 1);
    ck_assert_str_eq(world_text("alerts.0.text"), "no good backup in sink a");
    ck_assert_int_eq(world_shell("test ! -e told"), 0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("told", "^alert.firing"), 1);
}
END_TEST

START_TEST(damaged_memory_and_pipelines_that_are_gone_are_forgotten)
{
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("echo '{\"old stale a\": {\"since\": \"x\"}' >state/alerts.json"),
                     0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("told", "^alert.firing"), 2);
    ck_assert_int_eq(
        world_shell(
            "echo '{\"old stale a\": {\"told\": \"x\", \"text\": \"t\"}}' >state/alerts.json"),
        0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("told", "^alert.resolved"), 0);
    ck_assert_uint_eq(world_lines("state/alerts.json", "old stale"), 0);
}
END_TEST

START_TEST(a_watch_gives_the_status_of_the_look_that_people_were_told_of)
{
    char *json = NULL;
    world_config("sources: { db: { plugin: test-source } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a, fail_at: list, "
                 "once: ./fault } } }\n"
                 "notifiers: { ops: { plugin: test-notifier, options: { file: ./told } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_eq(world_shell("touch fault"), 0);
    enum hangar_status status = hangar_watch(world_hangar, &json);
    ck_assert_int_eq(world_take(status, json), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("schema"), "hangar.status/1");
    ck_assert(json_is_false(world_at("pipelines.0.sinks.0.reachable")));
    ck_assert_uint_eq(world_lines("told", "^alert.firing level=0 pipeline=p"), 1);
    ck_assert_uint_eq(world_lines("state/alerts.json", "\"p unreachable a\""), 1);
    ck_assert_uint_eq(world_lines("state/alerts.json", "\"looked\""), 1);
    ck_assert_int_eq(world_int("counters.notify.ops.sent"), 1); /* of this look */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_failure_is_told_once_and_its_end_too,
        what_lasts_is_told_again_after_a_while,
        what_nobody_could_be_told_is_told_later,
        a_dry_run_tells_and_remembers_nothing,
        damaged_memory_and_pipelines_that_are_gone_are_forgotten,
        a_watch_gives_the_status_of_the_look_that_people_were_told_of,
    };
    return SUITE_RUN("jobs/notify/alerts", tests, world_setup, world_teardown);
}
