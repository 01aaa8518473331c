/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lease: it is renewed every minute, holds for half an hour after the last good renewal, and is
 * not renewed after that.  The linker replaces the clock and the waiting of the lease by those
 * below (--wrap), so that a minute passes at once.
 */
#include "inventory/lease.h"

#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "suite.h"

#define MINUTE 60000
#define HALF (HG_LEASE_MS / 2)

int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);
int64_t __real_hg_mono_ms(void);
int64_t __wrap_hg_mono_ms(void);
void __wrap_hg_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int64_t passed_ms;   /* how far the clocks of the lease are ahead */
static size_t minutes_left; /* that pass without a wait */
static int renewals;
static bool store_fails;
static int64_t renewal_ms; /* how long each renewal takes */

static int64_t lease_passed_ms(void)
{
    pthread_mutex_lock(&mutex);
    const int64_t ms = passed_ms;
    pthread_mutex_unlock(&mutex);
    return ms;
}

/* The clocks of the lease: the real ones, and what passed.  libcheck uses other clocks. */
int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
    const int rc = __real_clock_gettime(id, out);
    if (id == CLOCK_BOOTTIME) {
        out->tv_sec += lease_passed_ms() / 1000;
    }
    return rc;
}

int64_t __wrap_hg_mono_ms(void)
{
    return __real_hg_mono_ms() + lease_passed_ms();
}

/* The wait of the lease: it ends at once while minutes are left. */
void __wrap_hg_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *held, int64_t ms)
{
    pthread_mutex_lock(&mutex);
    const bool passes = minutes_left > 0;
    if (passes) {
        minutes_left--;
        passed_ms += ms + 1000; /* whole seconds */
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    if (!passes) {
        pthread_cond_wait(cond, held);
    }
}

static bool lease_store(void *arg)
{
    ck_assert_ptr_eq(arg, &renewals);
    pthread_mutex_lock(&mutex);
    renewals++;
    passed_ms += renewal_ms;
    const bool ok = !store_fails;
    pthread_mutex_unlock(&mutex);
    return ok;
}

static struct hg_lease lease;

/* Begins a lease, and waits until so many minutes have passed. */
static void lease_pass(size_t minutes)
{
    pthread_mutex_lock(&mutex);
    minutes_left = minutes;
    pthread_mutex_unlock(&mutex);
    hg_lease_begin(&lease, hg_lease_now(), lease_store, &renewals);
    pthread_mutex_lock(&mutex);
    while (minutes_left > 0) {
        pthread_cond_wait(&changed, &mutex);
    }
    pthread_mutex_unlock(&mutex);
}

START_TEST(a_lease_is_renewed_each_minute_and_holds)
{
    lease_pass(100);
    ck_assert(hg_lease_holds(&lease));
    hg_lease_end(&lease);
    ck_assert_int_ge(renewals, 99); /* the end may prevent the last one */
    ck_assert_int_le(renewals, 100);
}
END_TEST

START_TEST(a_lease_that_cannot_be_stored_ends_after_half_an_hour)
{
    store_fails = true;
    lease_pass(60);
    ck_assert(!hg_lease_holds(&lease));
    hg_lease_end(&lease);
    /* a minute each, and it is not renewed any more when it holds no longer */
    ck_assert_int_ge(renewals, 27);
    ck_assert_int_le(renewals, 30);
}
END_TEST

START_TEST(a_renewal_counts_from_its_begin)
{
    renewal_ms = HALF + MINUTE;
    lease_pass(3);
    ck_assert(!hg_lease_holds(&lease));
    hg_lease_end(&lease);
    ck_assert_int_eq(renewals, 1); /* the first one took too long */
}
END_TEST

START_TEST(a_lease_counts_from_the_time_before_run_json_was_stored)
{
    hg_lease_begin(&lease, hg_lease_now() - HALF + MINUTE, lease_store, &renewals);
    ck_assert(hg_lease_holds(&lease));
    hg_lease_end(&lease);
    hg_lease_begin(&lease, hg_lease_now() - HALF, lease_store, &renewals);
    ck_assert(!hg_lease_holds(&lease));
    hg_lease_end(&lease);
    ck_assert_int_eq(renewals, 0);
}
END_TEST

START_TEST(a_lease_can_be_ended_twice_and_without_a_begin)
{
    struct hg_lease none = {0};
    hg_lease_end(&none);
    hg_lease_begin(&lease, hg_lease_now(), lease_store, &renewals);
    hg_lease_end(&lease);
    hg_lease_end(&lease);
    ck_assert(!lease.begun && !lease.started);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_lease_is_renewed_each_minute_and_holds,
        a_lease_that_cannot_be_stored_ends_after_half_an_hour,
        a_renewal_counts_from_its_begin,
        a_lease_counts_from_the_time_before_run_json_was_stored,
        a_lease_can_be_ended_twice_and_without_a_begin,
    };
    return SUITE_RUN("inventory/lease", tests, folder_setup, folder_teardown);
}
