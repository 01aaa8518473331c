/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * sender: the threads that send parts, so that many are on their way at once and hashed
 * beside the network.  They are started as they are needed.
 */
#include "sink/sink.h"

#include <signal.h>

bool s3_sender_init(struct s3 *s3)
{
    struct s3_sender *sender = &s3->sender;
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

static void *sender_main(void *arg)
{
    struct s3_sender *sender = &((struct s3 *)arg)->sender;
    pthread_mutex_lock(&sender->mutex);
    for (;;) {
        sender->idle++;
        while (!sender->head && !sender->stopping) {
            pthread_cond_wait(&sender->work, &sender->mutex);
        }
        sender->idle--;
        struct s3_part *part = sender->head;
        if (!part) {
            break;
        }
        sender->head = part->next;
        sender->queued--;
        if (!sender->head) {
            sender->tail = NULL;
        }
        pthread_mutex_unlock(&sender->mutex);
        s3_put_send(part);
        pthread_mutex_lock(&sender->mutex);
    }
    pthread_mutex_unlock(&sender->mutex);
    return NULL;
}

/* Signals are the core's. */
static int start(struct s3 *s3, pthread_t *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, sender_main, s3);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum hangar_rc s3_sender_add(struct s3 *s3, struct s3_part *part, struct s3_error *error)
{
    struct s3_sender *sender = &s3->sender;
    bool sent = true;
    pthread_mutex_lock(&sender->mutex);
    if (sender->queued >= sender->idle && sender->count < s3->set.concurrency) {
        if (!start(s3, &sender->threads[sender->count])) {
            sender->count++;
        }
        sent = sender->count > 0;
    }
    if (sent) {
        part->next = NULL;
        if (sender->tail) {
            sender->tail->next = part;
        } else {
            sender->head = part;
        }
        sender->tail = part;
        sender->queued++;
        pthread_cond_signal(&sender->work);
    }
    pthread_mutex_unlock(&sender->mutex);
    return sent ? HANGAR_OK : s3_error_set(error, HANGAR_NO_MEMORY, "cannot start a thread");
}

void s3_sender_fini(struct s3 *s3)
{
    struct s3_sender *sender = &s3->sender;
    pthread_mutex_lock(&sender->mutex);
    sender->stopping = true;
    pthread_cond_broadcast(&sender->work);
    pthread_mutex_unlock(&sender->mutex);
    for (unsigned i = 0; i < sender->count; i++) {
        pthread_join(sender->threads[i], NULL);
    }
    pthread_cond_destroy(&sender->done);
    pthread_cond_destroy(&sender->work);
    pthread_mutex_destroy(&sender->mutex);
}
