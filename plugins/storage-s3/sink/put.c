/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * put: an object on its way into the store.  What is written is gathered in a buffer.  An
 * object that is not longer than one part goes up in one request, at commit; of a longer
 * one each full part is given to the senders, while the next one is gathered.  Nothing is
 * visible before commit, as S3 shows an object when its last request is through.
 */
#include "sink/sink.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_FIRST ((size_t)64 << 10)
#define SMALL_MOST ((size_t)1 << 20) /* more comes from the budget */

struct hangar_put {
    struct s3 *s3;
    struct s3_upload upload;
    struct s3_upload more; /* the piece that follows it now, if it needs several */
    size_t pieces;         /* besides the first: begun */
    uint64_t more_size;    /* bytes of those that are completed */
    uint64_t size_hint;
    char *buffer; /* what is gathered */
    size_t fill, capacity;
    bool lent; /* it is the pool's */
    atomic_bool stop;
    char what[S3_WHAT_SIZE];
    /* under the mutex of the senders */
    unsigned flying; /* parts that are queued or sent */
    bool gathering;  /* has a buffer of its own */
    char *idle;      /* has one that was sent */
    struct s3_error failed;
};

enum hangar_rc s3_put_open(void *inst, const char *name, uint64_t size_hint, uint32_t flags,
                           struct hangar_put **out)
{
    struct s3 *s3 = inst;
    struct hangar_put *put = calloc(1, sizeof(*put));
    if (!put) {
        return s3->host->fail(s3->ctx, HANGAR_NO_MEMORY, 0, "cannot store %s", name);
    }
    enum hangar_rc rc = s3_key(s3, name, put->upload.key);
    if (rc) {
        free(put);
        return rc;
    }
    put->s3 = s3;
    put->size_hint = size_hint;
    atomic_init(&put->stop, false);
    s3_what(s3, "store", name, put->what);
    put->upload.s3 = s3;
    put->upload.what = put->what;
    put->upload.create_only = flags & HANGAR_PUT_CREATE_ONLY;
    s3_make_mark(put->upload.mark);
    *out = put;
    return HANGAR_OK;
}

/* A part is through, or will not be: its buffer stays with the put that has no other. */
static void land(struct s3_part *part, char *tag, const struct s3_error *error)
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
    if (!put->gathering && !put->idle) {
        put->idle = spare;
        spare = NULL;
    }
    pthread_mutex_unlock(&sender->mutex);
    s3_pool_give(s3, spare);
    pthread_mutex_lock(&sender->mutex);
    put->flying--; /* the put may be gone as soon as the mutex is free */
    pthread_cond_broadcast(&sender->done);
    pthread_mutex_unlock(&sender->mutex);
    free(part);
}

void s3_put_send(struct s3_part *part)
{
    struct hangar_put *put = part->put;
    struct s3_error error = {0};
    char *tag = NULL;
    pthread_mutex_lock(&put->s3->sender.mutex);
    bool vain = put->failed.rc != HANGAR_OK;
    pthread_mutex_unlock(&put->s3->sender.mutex);
    if (!vain) {
        s3_upload_part(part->upload, part->number, part->buffer, part->size, &put->stop, &tag,
                       &error);
    }
    land(part, tag, &error);
}

/* Until none of its parts is on its way. */
static void settle(struct hangar_put *put)
{
    struct s3_sender *sender = &put->s3->sender;
    pthread_mutex_lock(&sender->mutex);
    while (put->flying) {
        pthread_cond_wait(&sender->done, &sender->mutex);
    }
    pthread_mutex_unlock(&sender->mutex);
}

/* The piece that follows is complete. */
static enum hangar_rc end_piece(struct hangar_put *put, struct s3_error *error)
{
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    settle(put);
    if (put->failed.rc) {
        return s3_error_set(error, put->failed.rc, "%s", put->failed.text);
    }
    enum hangar_rc rc = s3_upload_complete(&put->more, &entry, error);
    put->more_size += put->more.size;
    return rc;
}

/* One has as many parts as it may have: goes on with another.  The first one stays open,
 * as completing it makes the object visible. */
static enum hangar_rc next_piece(struct hangar_put *put, struct s3_error *error)
{
    enum hangar_rc rc = put->pieces ? end_piece(put, error) : HANGAR_OK;
    if (rc) {
        return rc;
    }
    s3_upload_free(&put->more);
    put->more = (struct s3_upload){.s3 = put->s3, .what = put->what};
    memcpy(put->more.mark, put->upload.mark, sizeof(put->more.mark));
    if (put->pieces == S3_PIECES_MAX) {
        return s3_error_set(
            error, HANGAR_NO_SPACE,
            "cannot %s: it is longer than %d pieces of max_parts parts; hint: raise "
            "part_size",
            put->what, S3_PIECES_MAX);
    }
    put->upload.continued = true;
    put->pieces++;
    s3_piece_key(put->upload.key, put->upload.mark, put->pieces + 1, put->more.key);
    return HANGAR_OK;
}

/* The upload that the next part belongs to. */
static enum hangar_rc open_upload(struct hangar_put *put, struct s3_upload **out,
                                  struct s3_error *error)
{
    enum hangar_rc rc = HANGAR_OK;
    *out = put->pieces ? &put->more : &put->upload;
    if ((*out)->parts == put->s3->set.max_parts) {
        rc = next_piece(put, error);
        *out = &put->more;
    }
    if (rc || (*out)->id) {
        return rc;
    }
    s3_stale_once(put->s3, put->upload.key);
    return s3_upload_begin(*out, error);
}

/* Gives what is gathered to the senders. */
static enum hangar_rc send_part(struct hangar_put *put, struct s3_error *error)
{
    struct s3 *s3 = put->s3;
    struct s3_upload *upload;
    enum hangar_rc rc = open_upload(put, &upload, error);
    struct s3_part *part = rc ? NULL : calloc(1, sizeof(*part));
    if (!rc && !part) {
        rc = s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", put->what);
    }
    if (rc) {
        return rc;
    }
    /* parts that are through write their tags there */
    pthread_mutex_lock(&s3->sender.mutex);
    rc = s3_upload_next(upload, &part->number, error);
    if (!rc) {
        put->flying++;
        put->gathering = false;
    }
    pthread_mutex_unlock(&s3->sender.mutex);
    if (rc) {
        free(part);
        return rc;
    }
    part->put = put;
    part->upload = upload;
    part->buffer = put->buffer;
    part->size = put->fill;
    upload->size += put->fill;
    put->buffer = NULL;
    put->fill = 0;
    rc = s3_sender_add(s3, part, error);
    if (rc) {
        land(part, NULL, error);
    }
    return rc;
}

/* The buffer for the next part: our own when it is back, another one while there are some,
 * and not more of them on their way than are sent at once. */
static enum hangar_rc next_buffer(struct hangar_put *put, struct s3_error *error)
{
    struct s3 *s3 = put->s3;
    struct s3_sender *sender = &s3->sender;
    pthread_mutex_lock(&sender->mutex);
    while (!put->buffer && !put->failed.rc) {
        put->buffer = put->idle;
        put->idle = NULL;
        if (!put->buffer && put->flying <= s3->set.concurrency) {
            put->buffer = s3_pool_more(s3);
        }
        if (!put->buffer) {
            pthread_cond_wait(&sender->done, &sender->mutex);
        }
    }
    put->gathering = put->buffer != NULL;
    if (put->failed.rc) {
        s3_error_set(error, put->failed.rc, "%s", put->failed.text);
    }
    pthread_mutex_unlock(&sender->mutex);
    return error->rc;
}

/* Room for small objects grows; what needs more gets a part's. */
static enum hangar_rc grow(struct hangar_put *put, struct s3_error *error)
{
    size_t hint = put->size_hint < SMALL_MOST ? (size_t)put->size_hint : SMALL_MOST + 1;
    size_t capacity = put->capacity ? put->capacity * 4 : hint ? hint : SMALL_FIRST;
    void *buffer;
    if (capacity <= SMALL_MOST) {
        buffer = realloc(put->buffer, capacity);
        if (!buffer) {
            return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", put->what);
        }
    } else {
        enum hangar_rc rc = s3_pool_first(put->s3, &buffer, error);
        if (rc) {
            return rc;
        }
        if (put->fill) {
            memcpy(buffer, put->buffer, put->fill);
        }
        free(put->buffer);
        capacity = put->s3->pool.part;
        put->lent = put->gathering = true;
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
            rc = send_part(put, &error);
            if (!rc) {
                rc = next_buffer(put, &error);
            }
        } else if (put->fill == put->capacity) {
            rc = grow(put, &error);
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

static void put_free(struct hangar_put *put)
{
    struct s3 *s3 = put->s3;
    if (put->lent) {
        s3_pool_give(s3, put->buffer);
    } else {
        free(put->buffer);
    }
    s3_pool_give(s3, put->idle);
    s3_upload_free(&put->upload);
    s3_upload_free(&put->more);
    free(put);
}

/* Pieces of an object that will not be. */
static void remove_pieces(struct hangar_put *put)
{
    struct s3 *s3 = put->s3;
    char key[S3_KEY_MAX + 1];
    for (size_t i = 0; i < put->pieces; i++) {
        struct s3_answer answer;
        struct s3_error unheard = {0};
        const struct s3_request request = {.method = "DELETE", .key = key, .parting = true};
        s3_piece_key(put->upload.key, put->upload.mark, i + 2, key);
        if (s3_send(s3, &request, put->what, &answer, &unheard) == HANGAR_IO) {
            break;
        }
    }
}

void s3_put_abort(struct hangar_put *put)
{
    atomic_store(&put->stop, true);
    s3_wire_wake(put->s3);
    settle(put);
    s3_upload_abort(&put->upload);
    s3_upload_abort(&put->more);
    remove_pieces(put);
    put_free(put);
}

static enum hangar_rc commit_parts(struct hangar_put *put, struct hangar_entry *entry,
                                   struct s3_error *error)
{
    enum hangar_rc rc = put->fill ? send_part(put, error) : HANGAR_OK;
    settle(put);
    if (put->failed.rc) {
        rc = s3_error_set(error, put->failed.rc, "%s", put->failed.text);
    }
    if (!rc && put->pieces) {
        rc = end_piece(put, error);
    }
    if (!rc) {
        rc = s3_upload_complete(&put->upload, entry, error);
    }
    entry->size += rc ? 0 : put->more_size;
    return rc;
}

enum hangar_rc s3_put_commit(struct hangar_put *put, struct hangar_entry *entry)
{
    struct s3 *s3 = put->s3;
    struct s3_error error = {0};
    enum hangar_rc rc = put->upload.id
                            ? commit_parts(put, entry, &error)
                            : s3_upload_whole(&put->upload, put->buffer, put->fill, entry, &error);
    if (!rc) {
        put_free(put);
        return HANGAR_OK;
    }
    s3_put_abort(put);
    return s3_raise(s3, &error);
}
