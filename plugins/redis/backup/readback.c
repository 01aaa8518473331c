/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The hangar authors
 *
 * readback: see readback.h.
 */
#include "backup/readback.h"

#include <stdlib.h>
#include "backup/backup.h"

#define READ_BYTES ((size_t)64 * 1024)

enum hangar_rc rd_read_back(struct redis *redis, const struct rdb_events *events, void *arg,
                            struct hangar_attrs *facts)
{
    struct hangar_object_info info = {.struct_size = sizeof(info)};
    struct hangar_object *object = NULL;
    unsigned char *buffer = malloc(READ_BYTES);
    enum hangar_rc rc = buffer ? redis_prepare(redis) : rd_no_memory(redis, "read the data");
    if (rc == HANGAR_OK && events) {
        rc = rd_backup_follow(redis, events, arg);
    }
    if (rc == HANGAR_OK) {
        int64_t time_ms;
        rc = redis_begin(redis, &time_ms, facts);
    }
    if (rc == HANGAR_OK) {
        rc = redis_next(redis, &info, &object);
    }
    for (size_t got = 1; rc == HANGAR_OK && got > 0;) {
        rc = redis_read(object, buffer, READ_BYTES, &got);
        redis->host->alive(redis->ctx, "reading the data back");
    }
    if (object) {
        enum hangar_rc closed = redis_close(object, rc == HANGAR_OK ? facts : NULL);
        rc = rc == HANGAR_OK ? closed : rc;
    }
    enum hangar_rc ended = redis_end(redis, rc == HANGAR_OK ? facts : NULL);
    free(buffer);
    return rc == HANGAR_OK ? ended : rc;
}

enum hangar_rc redis_inspect(void *inst, struct hangar_attrs *facts)
{
    return rd_read_back(inst, NULL, NULL, facts);
}
