/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * get: reads an object as it arrives.  A connection that breaks is made again, and goes on
 * where it broke, if the object is still the same.  What comes must be as long as was
 * promised.
 */
#include "s3.h"

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
    char range[48], match[S3_TAG_SIZE + 2], what[S3_NAME_MAX + 64];
    char key[S3_KEY_MAX + 1];
    bool attempting, checked; /* an attempt is under way; its headers are in order */
    uint64_t at, end;         /* next byte of the object; its size */
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
    if (get->held || !get->room || size - direct > HOLD_SIZE)
        return CURL_WRITEFUNC_PAUSE;
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
    if (get->attempting)
        s3_attempt_end(get->channel);
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
    if (*get->match)
        get->headers[1] = (struct s3_pair){"if-match", get->match};
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
    if ((get->from != 0) != ranged || !known)
        return s3_error_set(error, HANGAR_IO,
                            "cannot %s: the store does not send the range that was asked for",
                            get->what);
    if (!*get->match) {
        get->end = end;
        if (*answer->etag)
            snprintf(get->match, sizeof(get->match), "\"%s\"", answer->etag);
    }
    if (end != get->end || answer->length != end - get->from)
        return s3_error_set(error, HANGAR_CORRUPT, "cannot %s: its size has changed", get->what);
    return HANGAR_OK;
}

/* One attempt has come to its end, before the object did. */
static enum hangar_rc judge(struct hangar_get *get, struct s3_error *error)
{
    end_attempt(get);
    if (get->answer.status == 412)
        return s3_error_set(error, HANGAR_CORRUPT, "cannot %s: somebody replaced it meanwhile",
                            get->what);
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
        if (headers && !get->checked)
            rc = check_headers(get, error);
        if (rc || get->room != room || (get->checked && !room))
            break;
        if (get->channel->over) {
            rc = judge(get, error);
        } else {
            s3_attempt_step(get->channel, STEP_MS);
        }
    }
    if (get->room != room) { /* it goes on: a breakdown has all its tries, if it got anywhere */
        if (get->at + (room - get->room) + get->held - get->from >= PROGRESS)
            get->tries.count = 1;
        get->tries.until_ms = s3_now_ms() + get->s3->set.deadline_ms;
    }
    return rc;
}

enum hangar_rc s3_get_open(void *inst, const char *name, uint64_t offset, struct hangar_get **out)
{
    struct s3 *s3 = inst;
    struct s3_error error = {0};
    struct hangar_get *get = calloc(1, sizeof(*get));
    if (!get)
        return s3->host->fail(s3->ctx, HANGAR_NO_MEMORY, 0, "cannot read %s", name);
    enum hangar_rc rc = s3_key(s3, name, get->key);
    if (rc) {
        free(get);
        return rc;
    }
    get->s3 = s3;
    get->at = offset;
    snprintf(get->what, sizeof(get->what), "read %s in %s", name, s3->set.description);
    get->request = (struct s3_request){.method = "GET",
                                       .key = get->key,
                                       .headers = get->headers,
                                       .header_count = 2,
                                       .stream = take,
                                       .stream_arg = get};
    rc = s3_tries_init(&get->tries, s3, &get->request, get->what, &error);
    if (!rc)
        rc = s3_channel_take(s3, &get->channel, &error);
    if (!rc)
        rc = begin_attempt(get, &error);
    if (!rc)
        rc = pump(get, &error);
    if (rc == HANGAR_EOF) { /* beyond the end there is nothing, as at the end */
        end_attempt(get);
        get->at = get->end = 0;
    } else if (rc) {
        s3_get_close(get);
        if (rc == HANGAR_NOT_FOUND)
            return s3->host->fail(s3->ctx, rc, 0, "cannot open %s in %s: there is no such object",
                                  name, s3->set.description);
        s3_error_set(&error, rc, "cannot read %s in %s: the store refuses", name,
                     s3->set.description);
        return s3_raise(s3, &error);
    }
    *out = get;
    return HANGAR_OK;
}

static size_t take_held(struct hangar_get *get, char *buffer, size_t size)
{
    size_t step = get->held < size ? get->held : size;
    memcpy(buffer, get->hold + get->held_at, step);
    get->held_at += step;
    get->held -= step;
    return step;
}

enum hangar_rc s3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got)
{
    struct s3_error error = {0};
    size_t have = take_held(get, buffer, size);
    get->at += have;
    get->to = (char *)buffer + have;
    get->room = size - have;
    enum hangar_rc rc = HANGAR_OK;
    if (!have && get->at < get->end) {
        rc = pump(get, &error);
        have = size - get->room;
        get->at += have;
    }
    get->room = 0;
    if (rc == HANGAR_NOT_FOUND)
        s3_error_set(&error, rc, "cannot %s: it is gone", get->what);
    else if (rc)
        s3_error_set(&error, rc, "cannot %s", get->what);
    if (rc)
        return s3_raise(get->s3, &error);
    *got = have;
    return HANGAR_OK;
}

void s3_get_close(struct hangar_get *get)
{
    end_attempt(get);
    if (get->channel)
        s3_channel_give(get->channel);
    s3_tries_fini(&get->tries);
    free(get);
}
