/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * job: the first failure counts, cancelling wakes whatever waits, nothing outgrows
 * its bounds, and temporary files do not outlive the job.
 */
#include "plugin/job.h"

#include "base/clock.h"
#include "base/thread.h"
#include "suite.h"

static struct hg_log log_;
static struct hg_job job;
static atomic_bool requested;
static char last_warning[4096];

static void job_write_log(void *arg, const struct hg_log_record *record)
{
    (void)arg;
    if (record->level <= HANGAR_LOG_WARN) {
        snprintf(last_warning, sizeof(last_warning), "%s", record->message);
    }
}

static void job_begin(int64_t stall_timeout_ms)
{
    struct hg_job_settings settings = {.log = &log_,
                                       .memory_bytes = 1000,
                                       .stall_timeout_ms = stall_timeout_ms,
                                       .temp_base = folder_path,
                                       .requested = &requested};
    hg_log_init(&log_);
    log_.write = job_write_log;
    ck_assert_int_eq(hg_job_begin(&job, &settings, NULL), HANGAR_OK);
}

static void job_end(void)
{
    hg_job_end(&job);
    hg_log_fini(&log_);
}

static void fail_with(enum hangar_rc rc, const char *text)
{
    struct hg_error err = {0};
    hg_fail(&err, rc, 0, "%s", text);
    ck_assert_int_eq(hg_job_fail(&job, &err), rc);
}

static const char *job_result(enum hangar_rc rc)
{
    static struct hg_error err;
    hg_error_clear(&err);
    ck_assert_int_eq(hg_job_result(&job, &err), rc);
    return err.text;
}

START_TEST(a_job_in_which_nothing_happens_is_ok)
{
    job_begin(0);
    ck_assert(!hg_job_cancelled(&job));
    ck_assert_str_eq(job_result(HANGAR_OK), "");
    job_end();
}
END_TEST

START_TEST(the_first_failure_counts_and_cancels)
{
    job_begin(0);
    fail_with(HANGAR_CANCELLED, "a consequence"); /* never a reason of its own */
    ck_assert(hg_job_cancelled(&job));
    fail_with(HANGAR_NO_SPACE, "the disk is full");
    fail_with(HANGAR_IO, "another");
    hg_job_cancel(&job);
    ck_assert_str_eq(job_result(HANGAR_NO_SPACE), "the disk is full");
    job_end();
}
END_TEST

START_TEST(an_error_that_is_recorded_stays)
{
    job_begin(0);
    fail_with(HANGAR_IO, "first");
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_AUTH, 0, "mine");
    ck_assert_int_eq(hg_job_result(&job, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "mine");
    ck_assert_int_eq(hg_job_result(&job, NULL), HANGAR_IO);
    job_end();
}
END_TEST

START_TEST(a_cancellation_before_a_failure_is_reported)
{
    job_begin(0);
    struct hg_error err = {0};
    ck_assert_int_eq(hg_job_check(&job, &err), HANGAR_OK);
    ck_assert_int_eq(err.rc, HANGAR_OK);
    hg_job_cancel(&job);
    ck_assert_int_eq(hg_job_check(&job, &err), HANGAR_CANCELLED);
    ck_assert_str_eq(err.text, "interrupted");
    fail_with(HANGAR_IO, "because of it");
    ck_assert_str_eq(job_result(HANGAR_CANCELLED), "interrupted");
    job_end();
}
END_TEST

/* Many threads fail at once: one of them is the reason, whole. */
static void fail_one(void *arg, size_t i)
{
    (void)arg;
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_IO, 0, "thread %zu failed", i);
    hg_job_fail(&job, &err);
}

START_TEST(one_of_many_failures_at_once_is_kept_whole)
{
    job_begin(0);
    ck_assert(hg_thread_run_all(16, fail_one, NULL));
    unsigned i = 99;
    ck_assert_int_eq(sscanf(job_result(HANGAR_IO), "thread %u failed", &i), 1);
    ck_assert_uint_lt(i, 16);
    job_end();
}
END_TEST

/* ---- waking ---- */

struct sleeper {
    enum hangar_rc rc;
    int64_t took_ms;
};

static void *sleeper_main(void *arg)
{
    struct sleeper *s = arg;
    int64_t before = hg_mono_ms();
    s->rc = hg_job_sleep(&job, 60000, NULL);
    s->took_ms = hg_mono_ms() - before;
    return NULL;
}

static void wake_a_sleeper(bool by_request)
{
    job_begin(0);
    struct sleeper s = {0};
    pthread_t thread;
    ck_assert_int_eq(hg_thread_start(&thread, sleeper_main, &s), 0);
    usleep(20000);
    if (by_request) {
        atomic_store(&requested, true);
    } else {
        hg_job_cancel(&job);
    }
    pthread_join(thread, NULL);
    ck_assert_int_eq(s.rc, HANGAR_CANCELLED);
    ck_assert_int_lt(s.took_ms, 20000);
    ck_assert_str_eq(job_result(HANGAR_CANCELLED), "interrupted");
    job_end();
}

START_TEST(cancelling_wakes_a_sleeping_thread)
{
    wake_a_sleeper(false);
}
END_TEST

START_TEST(a_request_from_a_signal_handler_wakes_a_sleeping_thread)
{
    wake_a_sleeper(true);
}
END_TEST

START_TEST(without_a_cancellation_a_sleep_ends_in_time)
{
    job_begin(0);
    int64_t before = hg_mono_ms();
    ck_assert_int_eq(hg_job_sleep(&job, 30, NULL), HANGAR_OK);
    ck_assert_int_ge(hg_mono_ms() - before, 30);
    ck_assert_int_eq(hg_job_sleep(&job, 0, NULL), HANGAR_OK);
    hg_job_cancel(&job);
    ck_assert_int_eq(hg_job_sleep(&job, 60000, NULL), HANGAR_CANCELLED);
    job_end();
}
END_TEST

static void count_wake(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

/* Waits until the monitor has called it. */
static void expect_woken(atomic_int *count)
{
    for (int i = 0; i < 2000 && atomic_load(count) == 0; i++) {
        usleep(5000);
    }
    ck_assert_int_eq(atomic_load(count), 1);
}

START_TEST(hooks_are_called_once_also_those_that_come_later)
{
    job_begin(0);
    atomic_int first = 0, removed = 0, late = 0;
    struct hg_job_hook hooks[] = {{.wake = count_wake, .arg = &first},
                                  {.wake = count_wake, .arg = &removed},
                                  {.wake = count_wake, .arg = &late}};
    hg_job_add_hook(&job, &hooks[0]);
    hg_job_add_hook(&job, &hooks[1]);
    hg_job_remove_hook(&job, &hooks[1]);
    hg_job_remove_hook(&job, &hooks[1]); /* not there any more: nothing */
    hg_job_cancel(&job);
    expect_woken(&first);
    hg_job_add_hook(&job, &hooks[2]);
    expect_woken(&late);
    hg_job_cancel(&job);
    fail_with(HANGAR_IO, "later");
    hg_job_remove_hook(&job, &hooks[0]);
    hg_job_remove_hook(&job, &hooks[2]);
    job_end();
    ck_assert_int_eq(atomic_load(&first), 1);
    ck_assert_int_eq(atomic_load(&removed), 0);
    ck_assert_int_eq(atomic_load(&late), 1);
}
END_TEST

static void add_and_remove(void *arg, size_t i)
{
    (void)arg;
    atomic_int woken = 0;
    struct hg_job_hook hook = {.wake = count_wake, .arg = &woken};
    for (size_t n = 0; n < 200; n++) {
        hg_job_add_hook(&job, &hook);
        if (i == 0 && n == 100) {
            hg_job_cancel(&job);
        }
        hg_job_remove_hook(&job, &hook);
    }
}

START_TEST(hooks_come_and_go_while_the_job_is_cancelled)
{
    job_begin(0);
    ck_assert(hg_thread_run_all(4, add_and_remove, NULL));
    job_end();
}
END_TEST

/* ---- stalls ---- */

START_TEST(a_job_in_which_nothing_moves_is_ended)
{
    job_begin(100);
    hg_job_step(&job, "waiting for %s", "godot");
    ck_assert_int_eq(hg_job_sleep(&job, 30000, NULL), HANGAR_CANCELLED);
    ck_assert_str_eq(
        job_result(HANGAR_IO),
        "no progress for 0 s (waiting for godot); hint: a server, a disk or the network "
        "may hang; the limit is limits.stall_timeout");
    job_end();
}
END_TEST

START_TEST(a_job_that_has_a_limit_is_ended_although_it_lives)
{
    job_begin(30000);
    hg_job_end_within(&job, 300, "it is late");
    for (int i = 0; i < 600 && !hg_job_cancelled(&job); i++) {
        hg_job_alive(&job);
        usleep(50000);
    }
    ck_assert_str_eq(job_result(HANGAR_IO), "it is late");
    job_end();
}
END_TEST

START_TEST(signs_of_life_keep_a_job_going)
{
    job_begin(1500);
    for (int i = 0; i < 40; i++) {
        hg_job_alive(&job);
        usleep(50000);
    }
    ck_assert_str_eq(job_result(HANGAR_OK), "");
    job_end();
}
END_TEST

START_TEST(the_step_is_reported_and_cut_to_size)
{
    job_begin(0);
    char step[8];
    hg_job_get_step(&job, step, sizeof(step));
    ck_assert_str_eq(step, "");
    hg_job_step(&job, "%d of %d objects", 3, 7);
    hg_job_get_step(&job, step, sizeof(step));
    ck_assert_str_eq(step, "3 of 7 ");
    job_end();
}
END_TEST

/* ---- budget ---- */

START_TEST(the_budget_is_never_exceeded)
{
    job_begin(0);
    ck_assert_uint_eq(hg_job_budget_take(&job, 600, 100), 600);
    ck_assert_uint_eq(hg_job_budget_take(&job, 600, 100), 400);
    ck_assert_uint_eq(hg_job_budget_take(&job, 1, 1), 0);
    hg_job_budget_give(&job, 50);
    ck_assert_uint_eq(hg_job_budget_take(&job, 600, 100), 0); /* less than the least */
    ck_assert_uint_eq(hg_job_budget_take(&job, 600, 50), 50);
    hg_job_budget_give(&job, 1000000); /* a plugin's mistake does not make memory */
    ck_assert_uint_eq(hg_job_budget_take(&job, SIZE_MAX, 0), 1000);
    job_end();
}
END_TEST

static void take_and_give(void *arg, size_t i)
{
    atomic_size_t *held = arg;
    for (size_t n = 0; n < 500; n++) {
        size_t got = hg_job_budget_take(&job, 300 + i, 1);
        if (atomic_fetch_add(held, got) + got > 1000) {
            abort();
        }
        atomic_fetch_sub(held, got);
        hg_job_budget_give(&job, got);
    }
}

START_TEST(many_threads_share_the_budget)
{
    job_begin(0);
    atomic_size_t held = 0;
    ck_assert(hg_thread_run_all(6, take_and_give, &held));
    ck_assert_uint_eq(hg_job_budget_take(&job, 1000, 1000), 1000);
    job_end();
}
END_TEST

/* ---- temporary folders ---- */

START_TEST(temporary_folders_are_private_and_gone_at_the_end)
{
    job_begin(0);
    char *path = NULL, *again = NULL;
    ck_assert_int_eq(hg_job_temp_dir(&job, "one", 1 << 20, &path, NULL), HANGAR_OK);
    ck_assert_int_eq(strncmp(path, folder_path, strlen(folder_path)), 0);
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    ck_assert_int_eq(hg_job_temp_dir(&job, "one", 1 << 20, &again, NULL), HANGAR_OK);
    ck_assert_str_eq(path, again);
    char file[256];
    snprintf(file, sizeof(file), "%s/f", path);
    folder_file(file, "x", 1, 0600);
    job_end();
    ck_assert_int_eq(system("test -z \"$(ls -A)\""), 0);
    free(path);
    free(again);
}
END_TEST

START_TEST(a_temporary_folder_that_outgrows_its_quota_fails_the_job)
{
    job_begin(0);
    char *path = NULL, file[256], data[4096] = "";
    ck_assert_int_eq(hg_job_temp_dir(&job, "one", 1000, &path, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_job_raise_quota(&job, path, 100, NULL), HANGAR_OK); /* never shrinks */
    snprintf(file, sizeof(file), "%s/f", path);
    folder_file(file, data, 1000, 0600);
    ck_assert_int_eq(hg_job_sleep(&job, 3000, NULL), HANGAR_OK);
    folder_file(file, data, 1001, 0600);
    ck_assert_int_eq(hg_job_sleep(&job, 60000, NULL), HANGAR_CANCELLED);
    ck_assert_ptr_nonnull(strstr(job_result(HANGAR_NO_SPACE), "one use 0 MiB (limit 0 MiB)"));
    ck_assert_ptr_nonnull(strstr(job_result(HANGAR_NO_SPACE), "hint: set limits.temp_dir"));
    free(path);
    job_end();
}
END_TEST

START_TEST(temporary_folders_that_outgrow_their_bound_together_fail_the_job)
{
    job_begin(0);
    char *one = NULL, *two = NULL, file[256], data[4096] = "";
    ck_assert_int_eq(hg_job_temp_dir(&job, "one", 1000, &one, NULL), HANGAR_OK);
    ck_assert_int_eq(hg_job_temp_dir(&job, "two", 1000, &two, NULL), HANGAR_OK);
    hg_job_limit_temp(&job, 1500);
    snprintf(file, sizeof(file), "%s/f", one);
    folder_file(file, data, 900, 0600);
    snprintf(file, sizeof(file), "%s/f", two);
    folder_file(file, data, 600, 0600);
    ck_assert_int_eq(hg_job_sleep(&job, 3000, NULL), HANGAR_OK);
    folder_file(file, data, 601, 0600);
    ck_assert_int_eq(hg_job_sleep(&job, 60000, NULL), HANGAR_CANCELLED);
    ck_assert_ptr_nonnull(strstr(job_result(HANGAR_NO_SPACE), "use 0 MiB (limit 0 MiB)"));
    free(one);
    free(two);
    job_end();
}
END_TEST

START_TEST(more_than_the_disk_has_is_refused)
{
    job_begin(0);
    struct hg_error err = {0};
    char *path = NULL;
    ck_assert_int_eq(hg_job_temp_dir(&job, "one", UINT64_MAX, &path, &err), HANGAR_NO_SPACE);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot store temporary files in "));
    ck_assert_ptr_nonnull(strstr(err.text, "MiB needed; hint: set limits.temp_dir to a folder "
                                           "on a larger disk"));
    ck_assert_ptr_null(path);
    job_end();
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_is_reported)
{
    struct hg_job_settings settings = {.log = &log_, .temp_base = "/nowhere/at/all"};
    hg_log_init(&log_);
    ck_assert_int_eq(hg_job_begin(&job, &settings, NULL), HANGAR_OK);
    struct hg_error err = {0};
    char *path = NULL;
    ck_assert_int_eq(hg_job_temp_dir(&job, "one", 1, &path, &err), HANGAR_IO);
    ck_assert_str_eq(err.text, "cannot make a temporary directory in /nowhere/at/all: No such file "
                               "or directory");
    job_end();
}
END_TEST

START_TEST(a_held_job_ends_for_a_failure_and_for_no_request)
{
    job_begin(0);
    ck_assert(hg_job_hold(&job));
    hg_job_cancel(&job);
    ck_assert(!hg_job_cancelled(&job));
    struct hg_error err = {0};
    hg_fail(&err, HANGAR_IO, 0, "recorded");
    hg_job_record(&job, &err);
    ck_assert(!hg_job_cancelled(&job));
    fail_with(HANGAR_CORRUPT, "later");
    ck_assert(hg_job_cancelled(&job));
    ck_assert_str_eq(job_result(HANGAR_IO), "recorded");
    job_end();
    job_begin(0);
    hg_job_cancel(&job);
    ck_assert(!hg_job_hold(&job));
    ck_assert_str_eq(job_result(HANGAR_CANCELLED), "interrupted");
    job_end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_job_in_which_nothing_happens_is_ok,
        the_first_failure_counts_and_cancels,
        an_error_that_is_recorded_stays,
        a_cancellation_before_a_failure_is_reported,
        one_of_many_failures_at_once_is_kept_whole,
        cancelling_wakes_a_sleeping_thread,
        a_request_from_a_signal_handler_wakes_a_sleeping_thread,
        without_a_cancellation_a_sleep_ends_in_time,
        hooks_are_called_once_also_those_that_come_later,
        hooks_come_and_go_while_the_job_is_cancelled,
        a_job_in_which_nothing_moves_is_ended,
        a_job_that_has_a_limit_is_ended_although_it_lives,
        signs_of_life_keep_a_job_going,
        the_step_is_reported_and_cut_to_size,
        the_budget_is_never_exceeded,
        many_threads_share_the_budget,
        temporary_folders_are_private_and_gone_at_the_end,
        a_temporary_folder_that_outgrows_its_quota_fails_the_job,
        temporary_folders_that_outgrow_their_bound_together_fail_the_job,
        more_than_the_disk_has_is_refused,
        a_folder_that_cannot_be_made_is_reported,
        a_held_job_ends_for_a_failure_and_for_no_request,
    };
    return SUITE_RUN("plugin/job", tests, folder_setup, folder_teardown);
}
