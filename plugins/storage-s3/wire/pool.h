/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * pool: memory for the parts of large objects, from the memory budget of the job.  A put that
 * needs more than a small buffer owns one buffer of the pool until it ends.  It gets more
 * buffers while no other put waits for its first one.  s3_pool_reserve returns how many puts can
 * own a buffer; their memory is reserved in the budget from then on.
 */
#ifndef S3_WIRE_POOL_H
#define S3_WIRE_POOL_H

#include "wire/wire.h"

struct s3_pool {
    struct s3_wire *wire;
    size_t part; /* bytes of a buffer */
    /* The mutex guards all that follows. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t granted;   /* bytes that the budget has granted, in whole buffers */
    size_t reserved;  /* bytes of these that stay granted until s3_pool_fini */
    size_t allocated; /* bytes of all buffers, lent or free */
    size_t lent;      /* buffers */
    unsigned waiting; /* puts that wait for their first buffer */
    struct s3_buffer *free;
};

bool s3_pool_init(struct s3_pool *pool, struct s3_wire *wire); /* false: out of memory */
void s3_pool_fini(struct s3_pool *pool);                       /* all buffers are back */

/* Reserves memory in the budget, once.  Returns for how many puts it suffices, at least 1. */
uint32_t s3_pool_reserve(struct s3_pool *pool);

/* The first buffer of a put.  Waits until one is free, `deadline` at most: HANGAR_NO_MEMORY, or
 * HANGAR_CANCELLED. */
enum hangar_rc s3_pool_acquire_first(struct s3_pool *pool, void **out, struct failure *failure);
/* A further buffer; NULL: none is free now. */
void *s3_pool_acquire_more(struct s3_pool *pool);
void s3_pool_release(struct s3_pool *pool, void *buffer); /* NULL is accepted */

/* Wakes the puts that wait; the caller has cancelled the wire. */
void s3_pool_wake(struct s3_pool *pool);

#endif
