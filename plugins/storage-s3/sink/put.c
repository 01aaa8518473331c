/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * put: stores an object.  The data is collected in a buffer.  An object that fits into one part is
 * sent in one request, at commit.  Of a longer one, the senders send each full part while the next
 * one is collected.  The object is not visible before commit, because S3 shows it only after its
 * last request.
 */
#include "sink/sink.h"

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
    /* The mutex of the sender guards all that follows. */
    unsigned in_flight; /* parts that are queued or being sent */
    bool has_buffer;    /* `buffer` is set */
    char *spare;        /* the buffer of a part that was sent */
    struct s3_error failed;
};

enum hangar_rc s3_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                           struct hangar_put **out)
{
    struct s3 *s3 = inst;
    struct hangar_put *put = calloc(1, sizeof(*put));
    if (!put) {
        return s3->host->fail(s3->ctx, HANGAR_NO_MEMORY, 0, "cannot store %s: out of memory", name);
    }
    enum hangar_rc rc = s3_key(s3, name, put->upload.key);
    if (rc) {
        free(put);
        return rc;
    }
    put->s3 = s3;
    put->size_hint = size_hint;
    atomic_init(&put->stop, false);
    s3_action(s3, "store", name, put->action);
    put->upload.s3 = s3;
    put->upload.action = put->action;
    put->upload.create_only = flags & HANGAR_PUT_CREATE_ONLY;
    s3_mark_make(put->upload.mark);
    *out = put;
    return HANGAR_OK;
}

/* Ends a part, sent or not.  Its buffer stays with a put that has no other one. */
static void s3_put_finish_part(struct s3_part *part, char *tag, const struct s3_error *error)
{
    struct hangar_put *put = part->put;
    struct s3 *s3 = put->s3;
    struct s3_sender *sender = &s3->sender;
    void *spare = part->buffer;
    pthread_mutex_lock(&sender->mutex);
    part->upload->tags[part->number - 1] = tag;
    if (error->rc) {
        s3_error_set(&put->failed, error->rc, "%s", error->text);
    }
    if (!put->has_buffer && !put->spare) {
        put->spare = spare;
        spare = NULL;
    }
    pthread_mutex_unlock(&sender->mutex);
    s3_pool_release(&s3->pool, spare);
    pthread_mutex_lock(&sender->mutex);
    put->in_flight--; /* another thread may free the put as soon as the mutex is released */
    pthread_cond_broadcast(&sender->done);
    pthread_mutex_unlock(&sender->mutex);
    free(part);
}

static void s3_put_run_task(struct s3_task *task)
{
    struct s3_part *part = (struct s3_part *)task; /* its first member */
    struct hangar_put *put = part->put;
    struct s3_error error = {0};
    char *tag = NULL;
    pthread_mutex_lock(&put->s3->sender.mutex);
    bool failed = put->failed.rc != HANGAR_OK;
    pthread_mutex_unlock(&put->s3->sender.mutex);
    if (!failed) {
        s3_upload_part(part->upload, part->number, part->buffer, part->size, &put->stop, &tag,
                       &error);
    }
    s3_put_finish_part(part, tag, &error);
}

/* Waits until none of its parts is in flight. */
static void s3_put_wait_for_parts(struct hangar_put *put)
{
    struct s3_sender *sender = &put->s3->sender;
    pthread_mutex_lock(&sender->mutex);
    while (put->in_flight) {
        pthread_cond_wait(&sender->done, &sender->mutex);
    }
    pthread_mutex_unlock(&sender->mutex);
}

/* Completes the current piece after the first. */
static enum hangar_rc s3_put_end_piece(struct hangar_put *put, struct s3_error *error)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    s3_put_wait_for_parts(put);
    if (put->failed.rc) {
        return s3_error_set(error, put->failed.rc, "%s", put->failed.text);
    }
    enum hangar_rc rc = s3_upload_complete(&put->piece, &entry, error);
    put->pieces_size += put->piece.size;
    return rc;
}

/* Begins the next piece, because the current one has as many parts as it may have.  The first
 * piece stays open: completing it makes the object visible. */
static enum hangar_rc s3_put_next_piece(struct hangar_put *put, struct s3_error *error)
{
    enum hangar_rc rc = put->pieces ? s3_put_end_piece(put, error) : HANGAR_OK;
    if (rc) {
        return rc;
    }
    s3_upload_free(&put->piece);
    put->piece = (struct s3_upload){.s3 = put->s3, .action = put->action};
    memcpy(put->piece.mark, put->upload.mark, sizeof(put->piece.mark));
    if (put->pieces == S3_PIECES_MAX) {
        return s3_error_set(
            error, HANGAR_NO_SPACE,
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
                                         struct s3_error *error)
{
    enum hangar_rc rc = HANGAR_OK;
    *out = put->pieces ? &put->piece : &put->upload;
    if ((*out)->parts == put->s3->set.max_parts) {
        rc = s3_put_next_piece(put, error);
        *out = &put->piece;
    }
    if (rc || (*out)->id) {
        return rc;
    }
    s3_stale_sweep_once(put->s3, put->upload.key);
    return s3_upload_begin(*out, error);
}

/* Queues the collected data as a part. */
static enum hangar_rc s3_put_send_part(struct hangar_put *put, struct s3_error *error)
{
    struct s3 *s3 = put->s3;
    struct s3_upload *upload;
    enum hangar_rc rc = s3_put_open_upload(put, &upload, error);
    struct s3_part *part = rc ? NULL : calloc(1, sizeof(*part));
    if (!rc && !part) {
        rc = s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", put->action);
    }
    if (rc) {
        return rc;
    }
    /* parts that end write their tags into the array that this may move */
    pthread_mutex_lock(&s3->sender.mutex);
    rc = s3_upload_next(upload, &part->number, error);
    if (!rc) {
        put->in_flight++;
        put->has_buffer = false;
    }
    pthread_mutex_unlock(&s3->sender.mutex);
    if (rc) {
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
    rc = s3_sender_add(&s3->sender, &part->task, error);
    if (rc) {
        s3_put_finish_part(part, NULL, error);
    }
    return rc;
}

/* Gets the buffer for the next part: the spare one, or a further one of the pool while no more
 * parts are in flight than are sent at once.  Else waits for a part to end. */
static enum hangar_rc s3_put_next_buffer(struct hangar_put *put, struct s3_error *error)
{
    struct s3 *s3 = put->s3;
    struct s3_sender *sender = &s3->sender;
    pthread_mutex_lock(&sender->mutex);
    while (!put->buffer && !put->failed.rc) {
        put->buffer = put->spare;
        put->spare = NULL;
        if (!put->buffer && put->in_flight <= s3->set.concurrency) {
            put->buffer = s3_pool_acquire_more(&s3->pool);
        }
        if (!put->buffer) {
            pthread_cond_wait(&sender->done, &sender->mutex);
        }
    }
    put->has_buffer = put->buffer != NULL;
    if (put->failed.rc) {
        s3_error_set(error, put->failed.rc, "%s", put->failed.text);
    }
    pthread_mutex_unlock(&sender->mutex);
    return error->rc;
}

/* Enlarges the buffer of a small object; a large one gets a buffer of the pool. */
static enum hangar_rc s3_put_grow_buffer(struct hangar_put *put, struct s3_error *error)
{
    size_t hint = put->size_hint < SMALL_MAX ? (size_t)put->size_hint : SMALL_MAX + 1;
    size_t capacity = put->capacity ? put->capacity * 4 : hint ? hint : SMALL_FIRST;
    void *buffer;
    if (capacity <= SMALL_MAX) {
        buffer = realloc(put->buffer, capacity);
        if (!buffer) {
            return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", put->action);
        }
    } else {
        enum hangar_rc rc = s3_pool_acquire_first(&put->s3->pool, &buffer, error);
        if (rc) {
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
    struct s3_error error = {0};
    const char *next = data;
    enum hangar_rc rc = HANGAR_OK;
    while (size && !rc) {
        if (put->lent && put->fill == put->capacity) {
            rc = s3_put_send_part(put, &error);
            if (!rc) {
                rc = s3_put_next_buffer(put, &error);
            }
        } else if (put->fill == put->capacity) {
            rc = s3_put_grow_buffer(put, &error);
        } else {
            size_t room = put->capacity - put->fill, step = size < room ? size : room;
            memcpy(put->buffer + put->fill, next, step);
            put->fill += step;
            next += step;
            size -= step;
        }
    }
    return rc ? s3_raise(put->s3, &error) : HANGAR_OK;
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
        struct s3_error ignored_error = {0};
        const struct s3_request request = {.method = "DELETE", .key = key, .cleanup = true};
        s3_piece_key(put->upload.key, put->upload.mark, i + 2, key);
        if (s3_send(&s3->wire, &request, put->action, &answer, &ignored_error) == HANGAR_IO) {
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
                                          struct s3_error *error)
{
    enum hangar_rc rc = put->fill ? s3_put_send_part(put, error) : HANGAR_OK;
    s3_put_wait_for_parts(put);
    if (put->failed.rc) {
        rc = s3_error_set(error, put->failed.rc, "%s", put->failed.text);
    }
    if (!rc && put->pieces) {
        rc = s3_put_end_piece(put, error);
    }
    if (!rc) {
        rc = s3_upload_complete(&put->upload, entry, error);
    }
    entry->size += rc ? 0 : put->pieces_size;
    return rc;
}

enum hangar_rc s3_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    struct s3 *s3 = put->s3;
    struct s3_error error = {0};
    enum hangar_rc rc = put->upload.id
                            ? s3_put_commit_parts(put, entry, &error)
                            : s3_upload_whole(&put->upload, put->buffer, put->fill, entry, &error);
    if (!rc) {
        s3_put_free(put);
        return HANGAR_OK;
    }
    s3_put_abort(put);
    return s3_raise(s3, &error);
}
