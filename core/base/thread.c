/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * thread: see thread.h.
 */
#include "base/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

int hg_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    if (rc == 0) {
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        rc = pthread_cond_init(cond, &attr);
        pthread_condattr_destroy(&attr);
    }
    return rc;
}

void hg_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(cond, mutex, &until);
}

int hg_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

struct thread_task {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t i;
    pthread_t thread;
    bool started;
};

static void *thread_task_main(void *arg)
{
    struct thread_task *task = arg;
    task->fn(task->arg, task->i);
    return NULL;
}

bool hg_thread_run_all(size_t count, void (*fn)(void *arg, size_t i), void *arg)
{
    struct thread_task *tasks = calloc(count ? count : 1, sizeof(*tasks));
    if (!tasks) {
        return false;
    }
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        tasks[i] = (struct thread_task){.fn = fn, .arg = arg, .i = i};
        tasks[i].started = hg_thread_start(&tasks[i].thread, thread_task_main, &tasks[i]) == 0;
        all = all && tasks[i].started;
    }
    for (size_t i = 0; i < count; i++) {
        if (tasks[i].started) {
            pthread_join(tasks[i].thread, NULL);
        }
    }
    free(tasks);
    return all;
}
