/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pace: limits the bytes per second that pass, whatever the number of threads
 * that move them.  It must not know what the bytes are.
 */
#ifndef HG_PLUGIN_PACE_H
#define HG_PLUGIN_PACE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include "plugin/job.h"

/* A token bucket of a tenth of a second, stored as the time at which it is full again. */
struct hg_pace {
    int64_t bytes_per_second; /* 0: no limit */
    pthread_mutex_t mutex;
    int64_t full_us; /* on the monotonic clock; under the mutex */
};

/* Counts `bytes` that were moved, and waits until the next may be moved.  Returns early when
 * the job is cancelled or `stop` is true.  Waiting here counts as a sign of life. */
void hg_pace_wait(struct hg_pace *pace, struct hg_job *job, const atomic_bool *stop, size_t bytes);

#endif
