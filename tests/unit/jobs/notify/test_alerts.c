/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * alerts: notifiers get one message when an alert begins, one more after each `repeat`, and
 * one when it ends; it does not matter which job detects the alert.
 */
#include "world.h"

#define PARTS(alerts, source, notifier)                                                            \
    alerts "sources: { db: { plugin: test-source" source " } }\n"                                  \
           "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"                     \
           "notifiers: { ops: { plugin: test-notifier, options: { file: ./sent" notifier           \
           " } } }\n"                                                                              \
           "pipelines: { p: { sources: [db], sinks: [a], max_age: 25h } }\n"

#define GOOD ""
#define BAD ", options: { fail_at: prepare }"

START_TEST(a_failure_is_notified_once_and_its_end_once)
{
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("test ! -e sent"), 0);
    world_config(PARTS("", BAD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 1);
    ck_assert_str_eq(world_text("alerts.0.name"), "failed");
    ck_assert_uint_eq(world_lines("sent", "^alert.firing level=0 pipeline=p"), 1);
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 0);
    ck_assert_uint_eq(world_lines("sent", "^alert.resolved level=2 pipeline=p"), 1);
    ck_assert_uint_eq(world_lines("sent", ""), 2);
}
END_TEST

START_TEST(an_alert_that_lasts_is_notified_again_after_repeat)
{
    world_config(PARTS("alerts: { repeat: 1h }\n", BAD, ""));
    world_backup("p"); /* failed, and there is no backup: two alerts */
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 2);
    /* as if the last message had been sent two hours ago */
    ck_assert_int_eq(world_shell("python3 - <<'E'\nimport json, datetime\n"
                                 "d = json.load(open('state/alerts.json'))\n"
                                 "t = datetime.datetime.utcnow() - datetime.timedelta(hours=2)\n"
                                 "for a in d.values():\n"
                                 "    a['told'] = t.strftime('%%Y-%%m-%%dT%%H:%%M:%%S.000Z')\n"
                                 "json.dump(d, open('state/alerts.json', 'w'))\nE\n"),
                     0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 4);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 4);
}
END_TEST

START_TEST(an_alert_that_no_notifier_accepted_is_notified_later)
{
    world_config(PARTS("", BAD, ", refuse: true"));
    world_backup("p");
    ck_assert_int_eq(world_shell("test ! -e sent"), 0);
    world_config(PARTS("", BAD, ""));
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 2);
}
END_TEST

/* As if the pipeline had been seen first two days ago. */
static void seen_first_days_ago(void)
{
    ck_assert_int_eq(world_shell("mkdir -p state; echo '{\"p\": {\"looked\": "
                                 "\"2026-01-15T02:00:00.000Z\", \"first\": {\"a\": "
                                 "\"2026-01-15T02:00:00.000Z\"}}}' >state/alerts.json"),
                     0);
}

START_TEST(a_dry_run_notifies_and_records_nothing)
{
    world_config(PARTS("", GOOD, ""));
    seen_first_days_ago();
    ck_assert_int_eq(world_alerts(HANGAR_REQUEST_DRY_RUN), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 1);
    ck_assert_str_eq(world_text("alerts.0.text"), "no good backup in sink a");
    ck_assert_int_eq(world_shell("test ! -e sent"), 0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 1);
}
END_TEST

START_TEST(a_first_start_alerts_nothing_until_a_backup_was_due)
{
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 0);
    ck_assert_int_eq(world_shell("test ! -e sent"), 0);
    ck_assert_uint_eq(world_lines("state/alerts.json", "\"a\": \"20"), 1);
    seen_first_days_ago(); /* no run since: no daemon ran, or it could not */
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 1);
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 1);
}
END_TEST

START_TEST(an_interrupted_run_neither_raises_nor_resolves_an_alert)
{
    const char *interrupt = "echo '{\"run\": \"r\", \"status\": \"interrupted\", \"started\": "
                            "\"2026-01-15T02:00:00.000Z\", \"duration_ms\": 1}' "
                            ">>state/history/p.jsonl";
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("%s", interrupt), 0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 0);
    world_config(PARTS("", BAD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(world_shell("%s", interrupt), 0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 1);
    ck_assert_str_eq(world_text("alerts.0.name"), "failed");
    ck_assert_uint_eq(world_lines("sent", "^alert.resolved"), 0);
}
END_TEST

/* A run of the pipeline that the caller tries again. */
static enum hangar_status retried_backup(int64_t after_ms, int64_t within_ms)
{
    char *json = NULL;
    const struct hangar_backup_request request = {.struct_size = sizeof(request),
                                                  .pipeline = "p",
                                                  .retry_after_ms = after_ms,
                                                  .retry_within_ms = within_ms};
    const enum hangar_status status = hangar_backup_with(world_hangar, &request, &json);
    return world_take(status, json);
}

START_TEST(a_failure_that_is_tried_again_alerts_after_the_last_try)
{
    world_config(PARTS("", GOOD, ""));
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    world_config(PARTS("", BAD, ""));
    ck_assert_int_eq(retried_backup(600000, 3600000), HANGAR_STATUS_FAILED);
    ck_assert_ptr_nonnull(world_at("retry"));
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 0);
    ck_assert_int_eq(world_status(), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("pipelines.0.last_run.status"), "failed");
    ck_assert_ptr_nonnull(world_at("pipelines.0.last_run.retry"));
    ck_assert_int_eq(world_int("counters.backup.p.retry"), 1);
    /* the time of the retry is over, and there was none */
    ck_assert_int_eq(world_shell("sed -i 's/\"retry\": *\"[^\"]*\"/\"retry\": "
                                 "\"2026-01-15T02:00:00.000Z\"/' state/history/p.jsonl"),
                     0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("alerts"), 1);
    /* the next time of the schedule comes before another try */
    ck_assert_int_eq(retried_backup(600000, 599000), HANGAR_STATUS_FAILED);
    ck_assert_ptr_null(world_at("retry"));
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 1);
}
END_TEST

START_TEST(a_damaged_memory_and_alerts_of_removed_pipelines_are_dropped)
{
    world_config(PARTS("", BAD, ""));
    ck_assert_int_eq(world_shell("mkdir -p state/history; echo '{\"status\": \"failed\"}' "
                                 ">state/history/p.jsonl"),
                     0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_shell("echo '{\"old stale a\": {\"since\": \"x\"}' >state/alerts.json"),
                     0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("sent", "^alert.firing"), 4); /* failed and stale, twice */
    ck_assert_int_eq(
        world_shell(
            "echo '{\"old stale a\": {\"told\": \"x\", \"text\": \"t\"}}' >state/alerts.json"),
        0);
    ck_assert_int_eq(world_alerts(0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_lines("sent", "^alert.resolved"), 0);
    ck_assert_uint_eq(world_lines("state/alerts.json", "old stale"), 0);
}
END_TEST

START_TEST(a_watch_returns_the_status_that_its_alerts_were_made_from)
{
    world_config("sources: { db: { plugin: test-source } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a, fail_at: list, "
                 "once: ./fault } } }\n"
                 "notifiers: { ops: { plugin: test-notifier, options: { file: ./sent } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    ck_assert_int_eq(world_shell("touch fault"), 0);
    char *json = NULL;
    enum hangar_status status = hangar_watch(world_hangar, &json);
    ck_assert_int_eq(world_take(status, json), HANGAR_STATUS_DONE);
    ck_assert_str_eq(world_text("schema"), "hangar.status/1");
    ck_assert(json_is_false(world_at("pipelines.0.sinks.0.reachable")));
    ck_assert_uint_eq(world_lines("sent", "^alert.firing level=0 pipeline=p"), 1);
    ck_assert_uint_eq(world_lines("state/alerts.json", "\"p unreachable a\""), 1);
    ck_assert_uint_eq(world_lines("state/alerts.json", "\"looked\""), 1);
    ck_assert_int_eq(world_int("counters.notify.ops.sent"),
                     1); /* the counter includes the message of this watch */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_failure_is_notified_once_and_its_end_once,
        an_alert_that_lasts_is_notified_again_after_repeat,
        an_alert_that_no_notifier_accepted_is_notified_later,
        a_dry_run_notifies_and_records_nothing,
        a_first_start_alerts_nothing_until_a_backup_was_due,
        an_interrupted_run_neither_raises_nor_resolves_an_alert,
        a_failure_that_is_tried_again_alerts_after_the_last_try,
        a_damaged_memory_and_alerts_of_removed_pipelines_are_dropped,
        a_watch_returns_the_status_that_its_alerts_were_made_from,
    };
    return SUITE_RUN("jobs/notify/alerts", tests, world_setup, world_teardown);
}
