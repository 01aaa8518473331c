/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * get: reads an object as it arrives.  A connection that breaks is made again, and goes on
 * where it broke, if the object is still the same.  What comes must be as long as was
 * promised.
 */
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOLD_SIZE ((size_t)64 << 10) /* more than curl delivers at once */
#define STEP_MS 1000
#define PROGRESS ((size_t)1 << 20) /* an attempt that brings so much was worth it */

struct hangar_get {
    struct s3 *s3;
    struct s3_channel *channel; /* NULL: not now */
    struct s3_tries tries;
    struct s3_request request;
    struct s3_pair headers[2];
    struct s3_answer answer;
    char range[48], etag[S3_TAG_SIZE], match[S3_TAG_SIZE + 2], what[S3_WHAT_SIZE];
    char key[S3_KEY_MAX + 1], first[S3_KEY_MAX + 1], mark[S3_MARK_SIZE];
    struct s3_pieces *pieces; /* that follow, once they were looked for */
    size_t piece;             /* which one is read; 0: the first */
    bool attempting, checked; /* an attempt is under way; its headers are in order */
    uint64_t at, end;         /* next byte of the piece; its size */
    uint64_t from;            /* where the attempt under way began */
    char *to;                 /* the reader's buffer while it reads */
    size_t room, held, held_at;
    char hold[HOLD_SIZE];
};

/* Into the reader's buffer, and what does not fit there into our own. */
static size_t take(void *arg, const char *data, size_t size)
{
    struct hangar_get *get = arg;
    size_t direct = size < get->room ? size : get->room;
    if (get->held || !get->room || size - direct > HOLD_SIZE) {
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

static void end_attempt(struct hangar_get *get)
{
    if (get->attempting) {
        s3_attempt_end(get->channel);
    }
    get->attempting = false;
}

static enum hangar_rc begin_attempt(struct hangar_get *get, struct s3_error *error)
{
    /* what is held was received already */
    get->from = get->at + get->held;
    get->headers[0] = (struct s3_pair){0};
    get->headers[1] = (struct s3_pair){0};
    if (get->from) {
        snprintf(get->range, sizeof(get->range), "bytes=%llu-", (unsigned long long)get->from);
        get->headers[0] = (struct s3_pair){"range", get->range};
    }
    if (*get->match) {
        get->headers[1] = (struct s3_pair){"if-match", get->match};
    }
    get->checked = false;
    enum hangar_rc rc = s3_tries_begin(&get->tries, get->channel, &get->answer, error);
    get->attempting = !rc;
    return rc;
}

/* The headers of the answer are there: is it what was asked for? */
static enum hangar_rc check_headers(struct hangar_get *get, struct s3_error *error)
{
    const struct s3_answer *answer = &get->answer;
    bool ranged = answer->status == 206;
    uint64_t end = ranged ? answer->whole : answer->length;
    bool known = answer->has_length && (!ranged || answer->whole);
    get->checked = true;
    if ((get->from != 0) != ranged || !known) {
        return s3_error_set(error, HANGAR_IO,
                            "cannot %s: the store does not send the range that was asked for",
                            get->what);
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
        return s3_error_set(error, HANGAR_CORRUPT, "cannot %s: its size has changed", get->what);
    }
    return HANGAR_OK;
}

/* One attempt has come to its end, before the object did. */
static enum hangar_rc judge(struct hangar_get *get, struct s3_error *error)
{
    end_attempt(get);
    if (get->answer.status == 412) {
        return s3_error_set(error, HANGAR_CORRUPT, "cannot %s: somebody replaced it meanwhile",
                            get->what);
    }
    if (get->checked && !get->answer.curl) { /* shorter than it said */
        get->answer.curl = CURLE_PARTIAL_FILE;
        snprintf(get->answer.problem, sizeof(get->answer.problem), "it is cut short");
    }
    enum hangar_rc rc = s3_tries_judge(&get->tries, &get->answer, error);
    return rc == HANGAR_RETRY ? begin_attempt(get, error) : rc;
}

/* Moves bytes until there are some for the reader, or, with room 0, until the headers are
 * in order. */
static enum hangar_rc pump(struct hangar_get *get, struct s3_error *error)
{
    size_t room = get->room;
    enum hangar_rc rc = HANGAR_OK;
    get->channel->moved_ms = s3_now_ms();
    while (!rc && get->room == room) {
        s3_attempt_step(get->channel, 0);
        bool headers = get->channel->in_body && get->answer.status < 300;
        if (headers && !get->checked) {
            rc = check_headers(get, error);
        }
        if (rc || get->room != room || (get->checked && !room)) {
            break;
        }
        if (get->channel->over) {
            rc = judge(get, error);
        } else {
            s3_attempt_step(get->channel, STEP_MS);
        }
    }
    if (get->room != room) { /* it goes on: a breakdown has all its tries, if it got anywhere */
        if (get->at + (room - get->room) + get->held - get->from >= PROGRESS) {
            get->tries.count = 1;
        }
        get->tries.until_ms = s3_now_ms() + get->s3->set.deadline_ms;
    }
    return rc;
}

/* Begins to read a piece at get->at, up to its headers.  HANGAR_EOF: that is at its end or
 * beyond. */
static enum hangar_rc open_piece(struct hangar_get *get, struct s3_error *error)
{
    end_attempt(get);
    s3_tries_fini(&get->tries);
    get->match[0] = '\0';
    get->end = 0;
    get->room = 0;
    enum hangar_rc rc = s3_tries_init(&get->tries, get->s3, &get->request, get->what, error);
    if (!rc && !get->channel) {
        rc = s3_channel_take(get->s3, &get->channel, error);
    }
    if (!rc) {
        rc = begin_attempt(get, error);
    }
    return rc ? rc : pump(get, error);
}

/* Looks for the pieces behind the first one, which has this etag. */
static enum hangar_rc find_pieces(struct hangar_get *get, const char *etag, const char *mark,
                                  struct s3_error *error)
{
    if (get->pieces || !s3_pieces_possible(get->s3, etag)) {
        return HANGAR_OK;
    }
    get->pieces = calloc(1, sizeof(*get->pieces));
    if (!get->pieces) {
        return s3_error_set(error, HANGAR_NO_MEMORY, "cannot %s: out of memory", get->what);
    }
    return s3_pieces_find(get->s3, get->first, mark, get->what, get->pieces, error);
}

/* Goes on with the next piece, `skip` bytes into it.  HANGAR_EOF: there is none. */
static enum hangar_rc next_piece(struct hangar_get *get, uint64_t skip, struct s3_error *error)
{
    end_attempt(get);
    if (!get->pieces || get->piece == get->pieces->count) {
        return HANGAR_EOF;
    }
    get->piece++;
    s3_piece_key(get->first, get->mark, get->piece + 1, get->key);
    get->at = skip;
    enum hangar_rc rc = open_piece(get, error);
    return rc == HANGAR_NOT_FOUND && !error->rc
               ? s3_error_set(error, HANGAR_CORRUPT, "cannot %s: a piece is gone", get->what)
               : rc;
}

/* The offset lies behind the first piece, which may be the only one: beyond the end there
 * is nothing, as at the end. */
static enum hangar_rc seek_piece(struct hangar_get *get, struct s3_error *error)
{
    struct s3_answer answer;
    uint64_t offset = get->at;
    enum hangar_rc rc = s3_head(get->s3, get->first, get->what, &answer, error);
    if (!rc) {
        rc = find_pieces(get, answer.etag, answer.mark, error);
    }
    memcpy(get->mark, answer.mark, sizeof(get->mark));
    get->at = get->end = 0;
    if (rc || !get->pieces) {
        return rc;
    }
    offset = offset > answer.length ? offset - answer.length : 0;
    while (get->piece < get->pieces->count && offset >= get->pieces->sizes[get->piece]) {
        offset -= get->pieces->sizes[get->piece++];
    }
    rc = next_piece(get, offset, error);
    return rc == HANGAR_EOF ? HANGAR_OK : rc;
}

enum hangar_rc s3_get_open(void *inst, const char *name, uint64_t offset, struct hangar_get **out)
{
    struct s3 *s3 = inst;
    struct s3_error error = {0};
    struct hangar_get *get = calloc(1, sizeof(*get));
    if (!get) {
        return s3->host->fail(s3->ctx, HANGAR_NO_MEMORY, 0, "cannot read %s", name);
    }
    enum hangar_rc rc = s3_key(s3, name, get->key);
    if (rc) {
        free(get);
        return rc;
    }
    memcpy(get->first, get->key, sizeof(get->first));
    get->s3 = s3;
    get->at = offset;
    s3_what(s3, "read", name, get->what);
    get->request = (struct s3_request){.method = "GET",
                                       .key = get->key,
                                       .headers = get->headers,
                                       .header_count = 2,
                                       .stream = take,
                                       .stream_arg = get};
    rc = open_piece(get, &error);
    if (rc == HANGAR_EOF) {
        end_attempt(get);
        rc = seek_piece(get, &error);
    }
    if (!rc) {
        *out = get;
        return HANGAR_OK;
    }
    s3_get_close(get);
    if (rc == HANGAR_NOT_FOUND && !error.rc) {
        s3_error_set(&error, rc, "cannot open %s in %s: there is no such object", name,
                     s3->set.description);
    }
    s3_error_set(&error, rc, "cannot read %s in %s: the store refuses", name, s3->set.description);
    return s3_raise(s3, &error);
}

static size_t take_held(struct hangar_get *get, char *buffer, size_t size)
{
    size_t step = get->held < size ? get->held : size;
    memcpy(buffer, get->hold + get->held_at, step);
    get->held_at += step;
    get->held -= step;
    return step;
}

/* Bytes for the reader, from this piece or the next one. */
static enum hangar_rc fill(struct hangar_get *get, char *buffer, size_t size, size_t *got,
                           struct s3_error *error)
{
    enum hangar_rc rc = HANGAR_OK;
    while (!rc && get->at == get->end) {
        if (!get->piece) {
            rc = find_pieces(get, get->etag, get->mark, error);
        }
        if (!rc) {
            rc = next_piece(get, 0, error);
        }
    }
    *got = 0;
    if (rc) {
        return rc == HANGAR_EOF && !error->rc ? HANGAR_OK : rc;
    }
    *got = take_held(get, buffer, size);
    if (!*got) {
        get->to = buffer;
        get->room = size;
        rc = pump(get, error);
        *got = size - get->room;
        get->room = 0;
    }
    get->at += *got;
    return rc;
}

enum hangar_rc s3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got)
{
    struct s3_error error = {0};
    size_t have;
    enum hangar_rc rc = fill(get, buffer, size, &have, &error);
    if (rc) {
        s3_error_set(&error, rc, "cannot %s: %s", get->what,
                     rc == HANGAR_NOT_FOUND ? "it is gone" : "the store refuses");
        return s3_raise(get->s3, &error);
    }
    *got = have;
    return HANGAR_OK;
}

void s3_get_close(struct hangar_get *get)
{
    end_attempt(get);
    if (get->channel) {
        s3_channel_give(get->channel);
    }
    s3_tries_fini(&get->tries);
    free(get->pieces);
    free(get);
}
