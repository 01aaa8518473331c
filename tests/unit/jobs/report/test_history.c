/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: the last jobs of the pipelines on this machine, read from their journals.
 */
#include "report_world.h"

/* Makes the history of a pipeline (NULL: of all) the last document. */
static enum hangar_status history_read(const char *pipeline, uint32_t last)
{
    char *json = NULL;
    const enum hangar_status status = hangar_history(world_hangar, pipeline, last, &json);
    return world_take(status, json);
}

/* The job of the last document has this kind, pipeline and status. */
static void history_expect(size_t at, const char *job, const char *pipeline, const char *status)
{
    const json_t *one = json_array_get(world_at("jobs"), at);
    world_fields(one, "time:s job:s pipeline:s status:s id:sn sink:sn run:sn duration_ms:in "
                      "retry:sn error:sn");
    ck_assert_str_eq(json_string_value(json_object_get(one, "job")), job);
    ck_assert_str_eq(json_string_value(json_object_get(one, "pipeline")), pipeline);
    ck_assert_str_eq(json_string_value(json_object_get(one, "status")), status);
}

/* Appends a line to a journal; `rest` follows the time. */
static void history_add(const char *journal, const char *time_field, const char *time,
                        const char *rest)
{
    ck_assert_int_eq(world_shell("mkdir -p state/history && echo '{\"%s\": \"%s\"%s}' >>"
                                 "state/history/%s.jsonl",
                                 time_field, time, rest, journal),
                     0);
}

START_TEST(every_kind_of_job_is_listed_the_newest_first)
{
    world_config("sources: { db: { plugin: test-source }, other: { plugin: test-source } }\n"
                 "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"
                 "pipelines: { p: { sources: [db, other], sinks: [a] } }\n");
    ck_assert_int_eq(world_backup("p"), HANGAR_STATUS_DONE);
    const char *const only[] = {"db", NULL};
    const struct hangar_backup_request request = {
        .struct_size = sizeof(request), .pipeline = "p", .only = only};
    ck_assert_int_eq(hangar_backup_with(world_hangar, &request, NULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_verify(world_id(), HANGAR_VERIFY_FULL), HANGAR_STATUS_DONE);
    ck_assert_int_eq(world_restore(world_id(), 0, NULL, NULL), HANGAR_STATUS_DONE);
    history_add("p.verify", "time", "2099-01-01T00:00:00.000Z",
                ", \"id\": \"backup_1\", \"sink\": \"a\", \"level\": \"drill\", \"status\": "
                "\"corrupt\", \"error\": \"rows differ\"");
    ck_assert_int_eq(history_read("p", 0), HANGAR_STATUS_DONE);
    world_fields(world_doc, "schema:s status:s jobs:a");
    ck_assert_uint_eq(world_count("jobs"), 5);
    history_expect(0, "drill", "p", "corrupt");
    ck_assert_str_eq(world_text("jobs.0.error"), "rows differ");
    ck_assert_str_eq(world_text("jobs.0.sink"), "a");
    history_expect(1, "restore", "p", "done");
    history_expect(2, "verify", "p", "done");
    history_expect(3, "partial", "p", "done");
    history_expect(4, "backup", "p", "done");
    ck_assert_str_eq(world_text("jobs.4.id"), world_id());
    ck_assert_int_ge(world_int("jobs.4.duration_ms"), 0);
    ck_assert(json_is_null(world_at("jobs.4.error")));
}
END_TEST

START_TEST(a_failed_backup_is_listed_with_its_reason_and_its_next_try)
{
    world_config("sources: { db: { plugin: test-source, options: { fail_at: prepare } } }\n"
                 "sinks: { a: { plugin: storage-local, options: { path: ./a } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    const struct hangar_backup_request request = {.struct_size = sizeof(request),
                                                  .pipeline = "p",
                                                  .retry_after_ms = 60000,
                                                  .retry_within_ms = 3600000};
    ck_assert_int_eq(hangar_backup_with(world_hangar, &request, NULL), HANGAR_STATUS_FAILED);
    ck_assert_int_eq(history_read(NULL, 0), HANGAR_STATUS_DONE);
    history_expect(0, "backup", "p", "failed");
    ck_assert_str_eq(world_text("jobs.0.error"), "source db: cannot prepare: injected fault");
    ck_assert(json_is_null(world_at("jobs.0.id")));
    ck_assert(json_is_string(world_at("jobs.0.retry")));
}
END_TEST

START_TEST(the_last_jobs_of_all_pipelines_or_of_one_are_listed)
{
    world_config(REPORT_CONFIG REPORT_TWO);
    ck_assert_int_eq(history_read(NULL, 0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("jobs"), 0);
    history_add("p", "started", "2026-01-01T00:00:00.000Z", ", \"status\": \"done\"");
    history_add("q", "started", "2026-01-02T00:00:00.000Z", ", \"status\": \"failed\"");
    history_add("p", "started", "2026-01-03T00:00:00.000Z", ", \"status\": \"degraded\"");
    ck_assert_int_eq(history_read(NULL, 0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("jobs"), 3);
    history_expect(0, "backup", "p", "degraded");
    history_expect(1, "backup", "q", "failed");
    history_expect(2, "backup", "p", "done");
    ck_assert_int_eq(history_read(NULL, 2), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("jobs"), 2);
    history_expect(1, "backup", "q", "failed");
    ck_assert_int_eq(history_read("q", 9), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("jobs"), 1);
    ck_assert_int_eq(history_read("r", 0), HANGAR_STATUS_NOT_FOUND);
    ck_assert_uint_eq(world_count("jobs"), 0);
}
END_TEST

START_TEST(of_jobs_of_one_time_the_last_line_is_first)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    static const char *const statuses[] = {"done", "failed", "degraded"};
    for (size_t i = 0; i < 3; i++) {
        char rest[64];
        snprintf(rest, sizeof(rest), ", \"status\": \"%s\"", statuses[i]);
        history_add("p", "started", "2026-01-01T00:00:00.000Z", rest);
    }
    ck_assert_int_eq(history_read("p", 0), HANGAR_STATUS_DONE);
    for (size_t i = 0; i < 3; i++) {
        history_expect(i, "backup", "p", statuses[2 - i]);
    }
}
END_TEST

START_TEST(a_line_without_a_time_is_skipped_and_one_without_a_status_failed)
{
    world_config(REPORT_CONFIG REPORT_ONE);
    history_add("p", "started", "yesterday", ", \"status\": \"done\"");
    history_add("p", "ended", "2026-01-01T00:00:00.000Z", ", \"status\": \"done\"");
    history_add("p", "started", "2026-01-01T00:00:00.000Z", ", \"duration_ms\": \"long\"");
    ck_assert_int_eq(history_read("p", 0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("jobs"), 1);
    history_expect(0, "backup", "p", "failed");
    ck_assert(json_is_null(world_at("jobs.0.duration_ms")));
}
END_TEST

START_TEST(the_history_opens_no_sink)
{
    world_config("sources: { db: { plugin: test-source } }\n"
                 "sinks: { a: { plugin: test-sink, options: { path: ./a, opens: ./opened } } }\n"
                 "pipelines: { p: { sources: [db], sinks: [a] } }\n");
    history_add("p", "started", "2026-01-01T00:00:00.000Z", ", \"status\": \"done\"");
    ck_assert_int_eq(history_read("p", 0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("jobs"), 1);
    ck_assert(!folder_has("opened"));
}
END_TEST

/* "No job" would be a wrong answer. */
START_TEST(a_journal_that_cannot_be_read_is_an_error)
{
    static const char *const journals[] = {"p", "p.partial", "p.verify", "p.restores"};
    world_config(REPORT_CONFIG REPORT_ONE);
    for (size_t i = 0; i < sizeof(journals) / sizeof(journals[0]); i++) {
        ck_assert_int_eq(world_shell("mkdir -p state/history/%s.jsonl", journals[i]), 0);
        ck_assert_int_eq(history_read(NULL, 0), HANGAR_STATUS_FAILED);
        ck_assert(world_error_has("cannot read the history of jobs on this machine"));
        ck_assert_int_eq(world_shell("rmdir state/history/%s.jsonl", journals[i]), 0);
    }
    ck_assert_int_eq(history_read(NULL, 0), HANGAR_STATUS_DONE);
}
END_TEST

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
    ck_assert_int_eq(history_read("p", 0), HANGAR_STATUS_DONE);
    ck_assert_uint_eq(world_count("jobs"), 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_kind_of_job_is_listed_the_newest_first,
        a_failed_backup_is_listed_with_its_reason_and_its_next_try,
        the_last_jobs_of_all_pipelines_or_of_one_are_listed,
        of_jobs_of_one_time_the_last_line_is_first,
        a_line_without_a_time_is_skipped_and_one_without_a_status_failed,
        the_history_opens_no_sink,
        a_journal_that_cannot_be_read_is_an_error,
        a_truncated_history_is_read_up_to_its_last_whole_line,
    };
    return SUITE_RUN("jobs/report/history", tests, world_setup, world_teardown);
}
