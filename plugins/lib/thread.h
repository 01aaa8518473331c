/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * thread: threads of a plugin's own, and conditions that wait by the monotonic clock.
 *
 * A plugin's thread must have ended when plugin->destroy returns.  On it host->fail records
 * nothing: it writes a struct failure (see failure.h), which a thread of the core raises.
 */
#ifndef PLUGIN_THREAD_H
#define PLUGIN_THREAD_H

#include <pthread.h>
#include <stdint.h>

/* Starts a thread that must be joined.  All signals are blocked on it, as they belong to the
 * process that runs hangar.  `name`, of at most 15 bytes, is shown by gdb and ps -L.
 * Returns 0 or an errno. */
int thread_start(pthread_t *thread, const char *name, void *(*main)(void *arg), void *arg);

/* Initialises a condition for thread_cond_wait.  Returns 0 or an errno. */
int thread_cond_init(pthread_cond_t *cond);

/* Waits for a signal until `until_ms` of clock_monotonic_ms at the latest.  The caller holds the
 * mutex, and tests its predicate in a loop. */
void thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_ms);

#endif
