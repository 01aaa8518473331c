/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * lease: see lease.h.
 */
#include "api/lease.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/prune.h"

static int64_t boot_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void renew(struct hg_lease *lease, size_t i)
{
    struct hg_run_sink *sink = &lease->run->sinks[i];
    struct hg_error err = {0};
    char *path = hg_store_path(lease->run->pipeline->name, lease->run->id, HG_RUN_NAME);
    char *text = hg_run_marker(lease->run);
    int64_t now = boot_ms();
    if (!hg_lease_holds(lease, i)) { /* asleep for too long: what is lost stays lost */
        free(text);
        free(path);
        return;
    }
    enum hangar_rc rc = path && text
                            ? hg_store_put(sink->ctx, path, text, strlen(text), false, &err)
                            : hg_fail(&err, HANGAR_NO_MEMORY, 0, "out of memory");
    if (rc == HANGAR_OK) {
        pthread_mutex_lock(&lease->mutex);
        lease->renewed_ms[i] = now;
        pthread_mutex_unlock(&lease->mutex);
    } else if (rc != HANGAR_CANCELLED) {
        hg_log_line(&lease->run->h->log, HANGAR_LOG_WARN, "cannot renew the mark of this run: %s",
                    err.text);
    }
    free(text);
    free(path);
}

static void *lease_main(void *arg)
{
    struct hg_lease *lease = arg;
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
        for (size_t i = 0; i < lease->run->sink_count; i++) {
            if (lease->run->sinks[i].placed && lease->run->sinks[i].ctx) {
                renew(lease, i);
            }
        }
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
    for (size_t i = 0; i < HG_MAX_SINKS; i++) {
        lease->renewed_ms[i] = since_ms;
    }
    lease->started = hg_thread_start(&lease->thread, lease_main, lease) == 0;
}

void hg_lease_end(struct hg_lease *lease)
{
    pthread_mutex_lock(&lease->mutex);
    lease->stop = true;
    pthread_cond_broadcast(&lease->changed);
    pthread_mutex_unlock(&lease->mutex);
    if (lease->started) {
        pthread_join(lease->thread, NULL);
    }
    pthread_cond_destroy(&lease->changed);
    pthread_mutex_destroy(&lease->mutex);
}

bool hg_lease_holds(struct hg_lease *lease, size_t sink)
{
    pthread_mutex_lock(&lease->mutex);
    bool holds = boot_ms() - lease->renewed_ms[sink] < HG_LEASE_MS / 2;
    pthread_mutex_unlock(&lease->mutex);
    return holds;
}
