/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * metrics: all series exist from the start, labels come from the configuration alone, and
 * values from the document.
 */
#include "metrics.h"

#include <stdbool.h>
#include "suite.h"

static json_t *status;
static char *text;

/* Sets `text` to the metrics of a document, written with ' for ". */
static void metrics_serve(const char *document)
{
    char *quoted = strdup(document);
    for (char *c = quoted; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    free(text);
    json_decref(status);
    json_error_t error;
    status = json_loads(quoted, 0, &error);
    ck_assert_msg(status != NULL, "%s at %d", error.text, error.position);
    free(quoted);
    text = daemon_metrics(status, "0.1.0", 1768435200500);
    ck_assert_ptr_nonnull(text);
}

static void metrics_teardown(void)
{
    free(text);
    json_decref(status);
    text = NULL;
    status = NULL;
}

static bool metrics_has(const char *line)
{
    size_t n = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++) {
        if ((at == text || at[-1] == '\n') && at[n] == '\n') {
            return true;
        }
    }
    return false;
}

static size_t metrics_count(const char *part)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)); at++) {
        n++;
    }
    return n;
}

static size_t metrics_samples(void)
{
    return metrics_count("\n") - metrics_count("# HELP ") - metrics_count("# TYPE ");
}

#define STATUS(counters, pipelines)                                                                \
    "{'counters': {" counters "}, 'instances': [{'kind': 'notifier', 'name': 'ops'},"              \
    " {'kind': 'sink', 'name': 'local'}], 'pipelines': [" pipelines "]}"
/* A pipeline that never ran, with an empty sink. */
#define NEW(name)                                                                                  \
    "{'name': '" name "', 'last_run': null, 'running': null, 'next': null, 'last_drill': null,"    \
    " 'max_age_ms': 90000000, 'sinks': [{'name': 'local', 'reachable': true, 'backups': 0,"        \
    " 'newest_time': null, 'newest_bytes': 0, 'stored_bytes': 0, 'free_bytes': 5000,"              \
    " 'newest_verified': null}]}"
/* The same after many runs. */
#define OLD(name)                                                                                  \
    "{'name': '" name "', 'last_run': {'run': 'abc123', 'id': 'backup_2026', 'status': 'failed',"  \
    " 'error': 'cannot open /srv/x', 'started': '2026-01-15T00:00:00.250Z', 'duration_ms': 1500}," \
    " 'running': {'job': 'backup'}, 'next': '2026-01-16T00:00:00.000Z', 'last_good_drill':"        \
    " '2026-01-14T00:00:00.000Z', 'max_age_ms': 90000000, 'sinks': [{'name':"                      \
    " 'local', 'reachable': true, 'backups': 7, 'newest': 'backup_2026', 'newest_time':"           \
    " '2026-01-15T00:00:02.000Z', 'newest_bytes': 1000, 'stored_bytes': 8000, 'free_bytes': 42,"   \
    " 'newest_verified': {'status': 'done', 'time': '2026-01-15T00:00:03.000Z'}}]}"
#define BUSY                                                                                       \
    "'backup': {'a': {'done': 12, 'failed': 3, 'exploded': 9}, 'gone': {'done': 1}},"              \
    " 'pruned': {'a': {'local': 5, 'sold': 1}}, 'notify': {'ops': {'failed': 2, 'sent': 4}}"

START_TEST(series_exist_from_the_start)
{
    static const char *const families[] = {"backup_total",
                                           "backup_failures_total",
                                           "backup_duration_seconds",
                                           "backup_size_bytes",
                                           "backup_last_success_timestamp_seconds",
                                           "backup_last_attempt_timestamp_seconds",
                                           "backup_running",
                                           "backup_next_run_timestamp_seconds",
                                           "backup_max_age_seconds",
                                           "backup_verify_last_success_timestamp_seconds",
                                           "backup_drill_last_success_timestamp_seconds",
                                           "backup_kept",
                                           "backup_sink_up",
                                           "backup_sink_free_bytes",
                                           "backup_pruned_total",
                                           "backup_notify_failures_total"};
    metrics_serve(STATUS("", NEW("a")));
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        char line[100];
        snprintf(line, sizeof(line), "# TYPE %s ", families[i]);
        ck_assert_msg(metrics_count(line) == 1, "%s", line);
        snprintf(line, sizeof(line), "\n%s{", families[i]);
        ck_assert_msg(metrics_count(line) >= 1, "no series of %s", families[i]);
    }
    ck_assert(metrics_has("backup_total{pipeline=\"a\",status=\"done\"} 0"));
    ck_assert(metrics_has("backup_total{pipeline=\"a\",status=\"failed\"} 0"));
    ck_assert(metrics_has("backup_failures_total{pipeline=\"a\",reason=\"auth\"} 0"));
    ck_assert(
        metrics_has("backup_last_success_timestamp_seconds{pipeline=\"a\",sink=\"local\"} 0"));
    ck_assert(metrics_has("backup_pruned_total{pipeline=\"a\",sink=\"local\"} 0"));
    ck_assert(metrics_has("backup_notify_failures_total{notifier=\"ops\"} 0"));
    ck_assert(metrics_has("backup_running{pipeline=\"a\"} 0"));
    ck_assert(metrics_has("hangar_build_info{version=\"0.1.0\"} 1"));
    ck_assert(metrics_has("hangar_status_timestamp_seconds 1768435200.5"));
}
END_TEST

START_TEST(values_are_those_of_the_document)
{
    metrics_serve(STATUS(BUSY, OLD("a")));
    ck_assert(metrics_has("backup_total{pipeline=\"a\",status=\"done\"} 12"));
    ck_assert(metrics_has("backup_failures_total{pipeline=\"a\",reason=\"failed\"} 3"));
    ck_assert(metrics_has("backup_duration_seconds{pipeline=\"a\"} 1.5"));
    ck_assert(metrics_has("backup_last_attempt_timestamp_seconds{pipeline=\"a\"} 1768435200.25"));
    ck_assert(metrics_has("backup_running{pipeline=\"a\"} 1"));
    ck_assert(metrics_has("backup_next_run_timestamp_seconds{pipeline=\"a\"} 1768521600"));
    ck_assert(metrics_has("backup_max_age_seconds{pipeline=\"a\"} 90000"));
    ck_assert(
        metrics_has("backup_drill_last_success_timestamp_seconds{pipeline=\"a\"} 1768348800"));
    ck_assert(metrics_has(
        "backup_last_success_timestamp_seconds{pipeline=\"a\",sink=\"local\"} 1768435202"));
    ck_assert(metrics_has(
        "backup_verify_last_success_timestamp_seconds{pipeline=\"a\",sink=\"local\"} 1768435203"));
    ck_assert(metrics_has("backup_kept{pipeline=\"a\",sink=\"local\"} 7"));
    ck_assert(metrics_has("backup_sink_free_bytes{pipeline=\"a\",sink=\"local\"} 42"));
    ck_assert(metrics_has("backup_size_bytes{pipeline=\"a\",sink=\"local\",kind=\"newest\"} 1000"));
    ck_assert(metrics_has("backup_size_bytes{pipeline=\"a\",sink=\"local\",kind=\"all\"} 8000"));
    ck_assert(metrics_has("backup_pruned_total{pipeline=\"a\",sink=\"local\"} 5"));
    ck_assert(metrics_has("backup_notify_failures_total{notifier=\"ops\"} 2"));
}
END_TEST

START_TEST(each_family_is_there_under_the_prefix_too)
{
    metrics_serve(STATUS(BUSY, OLD("a")));
    ck_assert_uint_eq(metrics_count("\nbackup_"), metrics_count("\nhangar_backup_"));
    ck_assert_uint_eq(metrics_count("# HELP backup_"), metrics_count("# HELP hangar_backup_"));
    ck_assert_uint_eq(metrics_count("# TYPE backup_"), metrics_count("# TYPE hangar_backup_"));
    ck_assert(metrics_has("# TYPE hangar_backup_failures_total counter"));
    ck_assert(metrics_has("hangar_backup_failures_total{pipeline=\"a\",reason=\"failed\"} 3"));
    ck_assert(
        metrics_has("hangar_backup_size_bytes{pipeline=\"a\",sink=\"local\",kind=\"all\"} 8000"));
    ck_assert_uint_eq(metrics_count("hangar_hangar_"), 0);
}
END_TEST

START_TEST(labels_are_bounded)
{
    metrics_serve(STATUS("", NEW("a")));
    size_t before = metrics_samples();
    metrics_serve(STATUS(BUSY, OLD("a")));
    ck_assert_uint_eq(metrics_samples(), before); /* runs add no series */
    static const char *const strange[] = {"exploded", "gone", "sold",       "abc123",
                                          "def456",   "/srv", "backup_2026"};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        ck_assert_msg(!strstr(text, strange[i]), "%s", strange[i]);
    }
    metrics_serve(STATUS("", NEW("a") "," NEW("b")));
    ck_assert_uint_eq(metrics_samples(),
                      2 * (before - 4) + 4); /* all except four belong to a pipeline */
}
END_TEST

START_TEST(an_unreachable_sink_does_not_look_empty)
{
    metrics_serve(
        STATUS("", "{'name': 'a', 'sinks': [{'name': 'local', 'reachable': false, 'backups': 0,"
                   " 'newest_time': null, 'error': 'x'}]}"));
    ck_assert(metrics_has("backup_sink_up{pipeline=\"a\",sink=\"local\"} 0"));
    ck_assert_uint_eq(metrics_count("\nbackup_last_success_timestamp_seconds{"), 0);
    ck_assert_uint_eq(metrics_count("\nbackup_kept{"), 0);
    ck_assert_uint_eq(metrics_count("\nbackup_sink_free_bytes{"), 0);
}
END_TEST

START_TEST(a_failed_drill_or_verification_is_not_a_success)
{
    metrics_serve(STATUS("",
                         "{'name': 'a', 'last_drill': {'status': 'failed', 'time':"
                         " '2026-01-14T00:00:00.000Z'}, 'last_good_drill': null, 'sinks': [{'name':"
                         " 'local', 'reachable': true, 'last_good_verification': null,"
                         " 'newest_verified': {'status': 'corrupt', 'time':"
                         " '2026-01-15T00:00:03.000Z'}}]}"));
    ck_assert(metrics_has("backup_drill_last_success_timestamp_seconds{pipeline=\"a\"} 0"));
    ck_assert(metrics_has(
        "backup_verify_last_success_timestamp_seconds{pipeline=\"a\",sink=\"local\"} 0"));
}
END_TEST

START_TEST(a_failed_drill_or_verification_does_not_hide_the_last_good_one)
{
    metrics_serve(
        STATUS("", "{'name': 'a', 'last_drill': {'status': 'failed', 'time':"
                   " '2026-01-16T00:00:00.000Z'}, 'last_good_drill': '2026-01-14T00:00:00.000Z',"
                   " 'sinks': [{'name': 'local', 'reachable': true, 'last_good_verification':"
                   " '2026-01-14T00:00:01.000Z', 'newest_verified': {'status': 'corrupt', 'time':"
                   " '2026-01-15T00:00:03.000Z'}}]}"));
    ck_assert(
        metrics_has("backup_drill_last_success_timestamp_seconds{pipeline=\"a\"} 1768348800"));
    ck_assert(metrics_has(
        "backup_verify_last_success_timestamp_seconds{pipeline=\"a\",sink=\"local\"} 1768348801"));
}
END_TEST

START_TEST(a_value_of_a_label_cannot_break_out)
{
    metrics_teardown();
    status = json_pack("{s:[{s:s, s:s}]}", "instances", "kind", "notifier", "name", "a\"} 1\nb\\");
    text = daemon_metrics(status, "0", 0);
    ck_assert(metrics_has("backup_notify_failures_total{notifier=\"a\\\"} 1\\nb\\\\\"} 0"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        series_exist_from_the_start,
        values_are_those_of_the_document,
        each_family_is_there_under_the_prefix_too,
        labels_are_bounded,
        an_unreachable_sink_does_not_look_empty,
        a_failed_drill_or_verification_is_not_a_success,
        a_failed_drill_or_verification_does_not_hide_the_last_good_one,
        a_value_of_a_label_cannot_break_out,
    };
    return SUITE_RUN("metrics", tests, NULL, metrics_teardown);
}
