/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sender: threads that send parts, so that several parts are hashed and sent at once.  A thread
 * is started when a task finds none idle.
 */
#ifndef S3_SENDER_H
#define S3_SENDER_H

#include "wire/wire.h"

#define S3_SENDER_THREADS_MAX 64

/* One part to send; the owner embeds it in what `run` needs. */
struct s3_task {
    struct s3_task *next;
    void (*run)(struct s3_task *task); /* on one of the threads; ends the task's life */
};

struct s3_sender {
    /* The mutex guards all that follows, and what each put shares with its tasks. */
    pthread_mutex_t mutex;
    pthread_cond_t work;
    pthread_cond_t done; /* the owner of a task broadcasts it when the task has ended */
    struct s3_task *head, *tail;
    pthread_t threads[S3_SENDER_THREADS_MAX];
    unsigned max_threads, threads_started, threads_idle, queued;
    bool stopping;
};

/* max_threads: at most S3_SENDER_THREADS_MAX.  False: out of memory. */
bool s3_sender_init(struct s3_sender *sender, unsigned max_threads);
void s3_sender_fini(struct s3_sender *sender); /* ends the threads; no task may be queued */

/* Queues a task.  After a failure the task still belongs to the caller. */
enum hangar_rc s3_sender_add(struct s3_sender *sender, struct s3_task *task,
                             struct s3_error *error);

#endif
