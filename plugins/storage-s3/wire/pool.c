/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pool: see pool.h.
 *
 * Why no put waits for ever: a put waits here for its first buffer only, and owns none then.  A
 * put that owns a buffer needs no other one to finish: it sends a full part and fills the same
 * buffer again.  So each put that owns a buffer ends by itself and releases what it has.  The
 * same holds for several instances that share one budget, because the core opens no more puts
 * than max_open_puts allows, and their memory is reserved before the first one.
 */
#include "wire/pool.h"

#include <stdlib.h>

#include "clock.h"
#include "thread.h"

#define WAIT_MS 200 /* another instance that returns memory to the budget does not wake this one */
#define LEAVE_BYTES ((size_t)16 << 20) /* of the budget, for other users */
#define FEW_PUTS 4                     /* below this a warning is logged */

struct s3_buffer {
    struct s3_buffer *next;
};

bool s3_pool_init(struct s3_pool *pool, struct s3_wire *wire)
{
    pool->wire = wire;
    pool->part = (size_t)wire->set->part_size;
    if (pthread_mutex_init(&pool->mutex, NULL)) {
        return false;
    }
    if (thread_cond_init(&pool->changed)) {
        pthread_mutex_destroy(&pool->mutex);
        return false;
    }
    return true;
}

void s3_pool_fini(struct s3_pool *pool)
{
    const struct s3_wire *wire = pool->wire;
    if (pool->granted) {
        wire->host->budget_give(wire->ctx, pool->granted);
    }
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
}

uint32_t s3_pool_reserve(struct s3_pool *pool)
{
    const struct s3_wire *wire = pool->wire;
    /* the parts that are sent at once, and two that are filled meanwhile */
    size_t want = (wire->set->concurrency + 2) * pool->part;
    pthread_mutex_lock(&pool->mutex);
    if (!pool->reserved) {
        size_t got = wire->host->budget_take(wire->ctx, want + LEAVE_BYTES, pool->part);
        size_t keep = got > LEAVE_BYTES ? got - LEAVE_BYTES : 0;
        keep -= keep % pool->part;
        keep = !keep && got ? pool->part : keep;
        if (got > keep) {
            wire->host->budget_give(wire->ctx, got - keep);
        }
        pool->reserved = keep;
        pool->granted += keep;
    }
    size_t puts = pool->reserved / pool->part;
    pthread_mutex_unlock(&pool->mutex);
    if (puts < FEW_PUTS) {
        wire->host->log(wire->ctx, HANGAR_LOG_WARN,
                        "the memory budget allows only %zu uploads of large objects at the same "
                        "time (recommended: %d or more); hint: raise limits.memory, or lower "
                        "part_size",
                        puts, FEW_PUTS);
    }
    return puts ? (uint32_t)puts : 1;
}

/* A buffer, if the budget allows one.  The caller holds the mutex. */
static void *s3_pool_acquire_locked(struct s3_pool *pool)
{
    const struct s3_wire *wire = pool->wire;
    struct s3_buffer *buffer = pool->free;
    if (buffer) {
        pool->free = buffer->next;
        pool->lent++;
        return buffer;
    }
    if (pool->allocated == pool->granted) {
        if (!wire->host->budget_take(wire->ctx, pool->part, pool->part)) {
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

enum hangar_rc s3_pool_acquire_first(struct s3_pool *pool, void **out, struct failure *failure)
{
    struct s3_wire *wire = pool->wire;
    int64_t until_ms = clock_monotonic_ms() + wire->set->deadline_ms;
    bool hopeless = false;
    void *buffer;
    pthread_mutex_lock(&pool->mutex);
    pool->waiting++;
    while (!(buffer = s3_pool_acquire_locked(pool)) && !hopeless &&
           !atomic_load(&wire->cancelled)) {
        int64_t next_ms = clock_monotonic_ms() + WAIT_MS;
        thread_cond_wait(&pool->changed, &pool->mutex, next_ms);
        /* if no buffer of this pool is lent, none will be released */
        hopeless = next_ms > until_ms || (!pool->lent && !pool->reserved);
    }
    pool->waiting--;
    pthread_mutex_unlock(&pool->mutex);
    if (!buffer && atomic_load(&wire->cancelled)) {
        return failure_record(failure, HANGAR_CANCELLED, "cancelled");
    }
    if (!buffer) {
        return failure_record(
            failure, HANGAR_NO_MEMORY,
            "cannot hold a part of %zu bytes: the memory budget is used up; hint: "
            "raise limits.memory, or lower part_size",
            pool->part);
    }
    *out = buffer;
    return HANGAR_OK;
}

void *s3_pool_acquire_more(struct s3_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    void *buffer = pool->waiting ? NULL : s3_pool_acquire_locked(pool);
    pthread_mutex_unlock(&pool->mutex);
    return buffer;
}

void s3_pool_release(struct s3_pool *pool, void *released)
{
    const struct s3_wire *wire = pool->wire;
    struct s3_buffer *buffer = released;
    if (!buffer) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    buffer->next = pool->free;
    pool->free = buffer;
    pool->lent--;
    while (!pool->lent && pool->free) { /* no put needs large buffers now */
        buffer = pool->free;
        pool->free = buffer->next;
        pool->allocated -= pool->part;
        free(buffer);
    }
    if (!pool->lent && pool->granted > pool->reserved) {
        wire->host->budget_give(wire->ctx, pool->granted - pool->reserved);
        pool->granted = pool->reserved;
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

void s3_pool_wake(struct s3_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}
