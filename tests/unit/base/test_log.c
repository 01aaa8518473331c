/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * log: one harmless line at a time, above the level only.
 */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>

#include "suite.h"

struct log_capture {
    int lines;
    enum hangar_log_level level;
    int64_t duration_ms;
    char event[32], run[32], message[9000];
    pthread_mutex_t *mutex;
};

static void log_see(void *arg, const struct hg_log_record *r)
{
    struct log_capture *seen = arg;
    ck_assert_int_eq(pthread_mutex_trylock(seen->mutex), EBUSY);
    ck_assert_int_gt(r->time_ms, 1600000000000);
    seen->lines++;
    seen->level = r->level;
    seen->duration_ms = r->duration_ms;
    snprintf(seen->event, sizeof(seen->event), "%s", r->event != NULL ? r->event : "-");
    snprintf(seen->run, sizeof(seen->run), "%s", r->run != NULL ? r->run : "-");
    snprintf(seen->message, sizeof(seen->message), "%s", r->message);
}

START_TEST(a_line_reaches_the_writer_with_all_fields)
{
    struct hg_log log;
    struct log_capture seen = {.mutex = &log.mutex};
    hg_log_init(&log);
    hg_log_line(&log, HANGAR_LOG_ERROR, "no listener yet");
    log.write = log_see;
    log.arg = &seen;
    hg_log_line(&log, HANGAR_LOG_WARN, "%d of %s", 3, "four");
    ck_assert_str_eq(seen.message, "3 of four");
    ck_assert_str_eq(seen.event, "-");
    ck_assert_str_eq(seen.run, "-");
    ck_assert_int_eq(seen.level, HANGAR_LOG_WARN);
    snprintf(log.run, sizeof(log.run), "run-1");
    hg_log_event(&log, HANGAR_LOG_INFO, "backup.done", "done");
    ck_assert_str_eq(seen.event, "backup.done");
    ck_assert_str_eq(seen.run, "run-1");
    ck_assert_int_eq(seen.duration_ms, -1);
    hg_log_took(&log, HANGAR_LOG_INFO, "backup.done", 1234, "done");
    ck_assert_int_eq(seen.duration_ms, 1234);
    ck_assert_int_eq(seen.lines, 3);
    hg_log_fini(&log);
}
END_TEST

START_TEST(details_below_the_level_are_dropped)
{
    struct hg_log log;
    struct log_capture seen = {.mutex = &log.mutex};
    hg_log_init(&log);
    log.write = log_see;
    log.arg = &seen;
    hg_log_line(&log, HANGAR_LOG_DEBUG, "too much");
    ck_assert_int_eq(seen.lines, 0);
    log.level = HANGAR_LOG_DEBUG;
    hg_log_line(&log, HANGAR_LOG_DEBUG, "wanted");
    ck_assert_int_eq(seen.lines, 1);
    log.level = HANGAR_LOG_ERROR;
    hg_log_line(&log, HANGAR_LOG_WARN, "too much");
    ck_assert_int_eq(seen.lines, 1);
    hg_log_fini(&log);
}
END_TEST

START_TEST(a_message_stays_one_line)
{
    struct hg_log log;
    struct log_capture seen = {.mutex = &log.mutex};
    hg_log_init(&log);
    log.write = log_see;
    log.arg = &seen;
    hg_log_line(&log, HANGAR_LOG_INFO, "ERROR:\n\x1b[31mfaked");
    ck_assert_str_eq(seen.message, "ERROR:\\x0a\\x1b[31mfaked");
    hg_log_fini(&log);
}
END_TEST

static const struct {
    const char *text, *escaped;
} escapes[] = {
    {"", ""},
    {"plain ~ text", "plain ~ text"},
    {"\t\x7f", "\\x09\\x7f"},
    {"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"},
    {"\xE4 latin", "\\xe4 latin"},
    {"\xC2\x9B C1", "\\xc2\\x9b C1"},
    {"\xC0\xAF overlong", "\\xc0\\xaf overlong"},
    {"\xE0\x80\x80", "\\xe0\\x80\\x80"},
    {"\xED\xA0\x80 surrogate", "\\xed\\xa0\\x80 surrogate"},
    {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    {"cut \xE2\x82", "cut \\xe2\\x82"},
};

START_TEST(control_characters_and_bad_utf8_are_escaped)
{
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        char out[128];
        hg_log_escape(escapes[i].text, out, sizeof(out));
        ck_assert_str_eq(out, escapes[i].escaped);
    }
}
END_TEST

START_TEST(an_escaped_text_fits_and_ends_wherever_it_is_cut)
{
    const char *text = "a\n\xE2\x82\xACz";
    const char *whole[] = {"", "a", "a\\x0a", "a\\x0a\xE2\x82\xAC", "a\\x0a\xE2\x82\xACz"};
    for (size_t size = 1; size < 16; size++) {
        char out[16];
        memset(out, '#', sizeof(out));
        hg_log_escape(text, out, size);
        ck_assert_uint_lt(strlen(out), size);
        bool piece = false;
        for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
            piece = piece || strcmp(out, whole[i]) == 0;
        }
        ck_assert_msg(piece, "cut inside a character: %s", out);
    }
    char untouched = '#';
    hg_log_escape(text, &untouched, 0);
    ck_assert_int_eq(untouched, '#');
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_line_reaches_the_writer_with_all_fields,
        details_below_the_level_are_dropped,
        a_message_stays_one_line,
        control_characters_and_bad_utf8_are_escaped,
        an_escaped_text_fits_and_ends_wherever_it_is_cut,
    };
    return SUITE_RUN("log", tests, NULL, NULL);
}
