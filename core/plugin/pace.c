/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pace: see pace.h.
 */
#include "plugin/pace.h"

#include "base/clock.h"
#include "plugin/instance.h"

enum { BURST_US = 100000, NAP_MS = 500 };

void hg_pace(struct hangar_ctx *ctx, size_t bytes)
{
    struct hg_pace *pace = &ctx->pace;
    if (pace->bytes_per_second == 0) {
        return;
    }
    pthread_mutex_lock(&pace->mutex);
    int64_t now = hg_mono_ms() * 1000;
    if (pace->full_us < now) {
        pace->full_us = now;
    }
    pace->full_us += (int64_t)((double)bytes * 1e6 / (double)pace->bytes_per_second);
    int64_t until_ms = (pace->full_us - BURST_US) / 1000;
    pthread_mutex_unlock(&pace->mutex);
    for (int64_t left; (left = until_ms - hg_mono_ms()) > 0;) {
        if (hg_job_sleep(ctx->job, left < NAP_MS ? left : NAP_MS, &ctx->cancelled) != HANGAR_OK) {
            return;
        }
        hg_job_alive(ctx->job);
    }
}
