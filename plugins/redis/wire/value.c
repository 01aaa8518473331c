/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * value: see value.h.
 */
#include "wire/value.h"

#include <stdlib.h>
#include <string.h>

#define FREE_BYTES ((size_t)1 << 20)   /* memory that needs no budget */
#define MEMORY_MOST ((size_t)16 << 20) /* the rest goes to disk */
#define PIECE_BYTES ((size_t)64 << 10)

void rd_value_init(struct rd_value *value, struct redis *redis)
{
    *value = (struct rd_value){.redis = redis};
}

void rd_value_fini(struct rd_value *value)
{
    rd_value_clear(value);
    free(value->data);
    if (value->budgeted > 0) {
        value->redis->host->budget_give(value->redis->ctx, value->budgeted);
    }
    rd_value_init(value, value->redis);
}

void rd_value_clear(struct rd_value *value)
{
    value->size = 0;
    value->spooled = 0;
    if (value->spool) {
        value->redis->host->spool_close(value->spool);
    }
    value->spool = NULL;
}

uint64_t rd_value_size(const struct rd_value *value)
{
    return value->size + value->spooled;
}

/* Makes room for `size` more bytes in memory; false when they must go to disk. */
static bool grow_value(struct rd_value *value, size_t size)
{
    if (size <= value->capacity - value->size) {
        return true;
    }
    size_t wanted = value->capacity ? value->capacity : PIECE_BYTES;
    while (wanted < value->size + size && wanted < MEMORY_MOST) {
        wanted *= 2;
    }
    if (wanted < value->size + size) {
        return false;
    }
    struct redis *redis = value->redis;
    size_t more = wanted > FREE_BYTES ? wanted - value->budgeted : 0;
    if (more > 0 && redis->host->budget_take(redis->ctx, more, more) == 0) {
        return false;
    }
    unsigned char *data = realloc(value->data, wanted);
    if (!data) {
        if (more > 0) {
            redis->host->budget_give(redis->ctx, more);
        }
        return false;
    }
    value->budgeted += more;
    value->data = data;
    value->capacity = wanted;
    return true;
}

enum hangar_rc rd_value_add(struct rd_value *value, const unsigned char *data, size_t size,
                            uint64_t most)
{
    const struct hangar_host *host = value->redis->host;
    if (!value->spool && grow_value(value, size)) {
        memcpy(value->data + value->size, data, size);
        value->size += size;
        return HANGAR_OK;
    }
    enum hangar_rc rc = HANGAR_OK;
    if (!value->spool) {
        rc = host->spool_open(value->redis->ctx, most, &value->spool);
    }
    if (rc == HANGAR_OK) {
        rc = host->spool_write(value->spool, data, size);
    }
    if (rc == HANGAR_OK) {
        value->spooled += size;
    }
    return rc;
}

enum hangar_rc
rd_value_drain(struct rd_value *value,
               enum hangar_rc (*sink)(void *arg, const unsigned char *data, size_t size), void *arg)
{
    enum hangar_rc rc = HANGAR_OK;
    if (value->size > 0) {
        rc = sink(arg, value->data, value->size);
    }
    unsigned char piece[PIECE_BYTES];
    while (rc == HANGAR_OK && value->spooled > 0) {
        size_t got;
        rc = value->redis->host->spool_read(value->spool, piece, sizeof(piece), &got);
        if (rc == HANGAR_OK && (got == 0 || got > value->spooled)) {
            rc = value->redis->host->fail(
                value->redis->ctx, HANGAR_INTERNAL, 0,
                "the spool file returned less than the value that was written to it");
        }
        if (rc == HANGAR_OK) {
            value->spooled -= got;
            rc = sink(arg, piece, got);
        }
    }
    return rc;
}
