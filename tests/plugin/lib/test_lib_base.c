/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * test_lib_base: texts, times, random bytes, threads and failures of plugins/lib.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "clock.h"
#include "failure.h"
#include "lib_fixture.h"
#include "random.h"
#include "text.h"
#include "thread.h"
#ifdef HAVE_SCARCE
#include "scarce.h"
#endif

/* ---- text ---- */

START_TEST(a_text_grows_and_fails_beyond_its_limit)
{
    struct text text = {0};
    ck_assert_str_eq(text_str(&text), "");
    text_clear(&text);
    for (int i = 0; i < 1000; i++) {
        text_addf(&text, "%03d,", i);
    }
    text_add_bytes(&text, "", 1);
    text_add(&text, "end");
    ck_assert_uint_eq(text.size, 4004);
    ck_assert_mem_eq(text.data + 3992, "998,999,\0end", 13);
    text_add_bytes(&text, "x", TEXT_MAX);
    ck_assert(text.failed);
    text_add(&text, "more");
    ck_assert_uint_eq(text.size, 4004);
    text_clear(&text);
    ck_assert(!text.failed);
    ck_assert_str_eq(text_str(&text), "");
    text_free(&text);
    ck_assert_ptr_null(text.data);
}
END_TEST

#ifdef HAVE_SCARCE
START_TEST(a_text_fails_when_memory_is_short)
{
    struct text text = {0};
    scarce_begin(1);
    text_add(&text, "hello");
    ck_assert(scarce_end());
    ck_assert(text.failed);
    ck_assert_str_eq(text_str(&text), "");
    text_free(&text);
}
END_TEST
#endif

/* ---- times ---- */

START_TEST(a_time_is_read_with_its_fraction_and_its_offset)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2026-01-15T02:00:00Z", 1768442400000},
        {"2026-01-15T02:00:00.5Z", 1768442400500},
        {"2026-01-15T02:00:00.123456Z", 1768442400123},
        {"2026-01-15T03:30:00+01:30", 1768442400000},
        {"2026-01-14T22:00:00-0400", 1768442400000},
        {"2024-02-29T00:00:00Z", 1709164800000},
    };
    static const char *const bad[] = {
        "",
        "2026-01-15",
        "2026-01-15T02:00:00",
        "2026-13-15T02:00:00Z",
        "2026-02-29T02:00:00Z",
        "2026-01-15T25:00:00Z",
        "2026-01-15T02:60:00Z",
        "2026-01-15T02:00:00.Z",
        "2026-01-15T02:00:00+1:00",
        "2026-01-15T02:00:00+01:60",
        "2026-01-15T02:00:00Zulu",
        "20260115T020000Z",
        " 2026-01-15T02:00:00Z",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ms = 0;
        ck_assert_msg(clock_parse(good[i].text, &ms) && ms == good[i].ms, "%s: %lld", good[i].text,
                      (long long)ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 42;
        ck_assert_msg(!clock_parse(bad[i], &ms) && ms == 42, "%s", bad[i]);
    }
}
END_TEST

START_TEST(a_time_is_written_as_utc)
{
    char out[CLOCK_ISO_SIZE], small[8] = "x";
    setenv("TZ", "America/New_York", 1);
    tzset();
    clock_format(1768442400999, CLOCK_ISO, out, sizeof(out));
    ck_assert_str_eq(out, "2026-01-15T02:00:00Z");
    clock_format(1768442400000, CLOCK_ISO_COMPACT, out, sizeof(out));
    ck_assert_str_eq(out, "20260115T020000Z");
    clock_format(-1, CLOCK_ISO_FILE, out, sizeof(out));
    ck_assert_str_eq(out, "1969-12-31T23-59-59Z");
    clock_format(0, CLOCK_ISO, small, sizeof(small));
    ck_assert_str_eq(small, "");
    clock_format(INT64_MAX, CLOCK_ISO, out, sizeof(out)); /* a year of nine digits */
    ck_assert_uint_lt(strlen(out), sizeof(out));
}
END_TEST

START_TEST(the_monotonic_clock_advances_and_the_clock_is_that_of_the_machine)
{
    int64_t begin_ms = clock_monotonic_ms();
    nanosleep(&(struct timespec){.tv_nsec = 3 * 1000000}, NULL);
    ck_assert_int_ge(clock_monotonic_ms() - begin_ms, 2);
    ck_assert_int_le(llabs(clock_now_ms() - (int64_t)time(NULL) * 1000), 2000);
}
END_TEST

/* ---- threads and failures ---- */

struct worker {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done; /* with the two below under the mutex */
    struct failure failure;
    char name[16];
    sigset_t blocked;
};

static void *work_and_fail(void *arg)
{
    struct worker *w = arg;
    pthread_mutex_lock(&w->mutex);
    pthread_getname_np(pthread_self(), w->name, sizeof(w->name));
    pthread_sigmask(SIG_SETMASK, NULL, &w->blocked);
    failure_record(&w->failure, HANGAR_NO_SPACE, "cannot store part %d: %s", 3, "the disk is full");
    failure_record(&w->failure, HANGAR_IO, "cannot close part %d", 3);
    w->done = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

START_TEST(a_failure_of_an_own_thread_is_raised_by_the_caller)
{
    struct worker w = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    int64_t begin_ms = clock_monotonic_ms();
    ck_assert_int_eq(thread_cond_init(&w.changed), 0);
    pthread_mutex_lock(&w.mutex);
    thread_cond_wait(&w.changed, &w.mutex, begin_ms + 20);
    ck_assert_int_ge(clock_monotonic_ms() - begin_ms, 20);
    pthread_t thread;
    ck_assert_int_eq(thread_start(&thread, "hangar-test", work_and_fail, &w), 0);
    while (!w.done) {
        thread_cond_wait(&w.changed, &w.mutex, clock_monotonic_ms() + 30000);
    }
    pthread_mutex_unlock(&w.mutex);
    pthread_join(thread, NULL);
    ck_assert_int_lt(clock_monotonic_ms() - begin_ms, 30000);
    ck_assert_str_eq(w.name, "hangar-test");
    ck_assert(sigismember(&w.blocked, SIGTERM) && sigismember(&w.blocked, SIGINT));
    ck_assert_int_eq(failure_raise(&w.failure, fake_host_table(fake), fake_host_ctx(fake)),
                     HANGAR_NO_SPACE);
    ck_assert_str_eq(fake_host_error(fake), "cannot store part 3: the disk is full");
    pthread_cond_destroy(&w.changed);
    pthread_mutex_destroy(&w.mutex);
}
END_TEST

START_TEST(a_failure_is_copied_where_no_other_was_recorded)
{
    struct failure failure = {0}, other = {0};
    ck_assert_int_eq(failure_copy(&failure, &other), HANGAR_OK);
    ck_assert_int_eq(failure.rc, HANGAR_OK);
    failure_record(&other, HANGAR_AUTH, "100%% of it");
    ck_assert_int_eq(failure_copy(&failure, &other), HANGAR_AUTH);
    ck_assert_str_eq(failure.text, "100% of it");
    other = (struct failure){.rc = HANGAR_IO, .text = "second"};
    ck_assert_int_eq(failure_copy(&failure, &other), HANGAR_AUTH);
    other = (struct failure){0};
    ck_assert_int_eq(failure_copy(&failure, &other), HANGAR_AUTH);
    ck_assert_str_eq(failure.text, "100% of it");
}
END_TEST

START_TEST(the_first_failure_stays)
{
    struct failure failure = {0};
    ck_assert_int_eq(failure_raise(&failure, fake_host_table(fake), fake_host_ctx(fake)),
                     HANGAR_INTERNAL);
    assert_error_has("no reason was recorded");
    ck_assert_int_eq(failure_record(&failure, HANGAR_AUTH, "first"), HANGAR_AUTH);
    ck_assert_int_eq(failure_record(&failure, HANGAR_IO, "second"), HANGAR_AUTH);
    ck_assert_str_eq(failure.text, "first");
    fake_host_clear(fake);
    ck_assert_int_eq(failure_raise(&failure, fake_host_table(fake), fake_host_ctx(fake)),
                     HANGAR_AUTH);
    ck_assert_str_eq(fake_host_error(fake), "first");
    failure = (struct failure){0};
    failure_record(&failure, HANGAR_IO, "%5000d", 1);
    ck_assert_uint_eq(strlen(failure.text), sizeof(failure.text) - 1);
}
END_TEST

START_TEST(a_lack_of_memory_has_one_text)
{
    struct failure failure = {0};
    ck_assert_int_eq(failure_no_memory(&failure, "store %s", "object 50%"), HANGAR_NO_MEMORY);
    ck_assert_str_eq(failure.text, "cannot store object 50%: out of memory");
    ck_assert_int_eq(failure_no_memory(&failure, "read %s", "it"), HANGAR_NO_MEMORY);
    ck_assert_str_eq(failure.text, "cannot store object 50%: out of memory");
    ck_assert_int_eq(
        failure_raise_no_memory(fake_host_table(fake), fake_host_ctx(fake), "read %d%%", 5),
        HANGAR_NO_MEMORY);
    ck_assert_str_eq(fake_host_error(fake), "cannot read 5%: out of memory");
    failure = (struct failure){0};
    failure_record(&failure, HANGAR_IO, "first");
    ck_assert_int_eq(failure_no_memory(&failure, "read"), HANGAR_IO);
}
END_TEST

START_TEST(random_bytes_fill_exactly_the_buffer)
{
    static unsigned char a[1000], b[1000];
    size_t zeros = 0;
    ck_assert(random_fill(a, 0));
    ck_assert(random_fill(a + 1, sizeof(a) - 2) && random_fill(b, sizeof(b)));
    ck_assert_uint_eq(a[0] + a[sizeof(a) - 1], 0);
    for (size_t i = 0; i < sizeof(b); i++) {
        zeros += b[i] == 0;
    }
    ck_assert_uint_lt(zeros, 100); /* about 4 */
    ck_assert_mem_ne(a + 1, b, sizeof(b) - 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_text_grows_and_fails_beyond_its_limit,
        a_time_is_read_with_its_fraction_and_its_offset,
        a_time_is_written_as_utc,
        the_monotonic_clock_advances_and_the_clock_is_that_of_the_machine,
        a_failure_of_an_own_thread_is_raised_by_the_caller,
        a_failure_is_copied_where_no_other_was_recorded,
        the_first_failure_stays,
        a_lack_of_memory_has_one_text,
        random_bytes_fill_exactly_the_buffer,
#ifdef HAVE_SCARCE
        a_text_fails_when_memory_is_short,
#endif
    };
    return lib_fixture_main("plugins/lib: base", tests, sizeof(tests) / sizeof(tests[0]));
}
