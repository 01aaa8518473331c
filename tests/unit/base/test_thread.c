/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * thread: signals are blocked in started threads.
 */
#include "base/thread.h"

#include <signal.h>
#include <stdatomic.h>
#include "suite.h"

static void count_blocked(void *arg, size_t i)
{
    (void)i;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    if (sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) && sigismember(&set, SIGCHLD)) {
        atomic_fetch_add((atomic_int *)arg, 1);
    }
}

START_TEST(signals_are_blocked_in_started_threads_only)
{
    atomic_int blocked = 0;
    ck_assert(hg_thread_run_all(3, count_blocked, &blocked));
    ck_assert_int_eq(atomic_load(&blocked), 3);
    count_blocked(&blocked, 0);
    ck_assert_int_eq(atomic_load(&blocked), 3);
    ck_assert(hg_thread_run_all(0, count_blocked, &blocked));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {signals_are_blocked_in_started_threads_only};
    return SUITE_RUN("base/thread", tests, NULL, NULL);
}
