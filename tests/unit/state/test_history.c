/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * history: the last run of each pipeline is read as it was recorded.
 */
#include "state/history.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "state/status_name.h"
#include "state_folder.h"

#define STARTED_MS INT64_C(1767924000123)

static const struct hg_history_run failed_run = {.run = "r1",
                                                 .status = HANGAR_STATUS_FAILED,
                                                 .error = "disk full",
                                                 .started_ms = STARTED_MS,
                                                 .duration_ms = 7,
                                                 .stored_bytes = -1};
static const struct hg_history_run good_run = {.run = "r2",
                                               .id = "backup_1",
                                               .status = HANGAR_STATUS_DONE,
                                               .started_ms = STARTED_MS + 60000,
                                               .duration_ms = 1500,
                                               .stored_bytes = 4096};

/* A run as it is read. */
static struct hg_history_run read_run(const struct hg_history_run *run)
{
    struct hg_history_run read = *run;
    read.exists = true;
    return read;
}

static void check_same_string(const char *a, const char *b)
{
    ck_assert_int_eq(a == NULL, b == NULL);
    ck_assert(!a || strcmp(a, b) == 0);
}

/* The last run of the pipeline is `run`. */
static void check_last(const char *pipeline, const struct hg_history_run *run)
{
    struct hg_history_run last;
    ck_assert_int_eq(hg_history_last(&state, pipeline, &last, NULL), HANGAR_OK);
    check_same_string(last.run, run->run);
    check_same_string(last.id, run->id);
    ck_assert(last.exists);
    ck_assert_int_eq(last.status, run->status);
    check_same_string(last.error, run->error);
    ck_assert_int_eq(last.started_ms, run->started_ms);
    ck_assert_int_eq(last.duration_ms, run->duration_ms);
    ck_assert_int_eq(last.stored_bytes, run->stored_bytes);
    hg_history_free(&last);
    ck_assert(!last.exists);
}

START_TEST(a_pipeline_without_a_run_has_no_status)
{
    struct hg_history_run last;
    ck_assert_int_eq(hg_history_last(&state, "nightly", &last, NULL), HANGAR_OK);
    ck_assert(!last.exists);
    json_t *doc = hg_history_json(&last);
    ck_assert(json_is_null(doc));
    json_decref(doc);
    hg_history_free(&last);
}
END_TEST

START_TEST(the_last_run_of_each_pipeline_is_read_as_it_was_recorded)
{
    hg_history_append(&state, "nightly", &failed_run);
    check_last("nightly", &failed_run);
    hg_history_append(&state, "nightly", &good_run);
    check_last("nightly", &good_run);
    hg_history_append(&state, "weekly", &failed_run);
    check_last("weekly", &failed_run);
    check_last("nightly", &good_run);
}
END_TEST

START_TEST(a_status_is_read_as_the_one_that_was_recorded_and_an_unknown_name_as_failed)
{
    for (int i = HANGAR_STATUS_DONE; i <= HANGAR_STATUS_AUTH; i++) {
        ck_assert_int_eq(hg_status_of_name(hangar_status_name((enum hangar_status)i)), i);
    }
    ck_assert_int_eq(hg_status_of_name("interrupted"), HANGAR_STATUS_INTERRUPTED);
    hg_history_append(&state, "nightly", &good_run);
    FILE *file = fopen("state/history/nightly.jsonl", "a");
    ck_assert_ptr_nonnull(file);
    fputs("{\"run\": \"r9\", \"status\": \"splendid\"}\n", file);
    fclose(file);
    struct hg_history_run last;
    ck_assert_int_eq(hg_history_last(&state, "nightly", &last, NULL), HANGAR_OK);
    ck_assert_str_eq(last.run, "r9");
    ck_assert_int_eq(last.status, HANGAR_STATUS_FAILED);
    hg_history_free(&last);
}
END_TEST

START_TEST(a_run_that_a_crash_cut_is_not_the_last_one)
{
    hg_history_append(&state, "nightly", &good_run);
    FILE *file = fopen("state/history/nightly.jsonl", "a");
    ck_assert_ptr_nonnull(file);
    fputs("{\"run\": \"r3\", \"sta", file);
    fclose(file);
    check_last("nightly", &good_run);
    hg_history_append(&state, "nightly", &failed_run);
    check_last("nightly", &failed_run);
}
END_TEST

START_TEST(a_document_leaves_out_what_a_run_does_not_have)
{
    const struct hg_history_run failed = read_run(&failed_run), good = read_run(&good_run);
    json_t *doc = hg_history_json(&failed);
    ck_assert_str_eq(hg_json_string(doc, "error", ""), "disk full");
    ck_assert_ptr_null(json_object_get(doc, "stored_bytes"));
    json_decref(doc);
    doc = hg_history_json(&good);
    ck_assert_int_eq(hg_json_int(doc, "stored_bytes", -1), 4096);
    ck_assert_ptr_null(json_object_get(doc, "error"));
    json_decref(doc);
}
END_TEST

START_TEST(an_unreadable_history_is_not_a_missing_one)
{
    ck_assert_int_eq(mkdir("state", 0700), 0);
    ck_assert_int_eq(mkdir("state/history", 0700), 0);
    ck_assert_int_eq(mkdir("state/history/nightly.jsonl", 0700), 0);
    struct hg_error err = {0};
    struct hg_history_run last;
    ck_assert_int_eq(hg_history_last(&state, "nightly", &last, &err), HANGAR_IO);
    ck_assert(!last.exists);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot read the history of jobs on this machine"));
    ck_assert_ptr_nonnull(strstr(err.text, "state/history/nightly.jsonl"));
    hg_history_free(&last);
    /* nor is one below a path that is not a folder */
    ck_assert_int_eq(rmdir("state/history/nightly.jsonl"), 0);
    ck_assert_int_eq(rmdir("state/history"), 0);
    hg_error_clear(&err);
    folder_file("state/history", "", 0, 0600);
    ck_assert_int_eq(hg_history_last(&state, "nightly", &last, &err), HANGAR_IO);
    ck_assert_ptr_nonnull(strstr(err.text, "Not a directory"));
    hg_history_free(&last);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_pipeline_without_a_run_has_no_status,
        the_last_run_of_each_pipeline_is_read_as_it_was_recorded,
        a_status_is_read_as_the_one_that_was_recorded_and_an_unknown_name_as_failed,
        a_run_that_a_crash_cut_is_not_the_last_one,
        a_document_leaves_out_what_a_run_does_not_have,
        an_unreadable_history_is_not_a_missing_one,
    };
    return SUITE_RUN("history", tests, state_setup, state_teardown);
}
