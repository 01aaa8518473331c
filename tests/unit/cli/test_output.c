/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * output: the notation of numbers, escaping, cutting.
 */
#include "cli_world.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

START_TEST(sizes_are_rounded_to_the_unit_that_fits)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1048575, "1.0 MiB"},
        {1048576, "1.0 MiB"},
        {1288490188, "1.2 GiB"},
        {1099511627776, "1.0 TiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    char out[CLI_SHORT];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(cli_size(cases[i].bytes, out), cases[i].text);
    }
}
END_TEST

START_TEST(durations_have_readable_units)
{
    static const struct {
        int64_t ms;
        const char *duration, *age;
    } cases[] = {
        {-5000, "-", "in the future"},    {0, "0 ms", "0 s"},
        {340, "340 ms", "0 s"},           {12345, "12.3 s", "12 s"},
        {59949, "59.9 s", "59 s"},        {59999, "1 min 00 s", "59 s"},
        {65000, "1 min 05 s", "1 min"},   {3600000, "1 h 00 min", "1 h"},
        {7500000, "2 h 05 min", "2 h"},   {90000000, "1 d 1 h", "25 h"},
        {259200000, "3 d 0 h", "3 days"},
    };
    char out[CLI_SHORT];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_str_eq(cli_duration(cases[i].ms, out), cases[i].duration);
        ck_assert_str_eq(cli_age(cases[i].ms, out), cases[i].age);
    }
}
END_TEST

START_TEST(a_rate_of_duration_0_is_finite)
{
    char out[CLI_SHORT];

    ck_assert_str_eq(cli_rate(1048576, 1000, out), "1.0 MiB/s");
    ck_assert_str_eq(cli_rate(0, 0, out), "0 B/s");
    ck_assert_str_eq(cli_rate(1, 0, out), "1000 B/s");
}
END_TEST

START_TEST(text_cannot_control_a_terminal)
{
    static const struct {
        const char *text, *ascii, *utf8;
    } cases[] = {
        {"plain", "plain", "plain"},
        {"\033[2J", "\\x1b[2J", "\\x1b[2J"},
        {"a\nb\r\t", "a\\x0ab\\x0d\\x09", "a\\x0ab\\x0d\\x09"},
        {"ß", "\\xc3\\x9f", "ß"},
        {"\xc2\x9b", "\\xc2\\x9b", "\\xc2\\x9b"},               /* CSI of C1 */
        {"\xe2\x80\xae", "\\xe2\\x80\\xae", "\\xe2\\x80\\xae"}, /* right to left */
        {"\xff\xfe", "\\xff\\xfe", "\\xff\\xfe"},
        {"\xc3", "\\xc3", "\\xc3"},                             /* truncated */
        {"\xc0\x80", "\\xc0\\x80", "\\xc0\\x80"},               /* overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"}, /* surrogate */
        {"\xf0\x9f\x98\x80", "\\xf0\\x9f\\x98\\x80", "\xf0\x9f\x98\x80"},
        {"\x7f", "\\x7f", "\\x7f"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *ascii = cli_escape(cases[i].text, false);
        char *utf8 = cli_escape(cases[i].text, true);
        ck_assert_str_eq(ascii, cases[i].ascii);
        ck_assert_str_eq(utf8, cases[i].utf8);
        free(ascii);
        free(utf8);
    }
}
END_TEST

START_TEST(text_is_cut_to_columns_not_to_bytes)
{
    char text[64];

    setlocale(LC_CTYPE, "C.UTF-8");
    snprintf(text, sizeof(text), "größer als gedacht");
    ck_assert_int_eq(cli_text_width(text), 18);
    cli_truncate(text, sizeof(text), 6, true);
    ck_assert_str_eq(text, "größe…");
    snprintf(text, sizeof(text), "日本語");
    ck_assert_int_eq(cli_text_width(text), 6);
    cli_truncate(text, sizeof(text), 4, true);
    ck_assert_str_eq(text, "日…");
    snprintf(text, sizeof(text), "exactly");
    cli_truncate(text, sizeof(text), 7, true);
    ck_assert_str_eq(text, "exactly");
    cli_truncate(text, sizeof(text), 5, false);
    ck_assert_str_eq(text, "ex...");
    cli_truncate(text, sizeof(text), 1, false);
    ck_assert_str_eq(text, ".");
    snprintf(text, sizeof(text), "no limit");
    cli_truncate(text, sizeof(text), 0, false);
    ck_assert_str_eq(text, "no limit");
}
END_TEST

static void output_add_tests(TCase *tests)
{
    tcase_add_test(tests, sizes_are_rounded_to_the_unit_that_fits);
    tcase_add_test(tests, durations_have_readable_units);
    tcase_add_test(tests, a_rate_of_duration_0_is_finite);
    tcase_add_test(tests, text_cannot_control_a_terminal);
    tcase_add_test(tests, text_is_cut_to_columns_not_to_bytes);
}

int main(void)
{
    return world_main("cli output", output_add_tests);
}
