/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * message: the lines of a process are read as they were written.
 */
#include "message.h"

#include "suite.h"

static bool message_parse(const char *line, struct daemon_message *out)
{
    return daemon_message_parse(line, strlen(line), out);
}

START_TEST(an_event_is_read_as_it_was_written)
{
    struct hangar_log_line line = {.level = 1,
                                   .time_ms = 1768435200123,
                                   .event = "backup.slow",
                                   .run = "abc",
                                   .message = "a \"b\"",
                                   .duration_ms = 7};
    char *text = daemon_message_event(&line);
    struct daemon_message message;
    ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
    ck_assert(message_parse(text, &message));
    ck_assert_ptr_null(message.result);
    ck_assert(message.event.time_ms == line.time_ms && message.event.duration_ms == 7);
    ck_assert_int_eq(message.event.level, DAEMON_WARNING);
    ck_assert_str_eq(message.event.name, "backup.slow");
    ck_assert_str_eq(message.event.run, "abc");
    ck_assert_str_eq(message.event.message, "a \"b\"");
    daemon_message_free(&message);
    free(text);
}
END_TEST

START_TEST(a_result_is_read_as_it_was_written)
{
    static const enum hangar_status all[] = {HANGAR_STATUS_DONE,    HANGAR_STATUS_FAILED,
                                             HANGAR_STATUS_USAGE,   HANGAR_STATUS_DEGRADED,
                                             HANGAR_STATUS_AUTH,    HANGAR_STATUS_NOT_FOUND,
                                             HANGAR_STATUS_BUSY,    HANGAR_STATUS_STALE,
                                             HANGAR_STATUS_CORRUPT, HANGAR_STATUS_INTERRUPTED};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char *text = daemon_message_result(all[i], "no space", i % 2 ? "{\"id\": \"x\"}" : NULL);
        struct daemon_message message;
        ck_assert(message_parse(text, &message));
        ck_assert_int_eq(message.result->status, all[i]);
        ck_assert_str_eq(message.result->error, "no space");
        ck_assert_int_eq(message.result->document != NULL, i % 2);
        daemon_message_free(&message);
        free(text);
    }
}
END_TEST

START_TEST(a_result_has_the_time_of_the_next_try)
{
    static const struct {
        const char *document;
        bool retry;
    } rows[] = {
        {NULL, false},
        {"{\"id\": \"x\"}", false},
        {"{\"retry\": null}", false},
        {"{\"retry\": \"2026-01-15T02:10:00.000Z\"}", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = daemon_message_result(HANGAR_STATUS_FAILED, "no space", rows[i].document);
        struct daemon_message message;
        ck_assert(message_parse(text, &message));
        ck_assert_msg(message.result->retry == rows[i].retry, "%s", text);
        daemon_message_free(&message);
        free(text);
    }
}
END_TEST

START_TEST(a_line_of_another_format_is_refused)
{
    static const char *const lines[] = {"", "{", "[]", "7", "{\"a\": 1, \"a\": 2}"};
    struct daemon_message message;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert(!message_parse(lines[i], &message));
    }
}
END_TEST

START_TEST(strange_values_are_harmless)
{
    struct daemon_message message;

    ck_assert(message_parse("{\"level\": 99, \"event\": 5}", &message));
    ck_assert_int_eq(message.event.level, DAEMON_DEBUG);
    ck_assert_ptr_null(message.event.name);
    daemon_message_free(&message);
    ck_assert(message_parse("{\"end\": {\"status\": \"sleepy\", \"document\": []}}", &message));
    ck_assert_int_eq(message.result->status, HANGAR_STATUS_FAILED);
    ck_assert_str_eq(message.result->error, "");
    ck_assert_ptr_null(message.result->document);
    daemon_message_free(&message);
    ck_assert(message_parse("{\"end\": 1}", &message));
    ck_assert_int_eq(message.result->status, HANGAR_STATUS_FAILED);
    daemon_message_free(&message);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_event_is_read_as_it_was_written,    a_result_is_read_as_it_was_written,
        a_result_has_the_time_of_the_next_try, a_line_of_another_format_is_refused,
        strange_values_are_harmless,
    };
    return SUITE_RUN("message", tests, NULL, NULL);
}
