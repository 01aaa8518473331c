/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * get: reads an object by ranges.  Each range is read completely before a byte of it is returned,
 * so a range that breaks off is requested again, and the memory does not grow with the object.
 */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MAX ((size_t)4 << 20)
#define CHUNK_MIN ((size_t)1 << 20) /* without the memory budget */

struct hangar_get {
    struct driver *driver;
    struct hangar_entry entry; /* of the object when it was opened */
    char if_match[140];        /* its ETag, in quotes */
    uint64_t pos;              /* where the next range begins */
    size_t lent, capacity;     /* bytes from the budget; bytes of the buffer */
    size_t want, have, given;  /* bytes of the range: requested, received, returned */
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
        return failure_raise_no_memory(driver->host, driver->ctx, "read %s", name);
    }
    get->driver = driver;
    get->entry = entry;
    get->pos = offset < entry.size ? offset : entry.size;
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

static S3Status libs3_get_on_data(int size, const char *data, void *arg)
{
    struct call *call = arg;
    struct hangar_get *get = call->data;
    call_progress(call);
    if ((size_t)size > get->want - get->have) {
        return S3StatusAbortedByCallback;
    }
    memcpy(get->buffer + get->have, data, (size_t)size);
    get->have += (size_t)size;
    return S3StatusOK;
}

static void libs3_get_begin(struct call *call, S3RequestContext *context)
{
    struct hangar_get *get = call->data;
    S3GetObjectHandler handler = {call_handler, libs3_get_on_data};
    S3GetConditions conditions = {.ifModifiedSince = -1,
                                  .ifNotModifiedSince = -1,
                                  .ifMatchETag = *get->entry.etag ? get->if_match : NULL};
    char key[KEY_SIZE];
    get->have = 0;
    driver_key(get->driver, get->name, key);
    S3_get_object(&get->driver->bucket, key, &conditions, get->pos, get->want, context,
                  LIBS3_HANDLER(&handler), call);
}

/* libs3 reports an answer that was cut short as a success. */
static S3Status libs3_get_judge(struct call *call)
{
    struct hangar_get *get = call->data;
    if (get->have == get->want) {
        return S3StatusOK;
    }
    snprintf(call->problem, sizeof(call->problem), "%zu bytes were received instead of %zu",
             get->have, get->want);
    return S3StatusConnectionFailed;
}

static enum hangar_rc libs3_get_make_buffer(struct hangar_get *get)
{
    struct driver *driver = get->driver;
    uint64_t left = get->entry.size - get->pos;
    get->capacity = left < CHUNK_MIN ? (size_t)left : CHUNK_MIN;
    if (left > CHUNK_MIN) {
        get->lent = driver->host->budget_take(
            driver->ctx, left < CHUNK_MAX ? (size_t)left : CHUNK_MAX, CHUNK_MIN);
        if (get->lent) {
            get->capacity = get->lent;
        }
    }
    get->buffer = malloc(get->capacity);
    if (get->buffer) {
        return HANGAR_OK;
    }
    return failure_raise_no_memory(driver->host, driver->ctx, "read %s", get->name);
}

enum hangar_rc libs3_get_read(struct hangar_get *get, void *buffer, size_t size, size_t *got)
{
    if (get->given == get->have) {
        uint64_t left = get->entry.size - get->pos;
        enum hangar_rc rc = HANGAR_OK;
        if (!left) {
            *got = 0;
            return HANGAR_OK;
        }
        if (!get->buffer) {
            rc = libs3_get_make_buffer(get);
        }
        struct call call = {.driver = get->driver,
                            .verb = "read",
                            .name = get->name,
                            .data = get,
                            .missing_is_failure = true};
        get->want = left < get->capacity ? (size_t)left : get->capacity;
        if (rc == HANGAR_OK) {
            rc = call_run(&call, libs3_get_begin, libs3_get_judge);
        }
        if (rc != HANGAR_OK) {
            get->have = get->given = 0;
            return rc;
        }
        get->pos += get->have;
        get->given = 0;
    }
    size_t n = get->have - get->given < size ? get->have - get->given : size;
    memcpy(buffer, get->buffer + get->given, n);
    get->given += n;
    *got = n;
    return HANGAR_OK;
}
