/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sender: see sender.h.
 */
#include "wire/sender.h"

#include <signal.h>

bool s3_sender_init(struct s3_sender *sender, unsigned max_threads)
{
    sender->max_threads = max_threads;
    if (pthread_mutex_init(&sender->mutex, NULL)) {
        return false;
    }
    if (pthread_cond_init(&sender->work, NULL)) {
        pthread_mutex_destroy(&sender->mutex);
        return false;
    }
    if (pthread_cond_init(&sender->done, NULL)) {
        pthread_cond_destroy(&sender->work);
        pthread_mutex_destroy(&sender->mutex);
        return false;
    }
    return true;
}

static void *s3_sender_main(void *arg)
{
    struct s3_sender *sender = arg;
    pthread_mutex_lock(&sender->mutex);
    for (;;) {
        sender->threads_idle++;
        while (!sender->head && !sender->stopping) {
            pthread_cond_wait(&sender->work, &sender->mutex);
        }
        sender->threads_idle--;
        struct s3_task *task = sender->head;
        if (!task) {
            break;
        }
        sender->head = task->next;
        sender->queued--;
        if (!sender->head) {
            sender->tail = NULL;
        }
        pthread_mutex_unlock(&sender->mutex);
        task->run(task);
        pthread_mutex_lock(&sender->mutex);
    }
    pthread_mutex_unlock(&sender->mutex);
    return NULL;
}

/* Signals are the core's. */
static int start(struct s3_sender *sender, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, s3_sender_main, sender);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum hangar_rc s3_sender_add(struct s3_sender *sender, struct s3_task *task, struct s3_error *error)
{
    pthread_mutex_lock(&sender->mutex);
    if (sender->queued >= sender->threads_idle && sender->threads_started < sender->max_threads &&
        !start(sender, &sender->threads[sender->threads_started])) {
        sender->threads_started++;
    }
    bool queued = sender->threads_started > 0;
    if (queued) {
        task->next = NULL;
        if (sender->tail) {
            sender->tail->next = task;
        } else {
            sender->head = task;
        }
        sender->tail = task;
        sender->queued++;
        pthread_cond_signal(&sender->work);
    }
    pthread_mutex_unlock(&sender->mutex);
    return queued ? HANGAR_OK : s3_error_set(error, HANGAR_NO_MEMORY, "cannot start a thread");
}

void s3_sender_fini(struct s3_sender *sender)
{
    pthread_mutex_lock(&sender->mutex);
    sender->stopping = true;
    pthread_cond_broadcast(&sender->work);
    pthread_mutex_unlock(&sender->mutex);
    for (unsigned i = 0; i < sender->threads_started; i++) {
        pthread_join(sender->threads[i], NULL);
    }
    pthread_cond_destroy(&sender->done);
    pthread_cond_destroy(&sender->work);
    pthread_mutex_destroy(&sender->mutex);
}
