/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lease: see lease.h.
 */
#include "inventory/lease.h"

#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

int64_t hg_lease_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void lease_renew(struct hg_lease *lease)
{
    const int64_t began_ms = hg_lease_now();
    /* after a long suspension the files may be gone: run.json alone must not come back */
    if (hg_lease_holds(lease) && lease->renew(lease->arg)) {
        pthread_mutex_lock(&lease->mutex);
        lease->renewed_ms = began_ms;
        pthread_mutex_unlock(&lease->mutex);
    }
}

/* Waits until the next renewal is due; false when the lease ends. */
static bool lease_wait(struct hg_lease *lease)
{
    pthread_mutex_lock(&lease->mutex);
    const int64_t until = hg_mono_ms() + HG_LEASE_RENEW_MS;
    while (!lease->stop && hg_mono_ms() < until) {
        hg_cond_wait_ms(&lease->changed, &lease->mutex, until - hg_mono_ms());
    }
    const bool stop = lease->stop;
    pthread_mutex_unlock(&lease->mutex);
    return !stop;
}

static void *lease_main(void *arg)
{
    struct hg_lease *lease = arg;
    while (lease_wait(lease)) {
        lease_renew(lease);
    }
    return NULL;
}

void hg_lease_begin(struct hg_lease *lease, int64_t since_ms, bool (*renew)(void *arg), void *arg)
{
    *lease = (struct hg_lease){.renew = renew, .arg = arg, .begun = true, .renewed_ms = since_ms};
    pthread_mutex_init(&lease->mutex, NULL);
    hg_cond_init(&lease->changed);
    lease->started = hg_thread_start(&lease->thread, lease_main, lease) == 0;
}

void hg_lease_end(struct hg_lease *lease)
{
    if (!lease->begun) {
        return;
    }
    pthread_mutex_lock(&lease->mutex);
    lease->stop = true;
    pthread_cond_broadcast(&lease->changed);
    pthread_mutex_unlock(&lease->mutex);
    if (lease->started) {
        pthread_join(lease->thread, NULL);
    }
    pthread_cond_destroy(&lease->changed);
    pthread_mutex_destroy(&lease->mutex);
    lease->begun = lease->started = false;
}

bool hg_lease_holds(struct hg_lease *lease)
{
    pthread_mutex_lock(&lease->mutex);
    const bool holds = hg_lease_now() - lease->renewed_ms < HG_LEASE_MS / 2;
    pthread_mutex_unlock(&lease->mutex);
    return holds;
}
