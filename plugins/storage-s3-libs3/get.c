/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * get: an object on its way out, by ranges that are read whole before any of them is
 * given on.  So what breaks off is asked for again, and no buffer grows with the object.
 */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MOST ((size_t)4 << 20)
#define CHUNK_LEAST ((size_t)1 << 20) /* is not asked of the budget */

struct hangar_get {
    struct driver *driver;
    struct hangar_entry entry; /* of the object when it was opened */
    char if_match[140];        /* its ETag, in quotes */
    uint64_t at;               /* where the next chunk begins */
    size_t lent, capacity;     /* bytes of the budget; of the buffer */
    size_t want, have, given;  /* of the chunk: asked for, there, handed on */
    unsigned char *buffer;
    char name[];
};

enum hangar_rc libs3_get_open(void *inst, const char *name, uint64_t offset,
                              struct hangar_get **out)
{
    struct driver *driver = inst;
    struct hangar_entry entry = {.struct_size = sizeof(entry)};
    enum hangar_rc rc = driver_check_name(driver, name);
    if (rc == HANGAR_OK) {
        rc = driver_head(driver, name, true, &entry);
    }
    if (rc != HANGAR_OK) {
        return rc;
    }
    struct hangar_get *get = calloc(1, sizeof(*get) + strlen(name) + 1);
    if (!get) {
        return driver->host->fail(driver->ctx, HANGAR_NO_MEMORY, 0, "cannot read %s: out of memory",
                                  name);
    }
    get->driver = driver;
    get->entry = entry;
    get->at = offset < entry.size ? offset : entry.size;
    memcpy(get->name, name, strlen(name) + 1);
    snprintf(get->if_match, sizeof(get->if_match), "\"%s\"", entry.etag);
    *out = get;
    return HANGAR_OK;
}

void libs3_get_close(struct hangar_get *get)
{
    free(get->buffer);
    if (get->lent) {
        get->driver->host->budget_give(get->driver->ctx, get->lent);
    }
    free(get);
}

static S3Status on_data(int size, const char *data, void *arg)
{
    struct call *call = arg;
    struct hangar_get *get = call->data;
    call_moved(call);
    if ((size_t)size > get->want - get->have) {
        return S3StatusAbortedByCallback;
    }
    memcpy(get->buffer + get->have, data, (size_t)size);
    get->have += (size_t)size;
    return S3StatusOK;
}

static void begin_get(struct call *call, S3RequestContext *context)
{
    struct hangar_get *get = call->data;
    S3GetObjectHandler handler = {call_handler, on_data};
    S3GetConditions conditions = {.ifModifiedSince = -1,
                                  .ifNotModifiedSince = -1,
                                  .ifMatchETag = *get->entry.etag ? get->if_match : NULL};
    char key[KEY_SIZE];
    get->have = 0;
    driver_key(get->driver, get->name, key);
    S3_get_object(&get->driver->bucket, key, &conditions, get->at, get->want, context,
                  LIBS3_HANDLER(&handler), call);
}

/* libs3 takes an answer that was cut short for a whole one. */
static S3Status judge_get(struct call *call)
{
    struct hangar_get *get = call->data;
    if (get->have == get->want) {
        return S3StatusOK;
    }
    snprintf(call->problem, sizeof(call->problem), "%zu bytes came instead of %zu", get->have,
             get->want);
    return S3StatusConnectionFailed;
}

static enum hangar_rc make_buffer(struct hangar_get *get)
{
    struct driver *driver = get->driver;
    uint64_t left = get->entry.size - get->at;
    get->capacity = left < CHUNK_LEAST ? (size_t)left : CHUNK_LEAST;
    if (left > CHUNK_LEAST) {
        get->lent = driver->host->budget_take(
            driver->ctx, left < CHUNK_MOST ? (size_t)left : CHUNK_MOST, CHUNK_LEAST);
        if (get->lent) {
            get->capacity = get->lent;
        }
    }
    get->buffer = malloc(get->capacity);
    if (get->buffer) {
        return HANGAR_OK;
    }
    return driver->host->fail(driver->ctx, HANGAR_NO_MEMORY, 0, "cannot read %s: out of memory",
                              get->name);
}

enum hangar_rc libs3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got)
{
    if (get->given == get->have) {
        uint64_t left = get->entry.size - get->at;
        enum hangar_rc rc = HANGAR_OK;
        if (!left) {
            *got = 0;
            return HANGAR_OK;
        }
        if (!get->buffer) {
            rc = make_buffer(get);
        }
        struct call call = {.driver = get->driver,
                            .verb = "read",
                            .name = get->name,
                            .data = get,
                            .missing_is_told = true};
        get->want = left < get->capacity ? (size_t)left : get->capacity;
        if (rc == HANGAR_OK) {
            rc = call_run(&call, begin_get, judge_get);
        }
        if (rc != HANGAR_OK) {
            get->have = get->given = 0;
            return rc;
        }
        get->at += get->have;
        get->given = 0;
    }
    size_t n = get->have - get->given < size ? get->have - get->given : size;
    memcpy(buffer, get->buffer + get->given, n);
    get->given += n;
    *got = n;
    return HANGAR_OK;
}
