/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pace: see pace.h.
 */
#include "plugin/pace.h"

#include "base/clock.h"

enum { BURST_US = 100000, ALIVE_EVERY_MS = 500 };

void hg_pace_wait(struct hg_pace *pace, struct hg_job *job, const atomic_bool *stop, size_t bytes)
{
    if (pace->bytes_per_second == 0) {
        return;
    }
    pthread_mutex_lock(&pace->mutex);
    int64_t now_us = hg_mono_ms() * 1000;
    if (pace->full_us < now_us) {
        pace->full_us = now_us;
    }
    pace->full_us += (int64_t)((double)bytes * 1e6 / (double)pace->bytes_per_second);
    int64_t until_ms = (pace->full_us - BURST_US) / 1000;
    pthread_mutex_unlock(&pace->mutex);
    for (int64_t left; (left = until_ms - hg_mono_ms()) > 0;) {
        int64_t step = left < ALIVE_EVERY_MS ? left : ALIVE_EVERY_MS;
        if (hg_job_sleep(job, step, stop) != HANGAR_OK) {
            return;
        }
        hg_job_alive(job);
    }
}
