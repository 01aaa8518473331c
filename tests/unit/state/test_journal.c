/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * journal: lines come back in their order, a crash costs only the line that it cut, and a
 * journal does not grow without limit.
 */
#include "state/journal.h"

#include "base/json.h"
#include "state_folder.h"

#define FILE_OF_NIGHTLY "state/history/nightly.jsonl"
#define TRIMMED_BYTES (1 << 20) /* a longer journal is trimmed at the next line */

/* Appends the line {"n": n} to the journal "nightly". */
static void append_number(int64_t n)
{
    json_t *line = json_object();
    hg_json_set_int(line, "n", n);
    hg_journal_append(&state, "nightly", line);
    json_decref(line);
}

/* Appends bytes to the file itself. */
static void append_bytes(const char *text)
{
    FILE *file = fopen(FILE_OF_NIGHTLY, "a");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

struct numbers {
    int64_t items[16];
    size_t count;
};

static void collect_number(void *arg, const json_t *line)
{
    struct numbers *numbers = arg;
    ck_assert_uint_lt(numbers->count, 16);
    numbers->items[numbers->count++] = hg_json_int(line, "n", -1);
}

static json_t *last_line(const char *name)
{
    json_t *line;
    ck_assert_int_eq(hg_journal_last(&state, name, &line, NULL), HANGAR_OK);
    return line;
}

/* The journal holds the numbers 1 to `count`, and the last line is `count`. */
static void check_numbers(size_t count)
{
    struct numbers numbers = {0};
    ck_assert_int_eq(hg_journal_each(&state, "nightly", collect_number, &numbers, NULL), HANGAR_OK);
    ck_assert_uint_eq(numbers.count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(numbers.items[i], (int64_t)i + 1);
    }
    json_t *last = last_line("nightly");
    ck_assert_int_eq(hg_json_int(last, "n", -1), (int64_t)count);
    json_decref(last);
}

START_TEST(a_journal_that_does_not_exist_has_no_lines)
{
    struct numbers numbers = {0};
    ck_assert_int_eq(hg_journal_each(&state, "nightly", collect_number, &numbers, NULL), HANGAR_OK);
    ck_assert_uint_eq(numbers.count, 0);
    ck_assert_ptr_null(last_line("nightly"));
    ck_assert(!folder_has("state"));
}
END_TEST

START_TEST(lines_are_read_in_the_order_in_which_they_were_appended)
{
    for (int64_t n = 1; n <= 3; n++) {
        append_number(n);
        check_numbers((size_t)n);
    }
    struct stat st;
    ck_assert_int_eq(stat(FILE_OF_NIGHTLY, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_ptr_null(last_line("weekly"));
    ck_assert_int_eq(warnings, 0);
}
END_TEST

START_TEST(a_line_that_a_crash_cut_is_skipped_and_the_next_line_is_whole)
{
    append_number(1);
    append_number(2);
    append_bytes("{\"n\": 9");
    check_numbers(2);
    append_number(3);
    check_numbers(3);
}
END_TEST

START_TEST(empty_and_damaged_lines_are_skipped)
{
    append_number(1);
    append_bytes("\n\nnot JSON\n");
    append_number(2);
    append_bytes("\n\xff\n\n");
    check_numbers(2);
}
END_TEST

static void count_line(void *arg, const json_t *line)
{
    struct numbers *numbers = arg;
    int64_t n = hg_json_int(line, "n", -1);
    if (numbers->count++ == 0) {
        numbers->items[0] = n;
    }
    ck_assert_int_eq(n, numbers->items[0] + (int64_t)numbers->count - 1);
}

START_TEST(a_long_journal_loses_its_older_half_at_a_line_end)
{
    enum { LINES = 120000 };
    append_number(1);
    FILE *file = fopen(FILE_OF_NIGHTLY, "a");
    for (int n = 2; n <= LINES; n++) {
        fprintf(file, "{\"n\":%d}\n", n);
    }
    fclose(file);
    struct stat before, after;
    ck_assert_int_eq(stat(FILE_OF_NIGHTLY, &before), 0);
    ck_assert_int_gt(before.st_size, TRIMMED_BYTES);
    append_number(LINES + 1);
    ck_assert_int_eq(stat(FILE_OF_NIGHTLY, &after), 0);
    ck_assert_int_le(after.st_size, before.st_size / 2 + 32);
    ck_assert_int_ge(after.st_size, before.st_size / 2 - 32);
    struct numbers kept = {0};
    ck_assert_int_eq(hg_journal_each(&state, "nightly", count_line, &kept, NULL), HANGAR_OK);
    ck_assert_int_gt(kept.items[0], LINES / 3);
    ck_assert_int_eq(kept.items[0] + (int64_t)kept.count - 1, LINES + 1);
}
END_TEST

START_TEST(a_line_that_cannot_be_written_is_a_warning)
{
    state_block();
    append_number(1);
    ck_assert_int_eq(warnings, 1);
    /* nothing is known then */
    json_t *line;
    struct hg_error err = {0};
    ck_assert_int_eq(hg_journal_last(&state, "nightly", &line, &err), HANGAR_IO);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_journal_that_does_not_exist_has_no_lines,
        lines_are_read_in_the_order_in_which_they_were_appended,
        a_line_that_a_crash_cut_is_skipped_and_the_next_line_is_whole,
        empty_and_damaged_lines_are_skipped,
        a_long_journal_loses_its_older_half_at_a_line_end,
        a_line_that_cannot_be_written_is_a_warning,
    };
    return SUITE_RUN("journal", tests, state_setup, state_teardown);
}
