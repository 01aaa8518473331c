/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pace: holds an instance to its rate_limit, whatever number of threads move its
 * bytes.  It knows nothing of what the bytes are.
 */
#ifndef HG_PACE_H
#define HG_PACE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct hangar_ctx;

/* Part of an instance.  A bucket that lets a tenth of a second's worth through at
 * once (a token bucket, kept as the time at which it is full again). */
struct hg_pace {
    int64_t bytes_per_second; /* 0: no limit */
    pthread_mutex_t mutex;
    int64_t full_us; /* on the monotonic clock; under the mutex */
};

/* `bytes` have moved: returns when the next may.  Ends early when the job or the
 * instance is cancelled.  Waiting here is no stall. */
void hg_pace(struct hangar_ctx *ctx, size_t bytes);

#endif
