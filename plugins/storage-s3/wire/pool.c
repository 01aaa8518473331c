/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pool: the memory of parts, lent from the job's budget.
 *
 * Why nobody waits for ever: a put waits here for its first buffer only, and holds none
 * then.  Those who have one keep it until they end, and need no more to go on: a full
 * part is sent, and its buffer filled again.  So each of them ends without another's
 * help, and gives back what it had.  Over several instances that share one budget the
 * same holds because the core opens no more puts than max_open_puts allowed, whose memory
 * is reserved before the first one.
 */
#include "sink/sink.h"

#include <stdlib.h>
#include <time.h>

#define WAIT_MS 200 /* others give back to the budget without our hearing of it */
#define LEAVE_BYTES ((size_t)16 << 20) /* of the budget, to others */
#define FEW_PUTS 4

struct s3_buffer {
    struct s3_buffer *next;
};

bool s3_pool_init(struct s3 *s3)
{
    struct s3_pool *pool = &s3->pool;
    pthread_condattr_t attr;
    pool->part = (size_t)s3->set.part_size;
    if (pthread_mutex_init(&pool->mutex, NULL)) {
        return false;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    bool made = !pthread_cond_init(&pool->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (!made) {
        pthread_mutex_destroy(&pool->mutex);
    }
    return made;
}

void s3_pool_fini(struct s3 *s3)
{
    struct s3_pool *pool = &s3->pool;
    if (pool->granted) {
        s3->host->budget_give(s3->ctx, pool->granted);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
}

uint32_t s3_pool_reserve(struct s3 *s3)
{
    struct s3_pool *pool = &s3->pool;
    /* those on their way, and two that are being filled */
    size_t want = (s3->set.concurrency + 2) * pool->part;
    pthread_mutex_lock(&pool->mutex);
    if (!pool->reserved) {
        size_t got = s3->host->budget_take(s3->ctx, want + LEAVE_BYTES, pool->part);
        size_t keep = got > LEAVE_BYTES ? got - LEAVE_BYTES : 0;
        keep -= keep % pool->part;
        keep = !keep && got ? pool->part : keep;
        if (got > keep) {
            s3->host->budget_give(s3->ctx, got - keep);
        }
        pool->reserved = keep;
        pool->granted += keep;
    }
    size_t puts = pool->reserved / pool->part;
    pthread_mutex_unlock(&pool->mutex);
    if (puts < FEW_PUTS) {
        s3->host->log(s3->ctx, HANGAR_LOG_WARN,
                      "memory is left for %zu objects at once; hint: raise limits.memory, or lower "
                      "part_size",
                      puts);
    }
    return puts ? (uint32_t)puts : 1;
}

/* A buffer, if the budget has it; under the mutex. */
static void *take(struct s3 *s3)
{
    struct s3_pool *pool = &s3->pool;
    struct s3_buffer *buffer = pool->free;
    if (buffer) {
        pool->free = buffer->next;
        pool->lent++;
        return buffer;
    }
    if (pool->allocated == pool->granted) {
        if (!s3->host->budget_take(s3->ctx, pool->part, pool->part)) {
            return NULL;
        }
        pool->granted += pool->part;
    }
    buffer = malloc(pool->part);
    if (buffer) {
        pool->allocated += pool->part;
        pool->lent++;
    }
    return buffer;
}

enum hangar_rc s3_pool_first(struct s3 *s3, void **out, struct s3_error *error)
{
    struct s3_pool *pool = &s3->pool;
    int64_t until_ms = s3_now_ms() + s3->set.deadline_ms;
    bool hopeless = false;
    void *buffer;
    pthread_mutex_lock(&pool->mutex);
    pool->waiting++;
    while (!(buffer = take(s3)) && !hopeless && !atomic_load(&s3->wire.cancelled)) {
        int64_t next_ms = s3_now_ms() + WAIT_MS;
        const struct timespec next = {.tv_sec = next_ms / 1000,
                                      .tv_nsec = next_ms % 1000 * 1000000};
        pthread_cond_timedwait(&pool->changed, &pool->mutex, &next);
        /* nothing of ours is lent: nothing of ours will come back */
        hopeless = next_ms > until_ms || (!pool->lent && !pool->reserved);
    }
    pool->waiting--;
    pthread_mutex_unlock(&pool->mutex);
    if (!buffer && atomic_load(&s3->wire.cancelled)) {
        return s3_error_set(error, HANGAR_CANCELLED, "cancelled");
    }
    if (!buffer) {
        return s3_error_set(error, HANGAR_NO_MEMORY,
                            "cannot hold a part of %zu bytes: the memory budget is used up; hint: "
                            "raise limits.memory, or lower part_size",
                            pool->part);
    }
    *out = buffer;
    return HANGAR_OK;
}

void *s3_pool_more(struct s3 *s3)
{
    struct s3_pool *pool = &s3->pool;
    pthread_mutex_lock(&pool->mutex);
    void *buffer = pool->waiting ? NULL : take(s3);
    pthread_mutex_unlock(&pool->mutex);
    return buffer;
}

void s3_pool_give(struct s3 *s3, void *given)
{
    struct s3_pool *pool = &s3->pool;
    struct s3_buffer *buffer = given;
    if (!buffer) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    buffer->next = pool->free;
    pool->free = buffer;
    pool->lent--;
    while (!pool->lent && pool->free) { /* nobody stores anything large just now */
        buffer = pool->free;
        pool->free = buffer->next;
        pool->allocated -= pool->part;
        free(buffer);
    }
    if (!pool->lent && pool->granted > pool->reserved) {
        s3->host->budget_give(s3->ctx, pool->granted - pool->reserved);
        pool->granted = pool->reserved;
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

void s3_pool_wake(struct s3 *s3)
{
    pthread_mutex_lock(&s3->pool.mutex);
    pthread_cond_broadcast(&s3->pool.changed);
    pthread_mutex_unlock(&s3->pool.mutex);
}
