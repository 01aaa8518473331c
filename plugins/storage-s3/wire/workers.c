/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * workers: see workers.h.
 */
#include "wire/workers.h"

#include "thread.h"

bool s3_workers_init(struct s3_workers *workers, unsigned max_threads)
{
    workers->max_threads = max_threads;
    if (pthread_mutex_init(&workers->mutex, NULL)) {
        return false;
    }
    if (pthread_cond_init(&workers->work, NULL)) {
        pthread_mutex_destroy(&workers->mutex);
        return false;
    }
    if (pthread_cond_init(&workers->done, NULL)) {
        pthread_cond_destroy(&workers->work);
        pthread_mutex_destroy(&workers->mutex);
        return false;
    }
    return true;
}

static void *s3_workers_main(void *arg)
{
    struct s3_workers *workers = arg;
    pthread_mutex_lock(&workers->mutex);
    for (;;) {
        workers->threads_idle++;
        while (!workers->head && !workers->stopping) {
            pthread_cond_wait(&workers->work, &workers->mutex);
        }
        workers->threads_idle--;
        struct s3_task *task = workers->head;
        if (!task) {
            break;
        }
        workers->head = task->next;
        workers->queued--;
        if (!workers->head) {
            workers->tail = NULL;
        }
        pthread_mutex_unlock(&workers->mutex);
        task->run(task);
        pthread_mutex_lock(&workers->mutex);
    }
    pthread_mutex_unlock(&workers->mutex);
    return NULL;
}

enum hangar_rc s3_workers_add(struct s3_workers *workers, struct s3_task *task,
                              struct failure *failure)
{
    pthread_mutex_lock(&workers->mutex);
    if (workers->queued >= workers->threads_idle &&
        workers->threads_started < workers->max_threads &&
        thread_start(&workers->threads[workers->threads_started], "s3-worker", s3_workers_main,
                     workers) == 0) {
        workers->threads_started++;
    }
    bool queued = workers->threads_started > 0;
    if (queued) {
        task->next = NULL;
        if (workers->tail) {
            workers->tail->next = task;
        } else {
            workers->head = task;
        }
        workers->tail = task;
        workers->queued++;
        pthread_cond_signal(&workers->work);
    }
    pthread_mutex_unlock(&workers->mutex);
    return queued ? HANGAR_OK : failure_record(failure, HANGAR_NO_MEMORY, "cannot start a thread");
}

void s3_workers_fini(struct s3_workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->work);
    pthread_mutex_unlock(&workers->mutex);
    for (unsigned i = 0; i < workers->threads_started; i++) {
        pthread_join(workers->threads[i], NULL);
    }
    pthread_cond_destroy(&workers->done);
    pthread_cond_destroy(&workers->work);
    pthread_mutex_destroy(&workers->mutex);
}
