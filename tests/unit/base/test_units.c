/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * units: numbers are read exactly or not at all, and shown for people.
 */
#include "base/units.h"

#include <inttypes.h>
#include "suite.h"

static const struct {
    const char *text;
    bool ok;
    int64_t value;
} ints[] = {
    {"0", true, 0},
    {"7", true, 7},
    {"-5", true, -5},
    {"9223372036854775807", true, INT64_MAX},
    {"-9223372036854775808", true, INT64_MIN},
    {"9223372036854775808", false, 0},
    {"-9223372036854775809", false, 0},
    {"99999999999999999999", false, 0},
    {"010", false, 0},
    {"00", false, 0},
    {"-0", false, 0},
    {"-010", false, 0},
    {"+1", false, 0},
    {"1e3", false, 0},
    {"0x10", false, 0},
    {"1_000", false, 0},
    {"1.0", false, 0},
    {" 1", false, 0},
    {"1 ", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"--1", false, 0},
    {"\xD9\xA1", false, 0},
};

START_TEST(whole_numbers_are_decimal_and_nothing_else)
{
    for (size_t i = 0; i < sizeof(ints) / sizeof(ints[0]); i++) {
        int64_t value = 42;
        ck_assert_msg(hg_parse_int(ints[i].text, &value) == ints[i].ok, "%s", ints[i].text);
        ck_assert_int_eq(value, ints[i].ok ? ints[i].value : 42);
    }
}
END_TEST

static const struct {
    const char *text;
    int64_t value; /* -1: refused */
} sizes[] = {
    {"0", 0},
    {"4096", 4096},
    {"1B", 1},
    {"64KiB", 65536},
    {"1.5GiB", 1610612736},
    {"10MB", 10000000},
    {"1kB", 1000},
    {"1KB", 1000},
    {"2TB", 2000000000000},
    {"0.5KiB", 512},
    {"0.000001TiB", 1099511},
    {"8388607TiB", INT64_C(8388607) << 40},
    {"8388608TiB", -1},
    {"9223372036854775807", INT64_MAX},
    {"9223372036854775808", -1},
    {"1k", -1},
    {"1K", -1},
    {"1kib", -1},
    {"1KIB", -1},
    {"1 KiB", -1},
    {"1.5", -1},
    {"1.5B", -1},
    {"1.KiB", -1},
    {".5KiB", -1},
    {"1.1234567GiB", -1},
    {"01KiB", -1},
    {"-1", -1},
    {"1e3", -1},
    {"1KiBx", -1},
    {"KiB", -1},
    {"", -1},
};

START_TEST(sizes_have_units_that_mean_one_thing)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int64_t value = -1;
        bool ok = hg_parse_size(sizes[i].text, &value);
        ck_assert_msg(ok == (sizes[i].value >= 0) && value == sizes[i].value, "%s: %d %" PRId64,
                      sizes[i].text, ok, value);
    }
}
END_TEST

static const struct {
    const char *text;
    int64_t value;
} durations[] = {
    {"0", 0},
    {"0s", 0},
    {"500ms", 500},
    {"30s", 30000},
    {"5m", 300000},
    {"25h", 90000000},
    {"7d", 604800000},
    {"2w", 1209600000},
    {"5", -1},
    {"1.5h", -1},
    {"5 m", -1},
    {"5min", -1},
    {"5M", -1},
    {"05m", -1},
    {"-5m", -1},
    {"1h30m", -1},
    {"9223372036854775807w", -1},
    {"m", -1},
    {"", -1},
};

START_TEST(durations_have_a_unit)
{
    for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
        int64_t value = -1;
        bool ok = hg_parse_duration(durations[i].text, &value);
        ck_assert_msg(ok == (durations[i].value >= 0) && value == durations[i].value,
                      "%s: %d %" PRId64, durations[i].text, ok, value);
    }
}
END_TEST

START_TEST(a_boolean_is_only_true_or_false)
{
    static const char *const neither[] = {"yes", "no",    "on", "off", "True", "FALSE",
                                          "1",   "true ", "",   "t",   "0"};
    bool value = false;
    ck_assert(hg_parse_bool("true", &value) && value);
    ck_assert(hg_parse_bool("false", &value) && !value);
    for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++) {
        ck_assert_msg(!hg_parse_bool(neither[i], &value), "%s", neither[i]);
    }
}
END_TEST

/* A sequence that is the same in every run. */
static uint64_t units_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ *state >> 29;
}

START_TEST(whole_numbers_come_back)
{
    uint64_t state = 1;
    for (int i = 0; i < 200000; i++) {
        int64_t n = (int64_t)(units_next(&state) >> units_next(&state) % 64), back;
        if (i % 2 != 0) {
            n = (int64_t)-(uint64_t)n;
        }
        char text[32];
        snprintf(text, sizeof(text), "%" PRId64, n);
        if (!hg_parse_int(text, &back) || back != n) {
            ck_abort_msg("%s", text);
        }
    }
}
END_TEST

START_TEST(sizes_with_units_come_back)
{
    static const struct {
        const char *unit;
        int64_t factor;
    } units[] = {{"", 1},      {"B", 1},        {"KiB", 1024},     {"MiB", 1048576},
                 {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000}};
    uint64_t state = 2;
    for (int i = 0; i < 100000; i++) {
        size_t u = units_next(&state) % 7;
        int64_t n = (int64_t)(units_next(&state) % 1000000), back;
        char text[48];
        snprintf(text, sizeof(text), "%" PRId64 "%s", n, units[u].unit);
        if (!hg_parse_size(text, &back) || back != n * units[u].factor) {
            ck_abort_msg("%s", text);
        }
    }
}
END_TEST

START_TEST(shown_values_are_close_to_the_real_ones)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    uint64_t state = 3;
    for (int i = 0; i < 200000; i++) {
        uint64_t n = units_next(&state) >> units_next(&state) % 64;
        char text[HG_UNITS_SIZE], unit[HG_UNITS_SIZE];
        double shown;
        hg_format_size(n, text);
        int fields = sscanf(text, "%lf %31s", &shown, unit);
        double factor = 1;
        size_t u = 0;
        for (; u < 7 && strcmp(unit, names[u]) != 0; u++) {
            factor *= 1024;
        }
        double error = shown * factor - (double)n;
        if (fields != 2 || u == 7 || shown >= 1024 || error > factor * 0.06 ||
            error < -factor * 0.06) {
            ck_abort_msg("%" PRIu64 ": %s", n, text);
        }
    }
}
END_TEST

START_TEST(sizes_and_durations_for_people)
{
    static const struct {
        uint64_t n;
        const char *text;
    } size[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {12897485, "12.3 MiB"},
        {1048575, "1.0 MiB"},
        {134217728, "128 MiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    static const struct {
        int64_t n;
        const char *text;
    } duration[] = {
        {0, "0 ms"},
        {999, "999 ms"},
        {1000, "1 s"},
        {12345, "12.3 s"},
        {65000, "1 min 05 s"},
        {600000, "10 min"},
        {3600000 + 420000, "1 h 07 min"},
        {86400000 * 2 + 3600000 * 5, "2 d 05 h"},
        {-65000, "-1 min 05 s"},
        {INT64_MIN, "-106751991167 d 07 h"},
    };
    char text[HG_UNITS_SIZE];
    for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
        hg_format_size(size[i].n, text);
        ck_assert_str_eq(text, size[i].text);
    }
    for (size_t i = 0; i < sizeof(duration) / sizeof(duration[0]); i++) {
        hg_format_duration(duration[i].n, text);
        ck_assert_str_eq(text, duration[i].text);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        whole_numbers_are_decimal_and_nothing_else,
        sizes_have_units_that_mean_one_thing,
        durations_have_a_unit,
        a_boolean_is_only_true_or_false,
        whole_numbers_come_back,
        sizes_with_units_come_back,
        shown_values_are_close_to_the_real_ones,
        sizes_and_durations_for_people,
    };
    return SUITE_RUN("units", tests, NULL, NULL);
}
