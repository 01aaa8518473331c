/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * channel: the channels of an instance, and what all its requests share: the number that may run
 * at once, the bandwidth, the clock of the store, cancelling.
 */
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "thread.h"

#define HALVE_AGAIN_MS 1000 /* refusals of requests that ran together count as one */
#define BURST_MS 100        /* so much of the bandwidth may be used in advance */
#define ALIVE_MS 1000

int64_t s3_time_ms(struct s3_wire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    int64_t skew_s = wire->skew_s;
    pthread_mutex_unlock(&wire->mutex);
    return clock_now_ms() + skew_s * 1000;
}

bool s3_wire_init(struct s3_wire *wire)
{
    wire->permits = wire->set->concurrency;
    atomic_init(&wire->cancelled, false);
    if (pthread_mutex_init(&wire->mutex, NULL)) {
        return false;
    }
    if (thread_cond_init(&wire->changed)) {
        pthread_mutex_destroy(&wire->mutex);
        return false;
    }
    return true;
}

static void s3_channel_free(struct s3_channel *channel)
{
    if (channel->easy) {
        curl_easy_cleanup(channel->easy);
    }
    if (channel->multi) {
        curl_multi_cleanup(channel->multi);
    }
    text_free(&channel->error_body);
    explicit_bzero(&channel->day, sizeof(channel->day));
    free(channel);
}

void s3_wire_fini(struct s3_wire *wire)
{
    while (wire->all) {
        struct s3_channel *channel = wire->all;
        wire->all = channel->next;
        s3_channel_free(channel);
    }
    pthread_cond_destroy(&wire->changed);
    pthread_mutex_destroy(&wire->mutex);
}

bool s3_is_unwanted(struct s3_wire *wire, const struct s3_request *request)
{
    return (request->stop && atomic_load(request->stop)) ||
           (!request->cleanup && atomic_load(&wire->cancelled));
}

void s3_wire_wake(struct s3_wire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    for (struct s3_channel *channel = wire->all; channel; channel = channel->next) {
        curl_multi_wakeup(channel->multi);
    }
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->mutex);
}

void s3_wire_cancel(struct s3_wire *wire)
{
    atomic_store(&wire->cancelled, true);
    s3_wire_wake(wire);
}

enum hangar_rc s3_wire_sleep(struct s3_wire *wire, const struct s3_request *request, int64_t ms)
{
    int64_t until_ms = clock_monotonic_ms() + ms;
    pthread_mutex_lock(&wire->mutex);
    while (!s3_is_unwanted(wire, request) && clock_monotonic_ms() < until_ms) {
        thread_cond_wait(&wire->changed, &wire->mutex, until_ms);
    }
    pthread_mutex_unlock(&wire->mutex);
    return s3_is_unwanted(wire, request) ? HANGAR_CANCELLED : HANGAR_OK;
}

enum hangar_rc s3_channel_acquire(struct s3_wire *wire, struct s3_channel **out,
                                  struct failure *failure)
{
    pthread_mutex_lock(&wire->mutex);
    struct s3_channel *channel = wire->free;
    if (channel) {
        wire->free = channel->next_free;
    }
    pthread_mutex_unlock(&wire->mutex);
    if (!channel) {
        channel = calloc(1, sizeof(*channel));
        if (channel) {
            channel->wire = wire;
            channel->fd = CURL_SOCKET_BAD;
            channel->easy = curl_easy_init();
            channel->multi = curl_multi_init();
        }
        if (!channel || !channel->easy || !channel->multi) {
            if (channel) {
                s3_channel_free(channel);
            }
            return failure_no_memory(failure, "open a connection to the store");
        }
        pthread_mutex_lock(&wire->mutex);
        channel->next = wire->all;
        wire->all = channel;
        pthread_mutex_unlock(&wire->mutex);
    }
    *out = channel;
    return HANGAR_OK;
}

void s3_channel_release(struct s3_channel *channel)
{
    struct s3_wire *wire = channel->wire;
    pthread_mutex_lock(&wire->mutex);
    channel->next_free = wire->free;
    wire->free = channel;
    pthread_mutex_unlock(&wire->mutex);
}

enum hangar_rc s3_permit_acquire(struct s3_wire *wire, const struct s3_request *request,
                                 struct failure *failure)
{
    pthread_mutex_lock(&wire->mutex);
    /* a cleanup must not wait for the requests that it cleans up after */
    while (!request->cleanup && !s3_is_unwanted(wire, request) &&
           wire->running >= (unsigned)wire->permits) {
        thread_cond_wait(&wire->changed, &wire->mutex, clock_monotonic_ms() + 1000);
    }
    bool cancelled = s3_is_unwanted(wire, request);
    if (!cancelled) {
        wire->running++;
    }
    pthread_mutex_unlock(&wire->mutex);
    return cancelled ? failure_record(failure, HANGAR_CANCELLED, "cancelled") : HANGAR_OK;
}

void s3_permit_release(struct s3_wire *wire, enum s3_load load)
{
    double most = wire->set->concurrency;
    pthread_mutex_lock(&wire->mutex);
    int64_t now = clock_monotonic_ms();
    if (load == S3_LOAD_TOO_HIGH && now - wire->halved_ms >= HALVE_AGAIN_MS) {
        wire->permits = wire->permits / 2 > 1 ? wire->permits / 2 : 1;
        wire->halved_ms = now;
    } else if (load == S3_LOAD_NORMAL && wire->permits < most) {
        /* one permit more after about four requests on each permit */
        wire->permits += 0.25 / wire->permits;
        wire->permits = wire->permits < most ? wire->permits : most;
    }
    wire->running--;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->mutex);
}

bool s3_bandwidth_available(struct s3_wire *wire)
{
    if (!wire->set->bandwidth) {
        return true;
    }
    pthread_mutex_lock(&wire->mutex);
    bool left = wire->bandwidth_ms < (double)(clock_monotonic_ms() + BURST_MS);
    pthread_mutex_unlock(&wire->mutex);
    return left;
}

void s3_bandwidth_spend(struct s3_wire *wire, size_t bytes)
{
    if (!wire->set->bandwidth) {
        return;
    }
    pthread_mutex_lock(&wire->mutex);
    double now = (double)clock_monotonic_ms();
    if (wire->bandwidth_ms < now) {
        wire->bandwidth_ms = now;
    }
    wire->bandwidth_ms += (double)bytes * 1000 / (double)wire->set->bandwidth;
    pthread_mutex_unlock(&wire->mutex);
}

void s3_report_alive(struct s3_wire *wire)
{
    pthread_mutex_lock(&wire->mutex);
    int64_t now = clock_monotonic_ms();
    bool report = now - wire->alive_ms >= ALIVE_MS;
    if (report) {
        wire->alive_ms = now;
    }
    pthread_mutex_unlock(&wire->mutex);
    if (report) {
        wire->host->alive(wire->ctx, "");
    }
}
