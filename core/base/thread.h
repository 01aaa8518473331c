/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * thread: starting threads, and waiting with a time limit.  All signals are
 * blocked in a thread that is started here: only the main thread of a program
 * handles signals.
 */
#ifndef HG_BASE_THREAD_H
#define HG_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* pthread_create with all signals blocked in the new thread; 0 or an errno. */
int hg_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

/* Calls fn(arg, i) for each i from 0 to count - 1, each in a thread of its own, and
 * waits for all of them.  False when a thread could not be started: the calls of the
 * other threads were made. */
bool hg_thread_run_all(size_t count, void (*fn)(void *arg, size_t i), void *arg);

/* A condition on the monotonic clock; 0 or an errno. */
int hg_cond_init(pthread_cond_t *cond);
/* Waits at most `ms`, with the mutex held; may return early, like pthread_cond_wait. */
void hg_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms);

#endif
