/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pipeline_lock: one job at a time has a pipeline, its lock ends with its process, and a check
 * locks nothing.
 */
#include "state/pipeline_lock.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "state_folder.h"

static struct hg_error err;

static enum hangar_rc lock_pipeline(const char *pipeline, int *fd)
{
    hg_error_clear(&err);
    return hg_pipeline_lock(&state, pipeline, HG_LOCK_COPY, fd, &err);
}

START_TEST(a_second_job_of_a_pipeline_is_refused_until_the_first_ends)
{
    int first = -1, second = -1, other = -1;
    ck_assert_int_eq(lock_pipeline("nightly", &first), HANGAR_OK);
    ck_assert_int_eq(lock_pipeline("nightly", &second), HANGAR_EXISTS);
    char time[HG_TIME_SIZE], expected[200];
    hg_time_format(hg_pipeline_lock_holder(&state, "nightly").since_ms, time);
    snprintf(expected, sizeof(expected),
             "another job of pipeline nightly is running (copy since %s); hint: wait until it "
             "ends, which also releases the lock",
             time);
    ck_assert_str_eq(err.text, expected);
    ck_assert_int_eq(lock_pipeline("hourly", &other), HANGAR_OK);
    close(first);
    ck_assert_int_eq(lock_pipeline("nightly", &second), HANGAR_OK);
    close(second);
    close(other);
}
END_TEST

START_TEST(the_lock_ends_when_its_process_is_killed)
{
    int ready[2], fd = -1;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        enum hangar_rc rc = hg_pipeline_lock(&state, "nightly", HG_LOCK_BACKUP, &fd, NULL);
        if (write(ready[1], rc == HANGAR_OK ? "1" : "0", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    char byte;
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, '1');
    ck_assert_int_eq(lock_pipeline("nightly", &fd), HANGAR_EXISTS);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_int_eq(lock_pipeline("nightly", &fd), HANGAR_OK);
    close(fd);
}
END_TEST

START_TEST(the_time_of_a_lock_is_known_while_it_is_held)
{
    int64_t before = hg_now_ms();
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").since_ms, -1);
    ck_assert(!folder_has("state"));
    int fd = -1;
    ck_assert_int_eq(lock_pipeline("nightly", &fd), HANGAR_OK);
    int64_t since = hg_pipeline_lock_holder(&state, "nightly").since_ms;
    ck_assert(since >= before && since <= hg_now_ms());
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").job, HG_LOCK_COPY);
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "hourly").since_ms, -1);
    /* a reader takes a shared lock: it does not end the lock, nor does it hold one */
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").since_ms, since);
    close(fd);
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").since_ms, -1);
    ck_assert_int_eq(lock_pipeline("nightly", &fd), HANGAR_OK);
    close(fd);
}
END_TEST

START_TEST(each_job_is_known_by_its_name_and_one_without_a_name_is_a_backup)
{
    static const char unnamed[] = "2026-01-15T00:00:00.000Z\n"; /* as 0.1 wrote it */
    for (int job = HG_LOCK_BACKUP; job <= HG_LOCK_RESTORE; job++) {
        int fd = -1;
        ck_assert_int_eq(hg_pipeline_lock(&state, "nightly", (enum hg_lock_job)job, &fd, NULL),
                         HANGAR_OK);
        ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").job, job);
        ck_assert_int_eq(ftruncate(fd, 0), 0);
        ck_assert_int_eq(pwrite(fd, unnamed, strlen(unnamed), 0), (ssize_t)strlen(unnamed));
        ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").job, HG_LOCK_BACKUP);
        ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").since_ms, 1768435200000);
        close(fd);
    }
}
END_TEST

START_TEST(a_time_that_cannot_be_read_is_not_known)
{
    int fd = -1;
    ck_assert_int_eq(lock_pipeline("nightly", &fd), HANGAR_OK);
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").since_ms, -1);
    ck_assert_int_eq(pwrite(fd, "yesterday\n", 10, 0), 10);
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").since_ms, -1);
    close(fd);
}
END_TEST

START_TEST(a_check_makes_no_file_and_does_not_see_the_lock)
{
    ck_assert_int_eq(hg_pipeline_lock_check(&state, "nightly", &err), HANGAR_OK);
    ck_assert(!folder_has("state"));
    int fd = -1;
    ck_assert_int_eq(lock_pipeline("nightly", &fd), HANGAR_OK);
    ck_assert_int_eq(hg_pipeline_lock_check(&state, "nightly", &err), HANGAR_OK);
    close(fd);
}
END_TEST

START_TEST(a_state_folder_that_cannot_be_written_is_reported_with_a_hint)
{
    int fd = -1;
    state_block();
    ck_assert_int_eq(lock_pipeline("nightly", &fd), HANGAR_IO);
    ck_assert_ptr_eq(strstr(err.text, "cannot lock pipeline nightly: "), err.text);
    ck_assert_ptr_nonnull(strstr(err.text, "; hint: set STATE_DIRECTORY to a folder that you can"));
    hg_error_clear(&err);
    ck_assert_int_eq(hg_pipeline_lock_check(&state, "nightly", &err), HANGAR_IO);
    ck_assert_ptr_eq(strstr(err.text, "cannot lock pipeline nightly: "), err.text);
    ck_assert_int_eq(hg_pipeline_lock_holder(&state, "nightly").since_ms, -1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_second_job_of_a_pipeline_is_refused_until_the_first_ends,
        the_lock_ends_when_its_process_is_killed,
        the_time_of_a_lock_is_known_while_it_is_held,
        each_job_is_known_by_its_name_and_one_without_a_name_is_a_backup,
        a_time_that_cannot_be_read_is_not_known,
        a_check_makes_no_file_and_does_not_see_the_lock,
        a_state_folder_that_cannot_be_written_is_reported_with_a_hint,
    };
    return SUITE_RUN("state/pipeline_lock", tests, state_setup, state_teardown);
}
