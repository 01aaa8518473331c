/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * put: stores an object.  The data is collected in a buffer.  An object that fits into one part is
 * sent in one request, at commit.  Of a longer one, the workers send each full part while the next
 * one is collected.  The object is not visible before commit, because S3 shows it only after its
 * last request.
 */
#include "sink/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_FIRST ((size_t)64 << 10) /* bytes of the first buffer of an object of unknown size */
#define SMALL_MAX ((size_t)1 << 20)    /* a larger buffer comes from the pool */

struct s3_part {
    struct s3_task task;
    struct hangar_put *put;
    struct s3_upload *upload;
    size_t number, size;
    void *buffer;
};

struct hangar_put {
    struct s3 *s3;
    struct s3_upload upload;
    struct s3_upload piece; /* the current piece after the first, of an object of several */
    size_t pieces;          /* that have begun, after the first */
    uint64_t pieces_size;   /* bytes of those that are completed */
    uint64_t size_hint;
    char *buffer; /* collects the data */
    size_t fill, capacity;
    bool lent; /* the buffer belongs to the pool */
    atomic_bool stop;
    char action[S3_ACTION_SIZE];
    /* The mutex of the workers guards all that follows. */
    unsigned in_flight; /* parts that are queued or being sent */
    bool has_buffer;    /* `buffer` is set */
    char *spare;        /* the buffer of a part that was sent */
    struct failure failure;
};

enum hangar_rc s3_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                           struct hangar_put **out)
{
    struct s3 *s3 = inst;
    struct hangar_put *put = calloc(1, sizeof(*put));
    if (!put) {
        return failure_raise_no_memory(s3->host, s3->ctx, "store %s", name);
    }
    enum hangar_rc rc = s3_key(s3, name, put->upload.key);
    if (rc == HANGAR_OK && !s3_mark_make(put->upload.mark)) {
        rc = s3->host->fail(s3->ctx, HANGAR_IO, errno, "cannot get random bytes");
    }
    if (rc != HANGAR_OK) {
        free(put);
        return rc;
    }
    put->s3 = s3;
    put->size_hint = size_hint;
    atomic_init(&put->stop, false);
    s3_action(s3, "store", name, put->action);
    put->upload.s3 = s3;
    put->upload.action = put->action;
    put->upload.stop = &put->stop;
    put->upload.create_only = flags & HANGAR_PUT_CREATE_ONLY;
    *out = put;
    return HANGAR_OK;
}

/* Ends a part, sent or not.  Its buffer stays with a put that has no other one. */
static void s3_put_finish_part(struct s3_part *part, char *tag, const struct failure *failure)
{
    struct hangar_put *put = part->put;
    struct s3 *s3 = put->s3;
    struct s3_workers *workers = &s3->workers;
    void *spare = part->buffer;
    pthread_mutex_lock(&workers->mutex);
    part->upload->tags[part->number - 1] = tag;
    failure_copy(&put->failure, failure);
    if (!put->has_buffer && !put->spare) {
        put->spare = spare;
        spare = NULL;
    }
    pthread_mutex_unlock(&workers->mutex);
    s3_pool_release(&s3->pool, spare);
    pthread_mutex_lock(&workers->mutex);
    put->in_flight--; /* another thread may free the put as soon as the mutex is released */
    pthread_cond_broadcast(&workers->done);
    pthread_mutex_unlock(&workers->mutex);
    free(part);
}

static void s3_put_run_task(struct s3_task *task)
{
    struct s3_part *part = (struct s3_part *)task; /* its first member */
    struct hangar_put *put = part->put;
    struct failure failure = {0};
    char *tag = NULL;
    pthread_mutex_lock(&put->s3->workers.mutex);
    bool failed = put->failure.rc != HANGAR_OK;
    pthread_mutex_unlock(&put->s3->workers.mutex);
    if (!failed) {
        s3_upload_part(part->upload, part->number, part->buffer, part->size, &tag, &failure);
    }
    s3_put_finish_part(part, tag, &failure);
}

/* Waits until none of its parts is in flight. */
static void s3_put_wait_for_parts(struct hangar_put *put)
{
    struct s3_workers *workers = &put->s3->workers;
    pthread_mutex_lock(&workers->mutex);
    while (put->in_flight) {
        pthread_cond_wait(&workers->done, &workers->mutex);
    }
    pthread_mutex_unlock(&workers->mutex);
}

/* Completes the current piece after the first. */
static enum hangar_rc s3_put_end_piece(struct hangar_put *put, struct failure *failure)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    s3_put_wait_for_parts(put);
    if (put->failure.rc != HANGAR_OK) {
        return failure_copy(failure, &put->failure);
    }
    enum hangar_rc rc = s3_upload_complete(&put->piece, &entry, failure);
    put->pieces_size += put->piece.size;
    return rc;
}

/* Begins the next piece, because the current one has as many parts as it may have.  The first
 * piece stays open: completing it makes the object visible. */
static enum hangar_rc s3_put_next_piece(struct hangar_put *put, struct failure *failure)
{
    enum hangar_rc rc = put->pieces ? s3_put_end_piece(put, failure) : HANGAR_OK;
    if (rc != HANGAR_OK) {
        return rc;
    }
    s3_upload_free(&put->piece);
    put->piece = (struct s3_upload){.s3 = put->s3, .action = put->action, .stop = &put->stop};
    memcpy(put->piece.mark, put->upload.mark, sizeof(put->piece.mark));
    if (put->pieces == S3_PIECES_MAX) {
        return failure_record(
            failure, HANGAR_NO_SPACE,
            "cannot %s: it is longer than %d pieces of max_parts parts; hint: raise "
            "part_size",
            put->action, S3_PIECES_MAX);
    }
    put->upload.continued = true;
    put->pieces++;
    s3_piece_key(put->upload.key, put->upload.mark, put->pieces + 1, put->piece.key);
    return HANGAR_OK;
}

/* The upload that the next part belongs to. */
static enum hangar_rc s3_put_open_upload(struct hangar_put *put, struct s3_upload **out,
                                         struct failure *failure)
{
    enum hangar_rc rc = HANGAR_OK;
    *out = put->pieces ? &put->piece : &put->upload;
    if ((*out)->parts == put->s3->set.max_parts) {
        rc = s3_put_next_piece(put, failure);
        *out = &put->piece;
    }
    if (rc != HANGAR_OK || (*out)->id) {
        return rc;
    }
    s3_stale_sweep_once(put->s3, put->upload.key);
    return s3_upload_begin(*out, failure);
}

/* Queues the collected data as a part. */
static enum hangar_rc s3_put_send_part(struct hangar_put *put, struct failure *failure)
{
    struct s3 *s3 = put->s3;
    struct s3_upload *upload;
    enum hangar_rc rc = s3_put_open_upload(put, &upload, failure);
    struct s3_part *part = rc != HANGAR_OK ? NULL : calloc(1, sizeof(*part));
    if (rc == HANGAR_OK && !part) {
        rc = failure_no_memory(failure, "%s", put->action);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    /* parts that end write their tags into the array that this may move */
    pthread_mutex_lock(&s3->workers.mutex);
    rc = s3_upload_next(upload, &part->number, failure);
    if (rc == HANGAR_OK) {
        put->in_flight++;
        put->has_buffer = false;
    }
    pthread_mutex_unlock(&s3->workers.mutex);
    if (rc != HANGAR_OK) {
        free(part);
        return rc;
    }
    part->task.run = s3_put_run_task;
    part->put = put;
    part->upload = upload;
    part->buffer = put->buffer;
    part->size = put->fill;
    upload->size += put->fill;
    put->buffer = NULL;
    put->fill = 0;
    rc = s3_workers_add(&s3->workers, &part->task, failure);
    if (rc != HANGAR_OK) {
        s3_put_finish_part(part, NULL, failure);
    }
    return rc;
}

/* Gets the buffer for the next part: the spare one, or a further one of the pool while no more
 * parts are in flight than are sent at once.  Else waits for a part to end. */
static enum hangar_rc s3_put_next_buffer(struct hangar_put *put, struct failure *failure)
{
    struct s3 *s3 = put->s3;
    struct s3_workers *workers = &s3->workers;
    pthread_mutex_lock(&workers->mutex);
    if (atomic_load(&s3->wire.cancelled)) {
        failure_record(&put->failure, HANGAR_CANCELLED, "cancelled");
    }
    while (!put->buffer && put->failure.rc == HANGAR_OK) {
        put->buffer = put->spare;
        put->spare = NULL;
        if (!put->buffer && put->in_flight <= s3->set.concurrency) {
            put->buffer = s3_pool_acquire_more(&s3->pool);
        }
        if (!put->buffer) {
            pthread_cond_wait(&workers->done, &workers->mutex);
        }
    }
    put->has_buffer = put->buffer != NULL;
    failure_copy(failure, &put->failure);
    pthread_mutex_unlock(&workers->mutex);
    return failure->rc;
}

/* Enlarges the buffer of a small object; a large one gets a buffer of the pool. */
static enum hangar_rc s3_put_grow_buffer(struct hangar_put *put, struct failure *failure)
{
    size_t hint = put->size_hint < SMALL_MAX ? (size_t)put->size_hint : SMALL_MAX + 1;
    size_t capacity = put->capacity ? put->capacity * 4 : hint ? hint : SMALL_FIRST;
    void *buffer;
    if (capacity <= SMALL_MAX) {
        buffer = realloc(put->buffer, capacity);
        if (!buffer) {
            return failure_no_memory(failure, "%s", put->action);
        }
    } else {
        enum hangar_rc rc = s3_pool_acquire_first(&put->s3->pool, &buffer, failure);
        if (rc != HANGAR_OK) {
            return rc;
        }
        if (put->fill) {
            memcpy(buffer, put->buffer, put->fill);
        }
        free(put->buffer);
        capacity = put->s3->pool.part;
        put->lent = put->has_buffer = true;
    }
    put->buffer = buffer;
    put->capacity = capacity;
    return HANGAR_OK;
}

enum hangar_rc s3_put_write(struct hangar_put *put, const void *data, size_t size)
{
    struct failure failure = {0};
    const char *next = data;
    enum hangar_rc rc = HANGAR_OK;
    while (size && rc == HANGAR_OK) {
        if (put->lent && put->fill == put->capacity) {
            rc = s3_put_send_part(put, &failure);
            if (rc == HANGAR_OK) {
                rc = s3_put_next_buffer(put, &failure);
            }
        } else if (put->fill == put->capacity) {
            rc = s3_put_grow_buffer(put, &failure);
        } else {
            size_t room = put->capacity - put->fill, step = size < room ? size : room;
            memcpy(put->buffer + put->fill, next, step);
            put->fill += step;
            next += step;
            size -= step;
        }
    }
    return rc != HANGAR_OK ? failure_raise(&failure, put->s3->host, put->s3->ctx) : HANGAR_OK;
}

static void s3_put_free(struct hangar_put *put)
{
    struct s3 *s3 = put->s3;
    if (put->lent) {
        s3_pool_release(&s3->pool, put->buffer);
    } else {
        free(put->buffer);
    }
    s3_pool_release(&s3->pool, put->spare);
    s3_upload_free(&put->upload);
    s3_upload_free(&put->piece);
    free(put);
}

/* Removes the pieces of an object that is not stored after all. */
static void s3_put_remove_pieces(struct hangar_put *put)
{
    struct s3 *s3 = put->s3;
    char key[S3_KEY_MAX + 1];
    for (size_t i = 0; i < put->pieces; i++) {
        struct s3_answer answer;
        struct failure ignored_failure = {0};
        const struct s3_request request = {.method = "DELETE", .key = key, .cleanup = true};
        s3_piece_key(put->upload.key, put->upload.mark, i + 2, key);
        if (s3_send(&s3->wire, &request, put->action, &answer, &ignored_failure) == HANGAR_IO) {
            break;
        }
    }
}

void s3_put_abort(struct hangar_put *put)
{
    atomic_store(&put->stop, true);
    s3_wire_wake(&put->s3->wire);
    s3_put_wait_for_parts(put);
    s3_upload_abort(&put->upload);
    s3_upload_abort(&put->piece);
    s3_put_remove_pieces(put);
    s3_put_free(put);
}

static enum hangar_rc s3_put_commit_parts(struct hangar_put *put, struct hangar_entry *entry,
                                          struct failure *failure)
{
    enum hangar_rc rc = put->fill ? s3_put_send_part(put, failure) : HANGAR_OK;
    s3_put_wait_for_parts(put);
    if (put->failure.rc != HANGAR_OK) {
        rc = failure_copy(failure, &put->failure);
    }
    if (rc == HANGAR_OK && put->pieces) {
        rc = s3_put_end_piece(put, failure);
    }
    if (rc == HANGAR_OK) {
        rc = s3_upload_complete(&put->upload, entry, failure);
    }
    entry->size += rc != HANGAR_OK ? 0 : put->pieces_size;
    return rc;
}

enum hangar_rc s3_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    struct s3 *s3 = put->s3;
    struct failure failure = {0};
    enum hangar_rc rc =
        put->upload.id ? s3_put_commit_parts(put, entry, &failure)
                       : s3_upload_whole(&put->upload, put->buffer, put->fill, entry, &failure);
    if (rc == HANGAR_OK) {
        s3_put_free(put);
        return HANGAR_OK;
    }
    s3_put_abort(put);
    return failure_raise(&failure, s3->host, s3->ctx);
}
