/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * progress: rows fit the terminal, are redrawn in place, and are erased before other
 * output.
 */
#include "cli_world.h"

#include <stdlib.h>
#include <string.h>

#define MIB (1024ull * 1024)

static const struct hangar_progress_source sources[] = {
    {"app_db", 300 * MIB, 600 * MIB, 0},
    {"cache", 100 * MIB, 100 * MIB, 1},
};

static struct hangar_progress progress_state(int64_t elapsed_ms)
{
    return (struct hangar_progress){
        .struct_size = sizeof(struct hangar_progress),
        .source_count = 2,
        .job = "backup",
        .pipeline = "nightly",
        .step = "copying",
        .elapsed_ms = elapsed_ms,
        .plain_bytes = 400 * MIB,
        .expected_bytes = 700 * MIB,
        .sources = sources,
    };
}

START_TEST(the_rows_show_the_progress_of_the_job)
{
    char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE];
    struct cli_view view = {.width = 100};
    struct hangar_progress now = progress_state(65000);

    ck_assert_int_eq(cli_progress_rows(&view, &now, 100 * MIB, rows), 3);
    ck_assert_str_eq(
        rows[0], "backup nightly:  400.0 MiB of 700.0 MiB (57 %)  100.0 MiB/s  1:05  0:03 left  "
                 "copying");
    ck_assert_str_eq(rows[1], "  app_db  300.0 MiB of 600.0 MiB (50 %)");
    ck_assert_str_eq(rows[2], "  cache   100.0 MiB  done");
}
END_TEST

START_TEST(an_exceeded_estimate_is_not_shown)
{
    struct cli_view view = {.width = 0};
    struct hangar_progress now = progress_state(3725000);

    now.expected_bytes = MIB;
    now.source_count = 0;
    char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE];
    cli_progress_rows(&view, &now, 0, rows);
    ck_assert_str_eq(rows[0], "backup nightly:  400.0 MiB  0 B/s  1:02:05  copying");
}
END_TEST

START_TEST(a_job_without_a_pipeline_has_a_name)
{
    struct cli_view view = {.width = 0};
    struct hangar_progress now = progress_state(1000);

    now.job = "verify";
    now.pipeline = "";
    char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE];
    cli_progress_rows(&view, &now, 0, rows);
    ck_assert_int_eq(strncmp(rows[0], "verify:  ", 9), 0);
    now.pipeline = NULL;
    cli_progress_rows(&view, &now, 0, rows);
    ck_assert_int_eq(strncmp(rows[0], "verify:  ", 9), 0);
}
END_TEST

START_TEST(rows_are_cut_to_the_width)
{
    struct hangar_progress now = progress_state(1000);

    for (int width = 2; width < 120; width++) {
        struct cli_view view = {.width = width};
        char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE];
        int count = cli_progress_rows(&view, &now, 1, rows);
        for (int i = 0; i < count; i++) {
            ck_assert_int_lt(cli_text_width(rows[i]), width);
        }
    }
}
END_TEST

START_TEST(many_sources_and_long_names_stay_bounded)
{
    char rows[CLI_PROGRESS_ROWS][CLI_PROGRESS_SIZE], name[1000];
    struct hangar_progress_source many[100];
    struct cli_view view = {.width = 0};
    struct hangar_progress now = progress_state(1000);

    memset(name, 'x', sizeof(name));
    name[0] = '\033';
    name[sizeof(name) - 1] = '\0';
    for (size_t i = 0; i < 100; i++) {
        many[i] = (struct hangar_progress_source){name, 1, 2, 0};
    }
    now.sources = many;
    now.source_count = 100;
    now.pipeline = now.step = name;
    ck_assert_int_eq(cli_progress_rows(&view, &now, 1, rows), CLI_PROGRESS_ROWS);
    ck_assert_ptr_null(strchr(rows[0], '\033'));
    ck_assert_ptr_null(strchr(rows[1], '\033'));
}
END_TEST

static char *text;
static size_t size;
static struct cli_view view;
static struct cli_progress progress;

static void progress_begin(enum cli_progress_mode mode, enum cli_log_format format)
{
    view = (struct cli_view){.file = open_memstream(&text, &size), .width = 80};
    cli_progress_init(&progress, &view, mode, format, -1);
}

static void progress_end(void)
{
    cli_progress_fini(&progress);
    fclose(view.file);
    free(text);
}

START_TEST(on_a_terminal_rows_are_redrawn_in_place_and_erased)
{
    struct hangar_progress first = progress_state(250), second = progress_state(500);

    progress_begin(CLI_PROGRESS_REDRAW, CLI_LOG_TEXT);
    cli_progress_show(&progress, &first);
    ck_assert_ptr_null(strstr(text, "\033[2A"));
    size_t one = size;
    cli_progress_show(&progress, &second);
    ck_assert_int_eq(strncmp(text + one, "\033[2A\r", 5), 0);
    size_t two = size;
    struct hangar_log_line line = {.struct_size = sizeof(line), .level = 1, .message = "careful"};
    cli_progress_log(&progress, &line);
    ck_assert_str_eq(text + two, "\033[2A\r\033[Jwarning: careful\n");
    size_t three = size;
    cli_progress_clear(&progress);
    fflush(view.file);
    ck_assert_uint_eq(size, three);
    progress_end();
}
END_TEST

static const struct {
    enum cli_log_format format;
    const char *line, *sparse;
} formats[] = {
    {CLI_LOG_TEXT, "error: it \"broke\" \\x1b\n", "fine\n"},
    {CLI_LOG_LOGFMT,
     "time=2026-01-15T02:00:00.123Z level=error run=r1 event=backup.failed duration_ms=42 msg=\"it "
     "\\\"broke\\\" \\\\x1b\"\n",
     "time=2026-01-15T02:00:00.123Z level=info msg=\"fine\"\n"},
    {CLI_LOG_JSON,
     "{\"time\":\"2026-01-15T02:00:00.123Z\",\"level\":\"error\",\"run\":\"r1\",\"event\":\"backup."
     "failed\",\"duration_ms\":42,\"msg\":\"it \\\"broke\\\" \\\\x1b\"}\n",
     "{\"time\":\"2026-01-15T02:00:00.123Z\",\"level\":\"info\",\"msg\":\"fine\"}\n"},
    {CLI_LOG_JOURNAL,
     "<3>level=error run=r1 event=backup.failed duration_ms=42 msg=\"it \\\"broke\\\" \\\\x1b\"\n",
     "<6>level=info msg=\"fine\"\n"},
};

START_TEST(a_log_line_has_all_fields_in_each_format)
{
    struct hangar_log_line line = {.struct_size = sizeof(line),
                                   .level = 0,
                                   .time_ms = 1768442400123,
                                   .event = "backup.failed",
                                   .run = "r1",
                                   .message = "it \"broke\" \x1b",
                                   .duration_ms = 42};
    struct hangar_log_line sparse = {.struct_size = sizeof(sparse),
                                     .level = 2,
                                     .time_ms = 1768442400123,
                                     .message = "fine",
                                     .duration_ms = -1};

    progress_begin(CLI_PROGRESS_OFF, formats[_i].format);
    cli_progress_log(&progress, &line);
    ck_assert_str_eq(text, formats[_i].line);
    size_t one = size;
    cli_progress_log(&progress, &sparse);
    ck_assert_str_eq(text + one, formats[_i].sparse);
    progress_end();
}
END_TEST

START_TEST(without_a_terminal_a_line_is_added_every_30_s)
{
    progress_begin(CLI_PROGRESS_LINES, CLI_LOG_LOGFMT);
    for (int64_t ms = 250; ms <= 60000; ms += 250) {
        struct hangar_progress now = progress_state(ms);
        cli_progress_show(&progress, &now);
    }
    fflush(view.file);
    int lines = 0;
    for (const char *c = text; *c; c++) {
        lines += *c == '\n';
    }
    ck_assert_int_eq(lines, 2);
    ck_assert_ptr_null(strchr(text, '\033'));
    ck_assert_ptr_nonnull(strstr(text, "  0:30  copying\n"));
    progress_end();
}
END_TEST

START_TEST(the_rate_covers_the_last_five_seconds)
{
    progress_begin(CLI_PROGRESS_LINES, CLI_LOG_LOGFMT);
    struct hangar_progress now = progress_state(0);
    /* 100 s without data, then 5 s with 10 MiB each */
    for (int64_t ms = 250; ms <= 105000; ms += 250) {
        now.elapsed_ms = ms;
        now.plain_bytes = ms <= 100000 ? 0 : (uint64_t)(ms - 100000) * 10 * MIB / 1000;
        progress.last_line_ms = ms == 105000 ? 0 : ms;
        cli_progress_show(&progress, &now);
    }
    fflush(view.file);
    ck_assert_msg(strstr(text, "  10.0 MiB/s  1:45  1:05 left  ") != NULL, "%s", text);
    progress_end();
}
END_TEST

START_TEST(another_job_starts_a_new_rate)
{
    struct hangar_progress old = progress_state(50000), new = progress_state(30000);

    progress_begin(CLI_PROGRESS_LINES, CLI_LOG_LOGFMT);
    cli_progress_show(&progress, &old);
    new.plain_bytes = 30 * MIB;
    cli_progress_show(&progress, &new);
    fflush(view.file);
    ck_assert_msg(strstr(text, "30.0 MiB of 700.0 MiB (4 %)  1.0 MiB/s  0:30  11:10 left") != NULL,
                  "%s", text);
    progress_end();
}
END_TEST

START_TEST(a_jump_of_the_clock_starts_a_new_rate)
{
    progress_begin(CLI_PROGRESS_LINES, CLI_LOG_LOGFMT);
    struct hangar_progress now = progress_state(60000);
    now.plain_bytes = 600 * MIB;
    now.expected_bytes = 700 * MIB;
    cli_progress_show(&progress, &now);
    now.elapsed_ms = 10; /* back */
    now.plain_bytes = 610 * MIB;
    progress.last_line_ms = -CLI_PROGRESS_EVERY_MS;
    cli_progress_show(&progress, &now);
    fflush(view.file);
    ck_assert_msg(strstr(text, "610.0 MiB of 700.0 MiB (87 %)  0 B/s  0:00  copying\n") != NULL,
                  "%s", text);
    /* forward by a day; 5 s later the rate is the real one */
    for (uint64_t i = 0; i <= CLI_PROGRESS_SAMPLES; i++) {
        now.elapsed_ms = 86400000 + (int64_t)i * 250;
        now.plain_bytes = (620 + i) * MIB;
        progress.last_line_ms = i < CLI_PROGRESS_SAMPLES ? now.elapsed_ms : 0;
        cli_progress_show(&progress, &now);
    }
    fflush(view.file);
    ck_assert_msg(strstr(text, "640.0 MiB of 700.0 MiB (91 %)  4.0 MiB/s  24:00:05  0:15 l") !=
                      NULL,
                  "%s", text);
    progress_end();
}
END_TEST

static void progress_add_tests(TCase *tests)
{
    tcase_add_test(tests, the_rows_show_the_progress_of_the_job);
    tcase_add_test(tests, an_exceeded_estimate_is_not_shown);
    tcase_add_test(tests, a_job_without_a_pipeline_has_a_name);
    tcase_add_test(tests, rows_are_cut_to_the_width);
    tcase_add_test(tests, many_sources_and_long_names_stay_bounded);
    tcase_add_test(tests, on_a_terminal_rows_are_redrawn_in_place_and_erased);
    tcase_add_loop_test(tests, a_log_line_has_all_fields_in_each_format, 0,
                        sizeof(formats) / sizeof(formats[0]));
    tcase_add_test(tests, without_a_terminal_a_line_is_added_every_30_s);
    tcase_add_test(tests, the_rate_covers_the_last_five_seconds);
    tcase_add_test(tests, a_jump_of_the_clock_starts_a_new_rate);
    tcase_add_test(tests, another_job_starts_a_new_rate);
}

int main(void)
{
    return world_main("cli progress", progress_add_tests);
}
