/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * get: reads an object as a stream.  After a broken connection it continues where the stream
 * broke, if the object is still the same.  The object must be as long as the store announced.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define HOLD_BYTES ((size_t)64 << 10) /* more than curl delivers at once */
#define STEP_MS 1000
#define DRIP_BYTES 4096                  /* what `timeout` of waiting must bring at least */
#define PROGRESS_BYTES ((size_t)1 << 20) /* an attempt that received so many is a success */

struct hangar_get {
    struct s3 *s3;
    struct s3_channel *channel; /* NULL: none yet */
    struct s3_exchange exchange;
    struct s3_request request;
    struct s3_pair headers[2];
    struct s3_answer answer;
    char range[48], etag[S3_TAG_SIZE], match[S3_TAG_SIZE + 2], action[S3_ACTION_SIZE];
    char key[S3_KEY_MAX + 1], first[S3_KEY_MAX + 1], mark[S3_MARK_SIZE];
    struct s3_pieces *pieces;         /* after the first; NULL: they were not listed */
    size_t piece;                     /* the one that is read; 0: the first */
    bool attempting, headers_checked; /* an attempt is under way; its headers are in order */
    uint64_t pos, end;                /* next byte of the piece; its size */
    uint64_t from;                    /* where the attempt under way began */
    int64_t waited_ms;                /* for the bytes after the last DRIP_BYTES */
    size_t waited_bytes;              /* which are so many so far */
    char *to;                         /* the reader's buffer while it reads */
    size_t room, held, held_at;
    char hold[HOLD_BYTES];
};

/* Copies into the buffer of the reader, and what does not fit there into the buffer of the get. */
static size_t s3_get_on_data(void *arg, const char *data, size_t size)
{
    struct hangar_get *get = arg;
    size_t direct = size < get->room ? size : get->room;
    if (get->held || !get->room || size - direct > HOLD_BYTES) {
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(get->to, data, direct);
    get->to += direct;
    get->room -= direct;
    get->held = size - direct;
    get->held_at = 0;
    memcpy(get->hold, data + direct, get->held);
    return size;
}

static void s3_get_end_attempt(struct hangar_get *get)
{
    if (get->attempting) {
        s3_attempt_end(get->channel);
    }
    get->attempting = false;
}

static enum hangar_rc s3_get_begin_attempt(struct hangar_get *get, struct failure *failure)
{
    /* the held bytes were received already */
    get->from = get->pos + get->held;
    get->headers[0] = (struct s3_pair){0};
    get->headers[1] = (struct s3_pair){0};
    if (get->from) {
        snprintf(get->range, sizeof(get->range), "bytes=%llu-", (unsigned long long)get->from);
        get->headers[0] = (struct s3_pair){"range", get->range};
    }
    if (*get->match) {
        get->headers[1] = (struct s3_pair){"if-match", get->match};
    }
    get->headers_checked = false;
    get->waited_ms = 0;
    get->waited_bytes = 0;
    enum hangar_rc rc = s3_exchange_begin(&get->exchange, get->channel, &get->answer, failure);
    get->attempting = rc == HANGAR_OK;
    return rc;
}

/* The headers have arrived: checks that the answer is for this range of this object. */
static enum hangar_rc s3_get_check_headers(struct hangar_get *get, struct failure *failure)
{
    const struct s3_answer *answer = &get->answer;
    bool ranged = answer->status == 206;
    uint64_t end = ranged ? answer->full_length : answer->length;
    bool known = answer->has_length && (!ranged || answer->full_length);
    get->headers_checked = true;
    if ((get->from != 0) != ranged || !known) {
        return failure_record(failure, HANGAR_IO,
                              "cannot %s: the store did not send the requested range", get->action);
    }
    if (!*get->match) {
        get->end = end;
        if (!get->piece) {
            memcpy(get->mark, answer->mark, sizeof(get->mark));
        }
        memcpy(get->etag, answer->etag, sizeof(get->etag));
        if (*answer->etag) {
            snprintf(get->match, sizeof(get->match), "\"%s\"", answer->etag);
        }
    }
    if (end != get->end || answer->length != end - get->from) {
        return failure_record(failure, HANGAR_CORRUPT,
                              "cannot %s: the size of the object has changed", get->action);
    }
    return HANGAR_OK;
}

/* An attempt has ended before the object did. */
static enum hangar_rc s3_get_judge_attempt(struct hangar_get *get, struct failure *failure)
{
    s3_get_end_attempt(get);
    if (get->answer.status == 412) {
        return failure_record(failure, HANGAR_CORRUPT,
                              "cannot %s: the object was replaced meanwhile", get->action);
    }
    if (get->headers_checked && !get->answer.curl) { /* shorter than announced */
        get->answer.curl = CURLE_PARTIAL_FILE;
        snprintf(get->answer.problem, sizeof(get->answer.problem), "the answer is cut short");
    }
    enum hangar_rc rc = s3_exchange_judge(&get->exchange, &get->answer, failure);
    return rc == HANGAR_RETRY ? s3_get_begin_attempt(get, failure) : rc;
}

/* A store that sends a byte now and then would never be late by the time since the last one.  Only
 * the time counts in which the reader waits. */
static void s3_get_check_drip(struct hangar_get *get, int64_t *began_ms)
{
    int64_t now = clock_monotonic_ms();
    if (get->channel->paused) { /* by the plugin's own limit */
        *began_ms = now;
    } else if (get->waited_ms + now - *began_ms >= get->s3->set.timeout_ms) {
        s3_attempt_give_up(get->channel);
        get->answer.stalled = false;
        snprintf(get->answer.problem, sizeof(get->answer.problem),
                 "fewer than %d bytes were received in %lld s (option timeout)", DRIP_BYTES,
                 (long long)(get->s3->set.timeout_ms / 1000));
    }
}

static void s3_get_note_wait(struct hangar_get *get, int64_t began_ms, size_t bytes)
{
    get->waited_ms += clock_monotonic_ms() - began_ms;
    get->waited_bytes += bytes;
    if (get->waited_bytes >= DRIP_BYTES) {
        get->waited_ms = 0;
        get->waited_bytes = 0;
    }
}

/* Receives until there are bytes for the reader; with room 0, until the headers are checked. */
static enum hangar_rc s3_get_receive(struct hangar_get *get, struct failure *failure)
{
    size_t room = get->room;
    enum hangar_rc rc = HANGAR_OK;
    get->channel->progress_ms = clock_monotonic_ms();
    int64_t began_ms = get->channel->progress_ms;
    while (rc == HANGAR_OK && get->room == room) {
        s3_attempt_step(get->channel, 0);
        bool headers = get->channel->in_body && get->answer.status < 300;
        if (headers && !get->headers_checked) {
            rc = s3_get_check_headers(get, failure);
        }
        if (rc != HANGAR_OK || get->room != room || (get->headers_checked && !room)) {
            break;
        }
        if (!get->channel->over && get->headers_checked) {
            s3_get_check_drip(get, &began_ms);
        }
        if (get->channel->over) {
            rc = s3_get_judge_attempt(get, failure);
            began_ms = clock_monotonic_ms();
        } else {
            s3_attempt_step(get->channel, STEP_MS);
        }
    }
    s3_get_note_wait(get, began_ms, room - get->room + get->held);
    if (get->room != room) { /* after enough bytes a later failure gets all attempts again */
        if (get->pos + (room - get->room) + get->held - get->from >= PROGRESS_BYTES) {
            get->exchange.attempts = 1;
        }
        get->exchange.until_ms = clock_monotonic_ms() + get->s3->set.deadline_ms;
    }
    return rc;
}

/* Begins to read a piece at get->pos, up to its headers.  HANGAR_EOF: that is its end or behind
 * it. */
static enum hangar_rc s3_get_open_piece(struct hangar_get *get, struct failure *failure)
{
    s3_get_end_attempt(get);
    s3_exchange_fini(&get->exchange);
    get->match[0] = '\0';
    get->end = 0;
    get->room = 0;
    enum hangar_rc rc =
        s3_exchange_init(&get->exchange, &get->s3->wire, &get->request, get->action, failure);
    if (rc == HANGAR_OK && !get->channel) {
        rc = s3_channel_acquire(&get->s3->wire, &get->channel, failure);
    }
    if (rc == HANGAR_OK) {
        rc = s3_get_begin_attempt(get, failure);
    }
    return rc != HANGAR_OK ? rc : s3_get_receive(get, failure);
}

/* Lists the pieces after the first one, which has this ETag. */
static enum hangar_rc s3_get_find_pieces(struct hangar_get *get, const char *etag, const char *mark,
                                         struct failure *failure)
{
    if (get->pieces || !s3_pieces_possible(get->s3, etag)) {
        return HANGAR_OK;
    }
    get->pieces = calloc(1, sizeof(*get->pieces));
    if (!get->pieces) {
        return failure_no_memory(failure, "%s", get->action);
    }
    return s3_pieces_find(get->s3, get->first, mark, get->action, get->pieces, failure);
}

/* Continues with the next piece, `skip` bytes into it.  HANGAR_EOF: there is none. */
static enum hangar_rc s3_get_next_piece(struct hangar_get *get, uint64_t skip,
                                        struct failure *failure)
{
    s3_get_end_attempt(get);
    if (!get->pieces || get->piece == get->pieces->count) {
        return HANGAR_EOF;
    }
    get->piece++;
    s3_piece_key(get->first, get->mark, get->piece + 1, get->key);
    get->pos = skip;
    enum hangar_rc rc = s3_get_open_piece(get, failure);
    return rc == HANGAR_NOT_FOUND && failure->rc == HANGAR_OK
               ? failure_record(failure, HANGAR_CORRUPT, "cannot %s: one of its pieces is missing",
                                get->action)
               : rc;
}

/* The offset is behind the first piece, which may be the only one.  Behind the end of the object
 * there is no data, as at its end. */
static enum hangar_rc s3_get_seek_piece(struct hangar_get *get, struct failure *failure)
{
    struct s3_answer answer;
    uint64_t offset = get->pos;
    enum hangar_rc rc = s3_head(get->s3, get->first, get->action, &answer, failure);
    if (rc == HANGAR_OK) {
        rc = s3_get_find_pieces(get, answer.etag, answer.mark, failure);
    }
    memcpy(get->mark, answer.mark, sizeof(get->mark));
    get->pos = get->end = 0;
    if (rc != HANGAR_OK || !get->pieces) {
        return rc;
    }
    offset = offset > answer.length ? offset - answer.length : 0;
    while (get->piece < get->pieces->count && offset >= get->pieces->sizes[get->piece]) {
        offset -= get->pieces->sizes[get->piece++];
    }
    rc = s3_get_next_piece(get, offset, failure);
    return rc == HANGAR_EOF ? HANGAR_OK : rc;
}

enum hangar_rc s3_get_open(void *inst, const char *name, uint64_t offset, struct hangar_get **out)
{
    struct s3 *s3 = inst;
    struct hangar_get *get = calloc(1, sizeof(*get));
    if (!get) {
        return failure_raise_no_memory(s3->host, s3->ctx, "read %s", name);
    }
    enum hangar_rc rc = s3_key(s3, name, get->key);
    if (rc != HANGAR_OK) {
        free(get);
        return rc;
    }
    memcpy(get->first, get->key, sizeof(get->first));
    get->s3 = s3;
    get->pos = offset;
    s3_action(s3, "read", name, get->action);
    get->request = (struct s3_request){.method = "GET",
                                       .key = get->key,
                                       .headers = get->headers,
                                       .header_count = 2,
                                       .on_data = s3_get_on_data,
                                       .arg = get};
    struct failure failure = {0};
    rc = s3_get_open_piece(get, &failure);
    if (rc == HANGAR_EOF) {
        s3_get_end_attempt(get);
        rc = s3_get_seek_piece(get, &failure);
    }
    if (rc == HANGAR_OK) {
        *out = get;
        return HANGAR_OK;
    }
    long status = get->answer.status;
    s3_get_close(get);
    if (rc == HANGAR_NOT_FOUND && failure.rc == HANGAR_OK) {
        failure_record(&failure, rc, "cannot read %s in %s: the object does not exist", name,
                       s3->set.description);
    }
    failure_record(&failure, rc, "cannot read %s in %s: the store refused (HTTP status %ld)", name,
                   s3->set.description, status);
    return failure_raise(&failure, s3->host, s3->ctx);
}

static size_t s3_get_copy_held(struct hangar_get *get, char *buffer, size_t size)
{
    size_t step = get->held < size ? get->held : size;
    memcpy(buffer, get->hold + get->held_at, step);
    get->held_at += step;
    get->held -= step;
    return step;
}

/* Bytes for the reader, from this piece or the next one. */
static enum hangar_rc s3_get_fill(struct hangar_get *get, char *buffer, size_t size, size_t *got,
                                  struct failure *failure)
{
    enum hangar_rc rc = HANGAR_OK;
    while (rc == HANGAR_OK && get->pos == get->end) {
        if (!get->piece) {
            rc = s3_get_find_pieces(get, get->etag, get->mark, failure);
        }
        if (rc == HANGAR_OK) {
            rc = s3_get_next_piece(get, 0, failure);
        }
    }
    *got = 0;
    if (rc != HANGAR_OK) {
        return rc == HANGAR_EOF && failure->rc == HANGAR_OK ? HANGAR_OK : rc;
    }
    *got = s3_get_copy_held(get, buffer, size);
    if (!*got) {
        get->to = buffer;
        get->room = size;
        rc = s3_get_receive(get, failure);
        *got = size - get->room;
        get->room = 0;
    }
    get->pos += *got;
    return rc;
}

enum hangar_rc s3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got)
{
    struct failure failure = {0};
    size_t have;
    enum hangar_rc rc = s3_get_fill(get, buffer, size, &have, &failure);
    if (rc != HANGAR_OK) {
        failure_record(&failure, rc, "cannot %s: %s", get->action,
                       rc == HANGAR_NOT_FOUND ? "the object does not exist any more"
                                              : "the store refused the request");
        return failure_raise(&failure, get->s3->host, get->s3->ctx);
    }
    *got = have;
    return HANGAR_OK;
}

void s3_get_close(struct hangar_get *get)
{
    s3_get_end_attempt(get);
    if (get->channel) {
        s3_channel_release(get->channel);
    }
    s3_exchange_fini(&get->exchange);
    free(get->pieces);
    free(get);
}
