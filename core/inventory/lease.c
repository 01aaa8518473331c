/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lease: see lease.h.
 */
#include "inventory/lease.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/thread.h"
#include "base/clock.h"
#include "base/error.h"
#include "jobs/backup/backup.h"
#include "jobs/prune/prune.h"
#include "plugin/instance.h"
#include "plugin/job.h"

static int64_t boot_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void renew(struct hg_lease *lease, size_t i)
{
    struct hg_run_sink *sink = &lease->run->sinks[i];
    struct hangar_ctx *ctx = sink->side ? sink->side : sink->ctx;
    struct hg_error err = {0};
    int64_t now = boot_ms();
    if (!hg_lease_holds(lease, i)) { /* asleep for too long: what is lost stays lost */
        return;
    }
    enum hangar_rc rc = hg_run_mark(lease->run, ctx, false, &err);
    if (rc == HANGAR_OK) {
        pthread_mutex_lock(&lease->mutex);
        lease->sinks[i].renewed_ms = now;
        pthread_mutex_unlock(&lease->mutex);
    } else if (rc != HANGAR_CANCELLED) {
        hg_log_line(&lease->run->h->log, HANGAR_LOG_WARN, "cannot renew the mark of this run: %s",
                    err.text);
    }
}

static void *lease_main(void *arg)
{
    struct hg_lease_sink *mine = arg;
    struct hg_lease *lease = mine->lease;
    for (;;) {
        pthread_mutex_lock(&lease->mutex);
        int64_t until = hg_mono_ms() + HG_LEASE_RENEW_MS;
        while (!lease->stop && hg_mono_ms() < until) {
            hg_cond_wait_ms(&lease->changed, &lease->mutex, until - hg_mono_ms());
        }
        bool stop = lease->stop;
        pthread_mutex_unlock(&lease->mutex);
        if (stop) {
            return NULL;
        }
        renew(lease, (size_t)(mine - lease->sinks));
    }
}

int64_t hg_lease_now(void)
{
    return boot_ms();
}

void hg_lease_begin(struct hg_lease *lease, struct hg_run *run, int64_t since_ms)
{
    memset(lease, 0, sizeof(*lease));
    lease->run = run;
    pthread_mutex_init(&lease->mutex, NULL);
    hg_cond_init(&lease->changed);
    for (size_t i = 0; i < run->sink_count; i++) {
        struct hg_lease_sink *one = &lease->sinks[i];
        one->lease = lease;
        one->renewed_ms = since_ms;
        one->started = run->sinks[i].placed && run->sinks[i].ctx &&
                       hg_thread_start(&one->thread, lease_main, one) == 0;
    }
}

void hg_lease_end(struct hg_lease *lease)
{
    pthread_mutex_lock(&lease->mutex);
    lease->stop = true;
    pthread_cond_broadcast(&lease->changed);
    pthread_mutex_unlock(&lease->mutex);
    for (size_t i = 0; i < lease->run->sink_count; i++) {
        if (lease->run->sinks[i].side) { /* nobody needs it any more, and it may hang */
            hg_instance_cancel(lease->run->sinks[i].side);
        }
        if (lease->sinks[i].started) {
            pthread_join(lease->sinks[i].thread, NULL);
        }
    }
    pthread_cond_destroy(&lease->changed);
    pthread_mutex_destroy(&lease->mutex);
}

bool hg_lease_holds(struct hg_lease *lease, size_t sink)
{
    pthread_mutex_lock(&lease->mutex);
    bool holds = boot_ms() - lease->sinks[sink].renewed_ms < HG_LEASE_MS / 2;
    pthread_mutex_unlock(&lease->mutex);
    return holds;
}
