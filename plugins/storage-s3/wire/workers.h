/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * workers: threads that run tasks.  With them several parts are hashed and sent at once.  A task
 * that finds no idle thread starts one.
 */
#ifndef S3_WIRE_WORKERS_H
#define S3_WIRE_WORKERS_H

#include "wire/wire.h"

#define S3_WORKERS_MAX 64

/* The owner embeds it in a struct of its own. */
struct s3_task {
    struct s3_task *next;
    void (*run)(struct s3_task *task); /* on one of the threads; frees the task */
};

struct s3_workers {
    /* The mutex guards all that follows, and what the owners share with their tasks. */
    pthread_mutex_t mutex;
    pthread_cond_t work;
    pthread_cond_t done; /* the owner of a task broadcasts it when the task has ended */
    struct s3_task *head, *tail;
    pthread_t threads[S3_WORKERS_MAX];
    unsigned max_threads, threads_started, threads_idle, queued;
    bool stopping;
};

/* max_threads: at most S3_SENDER_THREADS_MAX.  False: out of memory. */
bool s3_workers_init(struct s3_workers *workers, unsigned max_threads);
void s3_workers_fini(struct s3_workers *workers); /* ends the threads; no task may be queued */

/* Queues a task.  After a failure the task still belongs to the caller. */
enum hangar_rc s3_workers_add(struct s3_workers *workers, struct s3_task *task,
                              struct failure *failure);

#endif
