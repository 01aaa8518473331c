/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * log: the lines of the daemon, which name their job.
 */
#include "log.h"

#include <jansson.h>

#include "suite.h"

static const struct hangar_log_line line = {.level = 2,
                                            .time_ms = 1768435200123,
                                            .event = "job.end",
                                            .run = "abc",
                                            .duration_ms = 1500,
                                            .message = "unused"};

static char *log_put(enum cli_log_format format, const struct cli_log_job *job)
{
    char *text = NULL;
    size_t size = 0;
    struct cli_view view = {.file = open_memstream(&text, &size)};
    cli_log_put(&view, format, &line, job, "a \"b\" \\");
    fclose(view.file);
    return text;
}

START_TEST(a_line_names_its_job_in_each_format)
{
    static const struct {
        enum cli_log_format format;
        struct cli_log_job job;
        const char *text;
    } rows[] = {
        {CLI_LOG_LOGFMT,
         {"nightly", "backup", "done"},
         "time=2026-01-15T00:00:00.123Z level=info run=abc event=job.end pipeline=nightly "
         "job=backup status=done duration_ms=1500 msg=\"a \\\"b\\\" \\\\\"\n"},
        {CLI_LOG_JOURNAL,
         {NULL, "plan", NULL},
         "<6>level=info run=abc event=job.end job=plan duration_ms=1500 "
         "msg=\"a \\\"b\\\" \\\\\"\n"},
        {CLI_LOG_TEXT, {"nightly", "backup", "done"}, "a \"b\" \\\n"},
        {CLI_LOG_JSON,
         {"nightly", NULL, "done"},
         "{\"time\":\"2026-01-15T00:00:00.123Z\",\"level\":\"info\",\"run\":\"abc\","
         "\"event\":\"job.end\",\"pipeline\":\"nightly\",\"status\":\"done\",\"duration_ms\":1500,"
         "\"msg\":\"a \\\"b\\\" \\\\\"}\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = log_put(rows[i].format, &rows[i].job);
        ck_assert_str_eq(text, rows[i].text);
        free(text);
    }
}
END_TEST

START_TEST(a_line_without_a_job_has_no_empty_fields)
{
    char *text = log_put(CLI_LOG_JSON, NULL);
    json_t *object = json_loads(text, 0, NULL);
    ck_assert_uint_eq(json_object_size(object), 6);
    json_decref(object);
    free(text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_line_names_its_job_in_each_format,
        a_line_without_a_job_has_no_empty_fields,
    };
    return SUITE_RUN("log", tests, NULL, NULL);
}
